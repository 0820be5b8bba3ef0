// Where a sync function sends a document, and what the document grants.

/** Where a document goes, and what it grants. */
export interface Routed {
  /** Each once, sorted by code unit. */
  channels: string[]
  /** `to` is a user's name or `role:<name>`; each pair once, sorted. */
  access: { to: string; channel: string }[]
  /** `role` without the prefix; each pair once, sorted. */
  roles: { user: string; role: string }[]
  /** Seconds since the epoch; null where the document stays. */
  expiry: number | null
}
