// Any history of an object that goes both ways, with crashes anywhere, settles in the same state for everybody, and no
// edit is lost. The rules are those of docs/design.md, Both directions; nothing in here calls the code that it judges.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { planObject } from '../../../../src/shares/plan/object.ts'
import { NOW, World, type Role, type User } from './exchange-world.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 30)
const NAMES = ['a', 'b', 'constructor'] as const

type Name = (typeof NAMES)[number]

type Step =
  /** A user writes his object, as it was `back` revisions ago; `time` is the age of his clock in minutes. */
  | { kind: 'edit'; who: number; name: Name; back: number; time: number | null; removes: boolean }
  | { kind: 'create'; who: number; name: Name; wishes: unknown[] }
  | { kind: 'delete'; who: number }
  | { kind: 'wish'; who: number; share: number; wish: unknown }
  /** Somebody writes into the share himself, as a client that replicates it. */
  | { kind: 'direct'; share: number; what: 'edit' | 'push' | 'delete'; name: Name }
  | { kind: 'gather'; who: number; follows: boolean }
  | { kind: 'perform'; who: number; most: number }
  | { kind: 'crash'; who: number }
  | { kind: 'role'; who: number; share: number; role: Role }
  | { kind: 'leave'; who: number; share: number; onEnd: 'keep' | 'remove' }
  | { kind: 'join'; who: number; share: number }
  /** The share is out of a user's reach for a while. */
  | { kind: 'wait'; who: number; share: number }

interface Setting {
  users: number
  /** By their ids, which of the users owns them. */
  shares: Record<string, number>
  keepsAncestors: boolean
  steps: Step[]
}

/** Plays a history, and knows of every value who has seen it. */
export class History {
  readonly world: World
  readonly #shares: readonly string[]
  /** Values that were written, by whom, and whether their author could only read every share. */
  readonly written = new Map<string, { author: string; isReaders: boolean }>()
  /** Values that somebody overwrote, or deleted with the object, who had them before him. */
  readonly overwritten = new Set<unknown>()
  readonly deleted = new Set<unknown>()
  readonly #refused: Record<string, unknown>[] = []

  constructor({ users, shares, keepsAncestors }: Setting) {
    this.world = new World(users, shares, { keepsAncestors })
    this.#shares = Object.keys(shares)
  }

  play(steps: readonly Step[]): this {
    for (const step of steps) this.#take(step)
    return this
  }

  #take(step: Step): void {
    const { world } = this
    const share = this.#shares['share' in step ? step.share % this.#shares.length : 0]!
    const user = world.users['who' in step ? step.who % world.users.length : 0]!
    const part = user.parts.get(share)!
    const isOwner = user === world.owner(share)
    switch (step.kind) {
      case 'edit':
        return this.#edit(user, step)
      case 'create': {
        if (user.tree.winner) return
        const wishes = this.#shares.flatMap((id, index) =>
          step.wishes[index] === undefined ? [] : [[id, step.wishes[index]] as const],
        )
        const $shares = wishes.length > 0 ? { $shares: Object.fromEntries(wishes) } : {}
        user.tree.put(null, { [step.name]: this.#value(user), ...$shares })
        return
      }
      case 'delete': {
        const doc = user.tree.winner
        if (!doc) return
        this.#see(doc)
        user.tree.put(doc._rev, null)
        return
      }
      case 'wish': {
        const doc = user.tree.winner
        if (!doc) return
        const { _id, _rev, $shares, ...rest } = doc
        const { [share]: _, ...others } = ($shares ?? {}) as Record<string, unknown>
        const wishes = { ...others, ...(step.wish === undefined ? {} : { [share]: step.wish }) }
        user.tree.put(_rev, { ...rest, ...(Object.keys(wishes).length > 0 ? { $shares: wishes } : {}) })
        return
      }
      case 'direct':
        return this.#writeDirectly(share, step)
      case 'gather':
        // What was begun is brought to its end, but for a crash.
        world.perform(user)
        world.gather(user, step.follows ? undefined : [])
        return
      case 'perform':
        world.perform(user, step.most)
        return
      case 'crash':
        user.pending = []
        return
      case 'role':
        // What was written in the old role is looked at in the old role.
        if (isOwner || part.phase !== 'active') return
        world.perform(user)
        world.settleUser(user)
        part.role = step.role
        return
      case 'leave':
        if (isOwner || part.phase !== 'active') return
        world.perform(user)
        Object.assign(part, { phase: 'ending', onEnd: step.onEnd })
        return
      case 'join':
        if (isOwner || part.phase === 'active') return
        world.perform(user)
        world.settleUser(user)
        part.phase = 'active'
        return
      case 'wait':
        if (part.phase === 'active' || part.phase === 'waiting') {
          world.perform(user)
          part.phase = part.phase === 'active' ? 'waiting' : 'active'
        }
        return
      default:
        step satisfies never
    }
  }

