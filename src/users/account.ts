// What an account of `_users` is known by: a name is not enough, for somebody else may sign up under it after a deletion.
import { digestOf } from '../documents/digest.ts'

/** What is kept of an account, to know it again. */
export interface AccountMark {
  /** Of its document in `_users`, as it was seen last. */
  rev: string
  /** A digest of salt and derived key; null where it has no password, and nothing tells it from another one. */
  key: string | null
}

/** https://docs.couchdb.org/en/stable/intro/security.html#users-documents */
const CREDENTIALS = ['derived_key', 'password_sha', 'salt'] as const

/** The mark of an account, by its document. */
export function markOfAccount(doc: { _rev: string; [attribute: string]: unknown }): AccountMark {
  const credentials = CREDENTIALS.map((name) => doc[name] ?? null)
  return {
    rev: doc._rev,
    key: credentials.every((value) => value === null) ? null : digestOf(credentials),
  }
}

/** Reads what an entry keeps, or undefined for what no daemon has written. */
export function parseAccountMark(value: unknown): AccountMark | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { rev, key } = value as { rev?: unknown; key?: unknown }
  return typeof rev === 'string' ? { rev, key: typeof key === 'string' ? key : null } : undefined
}

/** True where nothing but the account itself can have come to this: also one that is back from a backup. */
export const isSameAccount = (known: AccountMark, now: AccountMark): boolean =>
  known.rev === now.rev || (known.key !== null && known.key === now.key)
