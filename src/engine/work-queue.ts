// A queue of work: for whom, or for which database, there is something to do now or later. One turn at a time for each key, all keys under
// one limit, the busiest at the back.
import PQueue from 'p-queue'
import { isFault } from '../couch/fault.ts'
import { oldestOf, type Standing, type Turn } from './meter.ts'
import { Pulse } from './pulse.ts'

/** What a turn leaves to do. */
export interface Result<Work extends object> {
  /** As soon as it is the key's turn again; null for nothing. */
  next: Work | null
  /** Whatever can only be done later. */
  after?: readonly Later<Work>[]
}

/** Work that is to be done in so many milliseconds. */
export interface Later<Work extends object> {
  work: Work
  ms: number
}

/** A key names whoever, or whatever database, has a lane; `Work` says what there may be to do. */
export interface WorkQueueOptions<Work extends object> {
  concurrency: number
  /** Where several have one, the limit is for all of them together; in place of `concurrency`. */
  queue?: PQueue
  /** Milliseconds of a clock that nobody sets; the process's. */
  elapsed?: () => number
  /** Told of each turn that ended: of those who have the queue together, the same. */
  pulse?: Pulse
  /** Work in which there is what is in either. */
  merge: (one: Work, other: Work) => Work
  /** One turn: a page of the work, so that others come in between. */
  reconcile: (key: string, work: Work) => Promise<Result<Work>>
  /** Told of every turn that failed, before it is tried again. */
  onFailure: (key: string, error: unknown, tries: number) => void
  /** Told of each turn, failed ones too. */
  onTurn?: (turn: Turn) => void
  /** Told when there is nothing left to do for a key. */
  onIdle: (key: string) => void
}

const SHORTEST_BACKOFF_MS = 200
const LONGEST_BACKOFF_MS = 60_000
/** The same where a database has no room: somebody makes some, and nothing else tells. */
const NO_ROOM_BACKOFF_MS = 5_000
/** The priority of a turn that goes before the others. */
const URGENT = 1
let made = 0

interface Lane<Work> {
  /** What the next turn is told; null while there is nothing to do after the present one. */
  next: Work | null
  /** Since when there is something to do that no turn has begun with, by `elapsed`; as `next`, null for nothing. */
  since: number | null
  failures: number
  /** Since when turns fail, by `elapsed`; null: the last one did not. */
  failingSince: number | null
  /** What the last turn failed with; null: with nothing. */
  fault: unknown
  retry: NodeJS.Timeout | null
  /** The next turn is to come before those of others. */
  isUrgent: boolean
  /** It waits in the queue. */
  isQueued: boolean
}

/** Somebody who is to be looked at later. */
interface Wait<Work> {
  work: Work
  /** By `elapsed`. */
  at: number
  timer: NodeJS.Timeout
}

/** One lane for each key that has something to do. */
export class WorkQueue<Work extends object> {
  readonly #options: WorkQueueOptions<Work>
  readonly #queue: PQueue
  readonly #pulse: Pulse
  /** Keys that have a turn, wait for one, or wait to try again. Idle keys cost nothing. */
  readonly #lanes = new Map<string, Lane<Work>>()
  /** Keys that are to be looked at later, whether or not they have something to do now. */
  readonly #waits = new Map<string, Wait<Work>>()
  readonly #elapsed: () => number
  readonly #number = (made += 1)
  #stopped = false
  /** Since when there has been somebody with something to do, in milliseconds. */
  #busySince = 0
  /** Keys that were found at the start, and are not done; null until they are known. */
  #found: Set<string> | null = null
  /** Turns taken so far. */
  turns = 0

  constructor(options: WorkQueueOptions<Work>) {
    this.#options = options
    this.#queue = options.queue ?? new PQueue({ concurrency: options.concurrency })
    this.#elapsed = options.elapsed ?? (() => performance.now())
    this.#pulse = options.pulse ?? new Pulse(() => Date.now())
  }

  /** There may be something to do for a key. */
  mark(key: string, work: Work): void {
    const lane = this.#lanes.get(key)
    if (lane) {
      this.#add(lane, work)
      return
    }
    if (this.#lanes.size === 0) this.#busySince = this.#pulse.now()
    this.#lanes.set(key, {
      next: work,
      since: this.#elapsed(),
      failures: 0,
      failingSince: null,
      fault: null,
      retry: null,
      isUrgent: false,
      isQueued: false,
    })
    // Nobody comes to it any more, and nobody may take it for done.
    if (!this.#stopped) this.#enqueue(key)
  }

  /** The same, and before all that others wait for. */
  markUrgent(key: string, work: Work): void {
    this.mark(key, work)
    const lane = this.#lanes.get(key)
    if (!lane || lane.isUrgent) return
    lane.isUrgent = true
    if (lane.isQueued) this.#queue.setPriority(this.#idOf(key), URGENT)
  }

