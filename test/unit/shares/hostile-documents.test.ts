// Whatever somebody writes: all others go on, and nothing is written where its author may write nothing.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { hostileDocument } from '../../support/hostile-documents.ts'
import { HostileWorld } from '../../support/hostile-world.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 8)

/** At each of two times, so many at the most: what the daemon has made of the first ones is written over, too. */
const MOST = 20

const documents = fc.array(hostileDocument, { maxLength: MOST, size: 'max' })

describe('hostile documents', () => {
  it('stop nobody, and lead to nothing that their author may not do', async () => {
    const quiet = await HostileWorld.create()
    await quiet.goOn()
    const expected = quiet.wellBehaved()
    await fc.assert(
      fc.asyncProperty(documents, documents, fc.boolean(), async (first, second, canPurge) => {
        const here = await HostileWorld.create(canPurge)
        for (const some of [first, second]) {
          for (const one of some) here.writeHostile(one)
          await here.check()
        }
        await here.goOn()
        assert.deepEqual(here.wellBehaved(), expected)
        await here.pubGoesOn()
        await here.isDone()
      }),
      { numRuns: RUNS },
    )
  })
})
