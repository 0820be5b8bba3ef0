// Any history of edits, with the daemon killed between any two writes, ends in the state that the documents ask for.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { MemoryWorld } from '../../support/memory-world.ts'

const SHARES = ['x', 'y']
const OBJECTS = ['a', 'b/c', 'constructor']
/** Soon, so that in many histories an object says that it waits for a share. */
const LATE_MS = 12_000
const ATTRIBUTES = ['name', 'owner', 'note']

type Wish = true | false | string[] | number | null
type Step =
  | { kind: 'edit'; object: string; attributes: string[]; wishes: [string, Wish][]; value: number }
  | { kind: 'delete'; object: string }
  | { kind: 'open'; share: string }
  | { kind: 'spoil'; share: string }
  | { kind: 'close'; share: string }
  | { kind: 'turn' }
  | { kind: 'settle' }
  | { kind: 'replicate' }
  | { kind: 'crash'; after: number }

const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Wish>(true) },
  { weight: 3, arbitrary: fc.subarray(ATTRIBUTES) },
  { weight: 2, arbitrary: fc.constant<Wish>(false) },
  { weight: 1, arbitrary: fc.constantFrom<Wish>(7, null) },
)
const share = fc.constantFrom(...SHARES)
const object = fc.constantFrom(...OBJECTS)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant<'edit'>('edit'),
      object,
      attributes: fc.subarray(ATTRIBUTES),
      wishes: fc.uniqueArray(fc.tuple(share, wish), { selector: ([id]) => id }),
      value: fc.nat(9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant<'delete'>('delete'), object }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('open' as const, 'spoil' as const, 'close' as const),
      share,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('turn' as const, 'settle' as const, 'replicate' as const) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant<'crash'>('crash'), after: fc.nat(9) }) },
)

/** Where most histories begin: both shares are open, and every object is shared whole. */
const SHARED: Step[] = [
  ...SHARES.map((id): Step => ({ kind: 'open', share: id })),
  ...OBJECTS.map((id): Step => ({
    kind: 'edit',
    object: id,
    attributes: ATTRIBUTES,
    wishes: SHARES.map((one) => [one, true]),
    value: 0,
  })),
  { kind: 'settle' },
]
const history = fc
  .tuple(fc.constantFrom([], SHARED, SHARED, SHARED), fc.array(step, { maxLength: 20 }))
  .map((parts) => parts.flat())

class Killed extends Error {}

/** Takes a turn and dies in the middle of it, before the write with that number; then everything in memory is lost. */
async function crash(world: MemoryWorld, after: number): Promise<void> {
  let left = after
  world.couch.onWrite = () => {
    if (left === 0) throw new Killed()
    left -= 1
  }
  try {
    await world.turn('joe')
  } catch (error) {
    if (!(error instanceof Killed)) throw error
  } finally {
    world.couch.onWrite = () => undefined
  }
  await world.restart()
}

async function write(database: Database, { _id, ...content }: Doc): Promise<void> {
  const there = await database.get(_id)
  if (!there && content._deleted) return
  await database.put({ ...content, _id, ...(there ? { _rev: there._rev } : {}) })
}

async function take(world: MemoryWorld, joe: Database, one: Step): Promise<void> {
  switch (one.kind) {
    case 'edit': {
      const content = Object.fromEntries(one.attributes.map((name) => [name, `${name} ${one.value}`]))
      const shares = one.wishes.length === 0 ? {} : { $shares: Object.fromEntries(one.wishes) }
      return write(joe, { _id: one.object, ...content, ...shares })
    }
    case 'delete':
      return write(joe, { _id: one.object, _deleted: true })
    case 'open':
      return write(joe, { _id: `$share/${one.share}`, type: '$share' })
    case 'spoil':
      return write(joe, { _id: `$share/${one.share}`, type: 'nonsense' })
    case 'close':
      return write(joe, { _id: `$share/${one.share}`, _deleted: true })
    case 'turn':
      return world.turn('joe')
    case 'settle':
      return world.settle()
    case 'replicate':
      return void world.couch.replicate()
    case 'crash':
      return crash(world, one.after)
    default:
      return one satisfies never
  }
}

