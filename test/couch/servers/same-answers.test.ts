// The server in memory, on which all random histories are played, answers as real ones do.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { COUCHDB, play, POUCHDB, type Rules } from '../../support/same-answers/play.ts'
import { sequences, type Step } from '../../support/same-answers/steps.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 40)
const SEED = process.env['PROPERTY_SEED']

async function compare({ couch, prefix }: Space, steps: readonly Step[], rules: Rules): Promise<void> {
  const memory = new MemoryCouch().client(() => Promise.resolve(null))
  const name = `${prefix}${(count += 1)}`
  assert.deepEqual(await play(memory, name, steps, rules), await play(couch, name, steps, rules))
}
let count = 0

onEachServer('the server in memory', ({ kind, it }) => {
  it('answers any sequence of requests as this one', async (space) => {
    await fc.assert(
      fc.asyncProperty(sequences(kind), (steps) =>
        compare(space, steps, kind === 'couchdb' ? COUCHDB : POUCHDB),
      ),
      { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
    )
  })
})
