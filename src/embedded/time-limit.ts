// Runs what a client may have made endless, a pattern above all, only so long: nobody else is answered meanwhile.
import { createContext, Script } from 'node:vm'
import { badRequest } from './faults.ts'

/** What the patterns of one request may take. */
const LIMIT_MS = 500
/** So little holds up nobody, however often it is. */
const NEGLIGIBLE_MS = 2

const REALM = createContext({ work: null })
/** What it calls is of this realm, and is stopped all the same. */
const CALL = new Script('work()')

/** The time of one request. */
export class TimeLimit {
  #leftMs = LIMIT_MS

  /** Does the work and returns what that returns. Throws a 400 when the time is up, and whatever the work throws. */
  run<Result>(work: () => Result): Result {
    if (this.#leftMs < 1) throw tooSlow()
    let tookMs = 0
    // Inside: the thread that keeps the time takes time to start.
    REALM['work'] = () => {
      const start = performance.now()
      const result = work()
      tookMs = performance.now() - start
      return result
    }
    try {
      return CALL.runInContext(REALM, { timeout: Math.ceil(this.#leftMs) }) as Result
    } catch (fault) {
      if ((fault as { code?: unknown } | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw fault
      this.#leftMs = 0
      throw tooSlow()
    } finally {
      REALM['work'] = null
      if (tookMs > NEGLIGIBLE_MS) this.#leftMs -= tookMs
    }
  }
}

const tooSlow = () => badRequest('The patterns of `$regex` take too long.')
