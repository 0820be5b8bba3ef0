// Users who only speak HTTP, while daemons, the server and the network between them fail: nothing that was acknowledged is lost.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { playBlackBox } from '../../support/black-box/play.ts'
import { withBench } from '../../support/program.ts'
import { damagesTo, nodesOf } from '../../support/servers.ts'
import { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** Only `npm run test:faults` plays them: how long one takes, and what happens in it, is up to the machine. The same seed has the same things tried. */
const RUNS = Number(process.env['FAULT_RUNS'] ?? 0)
const SEED = Number(process.env['FAULT_SEED'] ?? randomInt(2 ** 31))

onEachServer('users of a black box', ({ it, kind, server }) => {
  if (RUNS === 0) return
  it(`lose nothing, and read nothing that is not theirs (FAULT_SEED=${SEED})`, async () => {
    for (let run = 0; run < RUNS; run += 1) {
      const seed = SEED + run
      const space = new Space(server(), `black box ${seed}`)
      await space.run(async () => {
        const played = await withBench(async (bench) =>
          playBlackBox(space, bench, {
            seed,
            damages: await damagesTo(kind),
            nodes: await nodesOf(server()),
          }),
        )
        const { acknowledged, writes, sightings, troubles, settledMs } = played
        const about = `seed ${seed}: ${acknowledged} of ${writes} writes acknowledged, ${sightings} values seen, settled after ${Math.round(settledMs / 1000)} s; ${troubles.join(', ')}`
        process.stdout.write(`    ${about}\n`)
        assert.notEqual(acknowledged, 0, 'Expected some writes to be acknowledged')
        assert.deepEqual(played.faults, [], about)
      })
    }
  })
})
