// Taking access away goes before everything else: it is in force while the owner's large copies are still under way.
import assert from 'node:assert/strict'
import { REGISTRY } from '../../../src/documents/names.ts'
import { GateProxy } from '../../support/gate-proxy.ts'
import {
  asUser,
  edit,
  open,
  remove,
  shared,
  signUp,
  stranger,
  withPeople,
  type Person,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { put } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { shareDocumentId } from '../../../src/shares/model/ids.ts'

const LARGE = {
  'large.bin': {
    content_type: 'application/octet-stream',
    data: Buffer.alloc(6_000_000, 7).toString('base64'),
  },
}
const LARGE_ONES = ['large/1', 'large/2', 'large/3']

/** Whether a user may read the share now. */
const mayRead = (space: Space, person: Person, share: string): Promise<boolean> =>
  asUser(space, person, space.share(share), (database) =>
    database.range({ limit: 1 }).then(
      () => true,
      () => false,
    ),
  )

interface Ground {
  share: string
  joe: Person
  ann: Person
  gus: Person
}

const WAYS: Record<string, { take: (space: Space, ground: Ground) => Promise<unknown>; stays: boolean }> = {
  'by a list without the name': {
    take: (space, { joe, ann, share }) =>
      edit(space, joe.db, shareDocumentId(share), { access: { read: [ann.name] } }),
    stays: true,
  },
  'by deleting the `$share`': {
    take: (space, { joe, share }) => remove(space, joe.db, shareDocumentId(share)),
    stays: false,
  },
  'by an admin’s order': {
    take: (space, { share }) =>
      edit(space, space.couch.database(REGISTRY), `share/${share}`, { order: 'suspend' }),
    stays: false,
  },
  'by deleting the account': {
    take: (space, { gus }) =>
      remove(space, space.couch.database('_users'), `org.couchdb.user:${gus.account.name}`),
    stays: true,
  },
}

/** The daemon, behind a proxy that holds back the large copies until it is opened. */
async function behindGate(
  space: Space,
  test: (ground: Ground, gate: GateProxy) => Promise<void>,
): Promise<void> {
  await withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
    const gus = stranger(space, 'gus')
    await signUp(space, gus)
    const gate = await GateProxy.start(space.server.url, /^PUT .*large/)
    try {
      await space.start({ url: gate.url, replicationServer: space.server.url })
      const share = await open(
        space,
        joe,
        { read: [ann.name, gus.name] },
        shared(space.shareId(), 'small', { n: 1 }),
      )
      await space.until('it is there', async () => (await space.copy(share, 'small')) !== null)
      await space.settled()
      await put(joe.db, ...LARGE_ONES.map((id) => shared(share, id, { _attachments: LARGE })))
      await space.until('the lane is busy with large copies', () => Promise.resolve(gate.held > 0))
      await test({ share, joe, ann, gus }, gate)
    } finally {
      await space.stop()
      await gate.stop()
    }
  })
}

onEachServer(
  'access that is taken away',
  ({ it }) => {
    for (const [way, { take, stays }] of Object.entries(WAYS))
      it(`${way} is gone while large copies are under way`, (space) =>
        behindGate(space, async (ground, gate) => {
          const { share, ann, gus } = ground
          assert.ok(await mayRead(space, gus, share))
          await take(space, ground)
          const securityHas = async (person: Person): Promise<boolean> =>
            JSON.stringify(await space.share(share).security()).includes(person.hash)
          await space.until('it is taken away', async () => !(await securityHas(gus)))
          assert.equal(await securityHas(ann), stays)
          assert.equal(gate.held, 1, 'the lane still waits for its first copy')
          // What else is to be done comes after it, and ends in the same state as ever.
          gate.open()
          await space.settled()
          if (!stays) return
          const entry = await space.entry(share)
          assert.equal(entry?.['rotate'], undefined)
          assert.equal(entry?.['rotations'], 1, 'feeds that were open have ended')
          assert.ok(await mayRead(space, ann, share))
          assert.ok(!(await mayRead(space, gus, share)))
          for (const id of LARGE_ONES)
            await space.until(`${id} is there`, async () => (await space.copy(share, id)) !== null)
        }))
  },
  { kinds: ['couchdb'] },
)
