// Hints: two are one that says what either says.
import assert from 'node:assert/strict'
import { mergeHints, type Hint } from '../../../src/shares/work.ts'

describe('turn/hint', () => {
  it('says what either says', () => {
    const merged = mergeHints(
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
    const hint: Hint = { outbox: true, feeds: new Set(['s']), subscriptions: new Set(['t']) }
    assert.deepEqual(mergeHints(hint, {}), mergeHints({}, hint))
    assert.deepEqual([...(mergeHints({}, hint).feeds ?? [])], ['s'])
  })

  it('changes neither of them', () => {
    const one: Hint = { feeds: new Set(['s']) }
    const other: Hint = { feeds: new Set(['t']) }
    mergeHints(one, other)
    assert.deepEqual([one, other], [{ feeds: new Set(['s']) }, { feeds: new Set(['t']) }])
  })
})
