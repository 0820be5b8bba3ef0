// Which partition a user is in: the same on every machine and for ever, and each user in one.
import assert from 'node:assert/strict'
import { nameOfPortion, partitionOf, partsOf, portionOf, WHOLE } from '../../../src/engine/portion.ts'

const USERS = Array.from({ length: 3_000 }, (_, at) => `user-${at}`)

describe('engine/portion', () => {
  it('is for ever: another partition would leave somebody with nobody while processes of two versions run', () => {
    const found = ['joe', 'ann', 'Zoë', '', '../x'].map((user) => partitionOf(user, 12))
    assert.deepEqual(found, [4, 3, 3, 4, 3])
  })

  it('has each user in one of them, and about as many in each', () => {
    const parts = partsOf(portionOf([0, 1, 2, 3, 4], 5))
    for (const user of USERS) assert.equal(parts.filter(({ has }) => has(user)).length, 1, user)
    for (const { has } of parts) {
      const count = USERS.filter(has).length
      assert(count > 500 && count < 700, `${count} of ${USERS.length}`)
    }
  })

  it('is everybody where nothing is divided', () => {
    assert(USERS.every(WHOLE.has))
    assert(WHOLE.isWhole && WHOLE.isFirst)
    assert.equal(nameOfPortion(WHOLE), '')
  })

  it('has a name that tells it from one of another number', () => {
    const portion = portionOf([3, 1], 4)
    assert.equal(nameOfPortion(portion), '1,3/4')
    assert.deepEqual(partsOf(portion).map(nameOfPortion), ['1/4', '3/4'])
    assert(!portion.isFirst && !portion.isWhole)
  })
})
