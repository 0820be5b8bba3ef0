// The names of the accounts that the daemon makes for passwords: none of them is a user.

const ACCOUNT_NAME = /^share-[a-z0-9][a-z0-9_-]{0,99}-[0-9a-f]{32}$/

/** True for names that accounts of the daemon have. Anybody may have taken one: authority is the role. */
export const isAccountName = (name: string): boolean => ACCOUNT_NAME.test(name)

/**
 * True where `{id}` of a user database is the hex of such a name: couch_peruser makes `userdb-<hex>` for every account
 * (couch_peruser.erl, `user_db_name`), and this one is no user's.
 */
export function isAccountDatabaseOwner(hash: string): boolean {
  const name = Buffer.from(hash, 'hex').toString('utf8')
  return isAccountName(name) && Buffer.from(name, 'utf8').toString('hex') === hash
}
