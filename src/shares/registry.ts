// The registry: who owns which share, who takes part in it, and how far each life has come.
import { randomUUID } from 'node:crypto'
import isEqual from 'lodash/isEqual.js'
import type { Databases } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import type { Right } from './model/access.ts'
import { claimedEntry, parseEntry, type ShareEntry } from './model/entry.ts'
import { REGISTRY } from '../documents/names.ts'
import type { Problem } from '../documents/problem.ts'
import { withRejection, type Rejection } from '../documents/rejected.ts'
import { newSubscriptionEntry, parseSubscriptionEntry, type SubscriptionEntry } from './model/subscription.ts'
import { SHARE_ENDED, type SubscriptionChange } from './plan/subscription.ts'
import { isOtherPart, overNewest, type Basis } from './entry-changes.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import { Store } from '../engine/store.ts'
import type { EntryChange } from './plan/share-facts.ts'
import { entryId, shareOfEntry, subscriptionEntryId, subscriptionRange } from './model/ids.ts'

/** Entries of shares, and one user's part in each, by share; what is not there is left out. */
export interface SharesWithParts {
  entries: Map<string, ShareEntry>
  subscriptions: Map<string, SubscriptionEntry>
}

/** The entry of one share, and one user's part in it. */
export interface ShareWithPart {
  entry: ShareEntry | null
  subscription: SubscriptionEntry | null
}

/** The registry's documents of shares and subscriptions. */
export class Registry {
  /** For views. */
  readonly #database: Database
  readonly #shares: Store<ShareEntry>
  /** What each user has to do with each share. */
  readonly #parts: Store<SubscriptionEntry>
  readonly #now: () => number

  constructor(couch: Pick<Databases, 'database'>, ownWrites: OwnWrites, now: () => number) {
    const database = couch.database(REGISTRY)
    this.#database = database
    this.#shares = new Store({ database, parse: parseEntry, ownWrites, now })
    this.#parts = new Store({ database, parse: parseSubscriptionEntry, ownWrites, now })
    this.#now = now
  }

  /** The entries of shares, by id; those that have none are left out. */
  async entries(shares: string[]): Promise<Map<string, ShareEntry>> {
    return byShare(await this.#shares.many(shares.map(entryId)))
  }

  async entry(share: string): Promise<ShareEntry | null> {
    return this.#shares.get(entryId(share))
  }

  /** The ids of all shares that the owner of a user database has or had. */
  async sharesOf(database: string): Promise<string[]> {
    return (await this.sharesOfEach([database])).get(database) ?? []
  }

  /** The same of many, by database; those without shares are left out. */
  async sharesOfEach(databases: readonly string[]): Promise<Map<string, string[]>> {
    const shares = new Map<string, string[]>()
    if (databases.length === 0) return shares
    const rows = await this.#database.view('shares', 'by_owner', [...databases])
    for (const { id, key } of rows) {
      const share = shareOfEntry(id)
      if (share !== null) shares.set(key, [...(shares.get(key) ?? []), share])
    }
    return shares
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
    const entries = await this.#parts.many(shares.map((share) => subscriptionEntryId(share, subscriber)))
    return new Map(entries.map((entry) => [entry.share, entry]))
  }

  /** The entries of shares, and one user's part in each of them, in one request. */
  async withParts(shares: readonly string[], subscriber: string): Promise<SharesWithParts> {
    const parts = shares.map((share) => subscriptionEntryId(share, subscriber))
    const rows = await this.#database.fetch([...shares.map(entryId), ...parts])
    const docs = rows.map(({ doc }) => doc)
    const subscriptions = docs.slice(shares.length).flatMap((doc) => parseSubscriptionEntry(doc) ?? [])
    return {
      entries: byShare(docs.slice(0, shares.length).flatMap((doc) => parseEntry(doc) ?? [])),
      subscriptions: new Map(subscriptions.map((entry) => [entry.share, entry])),
    }
  }

  /** The same of one share. */
  async withPart(share: string, subscriber: string): Promise<ShareWithPart> {
    const { entries, subscriptions } = await this.withParts([share], subscriber)
    return { entry: entries.get(share) ?? null, subscription: subscriptions.get(share) ?? null }
  }

  async subscription(share: string, subscriber: string): Promise<SubscriptionEntry | null> {
    return this.#parts.get(subscriptionEntryId(share, subscriber))
  }

  /** Everybody who takes, took, or may take part in a share. */
  async participants(share: string): Promise<SubscriptionEntry[]> {
    return this.#parts.range(subscriptionRange(share))
  }

  /** The entries of all shares, a page at a time. */
  async *all(): AsyncGenerator<Map<string, ShareEntry>> {
    for await (const entries of this.#shares.pages({ startKey: 'share/', endKey: 'share0' }))
      yield byShare(entries)
  }

  /** The entries of all subscriptions, a page at a time. */
  allSubscriptions(): AsyncGenerator<SubscriptionEntry[]> {
    return this.#parts.pages({ startKey: 'subscription/', endKey: 'subscription0' })
  }

  /** Makes an id an owner's; false where somebody else was faster. */
  async claim(share: string, owner: string, database: string): Promise<boolean> {
    const isWritten = await this.#shares.create(claimedEntry(share, owner, database, this.#time()))
    return isWritten || (await this.entry(share))?.database === database
  }

  /**
   * Changes a share's entry; where it says all that already, nothing is written.
   * @param basis what was read when that was planned; absent: the change is right whatever the entry says
   * @returns false where the entry says something else by now, and nothing was written
   */
  async change(share: string, change: EntryChange, basis: Basis = {}): Promise<boolean> {
    const changed = await this.#shares.change(entryId(share), (entry) => {
      if (entry === null) throw new CouchFault('not_found', REGISTRY, `no entry for share ${share}`)
      const now = overNewest(entry, change, basis)
      return now && { ...entry, ...now }
    })
    return changed !== null
  }