  #edit(user: User, { name, back, time, removes }: Extract<Step, { kind: 'edit' }>): void {
    const doc = user.tree.past(back)
    if (doc === null || user.tree.winner === null) return
    const { _id, _rev, [name]: old, ...rest } = doc
    this.overwritten.add(old)
    const clock = time === null ? {} : { updatedAt: NOW - time * 60_000 }
    user.tree.push(_rev, { ...rest, ...(removes ? {} : { [name]: this.#value(user) }), ...clock })
  }

  #writeDirectly(share: string, { what, name }: Extract<Step, { kind: 'direct' }>): void {
    const home = this.world.home(share)
    const leaf = what === 'push' ? home.past(1) : home.winner
    if (leaf === null || home.winner === null) return
    const { _id, _rev, ...content } = leaf
    if (what === 'delete') {
      this.#see(leaf)
      this.world.writeDirectly(share, _rev, null)
      return
    }
    this.overwritten.add(content[name])
    const value = this.#name(this.written.size)
    this.written.set(value, { author: 'somebody', isReaders: false })
    this.world.writeDirectly(share, _rev, { ...content, [name]: value })
  }

  #see(doc: Record<string, unknown>): void {
    for (const value of Object.values(doc)) this.deleted.add(value)
  }

  #value(user: User): string {
    const value = this.#name(this.written.size)
    const isReaders = [...user.parts.values()].every(({ role }) => role === 'reader')
    this.written.set(value, { author: user.name, isReaders })
    return value
  }

