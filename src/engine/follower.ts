// Follows one database of the server's own, `_users` or the registry: what changed there concerns many lanes.
import type { Database } from '../couch/database.ts'
import type { Change, Row } from '../couch/document.ts'
import { isBehind, isPurgedAs } from '../couch/sequence.ts'
import { Backlog } from './backlog.ts'
import { purgedObjects } from './purges.ts'
import type { Checkpoints } from './checkpoints.ts'
import { START, type Checkpoint } from './checkpoint.ts'
import { nameOfPortion, partsOf, WHOLE, type Portion } from './portion.ts'

const PAGE = 500

type Mark<H> = (owner: string, work: H) => void

/** `H` says what there may be to do for an owner. */
export interface FollowerOptions<H extends object> {
  database: Database
  checkpoints: Checkpoints
  /** The template of user databases: daemons with another one read for themselves. */
  template: string
  /** Where several followers read the same database, what this one reads it for: each has a checkpoint of its own. */
  purpose?: string
  /** Whom it marks: others are other processes'. One partition, or all users. */
  portion?: Portion
  /** Changes that are read at once. */
  pageSize?: number
  /** Told of each page, with documents; marks the owners who are to do something about it. */
  onChanges: (changes: readonly Change[], mark: Mark<H>) => Promise<void>
  /** Awaited before the first page of another database of the same name is read: what is kept there is gone. */
  onRenewed?: () => Promise<void>
  /** Told of what is missing because it was purged, whenever something was. */
  onPurged?: (rows: readonly Row[], mark: Mark<H>) => Promise<void>
  mark: Mark<H>
  /** Whether an owner has something to do still. */
  isBusy: (owner: string) => boolean
}

/** The name of its checkpoint; no database is called so. */
const checkpointOf = (database: string, template: string, ...more: (string | undefined)[]): string =>
  ['follower/' + database, template, ...more].filter(Boolean).join(' ')

/**
 * What a page marks is known in memory only, so the checkpoint moves over it when the owners whom it marked have done
 * what they had to: after a crash, the page is read again.
 */
export class Follower<H extends object> {
  readonly #options: FollowerOptions<H>
  readonly #name: string
  /** Of all users together: what it covers was done for those of each partition. */
  readonly #nameOfWhole: string
  readonly #portion: Portion
  #reading: Promise<void> | null = null
  #isMore = false
  /** The checkpoints that are to move. */
  readonly #backlog = new Backlog<Checkpoint>((_one, later) => later)

  constructor(options: FollowerOptions<H>) {
    this.#options = options
    const { database, template, purpose, portion = WHOLE } = options
    this.#portion = portion
    this.#name = checkpointOf(database.name, template, purpose, nameOfPortion(portion))
    this.#nameOfWhole = checkpointOf(database.name, template, purpose)
  }

  /** There may be something new. Resolves when it was read; two calls at once are one. @throws {CouchFault} */
  async look(): Promise<void> {
    this.#isMore = true
    this.#reading ??= this.#read()
    await this.#reading
  }

  /** Moves the checkpoint over what nobody has anything left to do about; it reaches the disk with the next flush. */
  save(): void {
    const { checkpoints, isBusy } = this.#options
    for (let next; (next = this.#backlog.next(isBusy)) !== null; this.#backlog.shift())
      checkpoints.set(this.#name, next)
  }

  async #read(): Promise<void> {
    try {
      // Whoever looks while this is under way may know of what came after it was asked for.
      while (this.#isMore) {
        this.#isMore = false
        await this.#readPage()
      }
    } finally {
      this.#reading = null
    }
  }

  async #readPage(): Promise<void> {
    const { database, pageSize = PAGE } = this.#options
    const info = await database.info()
    if (info === null) return
    const there = await this.#whereItIs()
    const instance = info.instance_start_time
    const isOther = there.instance !== instance
    const isBack = !isOther && there.updateSeq !== info.update_seq && isBehind(info.update_seq, there.since)
    const checkpoint = isOther || isBack ? { ...START, instance } : there
    if (isBack || (isOther && there.instance !== null)) await this.#options.onRenewed?.()
    const { purge_seq: purgeSeq } = info
    const isPurged = this.#options.onPurged !== undefined && !isPurgedAs(purgeSeq, checkpoint.purgeSeq)
    if (checkpoint.updateSeq === info.update_seq && !isPurged) return
    const page = await database.changes({ since: checkpoint.since, limit: pageSize, includeDocs: true })
    const owners = await this.#tell(page.results)
    const isLast = page.pending === 0
    if (isLast && isPurged) for (const owner of await this.#tellPurged()) owners.add(owner)
    const updateSeq = isLast ? info.update_seq : checkpoint.updateSeq
    this.#backlog.add(
      {
        ...checkpoint,
        since: page.last_seq,
        updateSeq,
        ...(isLast && isPurged && purgeSeq !== undefined ? { purgeSeq } : {}),
      },
      owners,
    )
    this.#isMore ||= !isLast
  }

  async #whereItIs(): Promise<Checkpoint> {
    const { latest } = this.#backlog
    if (latest) return latest
    const names = [...new Set([this.#name, this.#nameOfWhole])]
    const known = await this.#options.checkpoints.read(names)
    return known.get(this.#name) ?? known.get(this.#nameOfWhole) ?? START
  }

  /** @returns the owners who are to do something about these changes */
  async #tell(changes: readonly Change[]): Promise<Set<string>> {
    const [owners, mark] = this.#marking()
    await this.#options.onChanges(changes, mark)
    return owners
  }

  async #tellPurged(): Promise<Set<string>> {
    const [owners, mark] = this.#marking()
    await this.#options.onPurged?.(await purgedObjects(this.#options.database), mark)
    return owners
  }

  #marking(): [Set<string>, Mark<H>] {
    const owners = new Set<string>()
    const mark: Mark<H> = (owner, work) => {
      if (!this.#portion.has(owner)) return
      owners.add(owner)
      this.#options.mark(owner, work)
    }
    return [owners, mark]
  }
}

/** One follower for each partition of a portion: where each has read to goes with it to whoever has it next. */
export class Followers<H extends object> {
  readonly #all: readonly Follower<H>[]

  /** @param follow makes the follower of one partition */
  constructor(portion: Portion, follow: (part: Portion) => Follower<H>) {
    this.#all = partsOf(portion).map(follow)
  }

  /** There may be something new: see `Follower`. @throws {CouchFault} */
  async look(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.look()))
  }

  /** Moves the checkpoints: see `Follower`. */
  save(): void {
    for (const one of this.#all) one.save()
  }
}
