// Writes at a steady pace, that of users whom nothing slows down: who waits long is counted as often as others are.
import { setTimeout as delay } from 'node:timers/promises'
import type { Ground } from './ground.ts'
import { send, type Sent, type Way } from './way.ts'

export interface Pace {
  /** At most so many. */
  writes: number
  /** One for each such time, at any moment of it, whether or not what was written before has arrived. */
  everyMs: number
  /** Nothing more is written then. */
  signal?: AbortSignal
}

/** New documents, and how long each took. @param phase no other document is called so */
export async function sendSteadily(
  ground: Ground,
  way: Way,
  phase: string,
  { writes, everyMs, signal }: Pace,
): Promise<Sent[]> {
  const sent: Promise<Sent>[] = []
  const begun = performance.now()
  for (let at = 0; at < writes; at += 1) {
    await delay(begun + everyMs * (at + Math.random()) - performance.now())
    if (signal?.aborted) break
    sent.push(sendOrGiveUp(ground, way, `${phase}${at}`))
  }
  return Promise.all(sent)
}

/** What has not come for so long that nobody waits any more counts as long as it was waited for. */
async function sendOrGiveUp(ground: Ground, way: Way, name: string): Promise<Sent> {
  const begun = performance.now()
  try {
    return await send(ground, way, name)
  } catch (error) {
    ground.say((error as Error).message)
    const waited = performance.now() - begun
    return { writtenMs: waited, arrivedMs: waited, eachMs: [waited] }
  }
}
