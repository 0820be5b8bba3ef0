// What is wrong with settings, as it is said to whoever has set them.

/** One thing wrong with the configuration; `found` is ready for display and never holds a secret. */
export interface Fault {
  variable: string
  expected: string
  found: string
}

/** A configuration that cannot be used: all its faults, one a line in `message`. */
export class ConfigError extends Error {
  readonly faults: Fault[]
  constructor(faults: Fault[]) {
    super(
      faults
        .map((fault) => `Expected \`${fault.variable}\` to be ${fault.expected}, got ${fault.found}`)
        .join('\n'),
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** Found where a value may be a secret. */
export const NOT_SHOWN = 'a value that is not shown'

/** Found where a setting is missing. */
export const NOTHING = 'nothing'

/**
 * A value as a fault shows it: one line, short, and without what could be credentials in a URL, before its host or behind its path.
 */
export function display(text: string): string {
  // Up to the last @, because an unescaped @, / or # in a password is what a fault may be about.
  const scrubbed = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^]*@/i, '$1***@').replace(/([?#])[^]+$/, '$1…')
  const line = JSON.stringify(scrubbed).slice(1, -1).replaceAll('\\"', '"')
  return `\`${line.length > 100 ? `${line.slice(0, 100)}…` : line}\``
}

/** A file of a secret, where it is one: whoever gives the secret itself in its place does not read it in a log. */
export const displayFile = (text: string): string =>
  /^(?:\/[\w.@-]+){2,}$/.test(text) ? display(text) : NOT_SHOWN
