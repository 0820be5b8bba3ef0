// A `_security` that somebody empties is seen by the next sweep alone, and put right by the owner's lane.
import assert from 'node:assert/strict'
import { isPublic } from '../../../src/documents/security.ts'
import { assertRight } from '../../support/participants-checks.ts'
import { ANN, JOE, threePeople } from '../../support/three-people.ts'

describe('an emptied _security', () => {
  it('of a share and of an outbox is put right once, and the share is made anew', async () => {
    const people = await threePeople([ANN])
    const { world, registry } = people
    const outbox = `${people.database(JOE).name}/$shares`
    const named = [people.share('x'), world.couch.databases.get(outbox)]
    const before = named.map((database) => database?.security)
    for (const database of named) database?.secure({})
    world.missEvents()
    await world.settle()
    const after = [people.share('x'), world.couch.databases.get(outbox)].map((one) => one?.security)
    assert.deepEqual(after, before)
    assert(after.every((security) => security !== undefined && !isPublic(security)))
    assert.equal(registry.read('share/x')?.['rotations'], 1)
    assertRight(people)
    const written = world.couch.writes.length
    await world.sweep()
    await world.settle()
    assert.equal(world.couch.writes.length, written)
  })
})
