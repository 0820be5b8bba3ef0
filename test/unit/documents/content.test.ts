// Consents and projections, by the rows of "An object's life" and the list of bad input of issue 2.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeJson } from '../../../src/documents/json.ts'
import {
  contentOf,
  covers,
  holds,
  intersect,
  isReserved,
  parseConsents,
  project,
  unite,
  wholeContentOf,
  type Consent,
  type ObjectDoc,
  type Selection,
} from '../../../src/documents/content.ts'

const json = (text: string): unknown => JSON.parse(text)
const many = (count: number, name: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => name(index))

/** What one key of `$shares` says, in a word: the selection, `unshare`, or the code of the problem. */
function says(consent: Consent | undefined): unknown {
  if (consent === undefined) return undefined
  if (consent.kind === 'share') return consent.selection
  return consent.kind === 'unshare' ? 'unshare' : consent.problem.code
}

function keysOf(value: unknown): Map<string, unknown> {
  const consents = parseConsents(value)
  assert.equal(consents.kind, 'keys')
  return consents.kind === 'keys'
    ? new Map([...consents.keys].map(([id, consent]) => [id, says(consent)]))
    : assert.fail()
}

const doc = (attributes: Record<string, unknown>): ObjectDoc => ({ _id: 'o', _rev: '1-a', ...attributes })

