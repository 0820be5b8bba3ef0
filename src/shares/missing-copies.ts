// Tells a share's owner of copies that its replication left out: where CouchDB cannot carry them, and where the share refuses them.
import isEqual from 'lodash/isEqual.js'
import type { Database } from '../couch/database.ts'
import { pagesOf } from '../couch/pages.ts'
import { liveRevision } from '../couch/rows.ts'
import type { Couch } from '../couch/client.ts'
import { isFault } from '../couch/fault.ts'
import type { LeaseStatus } from '../engine/lease-watch.ts'
import type { Logger } from '../log.ts'
import { shareDatabase, type UserDatabases } from '../documents/names.ts'
import { problem, type Problem } from '../documents/problem.ts'
import { MOST_REJECTIONS } from '../documents/rejected.ts'
import type { ShareLease } from './leases.ts'
import type { Registry } from './registry.ts'
import { copyRange, parseCopyId } from './model/ids.ts'

const COMPARE_PAGE = 1000

export interface MissingCopiesOptions {
  couch: Couch
  users: UserDatabases
  registry: Registry
  log: Logger
  /** The owner's `$share` has to say something else now. */
  onChanged: (owner: string, share: string) => void
}

/** What the `$share` says of copies that are missing in the share, brought up to date with each look at a replication. */
export class MissingCopies {
  readonly #options: MissingCopiesOptions
  /** Refused documents that were looked into, by share. */
  readonly #refused = new Map<string, number>()

  constructor(options: MissingCopiesOptions) {
    this.#options = options
  }

  /**
   * The daemon brings copies itself, and a replication mostly follows behind: its troubles are the admin's. The owner is
   * told where they last and copies are missing.
   * @throws {CouchFault}
   */
  async report(lease: ShareLease, status: LeaseStatus): Promise<void> {
    switch (status.kind) {
      case 'starting':
        return
      case 'caught-up':
      case 'behind':
        return this.#show(lease, await this.#refusal(lease, status.refused))
      case 'failing':
        return this.#show(lease, await this.#failure(lease, status))
      default:
        return status satisfies never
    }
  }

  async #failure(
    lease: ShareLease,
    { state, reason }: { state: string; reason: string },
  ): Promise<Problem | null> {
    const { count } = await this.#missing(lease)
    if (count === 0) return null
    this.#options.log.warn({ share: lease.share, state, reason, count }, 'copies missing in the share')
    return problem('replication_failed')
  }

  /** The copies that did not arrive. Where home is the share, there is nothing that its members wait for. */
  async #missing({ share, owner, home }: ShareLease): Promise<Missing> {
    if (home === 'share') return NOTHING
    const { couch, users } = this.#options
    const outbox = couch.database(users.outbox(owner))
    try {
      return await listMissing(outbox, couch.database(shareDatabase(share)), share)
    } catch (error) {
      // A database that is gone is made again in the owner's lane.
      if (isFault(error, 'not_found')) return NOTHING
      throw error
    }
  }

  /** Validation functions of the share make the replicator drop documents for good: are copies missing because of that? */
  async #refusal(lease: ShareLease, refused: number): Promise<Problem | null> {
    // Towards the outbox there is nobody to refuse; what a share refuses to the daemon itself is told at once.
    if (refused === 0 || lease.home === 'share') {
      if (this.#refused.delete(lease.share)) await this.#list(lease, [])
      return null
    }
    const missing = await this.#missing(lease)
    if (this.#refused.get(lease.share) !== missing.count)
      this.#options.log.warn({ share: lease.share, count: missing.count }, 'copies refused by the share')
    this.#refused.set(lease.share, missing.count)
    await this.#list(lease, missing.first)
    return missing.count === 0 ? null : problem('copies_refused', String(missing.count))
  }

  /** The refused documents stand as `$rejected` on the `$share`, as long as they are missing. */
  async #list({ share, owner }: ShareLease, documents: string[]): Promise<void> {
    const { registry, onChanged } = this.#options
    const listed = ((await registry.entry(share))?.rejected ?? []).filter(({ code }) => code === REFUSED.code)
    const reports = new Map<string, Problem | null>()
    for (const { document } of listed) if (!documents.includes(document)) reports.set(document, null)
    for (const document of documents)
      if (!listed.some((one) => one.document === document)) reports.set(document, REFUSED)
    if (reports.size === 0) return
    await registry.reject(share, null, reports)
    onChanged(owner, share)
  }

  async #show(lease: ShareLease, found: Problem | null): Promise<void> {
    const { registry, onChanged } = this.#options
    const entry = await registry.entry(lease.share)
    if (!entry || entry.state !== 'active' || isEqual(entry.problem ?? null, found)) return
    await registry.change(lease.share, { problem: found ?? undefined })
    onChanged(lease.owner, lease.share)
  }
}

const REFUSED = problem('copy_refused', 'a validation function of the share says no')

/** Copies that a share does not have: how many, and the objects of the first. */
interface Missing {
  count: number
  first: string[]
}

const NOTHING: Missing = { count: 0, first: [] }

/** The copies of the outbox that the share does not have under the same revision. */
async function listMissing(outbox: Database, share: Database, id: string): Promise<Missing> {
  const missing = { count: 0, first: [] as string[] }
  for await (const rows of pagesOf(outbox, { ...copyRange(id), limit: COMPARE_PAGE })) {
    const changed = await share.changedFrom(new Map(rows.map(({ id: copy, rev }) => [copy, rev])))
    const absent = rows.filter((row) => {
      const there = changed.get(row.id)
      return there !== undefined && liveRevision(there) !== row.rev
    })
    missing.count += absent.length
    const objects = absent.map((row) => parseCopyId(row.id)?.object ?? row.id)
    missing.first.push(...objects.slice(0, MOST_REJECTIONS - missing.first.length))
  }
  return missing
}
