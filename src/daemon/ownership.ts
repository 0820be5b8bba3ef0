// Tells skeletons whose databases are: the registry of the shares knows, and that of provisioned users.
import type { UserDatabases } from '../documents/names.ts'
import type { ProvisionedUsers } from '../provisioning/provisioned-users.ts'
import { personalAmong } from '../provisioning/personal-names.ts'
import { ownersOfShares } from '../shares/owners.ts'
import type { Registry } from '../shares/registry.ts'
import type { Ownership } from '../skeletons/databases.ts'

export const ownershipOf = (deps: {
  registry: Pick<Registry, 'entries'>
  provisionedUsers: Pick<ProvisionedUsers, 'claims'>
  users: UserDatabases
}): Ownership => ({
  ownersOfShares: (shares) => ownersOfShares(shares, deps),
  personalAmong: (names) => personalAmong(names, deps),
})
