// Random sequences of the requests that the daemon sends to one database.
import fc from 'fast-check'
import type { ServerKind } from '../servers.ts'

/** Documents of a sequence: few, so that requests meet. */
const IDS = ['a', 'b', 'ü/c', '_design/d'] as const
/** Where a hash is to lie among others of its generation: below or above all that a server makes. */
type Rank = '0' | 'f'

/** One of the revisions that are known of a document, by its number among them; what is too large begins again. */
export type Which = number

/** What a new revision says. */
export interface Body {
  value: number
  /** Bytes of an attachment of its own. */
  file: number | null
  /** What is attached to the revision before stays. */
  isKept: boolean
  isDeleted: boolean
}

export type Step =
  | { kind: 'write'; id: string; over: 'nothing' | 'winner' | Which; body: Body }
  | {
      kind: 'push'
      id: string
      /** The revision that it comes after; null: it begins a tree of its own. */
      after: Which | null
      /** Revisions between, of which only the names come. */
      between: number
      /** As many names of its history come with it. */
      told: number
      rank: Rank
      body: Body
    }
  | { kind: 'purge'; id: string; which: Which[] }
  | { kind: 'secure'; name: string }
  | { kind: 'drop' | 'create' | 'info' | 'security' | 'purged' }
  | { kind: 'changes'; since: number | null; limit: number; includeDocs: boolean; allLeaves: boolean }
  | { kind: 'fetch'; ids: string[]; isMany: boolean; includeDocs: boolean; conflicts: boolean }
  | { kind: 'range'; from: string; to: string; limit: number; includeDocs: boolean }
  | { kind: 'leaves'; ids: string[]; attachments: boolean }
  | {
      kind: 'revision'
      id: string
      which: Which
      /** Contents of what was attached after that one come, too; null: of nothing. */
      since: Which | null
    }
  | { kind: 'leafRevisions'; ids: string[] }
  | { kind: 'changedFrom'; known: [id: string, which: Which | null][] }
  | { kind: 'missing'; id: string; which: Which[]; strange: boolean }
  | { kind: 'view'; keys: number[] }

const id = fc.constantFrom(...IDS.slice(0, 3))
const ids = fc.uniqueArray(fc.constantFrom(...IDS, 'nobody'), { minLength: 1, maxLength: 4 })
const which = fc.nat(6)
const body: fc.Arbitrary<Body> = fc.record({
  value: fc.nat(3),
  file: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(2) }),
  isKept: fc.boolean(),
  isDeleted: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
})
const kind = <Kind extends string>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name)

interface Weighted {
  weight: number
  arbitrary: fc.Arbitrary<Step>
}

const STEPS: Weighted[] = [
  {
    weight: 10,
    arbitrary: fc.record({
      ...{ kind: kind('write'), id, body },
      over: fc.oneof(
        { weight: 2, arbitrary: fc.constant<'nothing'>('nothing') },
        { weight: 4, arbitrary: fc.constant<'winner'>('winner') },
        { weight: 1, arbitrary: which },
      ),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      ...{ kind: kind('push'), id, body },
      after: fc.oneof({ weight: 4, arbitrary: which }, { weight: 1, arbitrary: fc.constant(null) }),
      between: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(2) }),
      told: fc.oneof(
        { weight: 4, arbitrary: fc.constant(99) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
      ),
      rank: fc.constantFrom<Rank>('0', 'f'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('secure'), name: fc.constantFrom('ann', 'bob') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'create' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('info' as const, 'security' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind('changes'),
      since: fc.oneof(fc.constant(null), fc.nat(9)),
      limit: fc.constantFrom(1, 2, 100),
      includeDocs: fc.boolean(),
      allLeaves: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: kind('fetch'), ids, isMany: fc.boolean() },
      ...{ includeDocs: fc.boolean(), conflicts: fc.boolean() },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{
        kind: kind('range'),
        from: fc.constantFrom('', 'a', 'b'),
        to: fc.constantFrom('b', 'c', '\ufff0'),
      },
      ...{ limit: fc.constantFrom(1, 100), includeDocs: fc.boolean() },
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kind('leaves'), ids, attachments: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('revision'), id, which, since: fc.oneof(fc.constant(null), which) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('leafRevisions'), ids }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind('changedFrom'),
      known: fc.uniqueArray(fc.tuple(fc.constantFrom(...IDS, 'nobody'), fc.oneof(fc.constant(null), which)), {
        ...{ minLength: 1, maxLength: 4 },
        selector: ([one]) => one,
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('missing'), id, which: fc.array(which), strange: fc.boolean() }),
  },
]

/** PouchDB purges nothing. */
const PURGES: Weighted[] = [
  {
    weight: 3,
    arbitrary: fc.record({ kind: kind('purge'), id, which: fc.array(which, { minLength: 1, maxLength: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('purged') }) },
]

/** Views start a process on CouchDB: few sequences ask for them. */
const VIEW: Weighted = {
  weight: 3,
  arbitrary: fc.record({ kind: kind('view'), keys: fc.uniqueArray(fc.nat(3), { minLength: 1 }) }),
}

/** @param kind of the server that they are for, beside the one in memory */
export function sequences(server: ServerKind): fc.Arbitrary<Step[]> {
  const steps = server === 'couchdb' ? [...STEPS, ...PURGES] : STEPS
  const most = { minLength: 1, maxLength: 24 }
  return fc.oneof(
    { weight: 19, arbitrary: fc.array(fc.oneof(...steps), most) },
    { weight: 1, arbitrary: fc.array(fc.oneof(VIEW, ...steps), most) },
  )
}
