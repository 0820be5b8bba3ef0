// What the daemon asks of each of its parts: shares, the upkeep of skeletons, provisioning, gateways.
import type { Part, Standing } from './meter.ts'
import type { Update } from './db-updates.ts'
import type { RunErrand } from './errands.ts'

/** The answer to one question; `reason` is for people, without secrets. */
export interface ProbeResult {
  ok: boolean
  reason?: string
}

export interface Controller {
  /** Which of them it is. */
  readonly part: Part
  /** What is in its queue. */
  readonly standing: Standing
  /** Things to do. */
  readonly busy: number
  /** Turns taken since the start. */
  readonly turns: number
  /** Reads what it has to know before it begins, and again where it may have missed that this changed. @throws {CouchFault} */
  load?(): Promise<void>
  /** Told of each update of a database. @param run does what takes requests @returns true where it is of no concern to anybody else */
  onUpdate(update: Update, run: RunErrand): boolean
  /** The skeletons have changed, or are known now. */
  onSkeletons?(run: RunErrand): void
  /** Does what comes back at intervals, until the daemon's signal is aborted. */
  run(): Promise<void>
  /**
   * Finds what was missed.
   * @param rest awaited between two batches
   * @param isSlow nobody waits for it
   * @throws {CouchFault}
   */
  sweep(rest: () => Promise<void>, isSlow: boolean): Promise<void>
  /** Whether it has gone once through what it found at the start. */
  ready(): ProbeResult
  /** Whether its turns go on. */
  healthy(): ProbeResult
  /** What the log says of it at the end of a start. */
  status?(): Record<string, unknown>
  /** Moves the checkpoints over what nobody has anything left to do about. @throws {CouchFault} */
  save(): Promise<void>
  /** Lets the turns that are under way finish, and begins no other. */
  stop(): Promise<void>
}

/** Nothing is wrong. */
export const FINE: ProbeResult = { ok: true }

/** How a part stands that has a queue of turns. @param left how many of those it found at the start are left; null before the first sweep */
export function readiness(left: number | null, say: (left: number) => string): ProbeResult {
  if (left === null) return { ok: false, reason: 'the first sweep is not finished' }
  return left === 0 ? FINE : { ok: false, reason: `${say(left)} to catch up with` }
}

/**
 * The same of one whose turns write into databases of users, which may have no room.
 * @param queue how many keys are left, as above, and how many have turns that fail for want of room
 */
export function readinessOf(
  { left, withoutRoom }: { left: number | null; withoutRoom: number },
  say: (count: number) => string,
): ProbeResult {
  const caughtUp = readiness(left, say)
  if (!caughtUp.ok || withoutRoom === 0) return caughtUp
  return { ok: false, reason: `CouchDB has no room for what is to be written for ${say(withoutRoom)}` }
}

/** @param isStuck somebody waits, and for five minutes no turn was finished */
export const health = (isStuck: boolean): ProbeResult =>
  isStuck ? { ok: false, reason: 'no turn was finished for five minutes' } : FINE

/** Fine where all are; otherwise what the first of them that is not says. */
export const firstFault = (results: readonly ProbeResult[]): ProbeResult =>
  results.find(({ ok }) => !ok) ?? FINE
