// The registry: who owns which share, who takes part in it, and how far each life has come.
import { randomUUID } from 'node:crypto'
import isEqual from 'lodash/isEqual.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { pagesOf } from '../couch/pages.ts'
import type { Right } from './model/access.ts'
import { claimedEntry, parseEntry, type ShareEntry } from './model/entry.ts'
import {
  entryId,
  REGISTRY,
  shareOfEntry,
  subscriptionEntryId,
  subscriptionRange,
} from '../documents/names.ts'
import type { Problem } from '../documents/problem.ts'
import { withRejection } from '../documents/rejected.ts'
import { newSubscriptionEntry, parseSubscriptionEntry, type SubscriptionEntry } from './model/subscription.ts'
import { SHARE_ENDED, type SubscriptionChange } from './plan/subscription.ts'
import { isOtherPart, overNewest, type Basis } from './entry-changes.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { EntryChange } from './plan/share-facts.ts'

const PAGE = 500

/** The registry's documents of shares and subscriptions. */
export class Registry {
  readonly #database: Database
  readonly #ownWrites: OwnWrites
  readonly #now: () => number

  constructor(couch: Couch, ownWrites: OwnWrites, now: () => number) {
    this.#database = couch.database(REGISTRY)
    this.#ownWrites = ownWrites
    this.#now = now
  }

  /** The entries of shares, by id; those that have none are left out. */
  async entries(shares: string[]): Promise<Map<string, ShareEntry>> {
    const rows = await this.#database.fetch(shares.map(entryId))
    return byShare(rows.map(({ doc }) => doc))
  }

