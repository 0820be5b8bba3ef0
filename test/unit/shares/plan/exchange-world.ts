// One object of an owner, the shares that it is in, and everybody who takes part, in memory: databases with revisions,
// a lane for each user that gathers, plans and writes, and may stop anywhere between.
import { isEmptyBase, type Base } from '../../../../src/shares/model/base.ts'
import { heldBy } from '../../../../src/shares/model/history.ts'
import { parseConsents, type Content, type ObjectDoc } from '../../../../src/documents/content.ts'
import type { Problem } from '../../../../src/documents/problem.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import type { ExchangeFacts } from '../../../../src/shares/plan/exchange-facts.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect, ObjectFacts } from '../../../../src/shares/plan/object-facts.ts'
import { settledObject } from '../../../../src/shares/plan/settled-object.ts'
import { Conflict, Tree } from './revisions.ts'

export const OBJECT = 'todo/1'
export const NOW = Date.parse('2024-06-01T12:00:00Z')

export type Role = ExchangeFacts['role']

/** A user's part in a share; `ended` stands for one that is over, and for one that never was. */
export interface Part {
  role: Role
  phase: ExchangeFacts['phase'] | 'ended'
  onEnd: 'keep' | 'remove'
}

export class User {
  readonly name: string
  readonly tree = new Tree(OBJECT)
  base: Base | null = null
  readonly parts = new Map<string, Part>()
  readonly rejected = new Map<string, Problem['code']>()
  /** What was planned and has not landed yet. */
  pending: ObjectEffect[] = []
  /** Nothing that rests on a write that failed lands. */
  isBlocked = false
  /** Contents that were put aside. */
  readonly kept: Content[] = []
  /** What the lane saw when it planned that. */
  seen: ObjectFacts | null = null

  constructor(name: string) {
    this.name = name
  }
}

/** The order in which the kinds of effects land. */
const STAGES: ((effect: ObjectEffect) => boolean)[] = [
  (effect) => effect.kind === 'put-base' && effect.stage === 'before',
  ({ kind }) => kind === 'keep-loser',
  ({ kind }) => ['put-copy', 'delete-copy', 'drop-copy-leaf'].includes(kind),
  ({ kind }) => ['put-object', 'remove-object'].includes(kind),
  ({ kind }) => kind === 'withdraw',
  (effect) => effect.kind === 'put-base' && effect.stage === 'after',
  ({ kind }) => ['settle-object', 'drop-leaf', 'report'].includes(kind),
]

export class World {
  readonly users: User[]
  readonly homes = new Map<string, Tree>()
  readonly #owners = new Map<string, User>()
  /** All that members of a share can still read. */
  readonly readable = new Map<string, Record<string, unknown>[]>()
  /** Contents that gave way in a share. */
  readonly kept: Content[] = []
  /** Values that were taken out of a share, with a report of it. */
  readonly reported = new Set<unknown>()
  writes = 0
  /** Whether databases still have what conflicts come from. */
  readonly #keepsAncestors: boolean

  /** @param shares by their ids, which of the users owns them */
  constructor(count: number, shares: Readonly<Record<string, number>>, { keepsAncestors = true } = {}) {
    Tree.restart()
    this.#keepsAncestors = keepsAncestors
    this.users = Array.from({ length: count }, (_, index) => new User(`user${index}`))
    for (const [share, owner] of Object.entries(shares)) {
      this.homes.set(share, new Tree(`share/${share}/${OBJECT}`))
      this.readable.set(share, [])
      this.#owners.set(share, this.users[owner]!)
      for (const user of this.users)
        user.parts.set(share, {
          role: user === this.owner(share) ? 'owner' : 'writer',
          phase: 'active',
          onEnd: 'remove',
        })
    }
  }

  owner(share: string): User {
    return this.#owners.get(share)!
  }

  home(share: string): Tree {
    return this.homes.get(share)!
  }

