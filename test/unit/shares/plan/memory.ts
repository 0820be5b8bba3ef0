// A world in memory for plans: a user's object with its conflicts, an outbox, share databases that keep old revisions.
// The oracle in here reads docs/design.md for itself; nothing of it calls the code that it judges.
import { isEmptyBase, type Base } from '../../../../src/shares/model/base.ts'
import type { ObjectDoc, Selection } from '../../../../src/documents/content.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import type { ObjectEffect, ObjectFacts, Standing } from '../../../../src/shares/plan/object-facts.ts'
import { settledObject } from '../../../../src/shares/plan/settled-object.ts'

export const OBJECT = 'todo/1'

/** A share as its owner's objects meet it; a foreign one never changes. */
export type Life = 'none' | 'opening' | 'open' | 'ending' | 'over' | 'foreign'

/** Names of what is shown, `_attachments` standing for attachments; null: no copy. */
export type Shown = true | ReadonlySet<string> | null

const RESERVED = new Set(['$shares', '$state', '$error', '$rejected'])
const isReservedName = (name: string): boolean => name.startsWith('_') || RESERVED.has(name)

/** What one leaf lets a share show, by the rows of "An object's life". */
function shownByLeaf(leaf: ObjectDoc, share: string): Shown {
  const shares = leaf['$shares']
  if (typeof shares !== 'object' || shares === null || Array.isArray(shares)) return null
  const own = Object.entries(shares).find(([id]) => id === share)
  const value: unknown = own?.[1]
  if (value === true) return true
  if (!Array.isArray(value) || value.length > 1000) return null
  const names = value as unknown[]
  if (names.some((name) => typeof name !== 'string' || (isReservedName(name) && name !== '_attachments')))
    return null
  return new Set(names as string[])
}

export const shows = (shown: Shown, name: string): boolean =>
  shown === true || (shown !== null && shown.has(name))

const both = (one: Shown, other: Shown): Shown => {
  if (one === null || other === null) return null
  if (one === true) return other
  return other === true ? one : new Set([...one].filter((name) => other.has(name)))
}

const either = (one: Shown, other: Shown): Shown => {
  if (one === null) return other
  if (other === null) return one
  return one === true || other === true ? true : new Set([...one, ...other])
}

/** What a revision of a copy gives away. */
export interface Revision {
  attributes: Record<string, unknown>
  attachments: string[]
}

const namesOf = ({ attributes, attachments }: Revision): string[] => [
  ...Object.keys(attributes),
  ...(attachments.length > 0 ? ['_attachments'] : []),
]

/** Thrown where somebody else was faster; what is left of a plan is off. */
export class Conflict extends Error {}

interface Leaf {
  /** Oldest first. */
  path: ObjectDoc[]
}

const tip = ({ path }: Leaf): ObjectDoc => path.at(-1)!

/** CouchDB's order: the longer history, then the larger revision. */
const wins = (one: Leaf, other: Leaf): number =>
  one.path.length - other.path.length || (tip(one)._rev < tip(other)._rev ? -1 : 1)

export class Memory {
  #leaves: Leaf[] = []
  #base: Base | null = null
  readonly #copies = new Map<string, ObjectDoc | null>()
  readonly lives = new Map<string, Life>()
  /** Every revision that members of a share can still read. */
  readonly readable = new Map<string, Revision[]>()
  /** What any consent since the last withdrawal allowed a share to show. */
  readonly #allowed = new Map<string, Shown>()
  #count = 0
  writes = 0
  withdrawals = 0

  constructor(lives: Record<string, Life>) {
    for (const [share, life] of Object.entries(lives)) {
      this.lives.set(share, life)
      this.readable.set(share, [])
    }
  }

  get winner(): ObjectDoc | null {
    const [first] = this.#sorted()
    return first ? tip(first) : null
  }

  get leafCount(): number {
    return this.#leaves.length
  }

  #sorted(): Leaf[] {
    return [...this.#leaves].sort(wins).reverse()
  }

