// Who works: one daemon at a time, which says again and again that it is there. CouchDB's revisions decide; clocks are
// never compared, only how long somebody was seen to be silent.
import { randomUUID } from 'node:crypto'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { dutyId, parseDuty, type Duty as Holder } from './duty-document.ts'
import { CHECKPOINTS } from '../documents/names.ts'

/** Who works says so this often. */
export const BEAT_MS = 2_000
/** Whoever was seen to be silent for so long has lost it. */
export const SILENT_MS = 10_000
/** Before anything is written, it was said so lately that one works: well within the time after which others take over. */
const FRESH_MS = 5_000

export interface DutyOptions {
  /** A client of its own, which nothing holds back. */
  couch: Couch
  /** Of user databases. */
  template: string
  host: string
  pid: number
  /** Milliseconds since the epoch, for people to read. */
  now: () => number
  /**
   * Milliseconds, by several clocks. One stops while the machine sleeps, another is set by an admin: somebody was silent
   * for as long as each of them says, and one's own word is as old as any of them says.
   */
  clocks: () => readonly number[]
}

/**
 * `held`: by oneself, after somebody who gave it up or was silent for long, where there was one · `other`: by somebody
 * else, or it is not known yet whether somebody has it.
 */
export type DutyStanding =
  | { kind: 'held'; after: 'nobody' | 'given up' | 'silence' }
  | { kind: 'other'; holder: Holder | null; silentMs: number }

/** What one daemon has to do with the document that says who works. */
export class Duty {
  readonly #options: DutyOptions
  readonly #database: Database
  readonly #id: string
  /** One for each time that this daemon takes it over: what it held in memory before may be wrong. */
  #me: string | null = null
  #since = ''
  /** When it was sent what CouchDB confirmed last. */
  #confirmedAt: readonly number[] = []
  #beating: Promise<boolean> | null = null
  /** The revision of somebody else's that was seen last, and since when. */
  #seen: { rev: string; at: readonly number[] } | null = null

  constructor(options: DutyOptions) {
    this.#options = options
    this.#database = options.couch.database(CHECKPOINTS)
    this.#id = dutyId(options.template)
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
    // A document that says nothing is waited for, too: somebody may be about to put it right.
    if (doc !== null && holder?.holder !== null && !isAlone) {
      if (this.#seen?.rev !== doc._rev) this.#seen = { rev: doc._rev, at: this.#options.clocks() }
      const silentMs = Math.min(...between(this.#seen.at, asked))
      // What was seen just now came after the question.
      if (silentMs < SILENT_MS) return { kind: 'other', holder, silentMs: Math.max(0, silentMs) }
    }
    this.#me = randomUUID()
    this.#since = this.#time()
    const after = doc === null ? 'nobody' : holder?.holder === null ? 'given up' : 'silence'
    if (await this.#put(doc, asked)) return { kind: 'held', after }
    this.#me = null
    return { kind: 'other', holder, silentMs: 0 }
  }

  /** Nothing was heard, and nobody can be said to have been silent: what was seen is seen anew. */
  lookAway(): void {
    this.#seen = null
  }

  /** Says that one is there. @returns false where it is somebody else's now, for good @throws {CouchFault} */
  async beat(): Promise<boolean> {
    this.#beating ??= this.#beat().finally(() => (this.#beating = null))
    return this.#beating
  }

  /**
   * To be awaited before each request that writes: a process that was stopped for a while may not be the one that works.
   * @throws {CouchFault} `stopped` where it is not
   */
  async confirm(): Promise<void> {
    if (this.#me !== null && this.#isFresh()) return
    if (!(await this.beat())) throw new CouchFault('stopped', CHECKPOINTS, 'another daemon works now')
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
    if (holder !== null && holder.holder !== me) {
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
  async #put(there: StoredDoc | null, asked: readonly number[]): Promise<boolean> {
    const losers = there?._conflicts ?? []
    const written = await this.#database.put(this.#document(there, this.#me))
    if (!written.ok) {
      if (written.error === 'conflict') return false
      throw new CouchFault('forbidden', CHECKPOINTS, written.reason)
    }
    if (losers.length > 0)
      await this.#database.bulk(losers.map((rev) => ({ _id: this.#id, _rev: rev, _deleted: true })))
    this.#confirmedAt = asked
    return true
  }

  #document(there: StoredDoc | null, holder: string | null): Doc {
    const { host, pid } = this.#options
    const duty: Holder = { holder, host, pid, since: this.#since, at: this.#time() }
    return { _id: this.#id, ...(there ? { _rev: there._rev } : {}), ...duty }
  }

  #time(): string {
    return new Date(this.#options.now()).toISOString()
  }
}

const between = (from: readonly number[], to: readonly number[]): number[] =>
  to.map((now, clock) => now - (from[clock] ?? -Infinity))
