// One process among several that divide the users: which partitions it has, says that it has, takes and gives up.
import { randomUUID } from 'node:crypto'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { StoredDoc } from '../couch/document.ts'
import { isFault, type CouchFault } from '../couch/fault.ts'
import { CHECKPOINTS } from '../documents/names.ts'
import { Duty, SILENT_MS, type DutyOptions, type Tenure } from './duty.ts'
import {
  dutyId,
  dutyRange,
  isPresenceId,
  parseDuty,
  partitionDutyId,
  presenceId,
  type Duty as Holder,
} from './duty-document.ts'
import { planDivision, type DivisionPlan } from './plan-division.ts'
import { Silence, type Times } from './silence.ts'

/** Of a process that was silent for so long its presence is deleted: it writes another one, should it wake. */
const FORGOTTEN_MS = 60_000

export interface DivisionOptions extends Pick<DutyOptions, 'couch' | 'host' | 'pid' | 'now' | 'clocks'> {
  couch: Couch
  /** Of user databases. */
  template: string
  /** How many partitions there are. */
  of: number
}

/** What a process sees of the others. */
export type View =
  /** What it is to take, and to give up; `others` are processes. */
  | { kind: 'divided'; plan: DivisionPlan; others: number }
  /** Somebody works for all users, or divides them among another number of partitions: nobody works beside that one. */
  | { kind: 'other'; holder: Holder }

/** One time of having some partitions. */
export interface DivisionTenure {
  /** Those that were lost since, as far as is known, though they may have been taken again. */
  lost: () => number[]
  /**
   * To be awaited before each request that writes for users of these partitions.
   * @throws {CouchFault} `stopped` where one of them was lost
   */
  confirm: Tenure['confirm']
}

/** The documents as they were read. */
interface Read {
  docs: Map<string, StoredDoc>
  asked: Times
}

/** What one process has to do with the documents that say who has which partition. */
export class Division {
  /** How this process is called. */
  readonly name = randomUUID()
  readonly #options: DivisionOptions
  readonly #database: Database
  readonly #presence: Duty
  readonly #duties: readonly Duty[]
  /** In the order in which they were taken. */
  #held: number[] = []
  /** Of the presences of others. */
  readonly #silences = new Map<string, Silence>()
  #read: Read = { docs: new Map(), asked: [] }