  async entry(share: string): Promise<ShareEntry | null> {
    return parseEntry(await this.#database.get(entryId(share)))
  }

  /** The ids of all shares that the owner of a user database has or had. */
  async sharesOf(database: string): Promise<string[]> {
    const rows = await this.#database.view('shares', 'by_owner', [database])
    return rows.flatMap(({ id }) => shareOfEntry(id) ?? [])
  }

  /** The ids of all shares, not ended, whose `access` names one of these users. */
  async sharesNaming(names: string[]): Promise<string[]> {
    const rows = await this.#database.view('shares', 'by_name', names)
    return [...new Set(rows.flatMap(({ id }) => shareOfEntry(id) ?? []))]
  }

  /** The ids of all shares that one of these user databases takes, took, or may take part in. */
  async subscriptionsOf(databases: readonly string[]): Promise<string[]> {
    const rows = await this.#database.view<string>('shares', 'subscriptions_of', databases)
    return [...new Set(rows.map(({ value }) => value))]
  }

  /** One user's part in each of these shares, by share; those that have none are left out. */
  async subscriptions(shares: string[], subscriber: string): Promise<Map<string, SubscriptionEntry>> {
    const rows = await this.#database.fetch(shares.map((share) => subscriptionEntryId(share, subscriber)))
    return new Map(
      rows.flatMap(({ doc }) => parseSubscriptionEntry(doc) ?? []).map((entry) => [entry.share, entry]),
    )
  }

  async subscription(share: string, subscriber: string): Promise<SubscriptionEntry | null> {
    return parseSubscriptionEntry(await this.#database.get(subscriptionEntryId(share, subscriber)))
  }

  /** Everybody who takes, took, or may take part in a share. */
  async participants(share: string): Promise<SubscriptionEntry[]> {
    const rows = await this.#database.range({ ...subscriptionRange(share), includeDocs: true })
    return rows.flatMap(({ doc }) => parseSubscriptionEntry(doc) ?? [])
  }

  /** The entries of all shares, a page at a time. */
  async *all(): AsyncGenerator<Map<string, ShareEntry>> {
    for await (const docs of this.#pages('share/', 'share0')) yield byShare(docs)
  }

  /** The entries of all subscriptions, a page at a time. */
  async *allSubscriptions(): AsyncGenerator<SubscriptionEntry[]> {
    for await (const docs of this.#pages('subscription/', 'subscription0'))
      yield docs.flatMap((doc) => parseSubscriptionEntry(doc) ?? [])
  }

  /** Makes an id an owner's; false where somebody else was faster. */
  async claim(share: string, owner: string, database: string): Promise<boolean> {
    const isWritten = await this.#put({ ...claimedEntry(share, owner, database, this.#time()) })
    return isWritten || (await this.entry(share))?.database === database
  }

  /**
   * Changes a share's entry; where it says all that already, nothing is written.
   * @param basis what was read when that was planned; absent: the change is right whatever the entry says
   * @returns false where the entry says something else by now, and nothing was written
   */
  async change(share: string, change: EntryChange, basis: Basis = {}): Promise<boolean> {
    for (;;) {
      const entry = await this.entry(share)
      if (entry === null) throw new CouchFault('not_found', REGISTRY, `no entry for share ${share}`)
      const now = overNewest(entry, change, basis)
      if (now === null) return false
      if (await this.#putChanged(entry, now)) return true
    }
  }

  /** Whether what was planned from an entry is still to be done. */
  async isAsPlanned(share: string, basis: Basis): Promise<boolean> {
    if (!basis.read) return true
    const entry = await this.entry(share)
    return entry !== null && overNewest(entry, {}, basis) !== null
  }

  /**
   * Has a share database made anew. Under a name of its own, for another daemon may be at that: what is ordered meanwhile is
   * done once more.
   * @returns that name
   */
  async orderRotation(share: string, more: EntryChange = {}, basis: Basis = {}): Promise<string> {
    const closing = randomUUID()
    await this.change(share, { ...more, rotate: true, closing }, basis)
    return closing
  }

  /**
   * Changes a subscription's entry, or makes one; where it says all that already, nothing is written.
   * @param read what was read when that was planned; absent: the change is right whatever the entry says
   * @returns what it says now; null where it says something else by now, and nothing was written
   */
  async changeSubscription(
    share: string,
    subscriber: string,
    database: string,
    change: SubscriptionChange,
    read?: SubscriptionEntry | null,
  ): Promise<SubscriptionEntry | null> {
    const joins = change.state === 'active' ? { joinedAt: this.#time() } : {}
    for (;;) {
      const there = await this.subscription(share, subscriber)
      if (read !== undefined && isOtherPart(there, read)) return null
      const entry = there ?? newSubscriptionEntry(share, subscriber, database, this.#time())
      if (await this.#putChanged(entry, { ...change, ...joins }))
        return { ...entry, ...(change as Partial<SubscriptionEntry>) }
    }
  }

  /**
   * Writes down what each user was given by name in a share, and has everybody concerned look at it again.
   * @param databaseOf the user database of a hash
   * @returns whose entries have changed
   */
  async enlist(
    share: string,
    granted: Record<string, Right>,
    databaseOf: (subscriber: string) => string,
  ): Promise<string[]> {
    for (;;) {
      const there = new Map((await this.participants(share)).map((entry) => [entry.subscriber, entry]))
      const subscribers = new Set([...there.keys(), ...Object.keys(granted)])
      const changed = [...subscribers].flatMap((subscriber): SubscriptionEntry[] => {
        const entry =
          there.get(subscriber) ??
          newSubscriptionEntry(share, subscriber, databaseOf(subscriber), this.#time())
        const right = Object.hasOwn(granted, subscriber) ? granted[subscriber] : undefined
        if (entry.granted === right) return []
        const { granted: _, ...rest } = entry
        return [{ ...rest, ...(right ? { granted: right } : {}), due: true, updatedAt: this.#time() }]
      })
      if (await this.#putAll(changed)) return changed.map(({ subscriber }) => subscriber)
    }
  }

  /**
   * Has everybody who takes part in a share, or may, look at it again. Where the share ends, their parts do with it: it
   * may be there again when they look.
   * @returns who that is
   */
  async tellParticipants(share: string): Promise<string[]> {
    const state = (await this.entry(share))?.state
    const isOver = state === 'ending' || state === 'ended'
    for (;;) {
      const concerned = (await this.participants(share)).filter((entry) => entry.state !== 'ended')
      const told = concerned.map((entry): SubscriptionEntry => ({
        ...entry,
        ...(isOver && entry.state === 'active' ? { state: 'ending', reason: SHARE_ENDED } : {}),
        due: true,
      }))
      if (await this.#putAll(told.filter((entry, at) => !isEqual(entry, concerned[at]))))
        return concerned.map(({ subscriber }) => subscriber)
    }
  }

  /** Has everybody who takes part in a share compare all with it, when it is in place. */
  async pauseParticipants(share: string): Promise<void> {
    for (;;) {
      const active = (await this.participants(share)).filter(({ state }) => state === 'active')
      const paused = active.filter((entry) => !entry.paused)
      if (await this.#putAll(paused.map((entry) => ({ ...entry, paused: true, due: true })))) return
    }
  }

  /**
   * Lists a document as rejected, or takes it off the list: the owner's where there is no subscriber. The user's own
   * document has to tell of it.
   */
  async reject(
    share: string,
    subscriber: string | null,
    reports: ReadonlyMap<string, Problem | null>,
  ): Promise<void> {
    for (;;) {
      const entry = subscriber === null ? await this.entry(share) : await this.subscription(share, subscriber)
      if (entry === null) return
      const at = this.#time()
      const list = [...reports].reduce(
        (rejected, [document, found]) => withRejection(rejected, document, found, at),
        entry.rejected ?? [],
      )
      if (isEqual(list, entry.rejected ?? [])) return
      const rejected = list.length === 0 ? undefined : list
      if (await this.#putChanged(entry, { rejected, due: true })) return
    }
  }

  /** False in a conflict: to be read and changed again. */
  async #putChanged(
    entry: ShareEntry | SubscriptionEntry,
    change: EntryChange | SubscriptionChange,
  ): Promise<boolean> {
    const there: Record<string, unknown> = { ...entry }
    const isThere = Object.entries(change).every(
      ([key, value]) => JSON.stringify(there[key]) === JSON.stringify(value),
    )
    if (isThere && entry._rev !== undefined) return true
    const changed = Object.entries({ ...entry, ...change, updatedAt: this.#time() })
    return this.#put({
      ...Object.fromEntries(changed.filter(([, value]) => value !== undefined)),
      _id: entry._id,
    })
  }

  async #put(doc: Doc): Promise<boolean> {
    return this.#putAll([doc])
  }

  /** @throws {CouchFault} `forbidden` for a refusal that is no conflict */
  async #putAll(docs: (Doc | SubscriptionEntry)[]): Promise<boolean> {
    const written = await this.#database.bulk(docs.map((doc): Doc => ({ ...doc })))
    for (const row of written) {
      if (row.ok) this.#ownWrites.add(REGISTRY, row.id, row.rev)
      else if (row.error !== 'conflict') throw new CouchFault('forbidden', REGISTRY, row.reason)
    }
    return written.every(({ ok }) => ok)
  }

  async *#pages(startKey: string, endKey: string): AsyncGenerator<StoredDoc[]> {
    const range = { startKey, endKey, limit: PAGE, includeDocs: true }
    for await (const rows of pagesOf(this.#database, range)) yield rows.flatMap(({ doc }) => doc ?? [])
  }

  #time(): string {
    return new Date(this.#now()).toISOString()
  }
}

function byShare(docs: (Record<string, unknown> | null)[]): Map<string, ShareEntry> {
  const entries = docs.flatMap((doc) => parseEntry(doc) ?? [])
  return new Map(entries.map((entry) => [shareOfEntry(entry._id) ?? '', entry]))
}
