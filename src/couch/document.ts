// The shapes in which CouchDB gives documents and rows; attributes of users stay `unknown`.

/** A stub or the content of an attachment. https://docs.couchdb.org/en/stable/api/document/common.html#attachments */
export interface Attachment {
  content_type?: string
  digest?: string
  revpos?: number
  length?: number
  stub?: boolean
  follows?: boolean
  data?: string
  /** How it is stored, where that is not as it is; only where it was asked for. `length` may be that of what is stored, too. */
  encoding?: string
  encoded_length?: number
}

/** https://docs.couchdb.org/en/stable/api/document/common.html */
export interface Doc {
  _id: string
  _rev?: string
  _deleted?: boolean
  _attachments?: Record<string, Attachment>
  _conflicts?: string[]
  _revisions?: { start: number; ids: string[] }
  [attribute: string]: unknown
}

/** A document as it stands in a database: it has a revision. */
export type StoredDoc = Doc & { _rev: string }

/** https://docs.couchdb.org/en/stable/api/database/changes.html */
export interface Change {
  id: string
  seq: Seq
  deleted?: boolean
  changes: { rev: string }[]
  doc?: StoredDoc | null
}

/** Opaque: a string of CouchDB, a number of the embedded server. Compared for equality only, but by `sequence.ts`. */
export type Seq = string | number

export interface ChangesPage {
  results: Change[]
  last_seq: Seq
  /** Changes after this page. */
  pending: number
}

/** What `_all_docs` says of one key. */
export interface Row {
  id: string
  rev: string | null
  deleted: boolean
  doc: StoredDoc | null
}

/** What became of one document of a `_bulk_docs`. */
export type Written =
  { id: string; ok: true; rev: string } | { id: string; ok: false; error: string; reason: string }

/** https://docs.couchdb.org/en/stable/api/database/common.html#get--db */
export interface DatabaseInfo {
  db_name: string
  update_seq: Seq
  /** Moves with every purge, of which `_changes` says nothing; for equality only. */
  purge_seq?: Seq
  doc_count: number
  doc_del_count: number
  /** Differs between a database and a later one of the same name (CouchDB 3.3 and later). */
  instance_start_time: string
}

/** https://docs.couchdb.org/en/stable/api/database/security.html */
export interface Security {
  admins?: { names?: string[]; roles?: string[] }
  members?: { names?: string[]; roles?: string[] }
  writers?: { names?: string[]; roles?: string[] }
  [key: string]: unknown
}
