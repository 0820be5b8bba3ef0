// Who works: one daemon at a time, which says again and again that it is there. CouchDB's revisions decide; clocks are
// never compared, only how long somebody was seen to be silent. The same for each partition, where users are divided.
import { randomUUID } from 'node:crypto'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { parseDuty, type Duty as Holder } from './duty-document.ts'
import { between, Silence, type Times } from './silence.ts'
import { CHECKPOINTS } from '../documents/names.ts'
import { generationOf } from '../documents/revisions.ts'

/** Who works says so this often. */
export const BEAT_MS = 2_000
/** Whoever was seen to be silent for so long has lost it. */
export const SILENT_MS = 10_000
/** Before anything is written, it was said so lately that one works: well within the time after which others take over. */
const FRESH_MS = 5_000

export interface DutyOptions {
  /** A client of its own, which nothing holds back. */
  couch: Couch
  /** The `_id` of its document. */
  id: string
  /** What else the document says. */
  about?: Pick<Holder, 'process' | 'partitions'>
  host: string
  pid: number
  /** Milliseconds since the epoch, for people to read. */
  now: () => number
  /**
   * Milliseconds, by several clocks. One stops while the machine sleeps, another is set by an admin: somebody was silent
   * for as long as each of them says, and one's own word is as old as any of them says.
   */
  clocks: () => Times
}

/**
 * `held`: by oneself, after somebody who gave it up or was silent for long, where there was one · `other`: by somebody
 * else, or it is not known yet whether somebody has it.
 */
export type DutyStanding =
  | { kind: 'held'; after: 'nobody' | 'given up' | 'silence' }
  | { kind: 'other'; holder: Holder | null; silentMs: number }

/** One time of having a duty: whoever has lost it and has it again is not to go on with what was known before. */
export interface Tenure {
  /** As far as is known. */
  isOver: () => boolean
  /**
   * To be awaited before each request that writes: a process that was stopped for a while may not be the one that works.
   * @throws {CouchFault} `stopped` where it is not
   */
  confirm: () => Promise<void>
}

/** What one daemon has to do with the document that says who works. */
export class Duty {
  readonly #options: DutyOptions
  readonly #database: Database
  readonly #id: string
  /** One for each time that this daemon takes it over: what it held in memory before may be wrong. */
  #me: string | null = null
  #since = ''
  /** When it was sent what CouchDB confirmed last. */
  #confirmedAt: Times = []
  #beating: Promise<boolean> | null = null
  /** Of the revision that was written last. */
  #generation = 0
  #wasPutBack = false
  /** Somebody else's. */
  readonly #silence = new Silence()

  constructor(options: DutyOptions) {
    this.#options = options
    this.#database = options.couch.database(CHECKPOINTS)
    this.#id = options.id
  }

  /** The `_id` of its document. */
  get id(): string {
    return this.#id
  }

  /** Whether it was lost last because the document is of an earlier time than what was written: so is all else that the daemon keeps. */
  get wasPutBack(): boolean {
    return this.#wasPutBack
  }

  /** Whether this daemon has it, as far as it knows. */
  get isHeld(): boolean {
    return this.#me !== null
  }

  /**
   * Looks who works, and takes over where nobody does, or where the one who did was silent for long.
   * @param isAlone nobody else can work on this server: whoever did is dead
   * @throws {CouchFault}
   */
  async seek({ isAlone = false } = {}): Promise<DutyStanding> {
    const asked = this.#options.clocks()
    const doc = await this.#read()
    const holder = parseDuty(doc)
    const silentMs = isAlone ? null : this.silentMs(doc, asked)
    if (silentMs !== null && silentMs < SILENT_MS) return { kind: 'other', holder, silentMs }
    const after = doc === null ? 'nobody' : holder?.holder === null ? 'given up' : 'silence'
    if (await this.take(doc, asked)) return { kind: 'held', after }
    return { kind: 'other', holder, silentMs: 0 }
  }

