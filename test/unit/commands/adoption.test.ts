// What a first start would make, in sentences.
import assert from 'node:assert/strict'
import { adoptionTexts, MANY_OUTBOXES } from '../../../src/commands/adoption.ts'

const NOTHING = { users: 0, outboxes: 0, own: [], designs: { users: 0, own: 0 }, besides: [] }

describe('commands/adoption', () => {
  it('says nothing where nothing is to be made', () => {
    assert.deepEqual(adoptionTexts(NOTHING), [])
    assert.deepEqual(adoptionTexts({ ...NOTHING, users: 3 }), [])
  })

  it('says what is made where', () =>
    assert.deepEqual(
      adoptionTexts({
        ...NOTHING,
        ...{ users: 2, outboxes: 2, own: ['shares', '_users'], designs: { users: 4, own: 5 } },
      }),
      [
        "the daemon's next start makes 4 databases: 2 outboxes (<user database>/$shares), 2 for the daemon itself (shares, _users), " +
          'and writes 9 design documents: 4 in 2 user databases, 5 in databases of the daemon and of CouchDB',
      ],
    ))

  it('names what is not counted', () =>
    assert.deepEqual(
      adoptionTexts({
        ...NOTHING,
        own: ['shares'],
        besides: ['a personal database for each account', 'more'],
      }),
      [
        "the daemon's next start makes 1 database: 1 for the daemon itself (shares), and writes 0 design documents; not counted: a personal database for each account, more",
      ],
    ))

  it('names OUTBOX where there would be many', () => {
    const many = { ...NOTHING, users: MANY_OUTBOXES, outboxes: MANY_OUTBOXES }
    assert.match(adoptionTexts(many)[1] ?? '', /OUTBOX=first-share.* 50 databases fewer/)
    assert.equal(adoptionTexts({ ...many, outboxes: MANY_OUTBOXES - 1 }).length, 1)
  })
})
