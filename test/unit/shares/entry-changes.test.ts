// Two daemons plan from the same entry of a share: what the second one writes is over what the first one wrote.
import assert from 'node:assert/strict'
import type { ShareEntry } from '../../../src/shares/model/entry.ts'
import { planScanned } from '../../../src/shares/plan/share.ts'
import { performShare } from '../../../src/shares/perform/share.ts'
import type { Participants } from '../../support/participants.ts'
import { joeShowsAnn, planned, JOE } from '../../support/planned-share.ts'

const entryOf = async ({ world }: Participants): Promise<ShareEntry> =>
  (await world.deps.registry.entry('x')) ?? assert.fail()

describe('shares/entry-changes', () => {
  it('counts each share database, though two daemons had the same number in mind', async () => {
    const people = await joeShowsAnn()
    const { deps } = people.world
    const { rotations = 0 } = await entryOf(people)
    await deps.registry.orderRotation('x')
    const plans = [await planned(people), await planned(people)]
    for (const { effects, read } of plans) {
      assert.ok(effects.some(({ kind }) => kind === 'rotate'))
      assert.equal((await performShare(deps, people.hash(JOE), effects, read)).kind, 'done')
    }
    const { rotations: after, rotate } = await entryOf(people)
    assert.deepEqual([after, rotate], [rotations + 2, undefined])
  })

  it('leaves the order to whoever makes the share anew just now', async () => {
    const people = await joeShowsAnn()
    const { registry } = people.world.deps
    await registry.orderRotation('x')
    const mine = (await entryOf(people)).closing ?? ''
    // Another daemon has begun, or another reader is to go.
    await registry.orderRotation('x')
    await registry.change('x', { rotate: undefined, rotations: 1 }, { closing: mine })
    assert.equal((await entryOf(people)).rotate, true)
    await registry.change(
      'x',
      { rotate: undefined, rotations: 1 },
      { closing: (await entryOf(people)).closing ?? '' },
    )
    assert.equal((await entryOf(people)).rotate, undefined)
  })

  it('lets nobody in again whom another daemon has taken out meanwhile', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    people.act({ kind: 'access', share: 'x', access: true })
    const { effects, read } = await planned(people)
    people.act({ kind: 'access', share: 'x', access: false })
    await world.settle()
    const before = [await entryOf(people), people.share('x')?.security]
    assert.deepEqual(await performShare(world.deps, people.hash(JOE), effects, read), { kind: 'again' })
    assert.deepEqual([await entryOf(people), people.share('x')?.security], before)
  })

  it('opens nothing again that another daemon has ended meanwhile', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    people.act({ kind: 'access', share: 'x', access: true })
    const { effects, read } = await planned(people)
    people.act({ kind: 'close', share: 'x' })
    await world.settle()
    assert.deepEqual(await performShare(world.deps, people.hash(JOE), effects, read), { kind: 'again' })
    assert.equal((await entryOf(people)).state, 'ended')
    assert.equal(people.share('x'), null)
  })

  it('makes nothing anew of a share that has ended, though somebody was taken out just then', async () => {
    const people = await joeShowsAnn()
    const { deps } = people.world
    await deps.registry.change('x', { state: 'ending', emptied: true, rotate: true })
    deps.ceilings.set('x', { members: { names: [], roles: ['_admin'] } })
    const read = await entryOf(people)
    await performShare(deps, people.hash(JOE), planScanned('x', read), read)
    const after = await entryOf(people)
    assert.deepEqual([after.state, after.rotate], ['ended', undefined])
    await deps.registry.orderRotation('x')
    assert.equal((await entryOf(people)).rotate, undefined)
  })
})
