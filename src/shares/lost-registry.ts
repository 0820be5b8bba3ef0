// A registry that somebody dropped, or put an empty one in the place of, beside shares that are there: nobody knows any more whose
// they are, and nobody may guess. Until an admin puts it back, sharing stands still, and the daemon says so. What was written meanwhile
// was looked at by turns that knew of no share: once the registry is back, whoever has a part in one is looked at again.
import type { Couch } from '../couch/client.ts'
import { orNull } from '../couch/fault.ts'
import { counted } from '../documents/counted.ts'
import { REGISTRY, shareDatabase, type UserDatabases } from '../documents/names.ts'
import { START } from '../engine/checkpoint.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import { FINE, type ProbeResult } from '../engine/controller.ts'
import { nameOfPortion, partsOf, type Portion } from '../engine/portion.ts'
import type { Logger } from '../log.ts'
import { markOf } from '../skeletons/design.ts'
import { isOurs } from './model/entry.ts'
import type { Registry } from './registry.ts'
import type { OwnerWork } from './work.ts'

const SHARES = { startKey: shareDatabase(''), endKey: shareDatabase('').replace(/\/$/, '0') }
const DESIGNS = { startKey: '_design/', endKey: '_design0' }
/** So many of the share databases are looked into: one made by somebody else says nothing. */
const MOST_LOOKED_INTO = 20

/**
 * How many share databases there are, at the least, that a daemon has made, while the registry knows of no share at all. Where it knows of one, that
 * costs one request.
 * @throws {CouchFault}
 */
export async function countUnknownShares(couch: Pick<Couch, 'database' | 'allDbs'>): Promise<number> {
  const known = await orNull(couch.database(REGISTRY).range({ ...SHARES, limit: 1 }))
  if (known !== null && known.length > 0) return 0
  const names = await couch.allDbs({ ...SHARES, limit: MOST_LOOKED_INTO })
  let unknown = 0
  for (const name of names) {
    const designs = await orNull(couch.database(name).range({ ...DESIGNS, includeDocs: true }))
    if (designs?.some(({ doc }) => doc !== null && markOf(doc) !== null)) unknown += 1
  }
  return unknown
}

/** What a registry that is lost means for whoever watches the daemon. */
export const tellLost = (unknown: number): ProbeResult =>
  unknown === 0
    ? FINE
    : {
        ok: false,
        reason: `the registry ${REGISTRY} knows of no share, and there ${unknown === 1 ? 'is' : 'are'} ${counted(unknown, 'share database')}${unknown === MOST_LOOKED_INTO ? ' or more' : ''}: put it back from a backup`,
      }

/** Who puts a backup back may take several requests: what comes within so long belongs to it. */
const QUIET_MS = 60_000

export interface LostRegistryOptions {
  couch: Pick<Couch, 'database' | 'allDbs'>
  registry: Pick<Registry, 'all' | 'allSubscriptions'>
  users: UserDatabases
  /** Whose lanes are here. */
  portion: Portion
  checkpoints: Pick<Checkpoints, 'read' | 'set' | 'remove' | 'flush'>
  /** Has an owner's lane look at something. */
  mark: (owner: string, work: OwnerWork) => void
  /** Whether an owner has something to do still. */
  isBusy: (owner: string) => boolean
  /** Milliseconds. */
  now: () => number
  log: Logger
}

/** Whether the registry is lost, and who is to be looked at again when it is back: that outlives the daemon. */
export class LostRegistry {
  readonly #options: LostRegistryOptions
  /** The names of the notes; no database is called so. One for each partition: each may go to another process. */
  readonly #notes: readonly string[]
  /** Share databases of which the registry knows nothing, where it knows of no share at all. */
  #unknown = 0
  /** Whether there is a note; null: it is not known yet. */
  #isNoted: boolean | null = null
  /** Those who were told to look again since it was back. */
  readonly #told = new Set<string>()
  /** Whether all were. */
  #isTold = false
  /** When somebody was told last. */
  #toldAt = -Infinity

  constructor(options: LostRegistryOptions) {
    this.#options = options
    const { users, portion } = options
    this.#notes = partsOf(portion).map((part) =>
      [`lost/${REGISTRY}`, users.template, nameOfPortion(part)].filter(Boolean).join(' '),
    )
  }

  /** Whether it is lost, or was until a moment ago: what is written into it was there before. */
  get isAwaited(): boolean {
    return this.#isNoted === true
  }

  /** What it means for whoever watches the daemon. */
  get probe(): ProbeResult {
    return tellLost(this.#unknown)
  }

  /** It is another database than before: what turns have seen since may have been nothing. @throws {CouchFault} */
  async note(): Promise<void> {
    const { checkpoints } = this.#options
    this.#isTold = false
    if (this.#isNoted === true) return
    for (const name of this.#notes) checkpoints.set(name, START)
    await checkpoints.flush()
    this.#isNoted = true
  }

  /** Looks whether it is there; where it is back, whoever has a part in a share looks at all again. @throws {CouchFault} */
  async look(): Promise<void> {
    const { couch, log, checkpoints } = this.#options
    const before = this.#unknown
    this.#unknown = await countUnknownShares(couch)
    if (before === 0 && this.#unknown > 0) log.error({ db: REGISTRY }, tellLost(this.#unknown).reason)
    if (before > 0 && this.#unknown === 0) log.info({ db: REGISTRY }, 'the registry is back')
    if (this.#unknown > 0) return this.note()
    this.#isNoted ??= (await checkpoints.read(this.#notes)).size > 0
    if (this.#isNoted && !this.#isTold) await this.#tell()
  }

  /** Has an owner go through all objects again, where an entry that concerns the owner has just been put back. */
  include(owner: string, work: OwnerWork): OwnerWork {
    if (!this.isAwaited) return work
    this.#told.add(owner)
    this.#toldAt = this.#options.now()
    return { ...work, user: true, rescan: true }
  }

  /** Forgets that it was lost when all have looked, and nothing has been put back for a while. */
  save(): void {
    const { checkpoints, isBusy, now } = this.#options
    if (!this.#isTold || now() - this.#toldAt < QUIET_MS || [...this.#told].some(isBusy)) return
    for (const name of this.#notes) checkpoints.remove(name)
    this.#told.clear()
    this.#isTold = false
    this.#isNoted = false
  }

  async #tell(): Promise<void> {
    const { registry, users, portion, mark } = this.#options
    this.#toldAt = this.#options.now()
    const tell = (owner: string, work: OwnerWork): void => {
      if (portion.has(owner)) mark(owner, this.include(owner, work))
    }
    for await (const entries of registry.all())
      for (const [share, entry] of entries)
        if (entry.state !== 'ended' && isOurs(entry, users)) tell(entry.owner, { shares: new Set([share]) })
    for await (const entries of registry.allSubscriptions())
      for (const { share, subscriber, database, state } of entries)
        if (state !== 'ended' && database === users.database(subscriber))
          tell(subscriber, { subscriptions: new Set([share]) })
    this.#isTold = true
  }
}
