// "An object's life", row by row: what is planned, and in which order.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../../src/documents/json.ts'
import type { Base } from '../../../../src/shares/model/base.ts'
import type { ObjectDoc, Selection } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { CopyState, ObjectEffect, Standing } from '../../../../src/shares/plan/object-facts.ts'
import { settledObject } from '../../../../src/shares/plan/settled-object.ts'
import type { Rival } from '../../../../src/shares/plan/leaves.ts'

interface Given {
  doc?: Record<string, unknown> | null
  base?: Record<string, Selection> | null
  copies?: Record<string, Record<string, unknown>>
  standings?: Record<string, Standing>
  rivals?: Rival[]
  mostBytes?: number
}

const stub = { content_type: 'text/plain', digest: 'md5-a', length: 3 }
/** Deeper than anything is that takes the stack to be read. */
const NESTED = decodeJson(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)

const object = (attributes: Record<string, unknown>, rev = '2-o'): ObjectDoc => ({
  _id: 'o',
  _rev: rev,
  ...attributes,
})
const copyOf = (share: string, attributes: Record<string, unknown>): ObjectDoc => ({
  _id: `share/${share}/o`,
  _rev: '1-c',
  ...attributes,
})
const baseOf = (shares: Record<string, Selection>): Base => ({
  _id: 'base/o',
  _rev: '1-b',
  shares,
  agreed: {},
})

function plan({
  doc = null,
  base = null,
  copies = {},
  standings = { s: 'open' },
  rivals = [],
  mostBytes,
}: Given) {
  return planObject({
    object: 'o',
    doc: doc && object(doc),
    isMissing: false,
    rivals,
    base: base && baseOf(base),
    exchanges: new Map(),
    clock: { now: 0, updatedAt: UPDATED_AT },
    ...(mostBytes === undefined ? {} : { mostBytes }),
    standings: new Map(Object.entries(standings)),
    copies: new Map<string, CopyState>(
      Object.entries(copies).map(([share, attributes]) => [share, copyOf(share, attributes)]),
    ),
  })
}

/** An effect in a few words. */
function inWords(effect: ObjectEffect): string {
  switch (effect.kind) {
    case 'put-base':
      return `base ${effect.stage} ${JSON.stringify(effect.shares)}`
    case 'put-copy': {
      const attachments = Object.keys(effect.content.attachments)
      return `copy ${effect.share} ${JSON.stringify(effect.content.attributes)}${attachments.map((name) => ` +${name}`).join('')}`
    }
    case 'delete-copy':
      return `uncopy ${effect.share}`
    case 'withdraw':
      return `withdraw ${effect.share}`
    case 'settle-object':
      return `settle ${effect.strip.map((id) => `-${id}`).join(' ')}${effect.problems.map((one) => `${one.share ?? '*'}:${one.problem.code}`).join(' ')}`
    case 'drop-leaf':
      return `drop ${effect.rev}`
    default:
      return effect.kind
  }
}

const words = (given: Given): string[] => plan(given).map(inWords)

