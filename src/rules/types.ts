// What CouchDB hands to a validation function, in types.

/**
 * A document as `validate_doc_update` gets it: bodies with `_id`; where it was written over another revision also `_rev`
 * and `_revisions`; `_deleted: true` on a deletion; `_attachments` as stubs.
 * https://docs.couchdb.org/en/stable/ddocs/ddocs.html#validate-document-update-functions
 */
export interface Doc {
  _id?: string
  _rev?: string
  _deleted?: boolean
  _revisions?: { start: number; ids: string[] }
  [field: string]: unknown
}

/** Who writes, into which database; `name` is null for those who are not logged in. https://docs.couchdb.org/en/stable/json-structure.html#user-context-object */
export interface UserContext {
  db: string
  name: string | null
  roles: string[]
}

/** Names and roles, as `_security` lists them. */
export interface Group {
  names?: string[]
  roles?: string[]
}

/** The `_security` of the database, `{}` where nobody set it. https://docs.couchdb.org/en/stable/json-structure.html#database-security-object */
export interface SecurityObject {
  admins?: Group
  members?: Group
  [key: string]: unknown
}

/** One write, as the parts of the DSL look at it. */
export interface Write {
  doc: Doc
  /** What is there before: null for what never was, or was created anew without naming its tombstone. */
  oldDoc: Doc | null
  userCtx: UserContext
  secObj: SecurityObject
}

/** A function for `validate_doc_update`: returns where the write may pass, throws `{forbidden}` or `{unauthorized}` where not. */
export type ValidateFunction = (
  newDoc: Doc,
  oldDoc: Doc | null,
  userCtx: UserContext,
  secObj: SecurityObject,
) => void

/** Says whether a field's value will do; `value` is undefined where the document has no such field. */
export type Validator = (value: unknown, doc: Doc) => boolean
