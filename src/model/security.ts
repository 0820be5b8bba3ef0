// Who may do what with a database of the daemon, as CouchDB's `_security` says it.

/** Names and roles, as in https://docs.couchdb.org/en/stable/api/database/security.html */
export interface Grants {
  names: string[]
  roles: string[]
}

export interface ShareSecurity {
  admins: Grants
  members: Grants
  /** A key of ours: CouchDB keeps it and hands it to `_design/write_access`. */
  writers: Grants
}

const SERVER_ADMINS: Grants = { names: [], roles: ['_admin'] }

/**
 * The security of a share that only its owner reads and writes. The owner's hash always stands as a role, so that the
 * lists are never empty: `members` without any name or role would mean *public*.
 * @param names user names that the owner's database is named after (couch_peruser), where no user has the hash as a role
 */
export function ownerOnly(owner: string, names: string[]): ShareSecurity {
  const grants: Grants = { names, roles: [owner] }
  return { admins: SERVER_ADMINS, members: grants, writers: grants }
}

/** The security of databases that are nobody's but the server's admins'. */
export const ADMIN_ONLY = { admins: SERVER_ADMINS, members: SERVER_ADMINS }
