// A story is played while the daemon may be killed on the way; what it leaves in every database is what counts.
import { KillProxy, type Moment } from './kill-proxy.ts'
import { leftBy, type Left } from './left.ts'
import { MortalDaemon } from './mortal-daemon.ts'
import type { Bench } from '../program.ts'
import type { Space } from '../space.ts'

/** For so long nothing is asked when all is done. */
const QUIET_MS = 1_500
const PATIENCE_MS = 60_000

/** What is told, in a space, to a daemon that has not been started yet. */
export interface Stage {
  /** Settings of the daemon beside those of the space. */
  settings?: Record<string, string>
  /** Each part waits for what the one before has brought about. */
  tell: (daemon: MortalDaemon) => Promise<void>
  /** Databases beside those of the space, by what they are called in the end. */
  databases: () => Promise<Record<string, string>>
}

/** Prepares a space, runs something in it, and takes out what it has prepared. */
export type KilledStory = (space: Space, play: (stage: Stage) => Promise<void>) => Promise<void>

export interface Played {
  /** How many requests the daemon made until all was done. */
  requests: number
  /** Which one it died at. */
  diedAt: string | null
  left: Left
}

/** Plays a story. @param death null: nobody is killed */
export async function playStory(
  story: KilledStory,
  space: Space,
  bench: Bench,
  death: { at: number; moment: Moment } | null,
): Promise<Played> {
  const proxy = await KillProxy.start(space.server.url)
  bench.release(() => proxy.stop())
  let left: Left = {}
  let hasDied = false
  await story(space, async ({ settings = {}, tell, databases }) => {
    const daemon = new MortalDaemon(space, bench, proxy, settings)
    if (death) proxy.arm({ ...death, kill: () => daemon.die() })
    await tell(daemon)
    // While there is no daemon, nobody asks for anything.
    const isDone = async (): Promise<boolean> => {
      await daemon.revived
      return proxy.quietMs > QUIET_MS
    }
    await space.until('all is done', isDone, PATIENCE_MS)
    left = await leftBy(space, await databases())
    hasDied = daemon.hasDied
    await daemon.stop()
  })
  const { requests } = proxy
  return {
    requests: requests.length,
    diedAt: death && hasDied ? (requests[death.at - 1] ?? null) : null,
    left,
  }
}
