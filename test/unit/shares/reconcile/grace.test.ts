// A user database that is gone, or was made again: what is left of it ends when the grace time is over, whenever somebody asks.
import assert from 'node:assert/strict'
import { reconcileOwner } from '../../../../src/shares/reconciler.ts'
import type { OwnerWork, OwnerResult } from '../../../../src/shares/work.ts'
import { GRACE_MS } from '../../../support/memory-world.ts'
import { joeShowsAnn, JOE } from '../../../support/planned-share.ts'

/** Joe, whose share `x` is open, with turns one by one. */
async function joe() {
  const people = await joeShowsAnn()
  const { world } = people
  return {
    people,
    world,
    turn: (work: OwnerWork): Promise<OwnerResult> =>
      reconcileOwner({ deps: world.deps, owner: people.hash(JOE), work, outboxAlways: true }),
    drop: (): void => world.couch.drop(people.database(JOE).name),
    state: (): unknown => people.registry.read('share/x')?.['state'],
  }
}

describe('the grace time of a user database', () => {
  it('ends nothing of one that is gone where somebody asks too early, and all when it is over', async () => {
    const { world, turn, drop, state } = await joe()
    drop()
    const { goneSince } = await turn({ user: true })
    assert.equal(goneSince, world.now)
    world.now += GRACE_MS - 1
    assert.equal((await turn({ departed: true })).goneSince, goneSince, 'what is waited for is said again')
    assert.equal(state(), 'active')
    world.now += 1
    await turn({ departed: true })
    assert.equal(state(), 'ended')
  })

  it('ends nothing of one that is back where somebody asks too early, and what is not back when it is over', async () => {
    const { people, world, turn, drop, state } = await joe()
    const { name } = people.database(JOE)
    drop()
    world.couch.create(name)
    const { recreatedAt } = await turn({ user: true, recreated: true })
    assert.equal(recreatedAt, world.now)
    world.now += GRACE_MS - 1
    assert.equal(
      (await turn({ returned: true })).recreatedAt,
      recreatedAt,
      'what is waited for is said again',
    )
    assert.equal(state(), 'active')
    world.now += 1
    assert.equal((await turn({ returned: true })).recreatedAt, undefined)
    await world.settle()
    assert.equal(state(), 'ended')
  })

  it('begins anew with each time that it is gone', async () => {
    const { people, world, turn, drop, state } = await joe()
    const { name } = people.database(JOE)
    drop()
    await turn({ user: true })
    world.couch.create(name)
    await turn({ user: true, recreated: true })
    world.now += GRACE_MS
    drop()
    const { goneSince } = await turn({ user: true })
    assert.equal(goneSince, world.now)
    // Asked for the first time that it was gone.
    await turn({ departed: true })
    assert.equal(state(), 'active')
  })

  it('is not longer where the clock was set back', async () => {
    const { world, turn, drop, state } = await joe()
    drop()
    await turn({ user: true })
    world.now -= 100 * GRACE_MS
    assert.equal((await turn({ departed: true })).goneSince, world.now)
    world.now += GRACE_MS
    await turn({ departed: true })
    assert.equal(state(), 'ended')
  })
})