  #rev(depth: number, salt: number): string {
    this.#count += 1
    return `${String(depth)}-${String.fromCharCode(97 + (salt % 26))}${String(this.#count).padStart(6, '0')}`
  }

  /** The user writes the whole document; `back` revisions ago where offline, which makes a conflict. */
  write(attributes: Record<string, unknown>, salt = 0, back = 0): void {
    const [first] = this.#sorted()
    const path = first ? first.path.slice(0, Math.max(1, first.path.length - back)) : []
    const doc = { ...attributes, _id: OBJECT, _rev: this.#rev(path.length + 1, salt) } as ObjectDoc
    if (first && path.length === first.path.length) first.path = [...path, doc]
    else this.#leaves.push({ path: [...path, doc] })
    this.#consent()
  }

  delete(): void {
    const [first] = this.#sorted()
    this.#leaves = this.#leaves.filter((leaf) => leaf !== first)
    this.#consent()
  }

  /** A share opens; its database is new. */
  open(share: string): void {
    if (!['none', 'over'].includes(this.lives.get(share) ?? '')) return
    this.lives.set(share, 'open')
    this.readable.set(share, [])
    this.#allowed.set(share, this.shown(share))
  }

  /** A share's database was lost; the new one gets what the outbox has, before the share is open again. */
  lose(share: string): void {
    if (this.lives.get(share) !== 'open') return
    this.lives.set(share, 'opening')
    const copy = this.copy(share)
    this.readable.set(share, copy ? [copy] : [])
  }

  reopen(share: string): void {
    if (this.lives.get(share) !== 'opening') return
    this.lives.set(share, 'open')
    this.#consent()
  }

  /** A share is deleted: the database goes, and the copies. */
  end(share: string): void {
    if (!['open', 'opening'].includes(this.lives.get(share) ?? '')) return
    this.lives.set(share, 'ending')
    this.readable.set(share, [])
    if (this.#copies.get(share)) this.#copies.set(share, null)
  }

  /** All objects were gone through for a share that is ending. */
  over(share: string): void {
    if (this.lives.get(share) === 'ending') this.lives.set(share, 'over')
  }

  /** By the oracle: what the share is to show of the object as it stands now. */
  shown(share: string): Shown {
    if (this.lives.get(share) !== 'open' || this.#leaves.length === 0) return null
    return this.#leaves.map((leaf) => shownByLeaf(tip(leaf), share)).reduce(both)
  }

  /** By the oracle: the copy that there is to be. */
  expectedCopy(share: string): Revision | null {
    const shown = this.shown(share)
    const doc = this.winner
    if (doc === null || shown === null) return null
    return {
      attributes: Object.fromEntries(
        Object.entries(doc).filter(([name]) => !isReservedName(name) && shows(shown, name)),
      ),
      attachments: shows(shown, '_attachments') ? Object.keys(doc._attachments ?? {}) : [],
    }
  }

  copy(share: string): Revision | null {
    const copy = this.#copies.get(share)
    return copy ? content(copy) : null
  }

  /** The base's widest selection for a share; undefined where it has none. */
  base(share: string): Selection | undefined {
    return this.#base && Object.hasOwn(this.#base.shares, share) ? this.#base.shares[share] : undefined
  }

  /** Names that members can read though nothing allows it. */
  leaks(share: string): string[] {
    const shown = this.shown(share)
    return (this.readable.get(share) ?? []).flatMap(namesOf).filter((name) => !shows(shown, name))
  }

  facts(keepsAncestors = true): ObjectFacts {
    const [first, ...others] = this.#sorted()
    const names = new Set([
      ...this.#leaves.flatMap((leaf) => keysOf(tip(leaf)['$shares'])),
      ...Object.keys(this.#base?.shares ?? {}),
    ])
    return structuredClone({
      object: OBJECT,
      doc: first ? tip(first) : null,
      isMissing: false,
      rivals: others.map((leaf) => ({
        leaf: tip(leaf),
        ancestor: keepsAncestors && first ? newestCommon(first, leaf) : null,
      })),
      base: this.#base,
      standings: new Map([...names].map((share) => [share, standingOf(this.lives.get(share) ?? 'none')])),
      copies: new Map([...names].map((share) => [share, this.#copies.get(share) ?? null])),
      exchanges: new Map(),
      clock: { now: 0, updatedAt: UPDATED_AT },
    })
  }

  /** Performs effects in their order. @throws {Conflict} where the facts are no longer true; the rest is off. */
  perform(effects: readonly ObjectEffect[], planned: ReadonlyMap<string, Shown> = new Map()): void {
    let baseRev: string | null | undefined
    for (const effect of effects) {
      this.writes += 1
      switch (effect.kind) {
        case 'put-base': {
          if ((baseRev ?? effect.rev) !== (this.#base?._rev ?? null)) throw new Conflict('base')
          this.#base =
            effect.stage === 'after' && isEmptyBase(effect)
              ? null
              : {
                  _id: `base/${effect.object}`,
                  _rev: this.#rev(1, 0),
                  shares: structuredClone(effect.shares),
                  agreed: structuredClone(effect.agreed),
                }
          baseRev = this.#base?._rev ?? null
          break
        }
        case 'put-copy': {
          const { home, share, content: shown } = effect
          if (home !== 'outbox') throw new Error(`a copy was written into ${share} itself`)
          this.#expect(share, effect.over)
          const { attributes, attachments } = structuredClone(shown)
          const stubs = Object.keys(attachments).length === 0 ? {} : { _attachments: attachments }
          this.#put(share, {
            ...attributes,
            ...stubs,
            _id: `share/${share}/${OBJECT}`,
            _rev: this.#rev(1, 0),
          })
          break
        }
        case 'delete-copy':
          this.#expect(effect.share, effect.over)
          this.#put(effect.share, null)
          break
        case 'withdraw':
          this.withdrawals += 1
          if (this.lives.get(effect.share) !== 'open') break
          this.readable.set(effect.share, [this.copy(effect.share) ?? content(null)])
          this.#allowed.set(effect.share, either(planned.get(effect.share) ?? null, this.shown(effect.share)))
          break
        case 'settle-object': {
          const leaf = this.#leaves.find((one) => tip(one)._rev === effect.doc._rev)
          const settled = settledObject(effect.doc, effect.strip, effect.problems)
          if (!leaf || settled === null) break
          const rev = this.#rev(leaf.path.length + 1, 3)
          leaf.path = [...leaf.path, { ...structuredClone(settled), _rev: rev }]
          this.#consent()
          break
        }
        case 'drop-leaf':
          this.#leaves = this.#leaves.filter((one) => tip(one)._rev !== effect.rev)
          this.#consent()
          break
        case 'drop-copy-leaf':
        case 'keep-loser':
        case 'put-object':
        case 'remove-object':
        case 'report':
          throw new Error(`${effect.kind} is not for shares that go one way`)
        default:
          effect satisfies never
      }
    }
  }

  #expect(share: string, over: ObjectDoc | null): void {
    if ((this.#copies.get(share)?._rev ?? null) !== (over?._rev ?? null)) throw new Conflict('copy')
  }

  /** A revision of a copy lands, and the replication carries it at once: the worst case. */
  #put(share: string, copy: ObjectDoc | null): void {
    this.#copies.set(share, copy)
    const life = this.lives.get(share)
    if (life !== 'open' && !(life === 'opening' && copy === null))
      throw new Error(`a copy was written for ${share}, which is not open`)
    const revision = content(copy)
    for (const name of namesOf(revision))
      if (!shows(this.#allowed.get(share) ?? null, name))
        throw new Error(`${share} was shown ${name}, which no consent allowed since the last withdrawal`)
    this.readable.get(share)?.push(revision)
  }

  #consent(): void {
    for (const share of this.lives.keys())
      this.#allowed.set(share, either(this.#allowed.get(share) ?? null, this.shown(share)))
  }
}

const content = (copy: ObjectDoc | null): Revision => ({
  attributes: Object.fromEntries(Object.entries(copy ?? {}).filter(([name]) => !name.startsWith('_'))),
  attachments: Object.keys(copy?._attachments ?? {}),
})

const keysOf = (shares: unknown): string[] =>
  typeof shares === 'object' && shares !== null && !Array.isArray(shares) ? Object.keys(shares) : []

function newestCommon(one: Leaf, other: Leaf): ObjectDoc | null {
  const known = new Set(other.path.map(({ _rev }) => _rev))
  return one.path.toReversed().find(({ _rev }) => known.has(_rev)) ?? null
}

const standingOf = (life: Life): Standing => {
  if (life === 'open' || life === 'opening' || life === 'ending' || life === 'foreign') return life
  return 'absent'
}
