// A turn that steps aside leaves its slot to others, and as many may do so as there is room for.
import assert from 'node:assert/strict'
import { setImmediate as tick } from 'node:timers/promises'
import PQueue from 'p-queue'
import { asideOf } from '../../../src/engine/aside.ts'
import { ShareLocks } from '../../../src/shares/share-locks.ts'

/** Runs so many turns, which wait as `wait` has them. @returns how many have begun when nothing goes on any more */
async function begun(queue: PQueue, count: number, wait: () => Promise<unknown>): Promise<number> {
  let turns = 0
  for (let at = 0; at < count; at += 1)
    void queue.add(async () => {
      turns += 1
      await wait()
    })
  for (let at = 0; at < 20; at += 1) await tick()
  return turns
}

describe('stepping aside', () => {
  it('lets others begin, up to three for a slot', async () => {
    const queue = new PQueue({ concurrency: 2 })
    const aside = asideOf(queue)
    let open = (): void => undefined
    const isOpen = new Promise<void>((resolve) => (open = resolve))
    assert.equal(await begun(queue, 20, () => aside(() => isOpen)), 8)
    open()
    await queue.onIdle()
    assert.equal(queue.concurrency, 2)
  })

  it('gives the slot back where the wait fails', async () => {
    const queue = new PQueue({ concurrency: 2 })
    const aside = asideOf(queue)
    await assert.rejects(aside(() => Promise.reject(new Error('lost'))))
    assert.equal(queue.concurrency, 2)
  })

  it('is what the participants of a share do while it is made anew', async () => {
    const queue = new PQueue({ concurrency: 2 })
    const locks = new ShareLocks(asideOf(queue))
    let filled = (): void => undefined
    const closing = locks.withExclusive('s', () => new Promise<void>((resolve) => (filled = resolve)))
    const inside: (() => void)[] = []
    assert.equal(await begun(queue, 3, async () => inside.push(await locks.acquireShared(['s']))), 3)
    assert.equal(inside.length, 0)
    let isServed = false
    await queue.add(() => Promise.resolve((isServed = true)))
    assert.ok(isServed)
    filled()
    await closing
    await queue.onIdle()
    assert.equal(inside.length, 3)
    assert.equal(queue.concurrency, 2)
  })
})
