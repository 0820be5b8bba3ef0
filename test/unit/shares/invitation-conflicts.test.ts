// An invitation that somebody's device has changed while the daemon wrote it: when it is over, nothing of it is left.
import assert from 'node:assert/strict'
import { Participants } from '../../support/participants.ts'

const ANN = 1
const ID = '$invitation/x'

describe('an invitation with conflicts', () => {
  it('goes with all of them when its user is taken out', async () => {
    const people = await Participants.create({ users: 2 })
    people.act({ kind: 'access', share: 'x', access: { read: [ANN] } })
    await people.world.settle()
    const database = people.database(ANN)
    assert.equal(database.read(ID)?.['access'], 'read')
    for (const hash of ['a'.repeat(32), 'b'.repeat(32)])
      database.merge({ _id: ID, _rev: `1-${hash}`, _revisions: { start: 1, ids: [hash] }, seen: hash })
    people.act({ kind: 'access', share: 'x', access: false })
    await people.world.settle()
    assert.equal(database.read(ID), null)
  })
})
