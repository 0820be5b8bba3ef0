/** Refuses a write. */
export function refuse(reason: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- CouchDB's form
  throw { forbidden: reason }
}

/** Used by nobody, and in no bundle. */
export const unused = (): string => 'unused'
