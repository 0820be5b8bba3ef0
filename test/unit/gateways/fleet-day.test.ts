// The day that the fleet's README tells: each step is played through the function, and the README is what was played.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { ADMIN, FLEET_FOLDER, fleet } from '../../support/fleet.ts'
import { GrantsModel, dayInWords, readDay } from '../../support/fleet-day.ts'

describe('fleet, a day', () => {
  const steps = readDay()
  let model: GrantsModel

  before(async () => {
    model = new GrantsModel(await fleet())
  })

  steps.forEach(({ step, as, put, expect, sees }, index) => {
    it(`${index + 1}. ${step}`, () => {
      const verdict = model.put(put, 'admin' in as ? ADMIN : model.writer(as.name))
      const said =
        verdict.kind === 'accepted'
          ? 'accepted'
          : verdict.kind === 'rejected'
            ? { [verdict.error]: verdict.reason }
            : verdict
      assert.deepEqual(said, expect)
      const seen = Object.fromEntries(Object.keys(sees).map((user) => [user, model.seenBy(user)]))
      assert.deepEqual(seen, sees)
    })
  })

  it('says of the same users after each step what they see', () => {
    for (const { sees } of steps) assert.deepEqual(Object.keys(sees), ['ann', 'bob', 'carla', 'eve'])
  })

  it('is what the README tells', async () => {
    const path = new URL('README.md', FLEET_FOLDER)
    const readme = readFileSync(path, 'utf8')
    const [, told] = /<!-- day -->\n([\s\S]*)<!-- end of day -->/.exec(readme) ?? []
    const options = { ...(await resolveConfig(path)), parser: 'markdown' }
    assert.equal(told?.trim(), (await format(dayInWords(steps), options)).trim())
  })
})
