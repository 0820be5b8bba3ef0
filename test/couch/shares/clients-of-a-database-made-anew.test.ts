// Why a share that is made anew lets readers in before it is filled: what PouchDB does while a database is away, and while it is the
// admins' own.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../../src/couch/database.ts'
import { loadPouch, type Pouch } from '../../support/device.ts'
import { remove, signUp, stranger, type Person } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const AWAY_MS = 3_000
const SECURITY = { admins: { names: [], roles: ['_admin'] } }

const docs = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => ({ _id: `todo/${from + at}`, name: 'milk' }))

/** A device that replicates a database to itself, live and retrying. */
interface Reader {
  count: () => Promise<number>
  /** What ended it. */
  ending: () => { status?: number } | null
}

async function withReader(
  space: Space,
  test: (reader: Reader, person: Person) => Promise<void>,
): Promise<void> {
  const ann = stranger(space, 'ann')
  const { account, db } = ann
  await signUp(space, ann)
  const PouchDB = loadPouch()
  const remote = new PouchDB(`${space.server.url}/${encodeURIComponent(db.name)}`, {
    auth: { username: account.name, password: account.pass },
    skip_setup: true,
  })
  const local: Pouch = new PouchDB(`${space.prefix}reader`, { adapter: 'memory' })
  const running = local.replicate.from(remote, { live: true, retry: true })
  let ending: { status?: number } | null = null
  running.then(
    () => (ending = {}),
    (fault: unknown) => (ending = fault as { status?: number }),
  )
  try {
    await test({ count: async () => (await local.allDocs({})).rows.length, ending: () => ending }, ann)
  } finally {
    running.cancel()
    await remote.close()
    await local.destroy()
    await remove(space, space.couch.database('_users'), `org.couchdb.user:${account.name}`)
  }
}

onEachServer(
  'clients of a database that is made anew',
  ({ it }) => {
    const begin = async (space: Space, db: Database, reader: Reader): Promise<void> => {
      await db.bulk(docs(0, 5))
      await space.until('all is on the device', async () => (await reader.count()) === 5)
    }
    const letIn = (db: Database, { hash }: Person) =>
      db.putSecurity({ ...SECURITY, members: { names: [], roles: [hash] } })

    it('go on where it was away, and is filled while they may read', (space) =>
      withReader(space, async (reader, ann) => {
        await begin(space, ann.db, reader)
        await ann.db.drop()
        await delay(AWAY_MS)
        await ann.db.create()
        await letIn(ann.db, ann)
        await ann.db.bulk(docs(0, 10))
        const isThere = async (): Promise<boolean> =>
          reader.ending() !== null || (await reader.count()) === 10
        await space.until('all that is new is on the device', isThere, 60_000)
        assert.equal(reader.ending(), null)
      }))

    it('end for good where they are refused while it is filled', (space) =>
      withReader(space, async (reader, ann) => {
        await begin(space, ann.db, reader)
        await ann.db.drop()
        await ann.db.create()
        await ann.db.bulk(docs(0, 10))
        const isOver = (): Promise<boolean> => Promise.resolve(reader.ending() !== null)
        await space.until('the replication has ended', isOver, 60_000)
        assert.equal(reader.ending()?.status, 403)
        await letIn(ann.db, ann)
        await delay(AWAY_MS)
        assert.equal(await reader.count(), 5)
      }))
  },
  { kinds: ['couchdb'] },
)
