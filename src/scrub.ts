// Takes credentials out of a text that others are to read.

/** Stands in their place. */
export const HIDDEN = '***'

/**
 * Replaces credentials in free text: `//user:pass@`, `Basic …`, `Bearer …`, the session cookie, and JSON attributes
 * that are called like a credential. Linear in the length of the text; valid JSON stays valid.
 */
export const scrub = (text: string): string =>
  text
    .replace(/\/\/[^\s/?#"\\]*@/g, `//${HIDDEN}@`)
    .replace(/\b(Basic|Bearer)(\s+)(?!auth(?:entication|orization)?\b)[\w+/=.~-]+/gi, `$1$2${HIDDEN}`)
    .replace(/\bAuthSession=[^\s;,"\\]+/gi, `AuthSession=${HIDDEN}`)
    .replace(
      /("(?:\w*_)?(?:pass|passwd|password|secret|token|authorization|cookie|derived_key|salt)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi,
      `$1"${HIDDEN}"`,
    )