describe('documents/content', () => {
  describe('consents', () => {
    it('none where there is no $shares', () => assert.deepEqual(parseConsents(undefined), { kind: 'none' }))
    it('none of any share where $shares is empty', () => assert.deepEqual([...keysOf({})], []))

    const values: [string, unknown, unknown][] = [
      ['true', true, true],
      ['false', false, 'unshare'],
      ['a list', ['name'], ['name']],
      ['an empty list', [], []],
      ['a list that names one twice', ['b', 'a', 'b'], ['a', 'b']],
      ['the attachments', ['_attachments'], ['_attachments']],
      [
        'names of Object.prototype',
        ['toString', 'constructor', 'hasOwnProperty'],
        ['constructor', 'hasOwnProperty', 'toString'],
      ],
      ['the empty name', [''], ['']],
      ['a name with $ that is not the daemon’s', ['$mine'], ['$mine']],
      ['1,000 names', many(1000, (i) => `n${1000 + i}`), many(1000, (i) => `n${1000 + i}`)],
      ['1,001 names', many(1001, (i) => `n${i}`), 'too_many_attributes'],
      ['a number', 1, 'invalid_selection'],
      ['zero', 0, 'invalid_selection'],
      ['a number that JavaScript cannot hold', decodeJson('[12345678901234567890]'), 'invalid_selection'],
      ['null', null, 'invalid_selection'],
      ['a string', 'true', 'invalid_selection'],
      ['the empty string', '', 'invalid_selection'],
      ['an object', {}, 'invalid_selection'],
      ['an object that looks like a list', { 0: 'name', length: 1 }, 'invalid_selection'],
      ['a nested list', [['name']], 'invalid_selection'],
      ['a list with null in it', ['name', null], 'invalid_selection'],
      ['a list with a number in it', ['name', 1], 'invalid_selection'],
      ['a list with true in it', [true], 'invalid_selection'],
      ['a list with an object in it', [{ toString: 'name' }], 'invalid_selection'],
      ['["_id"]', ['_id'], 'reserved_attribute'],
      ['["_rev"]', ['_rev'], 'reserved_attribute'],
      ['["_deleted"]', ['name', '_deleted'], 'reserved_attribute'],
      ['["$shares"]', ['$shares'], 'reserved_attribute'],
      ['["$state"]', ['$state'], 'reserved_attribute'],
      ['["$error"]', ['$error'], 'reserved_attribute'],
      ['["$rejected"]', ['$rejected'], 'reserved_attribute'],
      ['["__proto__"]', ['__proto__'], 'reserved_attribute'],
    ]
    for (const [what, value, expected] of values)
      it(`${what}, beside a good key`, () => {
        const keys = keysOf({ bad: value, good: ['name'] })
        assert.deepEqual(keys.get('bad'), expected)
        assert.deepEqual(keys.get('good'), ['name'])
        assert.equal(keys.size, 2)
      })

    const whole: [string, unknown][] = [
      ['a string', 'abc'],
      ['a list', ['abc']],
      ['an empty list', []],
      ['null', null],
      ['a number', 1],
      ['true', true],
      ['false', false],
    ]
    for (const [what, value] of whole)
      it(`$shares that is ${what} is refused as a whole`, () => {
        const consents = parseConsents(value)
        assert.equal(consents.kind, 'invalid')
        assert.equal(consents.kind === 'invalid' && consents.problem.code, 'invalid_shares')
      })

    it('takes 1,000 shares and no more', () => {
      const shares = (count: number) =>
        Object.fromEntries(many(count, (i) => `s${i}`).map((id) => [id, true]))
      assert.equal(keysOf(shares(1000)).size, 1000)
      const consents = parseConsents(shares(1001))
      assert.equal(consents.kind === 'invalid' && consents.problem.code, 'too_many_shares')
    })

    for (const id of ['', 'A', 'a/b', '..', '$a', 'a+b', 'a b', 'ä', '-a', '_a', 'x'.repeat(300)])
      it(`reports the share id ${JSON.stringify(id.slice(0, 12))} and takes the others`, () => {
        const keys = keysOf({ [id]: true, good: true })
        assert.equal(keys.get(id), 'invalid_share_id')
        assert.equal(keys.get('good'), true)
      })

    it('reads keys as JSON has them', () => {
      const keys = keysOf(
        json('{"__proto__": true, "constructor": true, "tostring": ["a"], "toString": true}'),
      )
      assert.equal(keys.get('__proto__'), 'invalid_share_id')
      assert.equal(keys.get('constructor'), true)
      assert.deepEqual(keys.get('tostring'), ['a'])
      assert.equal(keys.get('toString'), 'invalid_share_id')
      assert.equal(({} as Record<string, unknown>)['a'], undefined)
    })

    it('gives a code and a sentence', () => {
      const consents = parseConsents(null)
      assert.ok(consents.kind === 'invalid')
      assert.match(consents.problem.reason, /^Expected .*null.*\.$/)
    })
  })

  describe('projection', () => {
    const stub = { content_type: 'text/plain', digest: 'md5-a', length: 3 }
    const full = doc({
      _attachments: { 'a.txt': stub },
      _conflicts: ['1-b'],
      _somethingNew: 1,
      $shares: { s: true },
      $state: 'x',
      $error: { code: 'failed' },
      $rejected: [],
      $mine: 1,
      name: 'n',
      owner: 'joe@example.com',
      nothing: null,
      '': 'empty',
      constructor: 'c',
      toString: 't',
      length: 3,
    })
    const cases: [string, ObjectDoc, Selection, Record<string, unknown>, string[]][] = [
      [
        'all but the reserved',
        full,
        true,
        {
          $mine: 1,
          name: 'n',
          owner: 'joe@example.com',
          nothing: null,
          '': 'empty',
          constructor: 'c',
          toString: 't',
          length: 3,
        },
        ['a.txt'],
      ],
      ['what is listed', full, ['name'], { name: 'n' }, []],
      ['that it exists', full, [], {}, []],
      ['the attachments', full, ['_attachments'], {}, ['a.txt']],
      ['attachments and attributes', full, ['_attachments', 'name'], { name: 'n' }, ['a.txt']],
      ['what is not there', full, ['missing', 'name'], { name: 'n' }, []],
      ['null', full, ['nothing'], { nothing: null }, []],
      [
        'names of Object.prototype',
        full,
        ['constructor', 'toString'],
        { constructor: 'c', toString: 't' },
        [],
      ],
      [
        'names of Object.prototype that are not there',
        doc({ a: 1 }),
        ['constructor', 'toString', 'valueOf'],
        {},
        [],
      ],
      ['the empty name', full, [''], { '': 'empty' }, []],
      ['reserved ones, even if a list should hold them', full, ['_id', '_rev', '$shares', '$error'], {}, []],
      ['no attachments', doc({ a: 1 }), ['_attachments'], {}, []],
      ['nothing of an empty document', doc({}), true, {}, []],
    ]
    for (const [what, source, selection, attributes, attachments] of cases)
      it(`shows ${what}`, () => {
        const content = project(source, selection)
        // Own keys, so that nothing inherited passes for an attribute.
        assert.deepEqual(Object.entries(content.attributes).sort(), Object.entries(attributes).sort())
        assert.deepEqual(Object.keys(content.attachments), attachments)
      })

    it('never shows an attribute called __proto__, and never follows it', () => {
      const source = json(
        '{"_id":"o","_rev":"1-a","__proto__":{"secret":1},"a":{"__proto__":{"b":1}}}',
      ) as ObjectDoc
      const { attributes } = project(source, true)
      assert.deepEqual(Object.keys(attributes), ['a'])
      assert.equal(attributes['secret'], undefined)
      assert.equal(JSON.stringify(attributes), '{"a":{"__proto__":{"b":1}}}')
    })

    it('leaves the document as it is', () => {
      const before = structuredClone(full)
      const { attachments } = project(full, true)
      attachments['b.txt'] = {}
      assert.deepEqual(full, before)
    })

    for (const name of [
      '_id',
      '_rev',
      '_attachments',
      '_x',
      '__proto__',
      '$shares',
      '$state',
      '$error',
      '$rejected',
    ])
      it(`${name} is reserved`, () => assert.ok(isReserved(name)))
    for (const name of ['', 'a', '$', '$mine', 'a_', 'type', 'constructor'])
      it(`${JSON.stringify(name)} is not`, () => assert.ok(!isReserved(name)))
  })

  it('is whole with what a copy never has, and without what is CouchDB’s own', () => {
    const doc = { _id: 'a', _rev: '1-a', _conflicts: ['1-b'], name: 'x', $shares: { s: true } } as ObjectDoc
    assert.deepEqual(wholeContentOf(doc), {
      attributes: { name: 'x', $shares: { s: true } },
      attachments: {},
    })
    assert.deepEqual(contentOf(doc), { attributes: { name: 'x' }, attachments: {} })
  })

  describe('selections', () => {
    const NAMES = ['a', 'b', 'c', 'constructor', '_attachments', '']
    const selection: fc.Arbitrary<Selection> = fc.oneof(
      { weight: 1, arbitrary: fc.constant<Selection>(true) },
      { weight: 4, arbitrary: fc.subarray(NAMES).map((names) => names.sort()) },
    )
    /** By what it shows: the names it lets through, and whether it lets through one that nobody thought of. */
    const shows = (one: Selection, name: string): boolean => one === true || one.includes(name)
    const all = [...NAMES, 'anything else']

    it('cover what they show', () => {
      fc.assert(
        fc.property(selection, selection, (one, other) => {
          assert.equal(
            covers(one, other),
            all.every((name) => shows(one, name) || !shows(other, name)),
          )
        }),
      )
    })

    it('unite and intersect name by name', () => {
      fc.assert(
        fc.property(selection, selection, (one, other) => {
          for (const name of all) {
            assert.equal(shows(unite(one, other), name), shows(one, name) || shows(other, name), name)
            assert.equal(shows(intersect(one, other), name), shows(one, name) && shows(other, name), name)
          }
        }),
      )
    })

    it('do not depend on the order of things', () => {
      fc.assert(
        fc.property(selection, selection, selection, (one, other, third) => {
          assert.deepEqual(unite(one, other), unite(other, one))
          assert.deepEqual(intersect(one, other), intersect(other, one))
          assert.deepEqual(unite(unite(one, other), third), unite(one, unite(other, third)))
          assert.deepEqual(intersect(one, one), one)
          assert.deepEqual(unite(one, one), one)
        }),
      )
    })

    it('project what an intersection shows as one after the other', () => {
      fc.assert(
        fc.property(selection, selection, (one, other) => {
          const source = doc({ a: 1, b: 2, constructor: 3, '': 4 })
          const once = doc(project(source, one).attributes)
          assert.deepEqual(project(once, other).attributes, project(source, intersect(one, other)).attributes)
        }),
      )
    })
  })

  describe('holds', () => {
    const stub = { content_type: 'text/plain', digest: 'md5-a', length: 3, revpos: 2, stub: true }
    const content = { attributes: { a: 1, b: { c: [1] } }, attachments: { f: stub } }
    const copy = (attributes: Record<string, unknown>): ObjectDoc => ({
      _id: 'share/s/o',
      _rev: '3-x',
      ...attributes,
    })
    const cases: [string, ObjectDoc, boolean][] = [
      ['the same', copy({ a: 1, b: { c: [1] }, _attachments: { f: stub } }), true],
      ['in another order', copy({ b: { c: [1] }, _attachments: { f: stub }, a: 1 }), true],
      [
        'with an attachment of another age',
        copy({ a: 1, b: { c: [1] }, _attachments: { f: { ...stub, revpos: 9 } } }),
        true,
      ],
      ['with another value', copy({ a: 2, b: { c: [1] }, _attachments: { f: stub } }), false],
      ['with another value inside', copy({ a: 1, b: { c: [2] }, _attachments: { f: stub } }), false],
      ['with one attribute less', copy({ b: { c: [1] }, _attachments: { f: stub } }), false],
      ['with one attribute more', copy({ a: 1, b: { c: [1] }, d: null, _attachments: { f: stub } }), false],
      [
        'with a daemon’s attribute',
        copy({ a: 1, b: { c: [1] }, $error: {}, _attachments: { f: stub } }),
        false,
      ],
      ['without the attachment', copy({ a: 1, b: { c: [1] } }), false],
      [
        'with another attachment',
        copy({ a: 1, b: { c: [1] }, _attachments: { f: { ...stub, digest: 'md5-b' } } }),
        false,
      ],
      [
        'with an attachment of another type',
        copy({ a: 1, b: { c: [1] }, _attachments: { f: { ...stub, content_type: 'image/png' } } }),
        false,
      ],
      ['with one attachment more', copy({ a: 1, b: { c: [1] }, _attachments: { f: stub, g: stub } }), false],
    ]
    for (const [what, there, expected] of cases)
      it(`${expected ? 'yes' : 'no'}: ${what}`, () => assert.equal(holds(there, content), expected))

    it('tells numbers apart that JavaScript takes for the same', () => {
      const of = (number: string) => decodeJson(`{"_id":"o","_rev":"1-a","n":${number}}`) as ObjectDoc
      const same = (one: string, other: string) => holds(of(one), project(of(other), true))
      assert.ok(same('12345678901234567890', '12345678901234567890'))
      assert.ok(!same('12345678901234567890', '12345678901234567891'))
      assert.ok(!same('0.1', '0.10000000000000000001'))
      assert.ok(same('1.0', '1.0'))
    })

    it('tells a number from an object that looks like one inside', () => {
      const number = decodeJson('{"_id":"o","_rev":"1-a","n":12345678901234567890}') as ObjectDoc
      const lookalike = doc({ n: { source: '12345678901234567890' } })
      assert.ok(!holds(number, project(lookalike, true)))
    })

    it('takes any JSON value that a user may write, and finds it again', () => {
      fc.assert(
        fc.property(fc.jsonValue(), (value) => {
          const read = () => json(JSON.stringify({ _id: 'o', _rev: '1-a', value })) as ObjectDoc
          assert.ok(holds(read(), project(read(), true)))
        }),
      )
    })

    // Names that libraries give a meaning to.
    for (const name of [
      '__wrapped__',
      '__proto__',
      'constructor',
      'toString',
      'toJSON',
      'length',
      'size',
      'then',
    ])
      for (const value of [1, '"x"', '{}', '[]', 'null'])
        it(`takes {"${name}": ${value}} inside an attribute`, () => {
          const read = (inner: string) =>
            json(`{"_id":"o","_rev":"1-a","a":{"${name}":${inner}}}`) as ObjectDoc
          assert.ok(holds(read(String(value)), project(read(String(value)), true)))
          assert.ok(!holds(read('"another"'), project(read(String(value)), true)))
        })
  })
})
