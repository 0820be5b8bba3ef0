// Any history of a master, its users and their devices ends with both sides alike, and changes nothing that it may not.
import fc from 'fast-check'
import { DOMAINS, ProvisioningPlay, type Step } from '../../support/provisioning-play.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)
const USERS = 3

const who = fc.nat(USERS - 1)
const at = fc.constantFrom('personal' as const, 'device' as const)
const set = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
const domain = fc.constantFrom(...DOMAINS)
const maybeDomain = fc.option(domain, { freq: 3 })
const isSigned = fc.oneof(
  { weight: 5, arbitrary: fc.constant(true) },
  { weight: 1, arbitrary: fc.constant(false) },
)
const isHeld = fc.oneof(
  { weight: 1, arbitrary: fc.constant(true) },
  { weight: 4, arbitrary: fc.constant(false) },
)
const always = <const Value>(value: Value) => fc.constant(value)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ who: always('admin'), does: always('edit'), set, domain: maybeDomain, isHeld }),
  },
  { weight: 1, arbitrary: fc.record({ who: always('admin'), does: always('delete') }) },
  { weight: 6, arbitrary: fc.record({ who, does: always('edit'), at, set, domain: maybeDomain, isSigned }) },
  { weight: 2, arbitrary: fc.record({ who, does: always('delete'), at, isSigned }) },
  { weight: 1, arbitrary: fc.record({ who, does: always('restore') }) },
  { weight: 4, arbitrary: fc.record({ who, does: always('sync') }) },
  { weight: 4, arbitrary: fc.record({ who, does: always('replicate') }) },
  {
    weight: 8,
    arbitrary: fc.record({
      who,
      does: always('reconcile'),
      dies: fc.option(fc.nat(6), { nil: null, freq: 2 }),
      meanwhile: fc.option(set, { nil: null, freq: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      who,
      does: always('forge'),
      ages: fc.integer({ min: 1, max: 30 }),
      isKnown: fc.boolean(),
      domain,
    }),
  },
  { weight: 5, arbitrary: fc.record({ who, does: always('roles'), roles: fc.subarray([...DOMAINS]) }) },
)

describe('documents of a master', () => {
  it('come to rest alike on both sides after any history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 40 }), async (steps) => {
        const play = new ProvisioningPlay(USERS)
        for (const one of steps) await play.step(one)
        await play.check()
      }),
      { numRuns: RUNS },
    )
  })
})