  /** What a user's lane sees. @param followed the shares that it was told of, beside those that it knows of */
  facts(user: User, followed: Iterable<string> = this.homes.keys()): ObjectFacts {
    const doc = user.tree.winner
    const rivals = doc === null ? [] : user.tree.rivals
    const named = [doc, ...rivals.map(({ leaf }) => leaf)].flatMap((leaf) => {
      const consents = parseConsents(leaf?.['$shares'])
      return consents.kind === 'keys' ? [...consents.keys.keys()] : []
    })
    const shares = new Set([
      ...named,
      ...Object.keys(user.base?.shares ?? {}),
      ...Object.keys(user.base?.agreed ?? {}),
      ...followed,
    ])
    const exchanged = [...shares].filter((share) => {
      const part = user.parts.get(share)
      return part !== undefined && part.phase !== 'ended'
    })
    return structuredClone({
      object: OBJECT,
      doc,
      isMissing: user.tree.isEmpty,
      rivals: this.#keepsAncestors ? rivals : rivals.map(({ leaf }) => ({ leaf, ancestor: null })),
      base: user.base,
      standings: new Map(
        [...shares].filter((one) => !exchanged.includes(one)).map((one) => [one, 'foreign' as const]),
      ),
      copies: new Map(),
      exchanges: new Map(exchanged.map((share) => [share, this.#exchange(user, share)])),
      clock: { now: NOW, updatedAt: UPDATED_AT },
    })
  }

  #exchange(user: User, share: string): ExchangeFacts {
    const { role, phase, onEnd } = user.parts.get(share) ?? { role: 'reader', phase: 'ending', onEnd: 'keep' }
    const home = this.home(share)
    const leaf = home.winner
    const owner = this.owner(share)
    const agreed = own(owner.base?.agreed, share)
    const rivals = role === 'owner' ? home.rivals : []
    return {
      share,
      role,
      phase: phase === 'ended' ? 'ending' : phase,
      onEnd,
      home:
        leaf === null
          ? { kind: home.isEmpty ? 'none' : 'deleted' }
          : {
              kind: 'live',
              leaf,
              rivals: rivals.map((one) => one.leaf),
              ...(this.#keepsAncestors
                ? { ancestors: rivals.map(({ ancestor }) => ancestor && heldBy(ancestor)) }
                : {}),
            },
      limit: (role === 'owner' ? null : agreed?.limit) ?? own(owner.base?.shares, share) ?? null,
      ...(agreed?.state === 'unshared' ? { isUnshared: true } : {}),
      bounds: null,
      rejected: user.rejected.get(share) ?? null,
      owner: owner.name,
    }
  }

  /** A user's lane looks, and plans. */
  gather(user: User, followed?: Iterable<string>): void {
    user.seen = this.facts(user, followed)
    const effects = planObject(user.seen)
    user.pending = STAGES.flatMap((isOfStage) => effects.filter(isOfStage))
    user.isBlocked = false
  }

  /** The next effects of a user's plan land. */
  perform(user: User, most = Infinity): void {
    for (let count = 0; count < most && user.pending.length > 0; count += 1) {
      const effect = user.pending.shift()!
      try {
        this.#land(user, effect)
      } catch (error) {
        if (!(error instanceof Conflict)) throw error
        user.isBlocked = true
      }
    }
  }

  #land(user: User, effect: ObjectEffect): void {
    this.writes += 1
    switch (effect.kind) {
      case 'put-base': {
        if (effect.stage === 'after' && user.isBlocked) return
        const { shares, agreed } = structuredClone(effect)
        const base = { _id: `base/${OBJECT}`, shares, agreed }
        user.base = effect.stage === 'after' && isEmptyBase(base) ? null : base
        return
      }
      case 'put-copy':
        if (effect.home !== 'share') throw new Error('Expected copies to be written into the share')
        this.#putCopy(user, effect)
        return
      case 'delete-copy':
        if (effect.over === null) throw new Error('Expected a copy to be there')
        this.home(effect.share).put(effect.over._rev, null)
        this.#lose(user, effect.share, effect.over, null)
        return
      case 'drop-copy-leaf': {
        const home = this.home(effect.share)
        // The winner may have gone just before, and this have taken its place.
        const dropped = [home.winner, ...home.rivals.map(({ leaf }) => leaf)].find(
          (leaf) => leaf?._rev === effect.rev,
        )
        if (dropped) this.#lose(user, effect.share, dropped, null)
        home.put(effect.rev, null)
        return
      }
      case 'keep-loser':
        if (effect.share === null) user.kept.push(effect.content)
        else this.#show(effect.share, effect.content.attributes)
        if (effect.share !== null && !this.#isWithdrawing(user, effect.share)) this.kept.push(effect.content)
        return
      case 'put-object':
        if (!user.isBlocked) user.tree.put(effect.over?._rev ?? null, plain(effect.doc))
        return
      case 'remove-object':
        if (!user.isBlocked) user.tree.put(effect.rev, null)
        return
      case 'withdraw': {
        if (user.isBlocked) return
        const { winner, rivals } = this.home(effect.share)
        const left = [winner, ...rivals.map(({ leaf }) => leaf)].flatMap((leaf) =>
          leaf ? [plain(leaf)] : [],
        )
        this.readable.set(effect.share, left)
        return
      }
      case 'settle-object': {
        if (user.isBlocked) return
        const settled = settledObject(effect.doc, effect.strip, effect.problems)
        if (settled) user.tree.put(effect.doc._rev, plain(settled))
        return
      }
      case 'drop-leaf':
        if (user.isBlocked) return
        if (effect.content) user.kept.push(effect.content)
        user.tree.put(effect.rev, null)
        return
      case 'report':
        if (effect.problem) user.rejected.set(effect.share, effect.problem.code)
        else user.rejected.delete(effect.share)
        return
      default:
        effect satisfies never
    }
  }

  /** What is put aside in a share whose old revisions go goes with them. */
  #isWithdrawing(user: User, share: string): boolean {
    return user.pending.some((effect) => effect.kind === 'withdraw' && effect.share === share)
  }

  #putCopy(user: User, effect: Extract<ObjectEffect, { kind: 'put-copy' }>): void {
    const { share, content, over } = effect
    const { role, limit } = user.seen!.exchanges.get(share)!
    if (role === 'reader') throw new Error(`${user.name} wrote into ${share}, which he may only read`)
    // An owner brings the leaves of a copy together, be it his own object's or not.
    const there = role === 'owner' ? this.home(share).rivals.map(({ leaf }) => leaf) : []
    for (const name of Object.keys(content.attributes)) {
      const isNew = ![over, ...there].some((leaf) => Object.hasOwn(leaf ?? {}, name))
      const isGiven = shows(givenTo(effect.from, share, role === 'owner' ? [] : true), name)
      if (isNew && !(isGiven && (role === 'owner' || shows(limit ?? true, name))))
        throw new Error(`${user.name} wrote ${name} into ${share}, which nobody allowed`)
    }
    this.home(share).put(over?._rev ?? null, { ...content.attributes })
    this.#show(share, content.attributes)
    if (over) this.#lose(user, share, over, content)
  }

