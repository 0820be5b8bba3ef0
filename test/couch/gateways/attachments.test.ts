// Large attachments through a gateway: both ways as streams, one by one, and as they are stored.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Doc } from '../../../src/couch/document.ts'
import { attach, storedIn, type Piece } from '../../support/attaching.ts'
import { complete, GatewayGround, type GatewayUser } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { RecordingProxy } from '../../support/recording-proxy.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const MEGABYTE = 1024 * 1024
/** No attachment of these tests fits into it, in base64 or not. */
const MOST_JSON = MEGABYTE

const piece = (name: string, megabytes: number): Piece => ({
  name,
  type: 'application/octet-stream',
  bytes: randomBytes(megabytes * MEGABYTE),
})

/** Two that only together are more than a batch takes, and one that is more alone. */
const LARGE = [piece('a.bin', 3), piece('b.bin', 3), piece('c.bin', 20)]

/** Users of one list; all that the daemon asks of CouchDB goes through a proxy that measures it. */
async function withNotes(
  space: Space,
  test: (stage: {
    ground: GatewayGround
    ann: GatewayUser
    bob: GatewayUser
    /** Does something while the daemon is away. */
    away: (run: () => Promise<unknown>) => Promise<void>
    /** Waits until all have exactly these attachments of a document. */
    arrive: (id: string, names: readonly string[]) => Promise<void>
  }) => Promise<void>,
): Promise<void> {
  const proxy = await RecordingProxy.start(space.server.url)
  try {
    await GatewayGround.use(space, NOTES, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      const members = [ann.name, bob.name]
      await ground.put({ _id: 'list-1', type: 'list', members, editors: members })
      for (const user of [ann, bob]) await user.signUp()
      const start = (): Promise<void> => space.start({ url: proxy.url, replicationServer: space.server.url })
      await start()
      // All may write: their validation functions know them for editors.
      for (const user of [ann, bob])
        await ground.eventually(`what the guard of ${user.name} goes by`, () => guardOf(user), ['editor'])
      const databases = [ground.database, ann.database, bob.database]
      await test({
        ...{ ground, ann, bob },
        away: async (run) => {
          await space.stop()
          await run()
          await start()
        },
        arrive: async (id, names) => {
          const [first, ...others] = databases
          assert(first)
          const has = async (): Promise<boolean> =>
            JSON.stringify(Object.keys(await storedIn(first, id)).sort()) === JSON.stringify(names)
          await space.until(`${first.name} has what is attached to ${id}`, has, 60_000)
          const stored = await storedIn(first, id)
          for (const one of others)
            await space.eventually(`what is attached in ${one.name}`, () => storedIn(one, id), stored, 60_000)
        },
      })
      assert.ok(proxy.largestJson < MOST_JSON, `${proxy.largestJson} bytes of JSON at once`)
      assert.deepEqual(
        space.lines.filter(({ msg }) => msg === 'CouchDB does not answer'),
        [],
      )
    })
  } finally {
    await proxy.stop()
  }
}

const note = (_id: string, { name }: GatewayUser): Doc => ({
  ...{ _id, text: _id, owner: name, lists: ['list-1'] },
})

onEachServer(
  'large attachments through a gateway',
  ({ it }) => {
    it('go from a user to the gateway, and to other users', (space) =>
      withNotes(space, async ({ ann, away, arrive }) => {
        await away(async () => {
          assert.ok((await ann.write(note('note-1', ann))).ok)
          await attach(loginOf(space, ann), ann.own, 'note-1', LARGE)
        })
        await arrive('note-1', ['a.bin', 'b.bin', 'c.bin'])
        await ann.stands(complete(2))
      }))

    it('go from the gateway to its users, as they grow under the eyes of the daemon', (space) =>
      withNotes(space, async ({ ground, ann, arrive }) => {
        await ground.put(note('note-1', ann))
        await attach(space.server, ground.database, 'note-1', LARGE)
        await arrive('note-1', ['a.bin', 'b.bin', 'c.bin'])
        await ann.stands(complete(2))
      }))

    it('are merged with what the other side wrote meanwhile', (space) =>
      withNotes(space, async ({ ground, ann, bob, away, arrive }) => {
        await ground.put(note('note-1', ann))
        await attach(space.server, ground.database, 'note-1', LARGE.slice(0, 1))
        await arrive('note-1', ['a.bin'])
        await ann.stands(complete(2))
        await away(async () => {
          await attach(loginOf(space, ann), ann.own, 'note-1', LARGE.slice(1, 2))
          await attach(space.server, ground.database, 'note-1', [piece('c.bin', 3)])
        })
        await arrive('note-1', ['a.bin', 'b.bin', 'c.bin'])
        for (const user of [ann, bob]) await user.stands(complete(2))
      }))
  },
  { kinds: ['couchdb'] },
)

const guardOf = async ({ database }: GatewayUser): Promise<unknown> => {
  if ((await database.info()) === null) return null
  const { gateway } = (await database.security()) as { gateway?: { roles?: string[] } }
  return gateway?.roles
}

const loginOf = ({ server }: Space, { name, password }: GatewayUser) => ({
  ...{ url: server.url, user: name, pass: password },
})
