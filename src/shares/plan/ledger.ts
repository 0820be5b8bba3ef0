// What a base says of an object before and after everything else that is planned for it.
import type { Agreed, Base } from '../model/base.ts'
import type { Histories } from '../model/history.ts'
import { covers, unite, type Selection } from '../../documents/content.ts'
import { isSameJson } from '../../documents/same-json.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { ExchangePlan } from './exchange-plan.ts'
import type { ObjectEffect, ObjectFacts } from './object-facts.ts'

/** What a base says before and after the other effects. */
export class Ledger {
  readonly #base: Base | null
  readonly #shares: Record<'before' | 'after', Record<string, Selection>>
  readonly #agreed: Record<'before' | 'after', Record<string, Agreed>>
  readonly #hidden: string[] = []

  constructor(base: Base | null) {
    this.#base = base
    this.#shares = { before: { ...base?.shares }, after: { ...base?.shares } }
    this.#agreed = { before: { ...base?.agreed }, after: { ...base?.agreed } }
  }

  widest(share: string): Selection | undefined {
    return this.#base && Object.hasOwn(this.#base.shares, share) ? this.#base.shares[share] : undefined
  }

  agreed(share: string): Agreed | null {
    return this.#base && Object.hasOwn(this.#base.agreed, share) ? (this.#base.agreed[share] ?? null) : null
  }

  /** What will be agreed with a share, as far as that is planned. */
  next(share: string): Agreed | null {
    return Object.hasOwn(this.#agreed.after, share) ? (this.#agreed.after[share] ?? null) : null
  }

  /** Whether the object came, or comes, from such a share, other than this one. */
  hasReceived(
    share: string,
    isSuch: (exchange: ExchangeFacts) => boolean,
    exchanges: ObjectFacts['exchanges'],
  ): boolean {
    return Object.entries(this.#agreed.after).some(([other, { state, mine }]) => {
      const exchange = exchanges.get(other)
      return other !== share && state === 'both' && !mine && exchange !== undefined && isSuch(exchange)
    })
  }

  /** A share shows a selection from now on. @returns whether something of it has to be withdrawn */
  show(share: string, selection: Selection, old: Selection | undefined): boolean {
    this.#shares.before[share] = old === undefined ? selection : unite(old, selection)
    this.#shares.after[share] = selection
    return old !== undefined && !covers(selection, old)
  }

  /** @param hasCopy false where no copy is written over, so that one that another daemon brings meanwhile would not be seen */
  hide(share: string, hasCopy = true): void {
    if (!hasCopy && Object.hasOwn(this.#shares.after, share)) this.#hidden.push(share)
    delete this.#shares.after[share]
  }

  agree(share: string, { before, after }: ExchangePlan): void {
    if (before) this.#agreed.before[share] = before
    if (after) this.#agreed.after[share] = after
    else delete this.#agreed.after[share]
  }

  /** While something is withdrawn, now or in the next pass, nobody else is to bring it back. */
  limit(share: string, selection: Selection, until?: 'until withdrawn'): void {
    const of = (stage: 'before' | 'after'): Agreed | undefined =>
      Object.hasOwn(this.#agreed[stage], share) ? this.#agreed[stage][share] : undefined
    const [before, after] = [of('before'), of('after')]
    if (before) this.#agreed.before[share] = { ...before, limit: selection }
    if (after) this.#agreed.after[share] = until ? { ...after, limit: selection } : withoutLimit(after)
  }

  /** The object has, or had, to do with a copy. */
  get isRelated(): boolean {
    return Object.values({ ...this.#agreed.before, ...this.#agreed.after }).some(
      ({ state }) => state !== 'unrelated',
    )
  }

  effects(object: string, stage: 'before' | 'after', seen: () => Histories): ObjectEffect[] {
    const [shares, agreed] = [this.#shares[stage], this.#agreed[stage]]
    const there =
      stage === 'before'
        ? { shares: this.#base?.shares ?? {}, agreed: this.#base?.agreed ?? {} }
        : { shares: this.#shares.before, agreed: this.#agreed.before }
    if (isSameJson({ shares, agreed }, { shares: there.shares, agreed: there.agreed })) return []
    const rev = this.#base?._rev ?? null
    const hidden = stage === 'after' && this.#hidden.length > 0 ? { hidden: this.#hidden } : {}
    return [{ kind: 'put-base', object, shares, agreed, rev, stage, ...hidden, seen: seen() }]
  }
}

function withoutLimit({ limit: _, ...agreed }: Agreed): Agreed {
  return agreed
}
