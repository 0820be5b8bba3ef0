// esbuild at work. It runs in one process for all of ours, which is not to stay for the daemon's life.
import type * as Esbuild from 'esbuild'

/** All who have it work; who stops it while others wait leaves them waiting for ever. */
let working = 0

/** Has esbuild do something, and ends its process when nobody needs it any more. */
export async function withEsbuild<Result>(
  work: (esbuild: typeof Esbuild) => Promise<Result>,
): Promise<Result> {
  const esbuild = await import('esbuild')
  working += 1
  try {
    return await work(esbuild)
  } finally {
    working -= 1
    if (working === 0) await esbuild.stop()
  }
}
