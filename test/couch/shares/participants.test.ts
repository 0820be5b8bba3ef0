// Any history of users who share with each other ends right on a real CouchDB, too: with the daemon as it runs, or two of them, and killed.
import fc from 'fast-check'
import { playReal, type RealHistory, type RealStep } from './participants-over-http.ts'
import {
  ATTRIBUTES,
  OBJECTS,
  SHARES,
  type AccessWish,
  type Action,
  type Clock,
  type Wish,
} from '../../support/participants.ts'
import { BYTES, FILES, TYPES } from '../../support/participants-attachments.ts'
import { onEachServer } from '../../support/suites.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 2)

const MOST_USERS = 4
const user = fc.nat(MOST_USERS - 1)
const object = fc.constantFrom(...OBJECTS)
const share = fc.constantFrom(...SHARES)
const place = fc.constantFrom(null, ...SHARES)
const set = fc.subarray([...ATTRIBUTES], { minLength: 1 })
const clock: fc.Arbitrary<Clock> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Clock>({ kind: 'none' }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('iso' as const), minutes: fc.integer({ min: -10, max: 10 }) }),
  },
)
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Wish>(true) },
  { weight: 3, arbitrary: fc.subarray(['name', 'note', 'updatedAt', '_attachments']) },
  { weight: 2, arbitrary: fc.constantFrom<Wish>(false, null) },
)
const whom = fc.subarray([1, 2, 3])
const access: fc.Arbitrary<AccessWish> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ write: whom }) },
  { weight: 3, arbitrary: fc.record({ read: whom, write: whom }) },
  { weight: 2, arbitrary: fc.record({ read: whom }) },
  { weight: 1, arbitrary: fc.constantFrom<AccessWish>(true, false, { read: true }, { write: true }) },
)
const attaching = {
  ...{ user, object, name: fc.constantFrom(...FILES), type: fc.constantFrom(...TYPES) },
  bytes: fc.constantFrom(...BYTES, null, undefined),
}
const settings = fc.constantFrom(...SHARES.flatMap((id) => [`$share/${id}`, `$subscription/${id}`]))

const kindsOf: Record<string, { weight: number; arbitrary: fc.Arbitrary<Action> }> = {
  edit: {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant<'edit'>('edit'),
      ...{ user, object, set, clock },
      drop: fc.constantFrom<string[]>([], [], ['note']),
    }),
  },
  wish: { weight: 6, arbitrary: fc.record({ kind: fc.constant<'wish'>('wish'), user, object, share, wish }) },
  // Narrowed and widened again by its owner: what is seldom met by chance in so short a history.
  show: {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant<'wish'>('wish'), user: fc.constant(0), share: fc.constant('x') },
      object: fc.constantFrom('a', 'b'),
      wish: fc.constantFrom<Wish>(true, ['name'], ['note'], [], false),
    }),
  },
  remove: { weight: 2, arbitrary: fc.record({ kind: fc.constant<'remove'>('remove'), user, object }) },
  access: { weight: 3, arbitrary: fc.record({ kind: fc.constant<'access'>('access'), share, access }) },
  close: { weight: 1, arbitrary: fc.record({ kind: fc.constant<'close'>('close'), share }) },
  subscribe: {
    weight: 3,
    arbitrary: fc.record(
      {
        ...{ kind: fc.constant<'subscribe'>('subscribe'), user, share },
        onEnd: fc.constantFrom('keep' as const, 'remove' as const),
      },
      { requiredKeys: ['kind', 'user', 'share'] },
    ),
  },
  leave: { weight: 1, arbitrary: fc.record({ kind: fc.constant<'leave'>('leave'), user, share }) },
  replica: {
    weight: 8,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constantFrom('pull' as const, 'push' as const), user, share: place }),
      fc.record({ ...{ kind: fc.constant<'push'>('push'), user, share: place }, all: fc.constant(true) }),
      fc.record({
        kind: fc.constant<'edit-replica'>('edit-replica'),
        user,
        share: place,
        object,
        set,
        clock,
      }),
      fc.record({ kind: fc.constant<'remove-in-replica'>('remove-in-replica'), user, share: place, object }),
    ),
  },
  device: {
    weight: 2,
    arbitrary: fc.record({
      ...{ kind: fc.constant<'remove-in-replica'>('remove-in-replica'), user, share: fc.constant(null) },
      object: settings,
    }),
  },
  attach: { weight: 3, arbitrary: fc.record({ kind: fc.constant<'attach'>('attach'), ...attaching }) },
  purge: { weight: 1, arbitrary: fc.record({ kind: fc.constant<'purge'>('purge'), user, object }) },
  compact: { weight: 2, arbitrary: fc.record({ kind: fc.constant<'compact'>('compact'), user }) },
}
const kinds = process.env['KINDS']?.split(',') ?? Object.keys(kindsOf)
const action = fc.oneof(...kinds.flatMap((kind) => kindsOf[kind] ?? []))
const MOST_DAEMONS = 2
/** Of each daemon; some are held up. */
const requests = fc.array(
  fc.oneof({ weight: 3, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.constant(0) }),
  {
    minLength: MOST_DAEMONS,
    maxLength: MOST_DAEMONS,
  },
)

const step: fc.Arbitrary<RealStep> = fc.oneof(
  { weight: 14, arbitrary: fc.record({ kind: fc.constant<'act'>('act'), action, requests }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant<'settle'>('settle') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant<'crash'>('crash'), requests }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant<'away'>('away'),
      actions: fc.array(action, { minLength: 1, maxLength: 4 }),
    }),
  },
)

const history: fc.Arbitrary<Omit<RealHistory, 'daemons'>> = fc.record({
  users: fc.integer({ min: 2, max: MOST_USERS }),
  owners: fc.constantFrom<Record<string, number>>({ x: 0, y: 0 }, { x: 0, y: 1 }),
  begun: fc.constantFrom<string[]>(['x'], ['x', 'y']),
  steps: fc.array(step, { minLength: 1, maxLength: 14 }),
})

/** One history in three has several daemons, unless it is told otherwise. */
const daemonsOf = (seed: number): number =>
  Number(process.env['DAEMONS'] ?? (seed % 3 === 2 ? MOST_DAEMONS : 1))

const firstSeed =
  process.env['PROPERTY_SEED'] === 'random' ? Date.now() % 1e6 : Number(process.env['PROPERTY_SEED'] ?? 1)

onEachServer(
  'users who share with each other over HTTP',
  ({ it }) => {
    for (let seed = firstSeed; seed < firstSeed + RUNS; seed += 1)
      it(
        `settle in the same state, whatever they do: history ${seed}`,
        async (space) => {
          const [sample] = fc.sample(history, { seed, numRuns: 1 })
          if (!sample) return
          const one: RealHistory = { ...sample, daemons: daemonsOf(seed) }
          await playReal(space, one).catch((error: unknown) => {
            if (error instanceof Error) error.message += `\n${JSON.stringify(one)}`
            throw error
          })
        },
        { template: () => 'user/{id}', sweepIntervalMs: 3_000 },
      )
  },
  { kinds: ['couchdb'] },
)
