// What goes on in the daemon, told to whoever counts it: nobody waits for that, and it cannot fail.
import type { Answered } from '../couch/endpoint.ts'

/** The parts of the daemon that have lanes. */
export const PARTS = ['shares', 'skeletons', 'provisioning', 'gateways'] as const
export type Part = (typeof PARTS)[number]

/** `done`: nothing is left for that lane · `more`: it goes to the back of the queue · `failed`: it is tried again. */
export const OUTCOMES = ['done', 'more', 'failed'] as const

/** A turn that has ended. */
export interface Turn {
  outcome: (typeof OUTCOMES)[number]
  /** From when there was something to do until it began. */
  waitedMs: number
  ms: number
}

export interface Meter {
  answered: (one: Answered) => void
  turn: (part: Part, turn: Turn) => void
}

/** Nobody counts. */
export const NO_METER: Meter = { answered: () => undefined, turn: () => undefined }

/** A lane whose last turn failed, and is tried again. */
export interface Failing {
  /** The user, or the database. */
  key: string
  /** Milliseconds since the first of the turns that failed, with none between them that did not. */
  sinceMs: number
  /** How many these are. */
  tries: number
  fault: unknown
}

/** So many are told of at once, the oldest first. */
export const MOST_FAILING = 50

/** What is in a queue of work now. */
export interface Standing {
  /** Lanes with something to do. */
  busy: number
  /** Those of them whose last turn failed. */
  failing: number
  /** Of these so many as are told of. */
  failures: readonly Failing[]
  /** Milliseconds since somebody has had something to do that no turn has begun with; 0 where nobody waits. */
  oldestMs: number
}

/** Several queues as one. */
export const together = (standings: readonly Standing[]): Standing => ({
  busy: standings.reduce((sum, { busy }) => sum + busy, 0),
  failing: standings.reduce((sum, { failing }) => sum + failing, 0),
  failures: oldestOf(standings.flatMap(({ failures }) => failures)),
  oldestMs: Math.max(0, ...standings.map(({ oldestMs }) => oldestMs)),
})

/** As many as are told of. */
export const oldestOf = (failures: readonly Failing[]): Failing[] =>
  failures.toSorted((one, other) => other.sinceMs - one.sinceMs).slice(0, MOST_FAILING)
