// The daemon is killed at any of its requests, and one in its place comes to what an undisturbed one comes to.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { MOMENTS } from '../../support/killed/kill-proxy.ts'
import { managed } from '../../support/killed/managed.ts'
import { playStory, type KilledStory } from '../../support/killed/play.ts'
import { sharing } from '../../support/killed/sharing.ts'
import { withBench } from '../../support/program.ts'
import { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** `npm run test:faults` plays many; the same seed plays the same ones again. */
const RUNS = Number(process.env['FAULT_RUNS'] ?? 1)
const SEED = Number(process.env['FAULT_SEED'] ?? randomInt(2 ** 31))
/** Nobody makes quite as many requests twice: the last few may not come. */
const PART_THAT_COMES = 0.9

const ALL: Record<string, KilledStory> = { sharing, managed }
/** One of them, by the seed, where nobody asks for more. */
const STORIES = process.env['FAULT_RUNS']
  ? Object.entries(ALL)
  : Object.entries(ALL).filter((_, at, all) => at === SEED % all.length)

onEachServer('a daemon that is killed', ({ it, server }) => {
  for (const [name, story] of STORIES)
    it(`leaves what it would have left undisturbed: ${name} (FAULT_SEED=${SEED})`, async (space) => {
      const undisturbed = await withBench((bench) => playStory(story, space, bench, null))
      const most = Math.floor(undisturbed.requests * PART_THAT_COMES)
      const deaths = fc.sample(
        fc.record({ at: fc.noBias(fc.integer({ min: 1, max: most })), moment: fc.constantFrom(...MOMENTS) }),
        { seed: SEED, numRuns: RUNS },
      )
      for (const death of deaths) {
        const again = new Space(server(), `killed ${death.moment} ${death.at}`)
        await again.run(async () => {
          const { left, diedAt } = await withBench((bench) => playStory(story, again, bench, death))
          const about = `killed at request ${death.at} of about ${undisturbed.requests}, ${death.moment}: ${diedAt}`
          assert.notEqual(diedAt, null, `Expected it to be ${about}`)
          if (RUNS > 1 || !isDeepStrictEqual(left, undisturbed.left)) process.stdout.write(`    ${about}\n`)
          assert.deepEqual(left, undisturbed.left)
        })
      }
    })
})
