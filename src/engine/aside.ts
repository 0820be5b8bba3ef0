// Turns that wait for long, and do nothing themselves meanwhile: they leave their slot to others.
import type PQueue from 'p-queue'
import type { Aside } from '../couch/client.ts'

/** For each slot, so many turns may be aside; each has a page in memory, and CouchDB has to take what they all send. */
const ASIDE_PER_SLOT = 3

/** Turns of a queue step aside: one that waits there begins in their place, as long as not too many have done so. */
export function asideOf(queue: PQueue): Aside {
  const most = queue.concurrency * ASIDE_PER_SLOT
  let aside = 0
  return async (wait) => {
    if (aside >= most) return wait()
    aside += 1
    queue.concurrency += 1
    try {
      return await wait()
    } finally {
      aside -= 1
      queue.concurrency -= 1
    }
  }
}
