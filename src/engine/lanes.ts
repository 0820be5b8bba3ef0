// Lanes: who is dirty now or later, one turn at a time for each owner, all owners under one limit, the busiest at the back of the queue.
import PQueue from 'p-queue'
import { Pulse } from './pulse.ts'

/** An owner is whoever, or whatever database, has a lane; `H` says what there may be to do. */
export interface LanesOptions<H extends object> {
  concurrency: number
  /** Where several have one, the limit is for all of them together; in place of `concurrency`. */
  queue?: PQueue
  /** Milliseconds of a clock that nobody sets; the process's. */
  elapsed?: () => number
  /** Told of each turn that ended: of those who have the queue together, the same. */
  pulse?: Pulse
  /** What either hint says. */
  merge: (one: H, other: H) => H
  /** `next` is what there is left to do. */
  takeTurn: (owner: string, hint: H) => Promise<{ isThere: boolean; next: H | null }>
  /** Told of every turn that failed, before it is tried again. */
  onFailure: (owner: string, error: unknown, tries: number) => void
  onGone: (owner: string) => void
  /** Told when there is nothing left to do for an owner. */
  onSettled: (owner: string) => void
}

const SHORTEST_BACKOFF_MS = 200
const LONGEST_BACKOFF_MS = 60_000
/** The priority of a turn that goes before the others. */
const URGENT = 1
let made = 0

interface Lane<H> {
  /** What the next turn is told; null while there is nothing to do after the present one. */
  next: H | null
  failures: number
  retry: NodeJS.Timeout | null
  /** The next turn is to come before those of others. */
  isUrgent: boolean
  /** It waits in the queue. */
  isQueued: boolean
}

/** Somebody who is to be looked at later. */
interface Wait<H> {
  hint: H
  /** By `elapsed`. */
  at: number
  timer: NodeJS.Timeout
}

/** One lane for each owner that has something to do. */
export class Lanes<H extends object> {
  readonly #options: LanesOptions<H>
  readonly #queue: PQueue
  readonly #pulse: Pulse
  /** Owners that have a turn, wait for one, or wait to try again. Idle owners cost nothing. */
  readonly #lanes = new Map<string, Lane<H>>()
  /** Owners who are to be looked at later, whether or not they have something to do now. */
  readonly #waits = new Map<string, Wait<H>>()
  readonly #elapsed: () => number
  readonly #number = (made += 1)
  #stopped = false
  /** Since when there has been somebody with something to do, in milliseconds. */
  #busySince = 0
  /** Owners who were found at the start, and are not done; null until they are known. */
  #found: Set<string> | null = null
  /** Turns taken so far. */
  turns = 0

  constructor(options: LanesOptions<H>) {
    this.#options = options
    this.#queue = options.queue ?? new PQueue({ concurrency: options.concurrency })
    this.#elapsed = options.elapsed ?? (() => performance.now())
    this.#pulse = options.pulse ?? new Pulse(() => Date.now())
  }

  /** There may be something to do for an owner. */
  mark(owner: string, hint: H): void {
    const lane = this.#lanes.get(owner)
    if (lane) {
      this.#add(lane, hint)
      return
    }
    if (this.#lanes.size === 0) this.#busySince = this.#pulse.now()
    this.#lanes.set(owner, { next: hint, failures: 0, retry: null, isUrgent: false, isQueued: false })
    // Nobody comes to it any more, and nobody may take it for done.
    if (!this.#stopped) this.#enqueue(owner)
  }

  /** The same, and before all that others wait for. */
  markUrgent(owner: string, hint: H): void {
    this.mark(owner, hint)
    const lane = this.#lanes.get(owner)
    if (!lane || lane.isUrgent) return
    lane.isUrgent = true
    if (lane.isQueued) this.#queue.setPriority(this.#idOf(owner), URGENT)
  }

  /**
   * There may be something to do for an owner in so many milliseconds. Each owner waits once: until the earliest time that was asked for,
   * and then for all of it. So a turn may come too early for something; it has to ask again for what still has to wait.
   */
  after(owner: string, hint: H, ms: number): void {
    if (this.#stopped) return
    const at = this.#elapsed() + ms
    const wait = this.#waits.get(owner)
    const all = wait ? this.#options.merge(wait.hint, hint) : hint
    if (wait && wait.at <= at) {
      wait.hint = all
      return
    }
    clearTimeout(wait?.timer)
    this.#waits.set(owner, { hint: all, at, timer: setTimeout(() => this.#endWait(owner), ms) })
  }

  #endWait(owner: string): void {
    const wait = this.#waits.get(owner)
    this.#waits.delete(owner)
    if (wait) this.mark(owner, wait.hint)
  }

  /** Whether an owner's next turn is urgent: the one under way is better short. */
  isUrgent(owner: string): boolean {
    return this.#lanes.get(owner)?.isUrgent === true
  }

  /** Owners that have something to do. */
  get busy(): string[] {
    return [...this.#lanes.keys()]
  }

  /** Whether an owner has something to do. */
  isBusy(owner: string): boolean {
    return this.#lanes.has(owner)
  }

  /** Owners whose last turn failed. */
  get failing(): number {
    return [...this.#lanes.values()].filter(({ failures }) => failures > 0).length
  }

  /** Whether owners wait, and for long no turn was finished. */
  get isStuck(): boolean {
    return this.#lanes.size > 0 && this.failing === 0 && this.#pulse.isStill(this.#busySince)
  }

  /** Whoever has something to do now was found at the start. Only the first time counts. */
  noteFound(): void {
    this.#found ??= new Set(this.#lanes.keys())
  }

  /** How many owners who were found at the start are not done; null until they are known. */
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

  #add(lane: Lane<H>, hint: H): void {
    lane.next = lane.next === null ? hint : this.#options.merge(lane.next, hint)
  }

  #enqueue(owner: string): void {
    const lane = this.#lanes.get(owner)
    if (!lane) return
    lane.isQueued = true
    const priority = lane.isUrgent ? URGENT : 0
    void this.#queue.add(() => this.#turn(owner), { id: this.#idOf(owner), priority })
  }

  /** Several have the queue: theirs are other names. */
  #idOf(owner: string): string {
    return `${this.#number} ${owner}`
  }

  async #turn(owner: string): Promise<void> {
    const lane = this.#lanes.get(owner)
    if (lane) lane.isQueued = false
    if (!lane || lane.next === null || this.#stopped) return
    const hint = lane.next
    lane.next = null
    lane.isUrgent = false
    try {
      const outcome = await this.#options.takeTurn(owner, hint)
      this.turns += 1
      lane.failures = 0
      if (!outcome.isThere) this.#options.onGone(owner)
      if (outcome.next !== null) this.#add(lane, outcome.next)
    } catch (error) {
      lane.failures += 1
      this.#add(lane, hint)
      this.#options.onFailure(owner, error, lane.failures)
    }
    this.#pulse.beat()
    if (this.#stopped) return
    if (lane.next === null) {
      this.#lanes.delete(owner)
      this.#found?.delete(owner)
      this.#options.onSettled(owner)
    } else if (lane.failures === 0) this.#enqueue(owner)
    else this.#retryLater(owner, lane)
  }

  #retryLater(owner: string, lane: Lane<H>): void {
    const pause = Math.min(SHORTEST_BACKOFF_MS * 2 ** (lane.failures - 1), LONGEST_BACKOFF_MS)
    lane.retry = setTimeout(() => {
      lane.retry = null
      this.#enqueue(owner)
    }, pause)
  }
}
