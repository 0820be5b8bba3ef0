// The two answers that CouchDB knows for "no". It looks for these attributes on what is thrown; anything else is a 500.

/** Thrown by a validation function. https://docs.couchdb.org/en/stable/ddocs/ddocs.html#validate-document-update-functions */
export type Refusal = { forbidden: string } | { unauthorized: string }

/** Refuses the write: 403, with this reason. @throws {{forbidden: string}} always */
export function forbidden(reason: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- CouchDB's form
  throw { forbidden: reason }
}

/** Refuses the write to whom is not, or not rightly, logged in: 401, with this reason. @throws {{unauthorized: string}} always */
export function unauthorized(reason: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- CouchDB's form
  throw { unauthorized: reason }
}