  #show(share: string, attributes: Record<string, unknown>): void {
    this.readable.get(share)!.push(structuredClone(attributes))
  }

  /** A client writes into a share himself, as it was `back` revisions ago. */
  writeDirectly(share: string, over: string, attributes: Record<string, unknown> | null): void {
    this.home(share).push(over, attributes)
    if (attributes) this.#show(share, attributes)
  }

  /** What somebody takes out of a share goes with a report of it, or is a loss. */
  #lose(user: User, share: string, over: ObjectDoc, content: Content | null): void {
    const code = [...user.pending].flatMap((effect) =>
      effect.kind === 'report' && effect.share === share ? [effect.problem?.code ?? null] : [],
    )
    const isReported = ['not_shared_by_owner', 'unshared_attributes'].includes(
      code[0] ?? user.rejected.get(share) ?? '',
    )
    if (!isReported) return
    for (const [name, value] of Object.entries(over))
      if (content?.attributes[name] !== value) this.reported.add(value)
  }

  /** Who waited goes on; who had to go, and has nothing left to do, is out. @returns whether that is new */
  finish(user: User): boolean {
    let isChanged = false
    for (const [share, part] of user.parts) {
      if (part.phase === 'active' || part.phase === 'ended') continue
      if (part.phase === 'closing') this.homes.set(share, new Tree(`share/${share}/${OBJECT}`))
      part.phase = part.phase === 'waiting' ? 'active' : 'ended'
      isChanged = true
    }
    return isChanged
  }

  /** A share ends: the owner takes in what is there, and the database goes; everybody else is out. */
  close(share: string): void {
    for (const { parts } of this.users) {
      const part = parts.get(share)!
      if (part.phase === 'ended') continue
      part.phase = part.role === 'owner' ? 'closing' : 'ending'
    }
    for (const user of this.users) user.pending = []
  }

  /** Everybody looks, and lands all of it, until nobody has anything to do. @returns the number of rounds */
  settle(most = 12): number {
    for (let round = 0; round < most; round += 1) {
      let isQuiet = true
      for (const user of this.users) if (this.settleUser(user) > 0 || this.finish(user)) isQuiet = false
      if (isQuiet) return round
    }
    throw new Error(
      `Expected nothing to do after ${most} rounds, got ${JSON.stringify(this.users.map((user) => planObject(this.facts(user))))}`,
    )
  }

  /**
   * One turn of a user: plans and lands until there is nothing to do. What one share brings, each other one is told: the
   * more shares, the longer it takes. @returns 0 where there was nothing
   */
  settleUser(user: User, most = 2 + 6 * this.homes.size): number {
    const left = user.pending.length
    this.perform(user)
    for (let turn = 0; turn < most; turn += 1) {
      this.gather(user)
      if (user.pending.length === 0) return turn + left
      this.perform(user)
    }
    throw new Error(
      `Expected ${user.name} to come to an end, got ${JSON.stringify(planObject(this.facts(user)))}`,
    )
  }
}

type Names = true | readonly string[]

const shows = (names: Names, name: string): boolean => names === true || names.includes(name)

/** What an object gives to a share, by the rows of "An object's life". @param absent where it says nothing of it */
function givenTo(doc: ObjectDoc, share: string, absent: Names): Names {
  const shares = doc['$shares']
  if (typeof shares !== 'object' || shares === null || !Object.hasOwn(shares, share)) return absent
  const wish = (shares as Record<string, unknown>)[share]
  return wish === true || Array.isArray(wish) ? (wish as Names) : []
}

const own = <Value>(record: Record<string, Value> | undefined, key: string): Value | undefined =>
  record && Object.hasOwn(record, key) ? record[key] : undefined

const plain = (doc: ObjectDoc): Record<string, unknown> =>
  Object.fromEntries(Object.entries(doc).filter(([name]) => name !== '_id' && name !== '_rev'))
