// Whose the user databases are: a wrong USER_DATABASES or ACCOUNT_ROLE shows here, and nowhere else before somebody shares something.
import chunk from 'lodash/chunk.js'
import { isFault } from '../couch/fault.ts'
import { pagesOfNamesUnder } from '../couch/pages.ts'
import { findOtherUsers, sayOtherUsers } from '../users/other-users.ts'
import { counted } from '../documents/counted.ts'
import { AccountIndex } from '../users/account-index.ts'
import { whatNamesOwners } from '../users/directory.ts'
import type { Connection } from './connection.ts'
import type { Finding } from './finding.ts'

const MOST_EXAMPLES = 5
/** Owners that are looked up together. */
const AT_ONCE = 500

/** How many user databases there are, what says whose they are, and what else looks like some. @throws {CouchFault} */
export async function checkOwners(connection: Connection): Promise<Finding[]> {
  const { couch, config } = connection
  const users = config.userDatabases
  const owners: string[] = []
  for await (const names of pagesOfNamesUnder(couch, users.prefix))
    owners.push(...names.flatMap((name) => users.ownerOf(name) ?? []))
  const others = await findOtherUsers(couch, users, owners.length)
  return [
    ...(await checkOwned(connection, owners)),
    ...others.map((other): Finding => ({ level: 'note', text: sayOtherUsers(users, owners.length, other) })),
  ]
}

async function checkOwned({ couch, config }: Connection, owners: readonly string[]): Promise<Finding[]> {
  const users = config.userDatabases
  if (owners.length === 0)
    return [{ level: 'note', text: `no database is called as USER_DATABASES, ${users.template}, says` }]
  const people = { couch, users, accounts: new AccountIndex(couch) }
  const known = new Map<string, 'role' | 'name' | null>()
  try {
    for (const some of chunk(owners, AT_ONCE))
      for (const [owner, by] of await whatNamesOwners(people, some)) known.set(owner, by)
  } catch (error) {
    if (!isFault(error, 'not_found')) throw error
    const text = `${counted(owners.length, 'user database')}; after the daemon's first start this says whose they are`
    return [{ level: 'note', text }]
  }
  const ownedBy = (by: 'role' | 'name' | null): string[] => owners.filter((owner) => known.get(owner) === by)
  const [byRole, byName, nobodys] = [ownedBy('role'), ownedBy('name'), ownedBy(null)]
  const said = [
    byRole.length > 0 ? `${byRole.length} by the role ${users.roleOf('{id}')}` : '',
    byName.length > 0 ? `${byName.length} by the name in hex` : '',
  ].filter((text) => text !== '')
  const some = nobodys.slice(0, MOST_EXAMPLES).map((owner) => users.database(owner))
  return [
    ...(said.length > 0
      ? [{ level: 'ok' as const, text: `user databases that an account owns: ${said.join(', ')}` }]
      : []),
    ...(nobodys.length > 0
      ? [
          {
            level: 'note' as const,
            text:
              `${nobodys.length} of ${counted(owners.length, 'user database')} ${nobodys.length === 1 ? 'is' : 'are'} no account's, among them ${some.join(', ')}: ` +
              `none has the role ${users.roleOf('{id}')}, or a name whose hex it is; ACCOUNT_ROLE says which role counts`,
          },
        ]
      : []),
  ]
}
