// How much somebody may write into a share that everybody may write into, and how much others have brought there.
import { parseBase } from '../model/base.ts'
import { writersOf, type ShareEntry } from '../model/entry.ts'
import { rightOf, type SubscriptionEntry } from '../model/subscription.ts'
import type { Database } from '../../couch/database.ts'
import { pagesOf } from '../../couch/pages.ts'
import { own } from '../../documents/own.ts'
import type { Bounds } from '../plan/exchange-facts.ts'
import type { Deps } from '../deps.ts'
import { baseId, BASES_END } from '../model/ids.ts'

/** How many objects an author has brought into a share, counted when somebody asks. */
export class Brought {
  readonly #outbox: Database
  readonly #counts = new Map<string, number>()

  constructor(outbox: Database) {
    this.#outbox = outbox
  }

  /**
   * The next one is counted in for whoever asks after it.
   * @param isMine those that the author brought, or those that others did
   */
  async count(share: string, isMine: boolean): Promise<number> {
    const counted = this.#counts.get(share) ?? (await this.#read(share, isMine))
    this.#counts.set(share, counted + 1)
    return counted
  }

  async #read(share: string, isMine: boolean): Promise<number> {
    let count = 0
    const range = { startKey: baseId(''), endKey: BASES_END, limit: 500, includeDocs: true }
    for await (const rows of pagesOf(this.#outbox, range)) {
      const agreed = rows.flatMap(({ doc }) => own(parseBase(doc)?.agreed, share) ?? [])
      count += agreed.filter(({ state, mine }) => state === 'both' && (mine === true) === isMine).length
    }
    return count
  }
}

/** The limits of somebody who writes only because everybody may. */
export async function boundsOf(
  { allowance, limits }: Pick<Deps, 'allowance' | 'limits'>,
  entry: ShareEntry | undefined,
  subscription: SubscriptionEntry | undefined,
  brought: Brought,
  isNew: boolean,
): Promise<Bounds | null> {
  if (!entry || !subscription || subscription.granted === 'write') return null
  if (rightOf(entry, subscription) !== 'write') return null
  const objects = isNew ? await brought.count(subscription.share, true) : 0
  return { ...limits, objects, isTooFast: allowance.left(subscription._id) < 1 }
}

/** Into a share that everybody may write into, its writers and guests bring so many objects, all together. */
export async function isFull(
  { limits }: Pick<Deps, 'limits'>,
  share: string,
  entry: ShareEntry | undefined,
  database: string,
  brought: Brought,
): Promise<boolean> {
  if (entry?.database !== database || entry.access?.write !== true) return false
  return (await brought.count(share, false)) >= limits.mostObjects * writersOf(entry)
}
