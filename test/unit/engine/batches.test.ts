// Work in batches: all of it in order, with rests, and none once it is stopped.
import assert from 'node:assert/strict'
import { inBatches } from '../../../src/engine/batches.ts'

const CASES: { what: string; things: number; done: string[] }[] = [
  { what: 'nothing', things: 0, done: [] },
  { what: 'less than a batch', things: 2, done: ['0,1', 'rest'] },
  { what: 'as much as a batch', things: 3, done: ['0,1,2', 'rest'] },
  { what: 'more than a batch', things: 7, done: ['0,1,2', 'rest', '3,4,5', 'rest', '6', 'rest'] },
]

describe('engine/batches', () => {
  for (const { what, things, done } of CASES)
    it(`goes through ${what}`, async () => {
      assert.deepEqual(await run(things), done)
    })

  it('begins no batch when it is stopped', async () => {
    assert.deepEqual(await run(7, 'rest'), ['0,1,2', 'rest'])
    assert.deepEqual(await run(7, '3,4,5'), ['0,1,2', 'rest', '3,4,5', 'rest'])
  })
})

/** @param stopAt what is done last @returns what was done */
async function run(things: number, stopAt?: string): Promise<string[]> {
  const stop = new AbortController()
  const done: string[] = []
  const note = (what: string): Promise<void> => {
    done.push(what)
    if (what === stopAt) stop.abort()
    return Promise.resolve()
  }
  await inBatches(
    Array.from({ length: things }, (_, at) => at),
    { size: 3, signal: stop.signal, rest: () => note('rest') },
    (batch) => note(batch.join()),
  )
  return done
}
