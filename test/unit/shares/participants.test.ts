// Any history of users who share with each other ends in the same state for all, and nothing is lost on the way.
import fc from 'fast-check'
import { play, type History, type Step } from '../../support/participants-play.ts'
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

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60)

const MOST_USERS = 6
const user = fc.nat(MOST_USERS - 1)
const object = fc.constantFrom(...OBJECTS)
const share = fc.constantFrom(...SHARES)
const set = fc.subarray([...ATTRIBUTES], { minLength: 1 })
const clock: fc.Arbitrary<Clock> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Clock>({ kind: 'none' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('iso' as const, 'milliseconds' as const),
      minutes: fc.integer({ min: -10, max: 10 }),
    }),
  },
)
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Wish>(true) },
  { weight: 3, arbitrary: fc.subarray(['name', 'note', 'updatedAt', '_attachments']) },
  { weight: 2, arbitrary: fc.constantFrom<Wish>(false, null) },
)
const whom = fc.subarray([1, 2, 3, 4, 5, 0])
const access: fc.Arbitrary<AccessWish> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ write: whom }) },
  { weight: 3, arbitrary: fc.record({ read: whom, write: whom }) },
  { weight: 2, arbitrary: fc.record({ read: whom }) },
  { weight: 1, arbitrary: fc.record({ read: fc.constant<true>(true), write: whom }) },
  { weight: 1, arbitrary: fc.constantFrom<AccessWish>(true, false, { read: true }, { write: true }) },
)

/** A user's second device, or a replica of a share. */
const place = fc.constantFrom(null, ...SHARES)

const edit: fc.Arbitrary<Action> = fc.record({
  kind: fc.constant<'edit'>('edit'),
  ...{ user, object, set, clock },
  drop: fc.oneof(
    { weight: 4, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.subarray([...ATTRIBUTES]) },
  ),
})
const attaching = {
  ...{ user, object, name: fc.constantFrom(...FILES), type: fc.constantFrom(...TYPES) },
  bytes: fc.constantFrom(...BYTES, null, undefined),
}
const attach: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant<'attach'>('attach'), ...attaching }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant<'attach-in-replica'>('attach-in-replica'),
      share: place,
      ...attaching,
    }),
  },
)
const kindsOf: Record<string, { weight: number; arbitrary: fc.Arbitrary<Action> }> = {
  edit: { weight: 10, arbitrary: edit },
  wish: { weight: 6, arbitrary: fc.record({ kind: fc.constant<'wish'>('wish'), user, object, share, wish }) },
  show: {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: fc.constant<'wish'>('wish'), user: fc.constant(0), object, share },
      wish: fc.constantFrom<Wish>(true, ['name'], ['name', 'note']),
    }),
  },
  remove: { weight: 2, arbitrary: fc.record({ kind: fc.constant<'remove'>('remove'), user, object }) },
  access: { weight: 3, arbitrary: fc.record({ kind: fc.constant<'access'>('access'), share, access }) },
  close: { weight: 1, arbitrary: fc.record({ kind: fc.constant<'close'>('close'), share }) },
  subscribe: {
    weight: 3,
    arbitrary: fc.record(
      {
        kind: fc.constant<'subscribe'>('subscribe'),
        user,
        share,
        onEnd: fc.constantFrom('keep' as const, 'remove' as const),
      },
      { requiredKeys: ['kind', 'user', 'share'] },
    ),
  },
  replica: {
    weight: 8,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constantFrom('pull' as const, 'push' as const), user, share: place }),
      fc.record({ kind: fc.constant<'push'>('push'), user, share: place, all: fc.constant(true) }),
      fc.record({
        kind: fc.constant<'edit-replica'>('edit-replica'),
        user,
        share: place,
        object,
        set,
        clock,
      }),
      fc.record({
        ...{ kind: fc.constant<'remove-in-replica'>('remove-in-replica'), user, share: place, object },
        isSaying: fc.boolean(),
      }),
    ),
  },
  attach: { weight: 4, arbitrary: attach },
  device: {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constantFrom('pull' as const, 'push' as const), user, share: fc.constant(null) }),
      fc.record({
        ...{ kind: fc.constant<'remove-in-replica'>('remove-in-replica'), user, share: fc.constant(null) },
        object: fc.constantFrom(...SHARES.flatMap((id) => [`$share/${id}`, `$subscription/${id}`])),
      }),
    ),
  },
  purge: { weight: 1, arbitrary: fc.record({ kind: fc.constant<'purge'>('purge'), user, object }) },
  compact: {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant<'compact'>('compact'), user }),
      fc.record({ kind: fc.constant<'compact'>('compact'), user, share }),
      fc.record({ kind: fc.constant<'compact'>('compact'), user, isOutbox: fc.constant(true) }),
    ),
  },
  account: {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant<'account'>('account'), user, isThere: fc.boolean() }),
  },
  recreate: {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant<'recreate'>('recreate'), user, isKept: fc.boolean() }),
      fc.record({
        ...{ kind: fc.constant<'push'>('push'), user, share: fc.constant(null) },
        all: fc.constant(true),
      }),
    ),
  },
  lose: { weight: 2, arbitrary: fc.record({ kind: fc.constant<'lose'>('lose'), share }) },
  'lose-outbox': {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant<'lose-outbox'>('lose-outbox'), user }),
  },
  leave: { weight: 1, arbitrary: fc.record({ kind: fc.constant<'leave'>('leave'), user, share }) },
}
const kinds = process.env['KINDS']?.split(',') ?? Object.keys(kindsOf)
const action = fc.oneof(...kinds.flatMap((kind) => kindsOf[kind] ?? []))
const someUsers = fc.uniqueArray(user, { minLength: 1 })
const meanwhile = fc.array(action, { maxLength: 3 })
const seed = fc.nat(1000)
const isRacing = process.env['RACING'] === '0' ? fc.constant(false) : fc.boolean()

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: action.map((one): Step => ({ kind: 'act', action: one })) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant<'turns'>('turns'),
      users: someUsers,
      isRacing,
      seed,
      meanwhile,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant<'settle'>('settle'), isRacing, seed, meanwhile }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('replicate', 'listen', 'sweep', 'save', 'miss', 'duplicate'),
    }),
  },
  ...(process.env['CRASH'] === '0'
    ? []
    : [
        {
          weight: 3,
          arbitrary: fc.record({
            kind: fc.constant<'crash'>('crash'),
            after: fc.nat(12),
            users: someUsers,
            isRacing,
            seed,
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant<'trouble'>('trouble'),
            after: fc.nat(40),
            isDone: fc.boolean(),
            users: someUsers,
          }),
        },
      ]),
)

