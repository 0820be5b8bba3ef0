// What there is to do for an owner: two are one that says what either says.
import assert from 'node:assert/strict'
import { mergeOwnerWork, type OwnerWork } from '../../../src/shares/work.ts'

describe('shares/work', () => {
  it('says what either says', () => {
    const merged = mergeOwnerWork(
      {
        ...{ user: true, shares: new Set(['s']), subscriptions: new Set(['a']), feeds: new Set(['c']) },
        ...{ returned: true, updateSeqs: new Map([['db', 1]]), lateSince: 5 },
      },
      {
        ...{
          departed: true,
          purged: true,
          shares: new Set(['t']),
          subscriptions: new Set(['a', 'b']),
          feeds: new Set(['d']),
        },
        ...{ idle: new Set(['u']), updateSeqs: new Map([['db', 2]]) },
        skeleton: new Set(['g']),
        lateSince: 7,
      },
    )
    assert.deepEqual(merged, {
      user: true,
      outbox: false,
      departed: true,
      purged: true,
      recreated: false,
      rescan: false,
      room: false,
      shares: new Set(['s', 't']),
      subscriptions: new Set(['a', 'b']),
      feeds: new Set(['c', 'd']),
      idle: new Set(['u']),
      returned: true,
      skeleton: new Set(['g']),
      updateSeqs: new Map([['db', 2]]),
      lateSince: 7,
    })
  })

  it('says what one says, with one that says nothing', () => {
    const work: OwnerWork = { outbox: true, feeds: new Set(['s']), subscriptions: new Set(['t']) }
    assert.deepEqual(mergeOwnerWork(work, {}), mergeOwnerWork({}, work))
    assert.deepEqual([...(mergeOwnerWork({}, work).feeds ?? [])], ['s'])
  })

  it('changes neither of them', () => {
    const one: OwnerWork = { feeds: new Set(['s']) }
    const other: OwnerWork = { feeds: new Set(['t']) }
    mergeOwnerWork(one, other)
    assert.deepEqual([one, other], [{ feeds: new Set(['s']) }, { feeds: new Set(['t']) }])
  })
})
