// Which databases are the personal ones of users, for whoever finds them on the server.
import type { ProvisionedUsers } from './provisioned-users.ts'

/**
 * Those of these databases that somebody's `database` names, not ended. Other attributes name databases that have nothing
 * of the masters.
 * @throws {CouchFault}
 */
export async function personalAmong(
  names: readonly string[],
  { provisionedUsers }: { provisionedUsers: Pick<ProvisionedUsers, 'claims'> },
): Promise<Set<string>> {
  const claims = await provisionedUsers.claims(names)
  return new Set(
    names.filter((name) => {
      const claim = claims.get(name)
      return claim?.attribute === 'database' && claim.ended !== true
    }),
  )
}
