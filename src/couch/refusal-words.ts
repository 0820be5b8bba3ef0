// Why a document was refused, in words for the user who wrote it.
import type { Written } from './document.ts'

/**
 * What a validation function says is written for users. What CouchDB, or the way to it, says may name addresses and inner
 * workings: of that users read a word for the kind, such as `doc_validation`.
 */
export const refusalWords = ({
  error,
  reason,
}: Omit<Extract<Written, { ok: false }>, 'id' | 'ok'>): string =>
  error === 'forbidden' || error === 'unauthorized'
    ? reason
    : `the server does not take it${/^[a-z_]{1,30}$/.test(error) ? ` (${error})` : ''}`
