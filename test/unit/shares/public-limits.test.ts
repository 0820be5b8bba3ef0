// What everybody may write into a share reaches its owner at the pace of PUBLIC_MAX_CHANGES, however it is pushed.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { orderRotation } from '../../../src/shares/rotation-orders.ts'
import { Participants } from '../../support/participants.ts'
import type { MemoryDatabase } from '../../support/memory-database.ts'

const MINUTE_MS = 60_000
const MOST = 24
const MOST_BYTES = 1_000

interface Open {
  people: Participants
  share: () => MemoryDatabase
}

async function open(): Promise<Open> {
  const people = await Participants.create({ users: 1, limits: { mostChanges: MOST, mostBytes: MOST_BYTES } })
  people.act({ kind: 'access', share: 'x', access: true })
  await people.world.settle()
  const share = (): MemoryDatabase => {
    const there = people.share('x')
    assert(there)
    return there
  }
  return { people, share }
}

/** Without those of the daemon's own. */
const objects = (people: Participants): number =>
  people
    .database(0)
    .changes({ since: '0', limit: 10_000, includeDocs: false })
    .results.filter(({ id, deleted }) => !deleted && !/^[_$]/.test(id)).length

/** Whatever the owner's lane does at one time. What the replication has brought into the outbox is no other way in. */
async function turns({ world, hash }: { world: Participants['world']; hash: string }): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) {
    world.couch.replicate()
    world.deps.mark(hash, { user: true, outbox: true, feeds: new Set(['x']) })
    await world.turn(hash)
  }
}

const lane = (people: Participants): { world: Participants['world']; hash: string } => ({
  world: people.world,
  hash: people.hash(0),
})

/** Leaves over the revision that is there, each with what it says. */
function pushOver(share: MemoryDatabase, object: string, contents: readonly object[]): void {
  const [there] = share.leaves(`share/x/${object}`)
  assert(there)
  const { start, ids } = there._revisions ?? { start: 0, ids: [] }
  for (const [n, content] of contents.entries()) {
    const hash = createHash('md5').update(`${object} ${n}`).digest('hex')
    share.merge({
      ...content,
      ...{ _id: there._id, _rev: `${start + 1}-${hash}` },
      _revisions: { start: start + 1, ids: [hash, ...ids] },
    })
  }
}

/** Takes minutes, and holds that so much comes in each of them. */
async function comesAtItsPace(people: Participants, count: () => number, most: number): Promise<void> {
  for (let minute = 0; count() < most; minute += 1) {
    assert(minute <= Math.ceil(most / MOST), 'it comes in')
    await turns(lane(people))
    assert(count() <= MOST * (minute + 1), `${count()} after ${minute} minutes`)
    if (minute === 0) assert(count() > 0, 'it begins at once')
    people.world.now += MINUTE_MS
  }
}

describe('the changes of a public share', () => {
  it('come in at their pace where a guest pushes them at once', async () => {
    const { people, share } = await open()
    for (let n = 0; n < 100; n += 1) assert(share().write({ _id: `share/x/o${n}`, n }).ok)
    await comesAtItsPace(people, () => objects(people), 100)
    assert.equal(objects(people), 100, 'nothing is lost')
  })

  it('come in at their pace from the start, and by two guests', async () => {
    const { people, share } = await open()
    for (let n = 0; n < 50; n += 1)
      for (const guest of ['one', 'two']) assert(share().write({ _id: `share/x/${guest}${n}`, n }).ok)
    await people.world.forgetCheckpoints()
    people.world.couch.replicate()
    await comesAtItsPace(people, () => objects(people), 100)
  })

  it('are those that there are, where a share was made anew', async () => {
    const { people, share } = await open()
    for (let n = 0; n < 100; n += 1) people.database(0).write({ _id: `o${n}`, n, $shares: { x: true } })
    await people.world.settle()
    await orderRotation(people.world.deps, people.hash(0), 'x')
    await people.world.settle()
    people.world.now += MINUTE_MS
    for (let n = 0; n < 2 * MOST; n += 1) assert(share().write({ _id: `share/x/guest${n}`, n }).ok)
    await comesAtItsPace(people, () => objects(people) - 100, 2 * MOST)
  })

  it('are as many as the leaves of a document', async () => {
    const { people, share } = await open()
    for (let n = 0; n < 8; n += 1) assert(share().write({ _id: `share/x/o${n}`, n }).ok)
    await turns(lane(people))
    assert.equal(objects(people), 8)
    people.world.now += MINUTE_MS
    const contents = Array.from({ length: MOST }, (_, at) => ({ at }))
    for (let n = 0; n < 8; n += 1) pushOver(share(), `o${n}`, contents)
    const merged = (): number =>
      Array.from({ length: 8 }, (_, n) => share().read(`share/x/o${n}`)).filter(
        (doc) => doc?._conflicts === undefined,
      ).length
    for (let minute = 0; minute < 8; minute += 1) {
      await turns(lane(people))
      assert(merged() <= minute + 2, `${merged()} after ${minute} minutes`)
      assert(merged() > 0)
      people.world.now += MINUTE_MS
    }
    for (let minute = 0; minute < 4; minute += 1) {
      await turns(lane(people))
      people.world.now += MINUTE_MS
    }
    assert.equal(merged(), 8)
  })
})

describe('the bytes of an object of a public share', () => {
  it('are no more where guests push many leaves, each of which has no more', async () => {
    const { people, share } = await open()
    assert(share().write({ _id: 'share/x/o', name: 'o' }).ok)
    await turns(lane(people))
    const text = 'x'.repeat(MOST_BYTES / 2)
    pushOver(
      share(),
      'o',
      Array.from({ length: 10 }, (_, n) => ({ name: 'o', [`text${n}`]: text, small: n })),
    )
    for (let minute = 0; minute < 3; minute += 1) {
      people.world.now += MINUTE_MS
      await turns(lane(people))
    }
    const copy = share().read('share/x/o')
    const object = people.database(0).read('o')
    assert.equal(copy?._conflicts, undefined, 'it is one')
    for (const doc of [copy, object]) {
      const { _rev, _revisions, ...content } = doc ?? {}
      const bytes = Buffer.byteLength(JSON.stringify(content))
      assert(bytes <= MOST_BYTES && bytes > MOST_BYTES / 2, `${bytes} bytes`)
    }
    // What gave way is there for whoever wrote it.
    const kept = JSON.stringify(share().leaves('share/x/o'))
    for (let n = 0; n < 10; n += 1) assert(kept.includes(`"text${n}"`), String(n))
  })
})