  /** Unique, and not in the order of time. */
  #name(count: number): string {
    return `${((count + 7) * 7919) % 1009}-${count}`
  }

  assertSettled(): void {
    const { world } = this
    for (const user of world.users) {
      assert.deepEqual(planObject(world.facts(user)), [], `${user.name} has nothing left to do`)
      assert.deepEqual(user.tree.rivals, [], `one live leaf at ${user.name}`)
    }
    for (const share of this.#shares) this.#assertShare(share)
  }

  #assertShare(share: string): void {
    const { world } = this
    const home = world.home(share)
    assert.deepEqual(home.rivals, [], `one live leaf in ${share}`)
    const owner = world.owner(share)
    const own = owner.tree.winner
    const wish = wishOf(own, share)
    const isUnrelated = owner.rejected.get(share) === 'unrelated_object'
    const copy = home.winner && words(home.winner)
    if (!isUnrelated) {
      const expected = own && wish !== null ? only(words(own), wish) : null
      assert.deepEqual(copy, expected, `the copy in ${share}`)
    }
    for (const user of world.users) {
      const { role, phase } = user.parts.get(share)!
      const doc = user.tree.winner
      const his = wishOf(doc, share)
      if (user === owner || !doc || his === null || phase !== 'active') continue
      const rejected = user.rejected.get(share)
      if (copy === null) {
        assert.ok(role === 'reader' && rejected === 'read_only', `${user.name} has a copy of nothing`)
        continue
      }
      if (rejected === 'unrelated_object') continue
      const limit = his === true ? NAMES : his
      for (const name of limit) {
        if (Array.isArray(wish) && !wish.includes(name)) continue
        const agreed = user.base && Object.hasOwn(user.base.agreed, share) ? user.base.agreed[share] : null
        const kept = agreed?.kept ?? {}
        if (Object.hasOwn(kept, name)) continue
        assert.equal(doc[name], copy[name], `${name} of ${user.name} in ${share}`)
      }
    }
  }

  assertNothingLost(): void {
    const { world } = this
    const left = new Set<unknown>(world.reported)
    const add = (record: Record<string, unknown> | null | undefined): void => {
      for (const value of Object.values(record ?? {})) left.add(value)
    }
    for (const { tree, kept } of world.users) {
      add(tree.winner)
      for (const { leaf } of tree.rivals) add(leaf)
      for (const { attributes } of kept) add(attributes)
    }
    for (const { attributes } of world.kept) add(attributes)
    for (const share of this.#shares) add(world.home(share).winner)
    for (const content of this.#refused) add(content)
    for (const [value, { author }] of this.written)
      assert.ok(
        left.has(value) || this.overwritten.has(value) || this.deleted.has(value),
        `${value} of ${author} is lost`,
      )
  }

  /** A share ends. What its owner has not taken for his goes with it: he was told of that. */
  close(share: string): void {
    const { world } = this
    const { winner } = world.home(share)
    if (winner && world.owner(share).rejected.get(share) === 'unrelated_object') this.#refused.push(winner)
    world.close(share)
    world.settle()
  }

  /** What somebody overwrote who had seen it does not come back. */
  assertNothingReturns(): void {
    for (const share of this.#shares)
      for (const value of Object.values(this.world.home(share).winner ?? {}))
        assert.ok(!this.overwritten.has(value), `${String(value)} came back in ${share}`)
  }

  /** What the owner wrote, and does not share, cannot be read. */
  assertUnreadable(): void {
    for (const share of this.#shares) {
      const owner = this.world.owner(share)
      const wish = wishOf(owner.tree.winner, share) ?? []
      for (const attributes of this.world.readable.get(share)!)
        for (const [name, value] of Object.entries(attributes))
          if (this.written.get(value as string)?.author === owner.name)
            assert.ok(wish === true || wish.includes(name), `${String(value)} can be read in ${share}`)
    }
  }

  /** The share is over: nobody names it any more, and nothing is lost. */
  assertClosed(share: string): void {
    for (const user of this.world.users) {
      assert.equal(wishOf(user.tree.winner, share), null, `${user.name} names ${share}`)
      // What stayed is known again when there is such a share again.
      const [, { state = 'parted' } = {}] =
        Object.entries(user.base?.agreed ?? {}).find(([id]) => id === share) ?? []
      assert.equal(state, 'parted', `${user.name} has a base of ${share}`)
    }
  }

  assertReadersSilent(): void {
    const { world } = this
    for (const [value, { author, isReaders }] of this.written) {
      if (!isReaders) continue
      const others = [
        ...world.users.filter(({ name }) => name !== author).map(({ tree }) => tree.winner),
        ...this.#shares.map((share) => world.home(share).winner),
      ]
      for (const doc of others)
        assert.ok(!Object.values(doc ?? {}).includes(value), `${value} of the reader ${author} was sent`)
    }
  }
}

/** What a user gives of the object to a share, by the rows of "An object's life"; null: nothing. */
function wishOf(doc: Record<string, unknown> | null, share: string): true | string[] | null {
  const shares = (doc?.['$shares'] ?? {}) as Record<string, unknown>
  const wish = Object.hasOwn(shares, share) ? shares[share] : null
  if (wish === true) return true
  return Array.isArray(wish) && !wish.includes('_id') ? (wish as string[]) : null
}

const words = ({
  _id,
  _rev,
  $shares: _shares,
  $error: _error,
  ...rest
}: Record<string, unknown>): Record<string, unknown> => rest

const only = (record: Record<string, unknown>, names: true | string[]): Record<string, unknown> =>
  names === true
    ? record
    : Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name)))

const who = fc.nat({ max: 5 })
const share = fc.nat({ max: 1 })
const name = fc.constantFrom(...NAMES)
const wish = fc.oneof(
  { weight: 4, arbitrary: fc.constant<unknown>(true) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(['a'], ['a', 'b'], ['a', 'b', 'updatedAt'], ['constructor'], []),
  },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(false, undefined) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(7, ['_id']) },
)

interface Options {
  /** Users write while they are offline, which makes conflicts of their own. */
  offline?: boolean
  /** Somebody writes into the shares himself. */
  direct?: boolean
  /** Participants come, go and change their roles. */
  moves?: boolean
  crashes?: boolean
  /** Users bring objects of their own under the same `_id`. */
  brings?: boolean
  deletes?: boolean
  wishes?: boolean
  /** Databases have been compacted: what conflicts come from is not there any more. */
  forgets?: boolean
}

const ALL: Required<Options> = {
  offline: true,
  direct: true,
  moves: true,
  crashes: true,
  brings: true,
  deletes: true,
  wishes: true,
  forgets: true,
}