/** What the table in docs/design.md says that a share shows of an object, without a look at the daemon's code. */
function shown(doc: Doc | null, id: string): Record<string, unknown> | null {
  const wished = (doc?.['$shares'] as Record<string, Wish> | undefined)?.[id]
  if (doc === null || (wished !== true && !Array.isArray(wished))) return null
  const names = ATTRIBUTES.filter((name) => name in doc && (wished === true || wished.includes(name)))
  return Object.fromEntries(names.map((name) => [name, doc[name]]))
}

async function assertRight(world: MemoryWorld, joe: Database): Promise<void> {
  const couch = world.couch.asCouch()
  for (const id of SHARES) {
    const entry = await couch.database('shares').get(`share/${id}`)
    const document = await joe.get(`$share/${id}`)
    const database = world.couch.databases.get(`share/${id}`)
    const isOpen = entry?.['state'] === 'active'
    // Opened half-way, then spoiled: it waits, as it is, for the document to be corrected.
    const isWaiting = entry?.['state'] === 'opening' && document?.['type'] === 'nonsense'
    if (!isWaiting)
      assert.equal(database !== undefined, isOpen, `share ${id} has a database only while it is active`)
    if (document?.['type'] === '$share') assert.equal(document['$state'], 'active')
    if (document === null && entry) assert.equal(entry['state'], 'ended')
    assert.equal(entry?.['rotate'], undefined)
    const replication = await couch.database('_replicator').get(`user/joe/$shares => share/${id}`)
    if (!isWaiting)
      assert.equal(replication !== null, isOpen, `share ${id} is replicated only while it is active`)
    for (const name of OBJECTS) {
      const doc = await joe.get(name)
      const wanted = isOpen ? shown(doc, id) : null
      const copy = await couch.database('user/joe/$shares').get(`share/${id}/${name}`)
      assert.deepEqual(contentOf(copy), wanted, `copy of ${name} for ${id} in the outbox`)
      const inShare = database?.read(`share/${id}/${name}`) ?? null
      assert.deepEqual(contentOf(inShare), wanted, `copy of ${name} in share ${id}`)
      assert.equal(inShare?._conflicts, undefined)
      assertUnreadable(world, `share/${id}`, `share/${id}/${name}`, doc, id)
    }
  }
  for (const name of OBJECTS) {
    const wishes = Object.values((await joe.get(name))?.['$shares'] ?? {})
    assert(!wishes.includes(false), `${name} still has a share that is set to false`)
  }
}

const contentOf = (doc: Doc | null): unknown => {
  if (doc === null) return null
  const { _id, _rev, _conflicts, ...content } = doc
  return content
}

/** No revision that is still readable, of any age, shows an attribute that the author does not share now. */
function assertUnreadable(world: MemoryWorld, db: string, copy: string, doc: Doc | null, id: string): void {
  const wished = (doc?.['$shares'] as Record<string, Wish> | undefined)?.[id]
  const allowed = wished === true ? ATTRIBUTES : Array.isArray(wished) ? wished : []
  for (const { body, rev } of world.couch.databases.get(db)?.trees.get(copy)?.revisions.values() ?? []) {
    const names = Object.keys(body ?? {}).filter((name) => !name.startsWith('_'))
    const leaked = names.filter((name) => !allowed.includes(name))
    assert.deepEqual(leaked, [], `revision ${rev} of ${copy} is readable`)
  }
}

/** An object that is called as something that every object has, of which an outbox that is read anew holds a base. */
const CONSTRUCTOR: Step[] = [
  { kind: 'open', share: 'x' },
  { kind: 'edit', object: 'constructor', attributes: ['name'], wishes: [['x', true]], value: 0 },
  { kind: 'settle' },
  { kind: 'close', share: 'x' },
]

describe('turns over any history', () => {
  for (const canPurge of [true, false])
    it(`settle in the state that the documents ask for, ${canPurge ? 'with' : 'without'} purge`, async () => {
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const world = await MemoryWorld.create({ canPurge })
          world.lateMs = LATE_MS
          const joe = world.couch.asCouch().database('user/joe')
          await joe.create()
          for (const one of steps) await take(world, joe, one)
          await world.settle()
          await assertRight(world, joe)

          await world.forgetCheckpoints()
          const written = world.couch.writes.length
          await world.settle()
          const again = world.couch.writes
            .slice(written)
            .filter((one) => !one.startsWith('shares/checkpoints '))
          assert.deepEqual(again, [], 'seen once more, nothing is written')
        }),
        { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 80), examples: [[CONSTRUCTOR]] },
      )
    })
})