const COUNT = Number(process.env['USERS'] ?? MOST_USERS)
const history: fc.Arbitrary<History> = fc.record({
  users: fc.integer({ min: 2, max: COUNT }),
  owners: fc.constantFrom<Record<string, number>>({ x: 0, y: 0 }, { x: 0, y: 1 }),
  canPurge: fc.boolean(),
  begun: fc.oneof(
    { weight: 1, arbitrary: fc.constant<string[]>([]) },
    { weight: 5, arbitrary: fc.constantFrom<string[]>(['x'], ['x', 'y']) },
  ),
  steps: fc.array(step, { maxLength: 25 }),
})

const attached = (user: number, bytes: string | undefined, type: string): Action => ({
  ...{ kind: 'attach', user, object: 'a', name: 'f' },
  ...{ bytes, type },
})
const begun = { users: 4, owners: { x: 0, y: 0 }, canPurge: false, begun: ['x', 'y'] }
const writersEdit: Action = {
  ...{ kind: 'edit', user: 1, object: 'a', set: ['name'], drop: [] },
  clock: { kind: 'iso', minutes: 0 },
}
const ownersPurge: Action = { kind: 'purge', user: 0, object: 'a' }
/** Histories that once ended wrong. */
const FOUND: History[] = [
  // An object that its owner took out, and brings again, before the lost outbox of whoever had it is there again.
  {
    ...{ ...begun, users: 3 },
    steps: [
      { kind: 'act', action: { kind: 'remove', user: 0, object: 'b' } },
      { kind: 'act', action: { kind: 'lose-outbox', user: 1 } },
      {
        ...{ kind: 'turns', users: [0, 1], isRacing: false, seed: 0 },
        meanwhile: [{ kind: 'wish', user: 0, object: 'b', share: 'x', wish: true }],
      },
    ],
  },
  // An object comes into a second share while the outbox of who has it from the first is lost.
  {
    ...{ ...begun, users: 2 },
    steps: [
      {
        ...{ kind: 'turns', users: [0], isRacing: false, seed: 0 },
        meanwhile: [{ kind: 'wish', user: 0, object: 'a', share: 'y', wish: true }],
      },
      {
        ...{ kind: 'turns', users: [0], isRacing: false, seed: 0 },
        meanwhile: [{ kind: 'lose-outbox', user: 1 }],
      },
    ],
  },
  // A writer brings an object without attributes while the share database is lost.
  {
    ...{ ...begun, users: 2, begun: ['x'] },
    steps: [
      {
        ...{ kind: 'settle', isRacing: true, seed: 59 },
        meanwhile: [
          { kind: 'wish', user: 1, object: 'c', share: 'x', wish: true },
          {
            ...{ kind: 'attach-in-replica', share: null, user: 0, object: 'a', name: 'f' },
            ...{ type: 'application/octet-stream', bytes: 'one' },
          },
          { kind: 'lose', share: 'x' },
        ],
      },
    ],
  },
  // The account of somebody who takes part in a public share, and whom nobody names, is deleted.
  {
    ...{ ...begun, users: 2, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'access', share: 'x', access: true } },
      {
        ...{ kind: 'settle', isRacing: false, seed: 0 },
        meanwhile: [{ kind: 'account', user: 1, isThere: false }],
      },
    ],
  },
  // An attachment that a writer adds while the owner begins to show all stays private.
  {
    ...{ ...begun, users: 2, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'wish', user: 0, object: 'b', share: 'x', wish: true } },
      {
        kind: 'act',
        action: {
          ...{ kind: 'attach', user: 1, object: 'b', name: 'f' },
          ...{ type: 'application/octet-stream', bytes: 'one' },
        },
      },
    ],
  },
  // What a reader has written, and the owner shows no more, is in nobody's way.
  {
    ...{ ...begun, users: 2, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'access', share: 'x', access: { read: [1] } } },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      {
        kind: 'act',
        action: { kind: 'edit', user: 1, object: 'b', set: ['name'], drop: [], clock: { kind: 'none' } },
      },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      { kind: 'act', action: { kind: 'wish', user: 0, object: 'b', share: 'x', wish: ['note'] } },
    ],
  },
  // A writer brings an object while the owner's database is made anew, which never has it; the others have what is written of it.
  {
    ...{ ...begun, users: 5, canPurge: false, begun: ['x'] },
    steps: [
      {
        ...{ kind: 'turns', users: [0], isRacing: false, seed: 0 },
        meanwhile: [
          { kind: 'wish', user: 4, object: 'c', share: 'x', wish: true },
          { kind: 'recreate', user: 0, isKept: false },
        ],
      },
      {
        kind: 'act',
        action: { kind: 'edit', user: 4, object: 'c', set: ['own'], drop: [], clock: { kind: 'none' } },
      },
    ],
  },
  // What a writer, and a reader who writes later, have beside the owner's list, who shows all then, less, and all again.
  ...[{ write: [1, 2] }, { read: [1], write: [2] }].map((access): History => ({
    ...{ ...begun, users: 3, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'access', share: 'x', access } },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      {
        kind: 'act',
        action: { kind: 'edit', user: 1, object: 'b', set: ['own'], drop: [], clock: { kind: 'none' } },
      },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      { kind: 'act', action: { kind: 'access', share: 'x', access: { write: [1, 2] } } },
      ...[true, ['name'], true].flatMap((wish): Step[] => [
        { kind: 'act', action: { kind: 'wish', user: 0, object: 'b', share: 'x', wish } },
        { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      ]),
    ],
  })),
  // Stopped between noting that an object joins a second share and saying so in it.
  {
    ...begun,
    steps: [
      { kind: 'act', action: { kind: 'wish', user: 0, object: 'a', share: 'y', wish: true } },
      { kind: 'crash', after: 4, users: [0, 1], isRacing: false, seed: 0 },
    ],
  },
  // Brought into a share that ends.
  {
    ...begun,
    steps: [
      { kind: 'act', action: { kind: 'close', share: 'y' } },
      { kind: 'act', action: { kind: 'wish', user: 3, object: 'c', share: 'y', wish: true } },
      {
        ...{ kind: 'settle', isRacing: true, seed: 2 },
        meanwhile: [{ kind: 'edit', user: 3, object: 'c', set: ['own'], clock: { kind: 'none' }, drop: [] }],
      },
    ],
  },
  // Stopped between overwriting what gives way in the share and putting it aside.
  {
    ...{ ...begun, users: 3, begun: ['x'] },
    steps: [
      {
        kind: 'act',
        action: {
          ...{ kind: 'edit', user: 1, object: 'a', set: ['name'], drop: [] },
          clock: { kind: 'iso', minutes: 0 },
        },
      },
      {
        kind: 'act',
        action: { kind: 'edit', user: 2, object: 'a', set: ['name'], clock: { kind: 'none' }, drop: [] },
      },
      { kind: 'crash', after: 4, users: [1, 2], isRacing: false, seed: 0 },
    ],
  },
  // A share is lost right after an edit of its owner's, or one of a writer's that only the share has besides.
  ...[0, 1].map((user): History => ({
    ...{ ...begun, users: 3, begun: ['x'] },
    steps: [
      {
        kind: 'act',
        action: { kind: 'edit', user, object: 'a', set: ['note'], clock: { kind: 'none' }, drop: [] },
      },
      { kind: 'turns', users: user === 0 ? [] : [user], isRacing: false, seed: 0, meanwhile: [] },
      { kind: 'act', action: { kind: 'lose', share: 'x' } },
    ],
  })),
  // … or where its owner ends it, before anybody has looked at that.
  {
    ...{ ...begun, users: 2, begun: ['x'] },
    steps: [
      {
        ...{ kind: 'turns', users: [1], isRacing: true, seed: 465 },
        meanwhile: [
          {
            ...{ kind: 'edit', user: 1, object: 'a', set: ['name'], drop: [] },
            clock: { kind: 'iso', minutes: 0 },
          },
          { kind: 'close', share: 'x' },
        ],
      },
      { kind: 'act', action: { kind: 'lose', share: 'x' } },
    ],
  },
  // Stopped while an object is narrowed.
  {
    ...{ ...begun, users: 2, canPurge: true, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'wish', user: 0, object: 'a', share: 'x', wish: ['name'] } },
      { kind: 'crash', after: 4, users: [0, 1], isRacing: false, seed: 0 },
    ],
  },
  // An admin purges an object that a writer is just changing: it goes, with the change.
  ...[
    [writersEdit, ownersPurge],
    [ownersPurge, writersEdit],
  ].map((actions): History => ({
    ...{ ...begun, users: 2, canPurge: true, begun: ['x'] },
    steps: actions.map((action) => ({ kind: 'act', action })),
  })),
  // An admin purges an object, and its share ends, or its user goes, before anybody has looked at that.
  {
    ...{ ...begun, users: 2, canPurge: true, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'purge', user: 0, object: 'a' } },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [{ kind: 'close', share: 'x' }] },
    ],
  },
  {
    ...{ ...begun, users: 2, canPurge: true, begun: ['x'] },
    steps: [
      {
        ...{ kind: 'turns', users: [0], isRacing: false, seed: 0 },
        meanwhile: [
          { kind: 'close', share: 'x' },
          { kind: 'purge', user: 0, object: 'a' },
        ],
      },
      { kind: 'turns', users: [0], isRacing: false, seed: 0, meanwhile: [] },
    ],
  },
  {
    ...{ ...begun, users: 5, canPurge: true, begun: ['x'] },
    steps: [
      {
        ...{ kind: 'turns', users: [0], isRacing: false, seed: 33 },
        meanwhile: [
          { kind: 'purge', user: 4, object: 'a' },
          { kind: 'account', user: 4, isThere: false },
        ],
      },
    ],
  },
  // One daemon ends a share, while another one still goes through all objects for its beginning.
  {
    ...{ ...begun, users: 2, daemons: 2, begun: ['x'] },
    steps: [
      { kind: 'act', action: { kind: 'close', share: 'x' } },
      { kind: 'settle', isRacing: true, seed: 0, meanwhile: [] },
    ],
  },
  // One daemon makes a lost share anew once more, while the other one writes there what its owner has just edited.
  {
    ...{ ...begun, users: 5, daemons: 2, begun: ['x'] },
    steps: [
      {
        ...{ kind: 'settle', isRacing: false, seed: 0 },
        meanwhile: [
          { kind: 'edit', user: 3, object: 'c', set: ['note'], drop: [], clock: { kind: 'none' } },
          { kind: 'subscribe', user: 0, share: 'y' },
        ],
      },
      {
        ...{ kind: 'settle', isRacing: true, seed: 940 },
        meanwhile: [
          { kind: 'lose', share: 'x' },
          {
            ...{ kind: 'edit', user: 1, object: 'c', set: ['own'], drop: [] },
            clock: { kind: 'iso', minutes: 0 },
          },
          {
            ...{ kind: 'edit', user: 0, object: 'a', set: ['own'], drop: [] },
            clock: { kind: 'iso', minutes: 0 },
          },
        ],
      },
    ],
  },
  // The bytes stay, and their type changes: at the owner, then at a writer.
  {
    ...{ ...begun, users: 2, begun: ['x'] },
    steps: [
      { kind: 'act', action: attached(0, 'one', 'application/octet-stream') },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      { kind: 'act', action: attached(0, undefined, 'image/png') },
      { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
      { kind: 'act', action: attached(1, undefined, 'application/octet-stream') },
    ],
  },
]

describe('users who share with each other, over any history,', () => {
  it('settle in the same state, whatever they do', async () => {
    await fc.assert(
      fc.asyncProperty(history, (one) => play(one).then(() => undefined)),
      { numRuns: RUNS, examples: FOUND.map((one): [History] => [one]) },
    )
  })

  it('settle in the same state where several daemons work at once', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 2, max: 3 }), (one, daemons) =>
        play({ ...one, daemons }).then(() => undefined),
      ),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })

  it('settle in the same state where several daemons divide the users', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 2, max: 4 }), (one, daemons) =>
        play({ ...one, daemons, isDivided: true }).then(() => undefined),
      ),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })
})