function stepOf(options: Options): fc.Arbitrary<Step> {
  const kind = <Kind extends string>(text: Kind) => fc.constant(text)
  const some = (isThere: boolean | undefined, weight: number, arbitrary: fc.Arbitrary<Step>) =>
    isThere ? [{ weight, arbitrary }] : []
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: kind('edit'),
        who,
        name,
        back: options.offline ? fc.constantFrom(0, 0, 0, 1, 2) : fc.constant(0),
        time: fc.option(fc.integer({ min: -10, max: 10 }), { freq: 1 }),
        removes: fc.boolean().map((one) => one && options.deletes === true),
      }),
    },
    { weight: 10, arbitrary: fc.record({ kind: kind('gather'), who, follows: fc.boolean() }) },
    {
      weight: 12,
      arbitrary: fc.record({
        kind: kind('perform'),
        who,
        most: fc.oneof(fc.constant(99), fc.integer({ min: 1, max: 4 })),
      }),
    },
    ...some(options.brings, 4, fc.record({ kind: kind('create'), who, name, wishes: fc.array(wish) })),
    ...some(options.deletes, 3, fc.record({ kind: kind('delete'), who })),
    ...some(options.wishes, 5, fc.record({ kind: kind('wish'), who, share, wish })),
    ...some(
      options.direct,
      4,
      fc.record({
        kind: kind('direct'),
        share,
        what: fc.constantFrom('edit' as const, 'push' as const, 'delete' as const),
        name,
      }),
    ),
    ...some(options.crashes, 4, fc.record({ kind: kind('crash'), who })),
    ...some(
      options.moves,
      2,
      fc.record({ kind: kind('role'), who, share, role: fc.constantFrom<Role>('reader', 'writer') }),
    ),
    ...some(
      options.moves,
      1,
      fc.record({
        kind: kind('leave'),
        who,
        share,
        onEnd: fc.constantFrom('keep' as const, 'remove' as const),
      }),
    ),
    ...some(options.moves, 1, fc.record({ kind: kind('join'), who, share })),
    ...some(options.moves, 1, fc.record({ kind: kind('wait'), who, share })),
  )
}

const ONE = { s: 0 }
const TWO = { constructor: 0, s: 0 }
const TWO_OWNERS = { s: 0, t: 1 }

const setting = (options: Options, shares: Record<string, number>): fc.Arbitrary<Setting> =>
  fc.record({
    users: fc.integer({ min: 2, max: 6 }),
    shares: fc.constant(shares),
    keepsAncestors: options.forgets ? fc.boolean() : fc.constant(true),
    steps: fc.array(stepOf(options), { minLength: 1, maxLength: 40, size: 'max' }),
  })

/** The owner shares an object, everybody has it, and then the history begins. */
export function begin(given: Setting): History {
  const history = new History(given)
  const wishes = Object.values(given.shares).map((owner) => (owner === 0 ? true : undefined))
  history.play([{ kind: 'create', who: 0, name: 'a', wishes }])
  history.world.settle()
  return history
}

/** Everybody has the object, and nothing is forgotten on the way. */
const isOrderly = ({ crashes, direct, forgets, moves, brings, deletes, wishes }: Options): boolean =>
  ![crashes, direct, forgets, moves, brings, deletes, wishes].includes(true)

function check(options: Options, shares: Record<string, number> = ONE): void {
  fc.assert(
    fc.property(setting(options, shares), (given) => {
      const history = begin(given).play(given.steps)
      history.world.settle()
      history.assertSettled()
      history.assertNothingLost()
      history.assertReadersSilent()
      if (isOrderly(options) && shares !== TWO) history.assertNothingReturns()
      if (!options.direct && shares !== TWO_OWNERS) history.assertUnreadable()
      for (const share of Object.keys(shares)) {
        history.close(share)
        history.assertClosed(share)
        history.assertNothingLost()
      }
    }),
    { numRuns: RUNS },
  )
}

describe('shares/plan/exchange, any history', () => {
  for (const [what, shares] of [
    ['one share', ONE],
    ['two shares', TWO],
    ['two shares of two owners', TWO_OWNERS],
  ] as const)
    describe(what, () => {
      it('edits', () => check({}, shares))
      it('edits and crashes', () => check({ crashes: true }, shares))
      it('edits and deletions', () => check({ crashes: true, deletes: true }, shares))
      it('changes of what is shared', () => check({ crashes: true, wishes: true }, shares))
      it('edits by people who were offline', () => check({ offline: true }, shares))
      it('edits in the share itself', () => check({ direct: true }, shares))
      it('edits offline and in the share itself', () =>
        check({ crashes: true, direct: true, offline: true, forgets: true }, shares))
      it('objects that users bring', () => check({ crashes: true, brings: true, deletes: true }, shares))
      it('participants who come and go', () => check({ crashes: true, moves: true }, shares))
      it('everything', () => check(ALL, shares))
    })
})
