// What is wrong with a setting that is a list of entries.

/** A setting that cannot be used; `expected` completes the sentence "Expected `<setting>` to be …", `found` is the entry. */
export class SettingError extends Error {
  readonly expected: string
  readonly found: string
  constructor(expected: string, found: string) {
    super(`expected ${expected}, got ${found}`)
    this.name = 'SettingError'
    this.expected = expected
    this.found = found
  }
}
