// esbuild at work. It runs in one process for all of ours, which is not to stay for the daemon's life.
// The machine's clock, for a process of the machine: tests play with the global one.
import { clearTimeout, setTimeout } from 'node:timers'
import type * as Esbuild from 'esbuild'

/** For whoever comes next: functions are built one after the other, and a process takes longer to begin than to build one. */
const KEPT_MS = 1_000

/** All who have it work; who stops it while others wait leaves them waiting for ever. */
let working = 0
let ending: NodeJS.Timeout | undefined

/** Has esbuild do something, and ends its process when nobody has needed it for a while. */
export async function withEsbuild<Result>(
  work: (esbuild: typeof Esbuild) => Promise<Result>,
): Promise<Result> {
  const esbuild = await import('esbuild')
  working += 1
  clearTimeout(ending)
  try {
    return await work(esbuild)
  } finally {
    working -= 1
    // Nobody waits for it: where our own process ends, so does that one.
    if (working === 0) ending = setTimeout(() => void esbuild.stop(), KEPT_MS).unref()
  }
}
