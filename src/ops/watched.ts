// The daemon as whoever watches the process sees it.
import type { ProbeResult } from '../engine/controller.ts'
import type { Part, Standing } from '../engine/meter.ts'

export interface Watched {
  ready(): ProbeResult
  health(): ProbeResult
  /** Whether this process is the one that works, or one of those that divide the users; it may wait for another one. */
  readonly isAtWork: boolean
  /** Of the parts that run, what is in their queues. */
  readonly standings: ReadonlyMap<Part, Standing>
}
