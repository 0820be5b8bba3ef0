// An owner whose database is gone for good takes the shares along, and nothing that others wrote.
import assert from 'node:assert/strict'
import { ANN, BOB, edit, JOE, threePeople } from '../../../support/three-people.ts'
import { valuesOf } from '../../../support/participants.ts'

describe('an owner whose database is gone', () => {
  it('leaves what others wrote with them, and takes what they only received', async () => {
    const people = await threePeople([BOB], 'read')
    people.act(edit(JOE, 'b', ['name']))
    people.act({ kind: 'wish', user: JOE, object: 'b', share: 'x', wish: true })
    await people.world.settle()
    people.act(edit(ANN, 'a', ['name']))
    await people.world.settle()
    const wanted = valuesOf(people.database(ANN).read('a'))
    people.world.couch.drop(people.database(JOE).name)
    await people.world.settle()
    assert.equal(people.registry.read('share/x')?.['state'], 'ended')
    assert.deepEqual(valuesOf(people.database(ANN).read('a')), wanted)
    assert.equal(people.database(ANN).read('a')?.['$shares'], undefined)
    assert.equal(people.database(ANN).read('b'), null)
    for (const object of ['a', 'b']) assert.equal(people.database(BOB).read(object), null)
  })
})
