// Whom a share is told of: not those who have read it as far as it goes.
import assert from 'node:assert/strict'
import { announceUnread } from '../../../../src/shares/perform/announce.ts'
import type { Participants } from '../../../support/participants.ts'
import { ANN, BOB, edit, JOE, threePeople } from '../../../support/three-people.ts'

/** The numbers of those who are told of the share. */
async function told(people: Participants): Promise<number[]> {
  const owners = new Set<string>()
  await announceUnread({ ...people.world.deps, mark: (owner) => owners.add(owner) }, 'x')
  return [JOE, ANN, BOB].filter((user) => owners.has(people.hash(user)))
}

describe('shares/perform/announce', () => {
  it('tells of what was written into a share those who have not read it', async () => {
    const people = await threePeople([ANN, BOB])
    assert.deepEqual(await told(people), [])
    people.act(edit(ANN, 'a', ['name']))
    await people.world.turn(people.hash(ANN))
    await people.world.turn(people.hash(BOB), { feeds: new Set(['x']) })
    assert.deepEqual(await told(people), [JOE, ANN])
    await people.world.settle()
    assert.deepEqual(await told(people), [])
  })

  it('tells everybody of a database that was made anew, or is not there', async () => {
    const people = await threePeople([ANN, BOB])
    await people.world.deps.registry.change('x', { rotations: 7 })
    assert.deepEqual(await told(people), [JOE, ANN, BOB])
    await people.world.deps.registry.change('x', { rotations: 0 })
    people.world.couch.drop('share/x')
    assert.deepEqual(await told(people), [JOE, ANN, BOB])
  })
})