  constructor(options: DivisionOptions) {
    const { template, of, ...more } = options
    const about = { process: this.name, partitions: of }
    this.#options = options
    this.#database = options.couch.database(CHECKPOINTS)
    this.#presence = new Duty({ ...more, about, id: presenceId(template, this.name) })
    this.#duties = Array.from(
      { length: of },
      (_, number) => new Duty({ ...more, about, id: partitionDutyId(template, number, of) }),
    )
  }

  /** The partitions that this process has, as far as it knows, in the order in which it took them. */
  get held(): readonly number[] {
    this.#held = this.#held.filter((number) => this.#duties[number]?.isHeld)
    return this.#held
  }

  /** Says that this process is there, and would take some. @throws {CouchFault} */
  async announce(): Promise<void> {
    if (!this.#presence.isHeld) await this.#presence.seek()
  }

  /** Looks at what the others have, and for how long they were silent. @throws {CouchFault} */
  async look(): Promise<View> {
    const { template, of, clocks } = this.#options
    const asked = clocks()
    const rows = await this.#database.range({ ...dutyRange(template), includeDocs: true })
    const docs = new Map(rows.flatMap(({ doc }) => (doc === null ? [] : [[doc._id, doc] as const])))
    this.#read = { docs, asked }
    const live = await this.#livePresences()
    const first = parseDuty(docs.get(dutyId(template)) ?? null)
    const holders = this.#duties.map((duty) => this.#holderOf(duty))
    // A document that says nothing is waited for like one that says something else.
    if (first?.holder != null && (first.partitions ?? 1) !== of && holders[0] !== null)
      return { kind: 'other', holder: first }
    const plan = planDivision({ me: this.name, mine: this.held, holders, live })
    return { kind: 'divided', plan, others: live.filter((one) => one !== this.name).length }
  }

  /**
   * Takes partitions that were free at the last look.
   * @returns those that nobody else was faster with
   * @throws {CouchFault}
   */
  async take(numbers: readonly number[]): Promise<number[]> {
    const { docs, asked } = this.#read
    const taken: number[] = []
    for (const number of numbers) {
      const duty = this.#duties[number]
      if (!duty || !(await duty.take(docs.get(duty.id) ?? null, asked))) continue
      this.#held = [...this.#held, number]
      taken.push(number)
    }
    return taken
  }

  /** Gives partitions up, so that somebody else begins with them at once. @throws {CouchFault} */
  async giveUp(numbers: readonly number[]): Promise<void> {
    await Promise.all(numbers.map(async (number) => this.#duties[number]?.release()))
  }

  /** Gives everything up: this process is not there any more. @throws {CouchFault} */
  async leave(): Promise<void> {
    await this.giveUp(this.held)
    await this.#presence.release()
    const there = await this.#database.get(this.#presence.id)
    if (there !== null) await this.#database.bulk([{ _id: there._id, _rev: there._rev, _deleted: true }])
  }

  /** Says of all that this process has that it is there. @param onFault told of each that could not be said */
  async beat(onFault: (error: CouchFault) => void): Promise<void> {
    const held = [this.#presence, ...this.held.flatMap((number) => this.#duties[number] ?? [])]
    await Promise.all(
      held.map(async (duty) => {
        try {
          if (duty.isHeld) await duty.beat()
        } catch (error) {
          if (!isFault(error)) throw error
          onFault(error)
        }
      }),
    )
  }

  /** The present time of having these partitions. */
  tenure(numbers: readonly number[]): DivisionTenure {
    const tenures = numbers.flatMap((number): [number, Tenure][] => {
      const duty = this.#duties[number]
      return duty ? [[number, duty.tenure()]] : []
    })
    return {
      lost: () => tenures.flatMap(([number, { isOver }]) => (isOver() ? [number] : [])),
      confirm: async () => void (await Promise.all(tenures.map(([, { confirm }]) => confirm()))),
    }
  }

  /** Nothing was heard, and nobody can be said to have been silent: what was seen is seen anew. */
  lookAway(): void {
    for (const one of [...this.#duties, ...this.#silences.values()]) one.lookAway()
  }

  /** Null for a partition that is free. */
  #holderOf(duty: Duty): string | null {
    const { docs, asked } = this.#read
    const doc = docs.get(duty.id) ?? null
    if (duty.isHeld) return this.name
    const silentMs = duty.silentMs(doc, asked)
    if (silentMs === null || silentMs >= SILENT_MS) return null
    // Somebody whose name is not known has it all the same.
    return parseDuty(doc)?.process ?? duty.id
  }

  /**
   * Who was heard of lately, and would take some of the same partitions: who divides users otherwise waits. Who was not heard of for
   * very long is forgotten.
   */
  async #livePresences(): Promise<string[]> {
    const { template, of, clocks } = this.#options
    const { docs, asked } = this.#read
    const live: string[] = []
    const forgotten: StoredDoc[] = []
    for (const [id, doc] of docs) {
      if (!isPresenceId(template, id) || id === this.#presence.id) continue
      const silence = this.#silences.get(id) ?? new Silence()
      this.#silences.set(id, silence)
      const silentMs = silence.see(doc._rev, asked, clocks())
      const { holder, process, partitions } = parseDuty(doc) ?? {}
      const isLive = holder != null && silentMs < SILENT_MS
      if (isLive && process !== undefined && partitions === of) live.push(process)
      else if (silentMs >= FORGOTTEN_MS) forgotten.push(doc)
    }
    for (const id of this.#silences.keys()) if (!docs.has(id)) this.#silences.delete(id)
    if (forgotten.length > 0)
      await this.#database.bulk(forgotten.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })))
    return live
  }
}