  /**
   * There may be something to do for a key in so many milliseconds. Each key waits once: until the earliest time that was asked for,
   * and then for all of it. So a turn may come too early for something; it has to ask again for what still has to wait.
   */
  after(key: string, work: Work, ms: number): void {
    if (this.#stopped) return
    const at = this.#elapsed() + ms
    const wait = this.#waits.get(key)
    const all = wait ? this.#options.merge(wait.work, work) : work
    if (wait && wait.at <= at) {
      wait.work = all
      return
    }
    clearTimeout(wait?.timer)
    this.#waits.set(key, { work: all, at, timer: setTimeout(() => this.#endWait(key), ms) })
  }

  #endWait(key: string): void {
    const wait = this.#waits.get(key)
    this.#waits.delete(key)
    if (wait) this.mark(key, wait.work)
  }

  /** Whether a key's next turn is urgent: the one under way is better short. */
  isUrgent(key: string): boolean {
    return this.#lanes.get(key)?.isUrgent === true
  }

  /** Keys that have something to do. */
  get busy(): string[] {
    return [...this.#lanes.keys()]
  }

  /** Whether a key has something to do. */
  isBusy(key: string): boolean {
    return this.#lanes.has(key)
  }

  /** Keys whose last turn failed. */
  get failing(): number {
    return [...this.#lanes.values()].filter(({ failures }) => failures > 0).length
  }

  /** What there is to do now. */
  get standing(): Standing {
    const since = [...this.#lanes.values()].flatMap((lane) => lane.since ?? [])
    const oldestMs = since.length === 0 ? 0 : this.#elapsed() - since.reduce((a, b) => Math.min(a, b))
    const failures = [...this.#lanes].flatMap(([key, { failingSince, failures: tries, fault }]) =>
      failingSince === null ? [] : [{ key, sinceMs: this.#elapsed() - failingSince, tries, fault }],
    )
    return { busy: this.#lanes.size, failing: failures.length, failures: oldestOf(failures), oldestMs }
  }

  /** Keys whose last turn failed because a database has no room. */
  get withoutRoom(): number {
    return [...this.#lanes.values()].filter(({ fault }) => isFault(fault, 'no_room')).length
  }

  /** Whether keys wait, and for long no turn was finished. */
  get isStuck(): boolean {
    return this.#lanes.size > 0 && this.failing === 0 && this.#pulse.isStill(this.#busySince)
  }

  /** Whoever has something to do now was found at the start. Only the first time counts. */
  noteFound(): void {
    this.#found ??= new Set(this.#lanes.keys())
  }

  /** How many keys that were found at the start are not done; null until they are known. */
  get left(): number | null {
    return this.#found?.size ?? null
  }

  /** Lets the turns that are under way finish, and begins no other. Nobody is looked at later: the next start finds it. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { timer } of this.#waits.values()) clearTimeout(timer)
    this.#waits.clear()
    this.#queue.clear()
    for (const { retry } of this.#lanes.values()) if (retry) clearTimeout(retry)
    await this.#queue.onPendingZero()
  }

  #add(lane: Lane<Work>, work: Work): void {
    lane.since ??= this.#elapsed()
    lane.next = lane.next === null ? work : this.#options.merge(lane.next, work)
  }

  #enqueue(key: string): void {
    const lane = this.#lanes.get(key)
    if (!lane) return
    lane.isQueued = true
    const priority = lane.isUrgent ? URGENT : 0
    void this.#queue.add(() => this.#turn(key), { id: this.#idOf(key), priority })
  }

  /** Several have the queue: theirs are other names. */
  #idOf(key: string): string {
    return `${this.#number} ${key}`
  }

  async #turn(key: string): Promise<void> {
    const lane = this.#lanes.get(key)
    if (lane) lane.isQueued = false
    if (!lane || lane.next === null || this.#stopped) return
    const work = lane.next
    const begun = this.#elapsed()
    const since = lane.since ?? begun
    lane.next = null
    lane.since = null
    lane.isUrgent = false
    try {
      const result = await this.#options.reconcile(key, work)
      this.turns += 1
      lane.failures = 0
      lane.failingSince = null
      lane.fault = null
      if (result.next !== null) this.#add(lane, result.next)
      for (const { work: later, ms } of result.after ?? []) this.after(key, later, ms)
    } catch (error) {
      lane.failures += 1
      lane.failingSince ??= this.#elapsed()
      lane.fault = error
      this.#add(lane, work)
      // Nothing of it is done.
      lane.since = since
      this.#options.onFailure(key, error, lane.failures)
    }
    this.#pulse.beat()
    this.#options.onTurn?.({
      outcome: lane.failures > 0 ? 'failed' : lane.next === null ? 'done' : 'more',
      waitedMs: begun - since,
      ms: this.#elapsed() - begun,
    })
    if (this.#stopped) return
    if (lane.next === null) {
      this.#lanes.delete(key)
      this.#found?.delete(key)
      this.#options.onIdle(key)
    } else if (lane.failures === 0) this.#enqueue(key)
    else this.#retryLater(key, lane)
  }

  #retryLater(key: string, lane: Lane<Work>): void {
    const longest = isFault(lane.fault, 'no_room') ? NO_ROOM_BACKOFF_MS : LONGEST_BACKOFF_MS
    const pause = Math.min(SHORTEST_BACKOFF_MS * 2 ** (lane.failures - 1), longest)
    lane.retry = setTimeout(() => {
      lane.retry = null
      this.#enqueue(key)
    }, pause)
  }
}
