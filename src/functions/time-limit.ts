// How long a function may take. On a machine that is busy with something else, or that stood still for a while, the clock goes on and
// nothing is done: what a function is stopped for is the processor's time.
import type { Context, Script } from 'node:vm'

/** Measures from the moment at which it is made. */
export class Stopwatch {
  readonly #clock = performance.now()
  readonly #processor = process.cpuUsage()

  /**
   * True for as long as no more than so many milliseconds have passed, or the processor has not worked for so long in this process:
   * its other threads count, too, so that the processor alone may say more than there was.
   */
  isWithin(ms: number): boolean {
    if (performance.now() - this.#clock <= ms) return true
    const { user, system } = process.cpuUsage(this.#processor)
    return (user + system) / 1_000 <= ms
  }
}

/**
 * Runs a script, which is stopped when its time is over. Node.js stops it by the clock: where it has not had even half of its time
 * then, it is run from its beginning again, with more patience.
 * @param beforeAgain called before that: what was stopped was stopped anywhere, and not even its `finally` ran
 * @returns what the script gives
 * @throws what it throws, and the error of `node:vm` (`isOverTime`) where it took too long
 */
export function runWithin(
  script: Script,
  realm: Context,
  timeMs: number,
  beforeAgain: () => void = () => undefined,
): unknown {
  for (let patienceMs = Math.ceil(timeMs); ; patienceMs *= 2) {
    const watch = new Stopwatch()
    try {
      return script.runInContext(realm, { timeout: patienceMs })
    } catch (error) {
      if (!isOverTime(error) || !watch.isWithin(timeMs / 2)) throw error
    }
    beforeAgain()
  }
}

/** True for what `node:vm` throws where a script took too long. https://nodejs.org/api/vm.html#scriptrunincontextcontextifiedobject-options */
export const isOverTime = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
