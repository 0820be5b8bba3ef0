// What the log says of failures that are tried again: nothing while the server is away, or takes no writes, for then everything waits until it is back.
import { isFault, isRace, mayConcernServer, mayConcernWrites } from '../couch/fault.ts'
import type { Outage } from '../couch/outage.ts'
import type { Logger } from '../log.ts'

export interface FailuresOptions {
  outage: Outage
  log: Logger
  /** Nothing is said any more once it is aborted. */
  signal: AbortSignal
}

/** Says what failed, and lets a server that may be away be suspected. */
export class Failures {
  readonly #options: FailuresOptions

  constructor(options: FailuresOptions) {
    this.#options = options
  }

  /** A turn failed. @param tries how often by now */
  ofTurn(db: string, error: unknown, tries: number): void {
    const level = isRace(error, tries) ? 'debug' : 'warn'
    this.unlessOutage(error, () =>
      this.#options.log[level]({ db, tries, err: error }, 'turn failed, tried again'),
    )
  }

  /** Something failed that comes back anyway. */
  ofTask(error: unknown): void {
    this.unlessOutage(error, () => this.#options.log.warn({ err: error }, 'tried again later'))
  }

  /** Says something of a failure, but where the server is away, or will not have us. @param tell says it */
  unlessOutage(error: unknown, tell: () => void): void {
    const { signal, outage } = this.#options
    if (signal.aborted || isFault(error, 'stopped')) return
    if (!isFault(error)) return tell()
    const isOfWrites = mayConcernWrites(error)
    if (!isOfWrites && !mayConcernServer(error)) return tell()
    void outage.suspect(isOfWrites ? 'writes' : 'answers').then((isOutage) => {
      if (!isOutage && !signal.aborted) tell()
    })
  }
}
