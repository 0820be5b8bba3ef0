// Which owners a change of an account affects, beside the account's own.
import assert from 'node:assert/strict'
import { usersChanged } from '../../../src/shares/affected-owners.ts'
import { createLogger } from '../../../src/log.ts'
import { userDatabases } from '../../../src/documents/names.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { WHOLE } from '../../../src/engine/portion.ts'
import type { Registry } from '../../../src/shares/registry.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

/** What `{id}` stands for in the name of the one user database. */
const HOME = 'abc123'

/** The registry of a share of `owner`'s that names `two`, of one that HOME takes part in, and of one whose owner's database is HOME. */
const registry = {
  sharesNaming: (names: readonly string[]) => Promise.resolve(names.includes('two') ? ['naming'] : []),
  entries: (shares: readonly string[]) =>
    Promise.resolve(
      new Map(shares.map((id) => [id, { state: 'active', owner: 'owner', database: 'user/owner' }])),
    ),
  subscriptionsOf: (databases: readonly string[]) =>
    Promise.resolve(databases.includes(`user/${HOME}`) ? ['taken'] : []),
  sharesOfEach: (databases: readonly string[]) =>
    Promise.resolve(new Map(databases.includes(`user/${HOME}`) ? [[`user/${HOME}`, ['own']]] : [])),
} as unknown as Registry

/** Of two accounts that name one user database, what one of them leaving it is taken for. */
async function afterChange(change: object): Promise<Record<string, string[]>> {
  const memory = new MemoryCouch()
  const couch = memory.client(() => Promise.resolve(null))
  const users = userDatabases('user/{id}')
  const accounts = memory.create('_users')
  memory.create(users.database(HOME))
  for (const name of ['one', 'two'])
    accounts.write({ _id: userDocumentId(name), type: 'user', name, roles: [HOME] })
  const { _rev } = accounts.read(userDocumentId('one')) ?? {}
  accounts.write({ _id: userDocumentId('one'), ...(_rev === undefined ? {} : { _rev }), ...change })
  const marked: Record<string, string[]> = {}
  const page = await couch.database('_users').changes({ since: '0', limit: 10, includeDocs: true })
  await usersChanged(
    {
      ...{ couch, users, registry, accounts: new AccountIndex(couch), ownWrites: new OwnWrites() },
      portion: WHOLE,
      log: createLogger({ level: 'silent', pretty: false }),
      mark: (owner, { shares }) => void (marked[owner] = [...(marked[owner] ?? []), ...(shares ?? [])]),
    },
    page.results.filter(({ id }) => id === userDocumentId('one')),
  )
  return marked
}

describe('shares/affected-owners', () => {
  for (const [what, change] of [
    ['is gone', { _deleted: true }],
    ['has another role', { type: 'user', name: 'one', roles: [] }],
  ] as const)
    it(`tells the shares of whoever names the same user database when an account ${what}`, async () => {
      assert.deepEqual(await afterChange(change), { owner: ['naming', 'taken'], [HOME]: ['own'] })
    })
})