  /**
   * For how long whoever has it was seen to be silent; null where nobody has it.
   * @param doc as it was read
   * @param asked by the clocks, when it was asked for
   */
  silentMs(doc: StoredDoc | null, asked: Times): number | null {
    // A document that says nothing is waited for, too: somebody may be about to put it right.
    if (doc === null || parseDuty(doc)?.holder === null) return null
    return this.#silence.see(doc._rev, asked, this.#options.clocks())
  }

  /**
   * Takes it over from whoever had it when the document was read.
   * @returns false where somebody was faster
   * @throws {CouchFault}
   */
  async take(doc: StoredDoc | null, asked: Times): Promise<boolean> {
    this.#me = randomUUID()
    this.#since = this.#time()
    let isTaken = false
    try {
      isTaken = await this.#put(doc, asked)
    } finally {
      // What was not confirmed is somebody's of whom nobody will ever hear, at the worst.
      if (!isTaken) this.#me = null
    }
    return isTaken
  }

  /** Nothing was heard, and nobody can be said to have been silent: what was seen is seen anew. */
  lookAway(): void {
    this.#silence.lookAway()
  }

  /** Says that one is there. @returns false where it is somebody else's now, for good @throws {CouchFault} */
  async beat(): Promise<boolean> {
    this.#beating ??= this.#beat().finally(() => (this.#beating = null))
    return this.#beating
  }

  /** The present time of having it, or one that is over. */
  tenure(): Tenure {
    const me = this.#me
    const isOver = (): boolean => me === null || this.#me !== me
    const confirm = async (): Promise<void> => {
      if (!isOver() && this.#isFresh()) return
      if (isOver() || !(await this.beat()) || isOver())
        throw new CouchFault('stopped', CHECKPOINTS, 'another daemon works now')
    }
    return { isOver, confirm }
  }

  /** Gives it up, so that somebody else begins at once. @throws {CouchFault} */
  async release(): Promise<void> {
    if (this.#me === null) return
    await this.#beating?.catch(() => undefined)
    const me = this.#me
    this.#me = null
    if (me === null) return
    const doc = await this.#read()
    if (parseDuty(doc)?.holder === me) await this.#database.put(this.#document(doc, null))
  }

  #isFresh(): boolean {
    return Math.max(...between(this.#confirmedAt, this.#options.clocks())) < FRESH_MS
  }

  async #beat(): Promise<boolean> {
    const me = this.#me
    if (me === null) return false
    const asked = this.#options.clocks()
    const doc = await this.#read()
    const holder = parseDuty(doc)
    // One that was deleted, or that says nothing, is nobody else's.
    // One that was put back to what it was before, with all that was read and written since, has forgotten more than who works.
    const isPutBack = doc !== null && generationOf(doc._rev) < this.#generation
    if (isPutBack || (holder !== null && holder.holder !== me)) {
      this.#wasPutBack = isPutBack
      this.#me = null
      return false
    }
    if (await this.#put(doc, asked)) return this.#me === me
    // Somebody was faster: the next look says who.
    return this.#beat()
  }

  /** The winner of all leaves: nodes of a cluster that were apart may have one each. */
  async #read(): Promise<StoredDoc | null> {
    return this.#database.get(this.#id, { conflicts: true })
  }

  /** @returns false where somebody else wrote meanwhile */
  async #put(there: StoredDoc | null, asked: Times): Promise<boolean> {
    const losers = there?._conflicts ?? []
    const written = await this.#database.put(this.#document(there, this.#me))
    if (!written.ok) {
      if (written.error === 'conflict') return false
      throw new CouchFault('forbidden', CHECKPOINTS, written.reason)
    }
    if (losers.length > 0)
      await this.#database.bulk(losers.map((rev) => ({ _id: this.#id, _rev: rev, _deleted: true })))
    this.#confirmedAt = asked
    this.#generation = generationOf(written.rev)
    return true
  }

  #document(there: StoredDoc | null, holder: string | null): Doc {
    const { host, pid, about } = this.#options
    const duty: Holder = { holder, host, pid, since: this.#since, at: this.#time(), ...about }
    return { _id: this.#id, ...(there ? { _rev: there._rev } : {}), ...duty }
  }

  #time(): string {
    return new Date(this.#options.now()).toISOString()
  }
}