describe('shares/plan/object', () => {
  const rows: [row: string, Given, string[]][] = [
    // true
    [
      'true: all attributes but the reserved ones, attachments too',
      {
        doc: {
          $shares: { s: true },
          $state: 'x',
          $rejected: 1,
          name: 'n',
          owner: 'o',
          _attachments: { f: stub },
        },
      },
      ['base before {"s":true}', 'copy s {"name":"n","owner":"o"} +f'],
    ],
    [
      'true, and nested too deep: nothing goes out, and what is there stays',
      { doc: { $shares: { s: true }, a: NESTED }, base: { s: true }, copies: { s: { a: 1 } } },
      ['settle s:too_complex'],
    ],
    [
      'true, and nested too deep from the beginning: nothing is remembered of what never went out',
      { doc: { $shares: { s: true }, a: NESTED } },
      ['settle s:too_complex'],
    ],
    [
      'a shorter list, and nested too deep: what is not listed goes all the same',
      {
        doc: { $shares: { s: ['a'] }, a: NESTED, b: 1 },
        base: { s: true },
        copies: { s: { a: 1, b: 1 } },
      },
      ['copy s {"a":1}', 'withdraw s', 'base after {"s":["a"]}', 'settle s:too_complex'],
    ],
    [
      'un-shared, and nested too deep',
      { doc: { $shares: { s: false }, a: NESTED }, base: { s: true }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}', 'settle -s'],
    ],
    [
      'true, and larger than any user may share: nothing goes out, and what is there stays',
      {
        doc: { $shares: { s: true }, a: 'x'.repeat(50) },
        base: { s: true },
        copies: { s: { a: 1 } },
        mostBytes: 50,
      },
      ['settle s:too_large_to_share'],
    ],
    [
      'true, and larger than that from the beginning',
      { doc: { $shares: { s: true }, a: 'x'.repeat(50) }, mostBytes: 50 },
      ['settle s:too_large_to_share'],
    ],
    [
      'true, and too large as the copy is already',
      {
        doc: { $shares: { s: true }, a: 'x'.repeat(50) },
        base: { s: true },
        copies: { s: { a: 'y'.repeat(50) } },
        mostBytes: 50,
      },
      [`copy s {"a":"${'x'.repeat(50)}"}`],
    ],
    [
      'a shorter list, and too large: what is not listed goes all the same',
      {
        doc: { $shares: { s: ['a'] }, a: 'x'.repeat(50), b: 1 },
        base: { s: true },
        copies: { s: { a: 1, b: 1 } },
        mostBytes: 50,
      },
      ['copy s {"a":1}', 'withdraw s', 'base after {"s":["a"]}', 'settle s:too_large_to_share'],
    ],
    [
      'un-shared, and too large',
      {
        doc: { $shares: { s: false }, a: 'x'.repeat(50) },
        base: { s: true },
        copies: { s: { a: 1 } },
        mostBytes: 50,
      },
      ['uncopy s', 'withdraw s', 'base after {}', 'settle -s'],
    ],
    [
      'true, and all there',
      { doc: { $shares: { s: true }, a: 1 }, base: { s: true }, copies: { s: { a: 1 } } },
      [],
    ],
    [
      'true, and edited: no un-sharing',
      { doc: { $shares: { s: true }, a: 2 }, base: { s: true }, copies: { s: { a: 1, b: 1 } } },
      ['copy s {"a":2}'],
    ],
    [
      'true, and an attachment changed',
      {
        doc: { $shares: { s: true }, _attachments: { f: { ...stub, digest: 'md5-b' } } },
        base: { s: true },
        copies: { s: { _attachments: { f: stub } } },
      },
      ['copy s {} +f'],
    ],
    // a list
    [
      'a list: the listed attributes that exist',
      { doc: { $shares: { s: ['name', 'missing'] }, name: 'n', owner: 'o', _attachments: { f: stub } } },
      ['base before {"s":["missing","name"]}', 'copy s {"name":"n"}'],
    ],
    [
      'a list with _attachments',
      { doc: { $shares: { s: ['_attachments'] }, name: 'n', _attachments: { f: stub } } },
      ['base before {"s":["_attachments"]}', 'copy s {} +f'],
    ],
    [
      'an empty list: that it exists',
      { doc: { $shares: { s: [] }, name: 'n' } },
      ['base before {"s":[]}', 'copy s {}'],
    ],
    [
      'an empty list, and all there',
      { doc: { $shares: { s: [] }, name: 'n' }, base: { s: [] }, copies: { s: {} } },
      [],
    ],
    [
      'a listed attribute that comes to exist',
      { doc: { $shares: { s: ['name'] }, name: 'n' }, base: { s: ['name'] }, copies: { s: {} } },
      ['copy s {"name":"n"}'],
    ],
    [
      'a longer list: widened before the copy',
      { doc: { $shares: { s: ['a', 'b'] }, a: 1, b: 2 }, base: { s: ['a'] }, copies: { s: { a: 1 } } },
      ['base before {"s":["a","b"]}', 'copy s {"a":1,"b":2}'],
    ],
    [
      'a shorter list: withdrawn before the base is narrowed',
      { doc: { $shares: { s: ['a'] }, a: 1, b: 2 }, base: { s: ['a', 'b'] }, copies: { s: { a: 1, b: 2 } } },
      ['copy s {"a":1}', 'withdraw s', 'base after {"s":["a"]}'],
    ],
    [
      'a shorter list, though the copy looks the same: old revisions may not',
      { doc: { $shares: { s: ['a'] }, a: 1 }, base: { s: ['a', 'b'] }, copies: { s: { a: 1 } } },
      ['withdraw s', 'base after {"s":["a"]}'],
    ],
    [
      'another list',
      { doc: { $shares: { s: ['b'] }, a: 1, b: 2 }, base: { s: ['a'] }, copies: { s: { a: 1 } } },
      ['base before {"s":["a","b"]}', 'copy s {"b":2}', 'withdraw s', 'base after {"s":["b"]}'],
    ],
    [
      'from true to a list',
      { doc: { $shares: { s: ['a'] }, a: 1, b: 2 }, base: { s: true }, copies: { s: { a: 1, b: 2 } } },
      ['copy s {"a":1}', 'withdraw s', 'base after {"s":["a"]}'],
    ],
    [
      'from a list to true',
      { doc: { $shares: { s: true }, a: 1, b: 2 }, base: { s: ['a'] }, copies: { s: { a: 1 } } },
      ['base before {"s":true}', 'copy s {"a":1,"b":2}'],
    ],
    // false
    [
      'false: the copy goes, then the id; an empty $shares leaves the object',
      { doc: { $shares: { s: false }, a: 1 }, base: { s: true }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}', 'settle -s'],
    ],
    ['false, and never copied', { doc: { $shares: { s: false }, a: 1 } }, ['settle -s']],
    [
      'false, after a crash before the withdrawal',
      { doc: { $shares: { s: false }, a: 1 }, base: { s: true } },
      ['withdraw s', 'base after {}', 'settle -s'],
    ],
    ['false, after a crash before the end', { doc: { $shares: { s: false } }, base: null }, ['settle -s']],
    [
      'false for one of two',
      {
        doc: { $shares: { s: false, t: ['a'] }, a: 1 },
        base: { s: true, t: ['a'] },
        copies: { s: { a: 1 }, t: { a: 1 } },
        standings: { s: 'open', t: 'open' },
      },
      ['uncopy s', 'withdraw s', 'base after {"t":["a"]}', 'settle -s'],
    ],
    [
      'false for a share of somebody else',
      { doc: { $shares: { s: false } }, standings: { s: 'foreign' } },
      ['settle -s'],
    ],
    [
      'false for a share that is not there',
      { doc: { $shares: { s: false } }, standings: { s: 'absent' } },
      ['settle -s'],
    ],
    // vanished, deleted
    [
      'the key vanished',
      { doc: { $shares: {}, a: 1 }, base: { s: true }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}'],
    ],
    [
      '$shares vanished',
      { doc: { a: 1 }, base: { s: ['a'] }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}'],
    ],
    [
      'the object was deleted',
      { doc: null, base: { s: true }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}'],
    ],
    ['deleted, and all gone', { doc: null }, []],
    ['never shared', { doc: { a: 1 } }, []],
    // anything else
    [
      'anything else: the copy goes, and it is reported',
      { doc: { $shares: { s: 1 }, a: 1 }, base: { s: true }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}', 'settle s:invalid_selection'],
    ],
    [
      'a reserved attribute in the list, likewise',
      { doc: { $shares: { s: ['a', '_id'] }, a: 1 }, base: { s: ['a'] }, copies: { s: { a: 1 } } },
      ['uncopy s', 'withdraw s', 'base after {}', 'settle s:reserved_attribute'],
    ],
    [
      'a bad key leaves the good ones at work',
      { doc: { $shares: { s: ['a'], t: null, 'A B': true }, a: 1 }, standings: { s: 'open', t: 'open' } },
      ['base before {"s":["a"]}', 'copy s {"a":1}', 'settle A B:invalid_share_id t:invalid_selection'],
    ],
    [
      '$shares that is no object: all copies go',
      {
        doc: { $shares: 'all', a: 1 },
        base: { s: true, t: ['a'] },
        copies: { s: { a: 1 }, t: { a: 1 } },
        standings: { s: 'open', t: 'open' },
      },
      ['uncopy s', 'uncopy t', 'withdraw s', 'withdraw t', 'base after {}', 'settle *:invalid_shares'],
    ],
    [
      'reported, and said already',
      {
        doc: {
          $shares: { s: 1 },
          $error: {
            ...problem('invalid_selection', 'a number'),
            shares: { s: problem('invalid_selection', 'a number') },
          },
        },
      },
      [],
    ],
    [
      'corrected: $error goes',
      {
        doc: { $shares: { s: [] }, $error: problem('invalid_selection', 'a number') },
        base: { s: [] },
        copies: { s: {} },
      },
      ['settle '],
    ],
    // shared again
    [
      'shared again, over the tombstone',
      { doc: { $shares: { s: true }, a: 1 }, base: null, copies: {} },
      ['base before {"s":true}', 'copy s {"a":1}'],
    ],
    [
      'shared again with less, before the withdrawal landed',
      { doc: { $shares: { s: ['a'] }, a: 1, b: 2 }, base: { s: true } },
      ['copy s {"a":1}', 'withdraw s', 'base after {"s":["a"]}'],
    ],
    // not there (yet)
    [
      'a share that is not there waits silently',
      { doc: { $shares: { s: true }, a: 1 }, standings: { s: 'absent' } },
      [],
    ],
    ['a share nobody has heard of, likewise', { doc: { $shares: { s: true }, a: 1 }, standings: {} }, []],
    [
      'a share that is being opened waits, too',
      { doc: { $shares: { s: true }, a: 1 }, standings: { s: 'opening' } },
      [],
    ],
    [
      'a share that is being opened again: what was shared waits as it is',
      {
        doc: { $shares: { s: ['a'] }, a: 2, b: 2 },
        base: { s: true },
        copies: { s: { a: 1, b: 1 } },
        standings: { s: 'opening' },
      },
      [],
    ],
    [
      'un-shared while the share is being opened again: the copy goes, and the base stays for the withdrawal',
      {
        doc: { $shares: { s: false }, a: 1 },
        base: { s: true },
        copies: { s: { a: 1 } },
        standings: { s: 'opening' },
      },
      ['uncopy s', 'settle -s'],
    ],
    [
      'deleted while the share is being opened again, likewise',
      { doc: null, base: { s: true }, copies: { s: { a: 1 } }, standings: { s: 'opening' } },
      ['uncopy s'],
    ],
    // somebody else's
    [
      'somebody else’s: nothing is copied, it is reported',
      { doc: { $shares: { s: true }, a: 1 }, standings: { s: 'foreign' } },
      ['settle s:not_a_participant'],
    ],
    // ended
    [
      'a share that ends: the id leaves $shares',
      { doc: { $shares: { s: true, t: true }, a: 1 }, standings: { s: 'ending', t: 'absent' } },
      ['settle -s'],
    ],
    [
      'a share that ends, whatever was wished of it',
      { doc: { $shares: { s: 7 }, a: 1 }, standings: { s: 'ending' } },
      ['settle -s'],
    ],
    [
      'a share that ends takes the base with it; its database is gone already',
      { doc: { $shares: { s: true }, a: 1 }, base: { s: true }, standings: { s: 'ending' } },
      ['base after {}', 'settle -s'],
    ],
    [
      'a share that is over, and an object that went meanwhile',
      { doc: null, base: { s: true }, standings: { s: 'absent' } },
      ['base after {}'],
    ],
    // order
    [
      'several shares: bases, copies, withdrawals, bases, the object',
      {
        doc: { $shares: { a: ['x'], b: ['x', 'y'], c: false, d: 0 }, x: 1, y: 2 },
        base: { a: true, c: true, d: [] },
        copies: { a: { x: 1, y: 2 }, c: { x: 1 }, d: {} },
        standings: { a: 'open', b: 'open', c: 'open', d: 'open' },
      },
      [
        'base before {"a":true,"c":true,"d":[],"b":["x","y"]}',
        'copy a {"x":1}',
        'copy b {"x":1,"y":2}',
        'uncopy c',
        'uncopy d',
        'withdraw a',
        'withdraw c',
        'withdraw d',
        'base after {"a":["x"],"b":["x","y"]}',
        'settle -cd:invalid_selection',
      ],
    ],
    // names that JavaScript knows
    [
      'shares called constructor',
      {
        doc: { $shares: { constructor: true }, a: 1 },
        base: {},
        standings: { constructor: 'open' as const },
      },
      ['base before {"constructor":true}', 'copy constructor {"a":1}'],
    ],
    [
      'attributes called constructor that are not there',
      { doc: { $shares: { s: ['constructor', 'toString'] }, a: 1 } },
      ['base before {"s":["constructor","toString"]}', 'copy s {}'],
    ],
  ]
  for (const [row, given, expected] of rows) it(row, () => assert.deepEqual(words(given), expected))

  it('reads __proto__ as JSON has it', () => {
    const doc = JSON.parse('{"$shares":{"__proto__":true,"s":true},"a":1}') as Record<string, unknown>
    const effects = plan({ doc })
    assert.deepEqual(effects.map(inWords), [
      'base before {"s":true}',
      'copy s {"a":1}',
      'settle __proto__:invalid_share_id',
    ])
    const settle = effects.at(-1)
    assert.ok(settle?.kind === 'settle-object')
    const settled = settledObject(settle.doc, settle.strip, settle.problems)
    assert.equal(JSON.stringify(settled?.['$shares']), '{"__proto__":true,"s":true}')
    assert.match(JSON.stringify(settled?.['$error']), /"shares":\{"__proto__":/)
  })

  it('strips __proto__ like any other key', () => {
    const doc = JSON.parse('{"_id":"o","_rev":"1-a","$shares":{"__proto__":false}}') as ObjectDoc
    assert.deepEqual(settledObject(doc, ['__proto__'], []), { _id: 'o', _rev: '1-a' })
  })

  it('writes over the copy and the base that the facts had', () => {
    const [before, put] = plan({ doc: { $shares: { s: true }, a: 1 }, base: { s: [] }, copies: { s: {} } })
    assert.equal(before?.kind === 'put-base' && before.rev, '1-b')
    assert.equal(put?.kind === 'put-copy' && put.over?._rev, '1-c')
    const [first, second] = plan({ doc: { $shares: { s: true }, a: 1 } })
    assert.equal(first?.kind === 'put-base' && first.rev, null)
    assert.equal(second?.kind === 'put-copy' && second.over, null)
  })

  it('changes nothing that it was given', () => {
    const doc = object({ $shares: { s: false, t: ['a'] }, a: 1 })
    const base = baseOf({ s: true })
    const before = structuredClone({ doc, base })
    planObject({
      object: 'o',
      doc,
      isMissing: false,
      rivals: [],
      base,
      standings: new Map([
        ['s', 'open'],
        ['t', 'open'],
      ]),
      copies: new Map(),
      exchanges: new Map(),
      clock: { now: 0, updatedAt: UPDATED_AT },
    })
    assert.deepEqual({ doc, base }, before)
  })

  describe('with conflicts', () => {
    const rival = (
      attributes: Record<string, unknown>,
      ancestor: Record<string, unknown> | null = null,
      rev = '2-r',
    ): Rival => ({ leaf: object(attributes, rev), ancestor: ancestor && object(ancestor, '1-a') })
    const shared = { base: { s: true as const }, copies: { s: { a: 1, b: 2 } } }

    const cases: [string, Given, string[]][] = [
      [
        'shares what all leaves allow',
        {
          doc: { $shares: { s: ['a', 'b'] }, a: 1, b: 2 },
          rivals: [rival({ $shares: { s: ['b', 'c'] }, a: 9 })],
        },
        ['base before {"s":["b"]}', 'copy s {"b":2}'],
      ],
      [
        'true and a list: the list',
        { doc: { $shares: { s: true }, a: 1, b: 2 }, rivals: [rival({ $shares: { s: ['a'] }, a: 2 })] },
        ['base before {"s":["a"]}', 'copy s {"a":1}'],
      ],
      [
        'a key that vanished in the losing leaf',
        { ...shared, doc: { $shares: { s: true }, a: 1, b: 2 }, rivals: [rival({ $shares: {}, a: 3 })] },
        ['uncopy s', 'withdraw s', 'base after {}'],
      ],
      [
        '$shares that vanished in the losing leaf',
        { ...shared, doc: { $shares: { s: true }, a: 1, b: 2 }, rivals: [rival({ a: 3 })] },
        ['uncopy s', 'withdraw s', 'base after {}'],
      ],
      [
        'false in the losing leaf',
        {
          ...shared,
          doc: { $shares: { s: true }, a: 1, b: 2 },
          rivals: [rival({ $shares: { s: false }, a: 3 })],
        },
        ['uncopy s', 'withdraw s', 'base after {}', 'settle -s'],
      ],
      [
        'false in the winning leaf',
        {
          ...shared,
          doc: { $shares: { s: false }, a: 1, b: 2 },
          rivals: [rival({ $shares: { s: true }, a: 3 })],
        },
        ['uncopy s', 'withdraw s', 'base after {}', 'settle -s'],
      ],
      [
        'something else in the losing leaf',
        {
          ...shared,
          doc: { $shares: { s: true }, a: 1, b: 2 },
          rivals: [rival({ $shares: { s: 1 }, a: 3 })],
        },
        ['uncopy s', 'withdraw s', 'base after {}', 'settle s:invalid_selection'],
      ],
      [
        '$shares that is no object in the losing leaf',
        { ...shared, doc: { $shares: { s: true }, a: 1, b: 2 }, rivals: [rival({ $shares: [], a: 3 })] },
        ['uncopy s', 'withdraw s', 'base after {}', 'settle *:invalid_shares'],
      ],
      [
        'one of three leaves that does not',
        {
          ...shared,
          doc: { $shares: { s: true }, a: 1, b: 2 },
          rivals: [rival({ $shares: { s: true }, a: 3 }), rival({ $shares: { t: true }, a: 4 }, null, '2-q')],
        },
        ['uncopy s', 'withdraw s', 'base after {}'],
      ],
      [
        'a losing leaf of the daemon’s alone is folded in',
        {
          doc: { a: 2 },
          rivals: [rival({ a: 1, $error: problem('failed') }, { a: 1 })],
        },
        ['drop 2-r'],
      ],
      [
        'a losing leaf that only lost a refused share is folded in',
        {
          doc: { a: 2, $shares: { s: [] } },
          base: { s: [] },
          copies: { s: {} },
          rivals: [rival({ a: 1 }, { a: 1, $shares: { s: false } })],
        },
        // The joint consent of this pass is none; the next one shares again.
        ['uncopy s', 'withdraw s', 'base after {}', 'drop 2-r'],
      ],
      [
        'a winning leaf of the daemon’s alone goes, and the user’s stays',
        { doc: { a: 1, $state: 'x' }, rivals: [rival({ a: 2 }, { a: 1 })] },
        ['drop 2-o'],
      ],
      [
        'two leaves of the same words: one is enough',
        { doc: { a: 1 }, rivals: [rival({ a: 1 })] },
        ['drop 2-r'],
      ],
      ['two leaves of the user stay', { doc: { a: 1 }, rivals: [rival({ a: 2 }, { a: 0 })] }, []],
      [
        'a leaf whose ancestor is gone stays',
        { doc: { a: 1 }, rivals: [rival({ a: 2, $state: 'x' }, null)] },
        [],
      ],
      [
        'leaves with other attachments stay',
        {
          doc: { a: 1, _attachments: { f: stub } },
          rivals: [rival({ a: 1, _attachments: { f: { ...stub, digest: 'x' } } })],
        },
        [],
      ],
    ]
    for (const [what, given, expected] of cases) it(what, () => assert.deepEqual(words(given), expected))

    it('never drops all of them', () => {
      const same = rival({ a: 1 }, { a: 1 }, '2-p')
      const users = rival({ a: 2 }, { a: 1 }, '2-q')
      const dropped = plan({ doc: { a: 1 }, rivals: [same, users] }).map(inWords)
      assert.deepEqual(dropped.sort(), ['drop 2-o', 'drop 2-p'])
    })
  })

  describe('settledObject', () => {
    const invalid = { share: 's', problem: problem('invalid_selection', 'a number') }
    const whole = { share: null, problem: problem('invalid_shares', 'null') }
    const mine = { message: 'of the application' }

    it('takes ids out, and $shares with the last of them', () => {
      assert.deepEqual(
        settledObject(object({ $shares: { s: false, t: true }, a: 1 }), ['s'], []),
        object({ $shares: { t: true }, a: 1 }),
      )
      assert.deepEqual(settledObject(object({ $shares: { s: false }, a: 1 }), ['s'], []), object({ a: 1 }))
    })

    it('leaves an empty $shares that it did not empty', () =>
      assert.equal(settledObject(object({ $shares: {} }), [], []), null))

    it('says a code, a sentence, and which share', () =>
      assert.deepEqual(settledObject(object({ a: 1 }), [], [invalid])?.['$error'], {
        ...invalid.problem,
        shares: { s: invalid.problem },
      }))

    it('says a problem of all of $shares as it is', () =>
      assert.deepEqual(settledObject(object({ a: 1 }), [], [whole])?.['$error'], whole.problem))

    it('says nothing twice', () => {
      const once = settledObject(object({ a: 1 }), [], [invalid]) ?? assert.fail()
      assert.equal(settledObject(once, [], [invalid]), null)
    })

    it('takes its own $error away when all is well', () => {
      const once = settledObject(object({ a: 1 }), [], [invalid]) ?? assert.fail()
      assert.deepEqual(settledObject(once, [], []), object({ a: 1 }))
    })

    for (const error of [mine, 'text', null, 0, [], { code: 'E_MINE' }])
      it(`leaves the application's ${JSON.stringify(error)} alone`, () => {
        assert.equal(settledObject(object({ $error: error }), [], []), null)
        const settled = settledObject(object({ $error: error, $shares: { s: false } }), ['s'], [])
        assert.deepEqual(settled, object({ $error: error }))
      })

    it('keeps $error short, however much is wrong', () => {
      const problems = Array.from({ length: 1000 }, (_, i) => ({ ...invalid, share: `s${String(i)}` }))
      const error = settledObject(object({}), [], problems)?.['$error']
      assert.ok(JSON.stringify(error).length < 10_000)
    })

    it('keeps the revision that it was made from, and attachments', () => {
      const doc = object({ $shares: { s: false }, _attachments: { f: stub } })
      assert.deepEqual(settledObject(doc, ['s'], []), object({ _attachments: { f: stub } }))
    })
  })
})