  /**
   * Has the owner's lane look at a share, wherever that is: by a change of the entry, also where it is to be looked at already, for
   * that look may have begun before.
   */
  async tell(share: string): Promise<void> {
    const told = (entry: ShareEntry | null): ShareEntry | null => entry && { ...entry, due: true }
    await this.#shares.change(entryId(share), told, { always: true })
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
    return this.#parts.change(subscriptionEntryId(share, subscriber), (there) => {
      if (read !== undefined && isOtherPart(there, read)) return null
      const entry = there ?? newSubscriptionEntry(share, subscriber, database, this.#time())
      return { ...entry, ...change, ...joins }
    })
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
    const changed = await this.#parts.changeRange(subscriptionRange(share), (entries) => {
      const there = new Map(entries.map((entry) => [entry.subscriber, entry]))
      const subscribers = new Set([...there.keys(), ...Object.keys(granted)])
      return [...subscribers].flatMap((subscriber): SubscriptionEntry[] => {
        const entry =
          there.get(subscriber) ??
          newSubscriptionEntry(share, subscriber, databaseOf(subscriber), this.#time())
        const right = Object.hasOwn(granted, subscriber) ? granted[subscriber] : undefined
        if (entry.granted === right) return []
        const { granted: _, ...rest } = entry
        return [{ ...rest, ...(right ? { granted: right } : {}), due: true }]
      })
    })
    return changed.map(({ subscriber }) => subscriber)
  }

  /**
   * Has everybody who takes part in a share, or may, look at it again. Where the share ends, their parts do with it: it
   * may be there again when they look.
   * @param isElsewhere whose lanes are other processes': they hear of a change of their entries alone
   * @returns who that is
   */
  async tellParticipants(
    share: string,
    isElsewhere: (subscriber: string) => boolean = () => false,
  ): Promise<string[]> {
    const state = (await this.entry(share))?.state
    const isOver = state === 'ending' || state === 'ended'
    let concerned: SubscriptionEntry[] = []
    await this.#parts.changeRange(
      subscriptionRange(share),
      (entries) => {
        concerned = entries.filter((entry) => entry.state !== 'ended')
        return concerned.map((entry) => ({
          ...entry,
          ...(isOver && entry.state === 'active' ? { state: 'ending', reason: SHARE_ENDED } : {}),
          due: true,
        }))
      },
      ({ subscriber }) => isElsewhere(subscriber),
    )
    return concerned.map(({ subscriber }) => subscriber)
  }

  /** Has everybody who takes part in a share compare all with it, when it is in place. */
  async pauseParticipants(share: string): Promise<void> {
    await this.#parts.changeRange(subscriptionRange(share), (entries) =>
      entries
        .filter(({ state, paused }) => state === 'active' && !paused)
        .map((entry) => ({ ...entry, paused: true, due: true })),
    )
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
    const withReports = <One extends { rejected?: Rejection[] }>(entry: One): One | (One & ReportChange) => {
      const { rejected: there = [] } = entry
      const at = this.#time()
      const list = [...reports].reduce(
        (rejected, [document, found]) => withRejection(rejected, document, found, at),
        there,
      )
      if (isEqual(list, there)) return entry
      return { ...entry, rejected: list.length === 0 ? undefined : list, due: true }
    }
    if (subscriber === null) await this.#shares.change(entryId(share), (entry) => entry && withReports(entry))
    else
      await this.#parts.change(subscriptionEntryId(share, subscriber), (entry) => entry && withReports(entry))
  }

  #time(): string {
    return new Date(this.#now()).toISOString()
  }
}

/** What changes of an entry by reports: nothing, or the list, of which its user has to learn. */
type ReportChange = { rejected?: Rejection[] | undefined; due?: true }

const byShare = (entries: readonly ShareEntry[]): Map<string, ShareEntry> =>
  new Map(entries.map((entry) => [shareOfEntry(entry._id) ?? '', entry]))
