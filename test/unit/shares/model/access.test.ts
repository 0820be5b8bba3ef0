// `access` of a `$share`: every row of the table, and everything that is no row of it.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  isOwnerOnly,
  namesIn,
  OWNER_ONLY,
  parseAccess,
  publicRight,
  type Access,
} from '../../../../src/shares/model/access.ts'
import { MOST_NAMES } from '../../../../src/documents/problem.ts'

const names = (count: number, prefix = 'u'): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(5, '0')}`)

const accessOf = (value: unknown): Access => {
  const request = parseAccess(value)
  if (request.kind !== 'valid') assert.fail(`Expected valid access, got ${request.problem.reason}`)
  return request.access
}

describe('shares/model/access', () => {
  const everyone: Access = { read: true, write: true }
  const rows: [unknown, Access][] = [
    [undefined, OWNER_ONLY],
    [false, OWNER_ONLY],
    [{}, OWNER_ONLY],
    [{ read: [] }, OWNER_ONLY],
    [{ write: [] }, OWNER_ONLY],
    [{ read: [], write: [] }, OWNER_ONLY],
    [{ read: false }, OWNER_ONLY],
    [{ read: false, write: false }, OWNER_ONLY],
    [true, everyone],
    [{ write: true }, everyone],
    [{ read: true, write: true }, everyone],
    [{ read: false, write: true }, everyone],
    // Everyone reads; who is listed needs no password.
    [
      { read: ['u1'], write: true },
      { read: ['u1'], write: true },
    ],
    [{ read: true }, { read: true, write: [] }],
    [
      { read: true, write: false },
      { read: true, write: [] },
    ],
    [
      { read: true, write: [] },
      { read: true, write: [] },
    ],
    [[], OWNER_ONLY],
    [['u2', 'u1', 'u2'], { read: ['u1', 'u2'], write: ['u1', 'u2'] }],
    [{ read: ['u1'] }, { read: ['u1'], write: [] }],
    [
      { read: ['u1'], write: false },
      { read: ['u1'], write: [] },
    ],
    [{ write: ['u1'] }, { read: ['u1'], write: ['u1'] }],
    [
      { read: false, write: ['u1'] },
      { read: ['u1'], write: ['u1'] },
    ],
    [
      { read: true, write: ['u1'] },
      { read: true, write: ['u1'] },
    ],
    [
      { read: ['u1'], write: ['u2'] },
      { read: ['u1', 'u2'], write: ['u2'] },
    ],
    [{ read: ['b', 'a', 'b'] }, { read: ['a', 'b'], write: [] }],
    [
      { read: ['b'], write: ['b', 'a'] },
      { read: ['a', 'b'], write: ['a', 'b'] },
    ],
    [{ read: ['__proto__', 'constructor'] }, { read: ['__proto__', 'constructor'], write: [] }],
    [{ read: ['JÖE ☃', ' ', '_admin'] }, { read: [' ', 'JÖE ☃', '_admin'], write: [] }],
    [{ read: ['x'.repeat(512)] }, { read: ['x'.repeat(512)], write: [] }],
  ]
  for (const [value, expected] of rows)
    it(`reads ${JSON.stringify(value)?.slice(0, 60) ?? 'nothing'}`, () =>
      assert.deepEqual(accessOf(value), expected))

  const malformed: [string, unknown, RegExp][] = [
    ['null', null, /got null\.$/],
    ['a number', 0, /got a number\.$/],
    ['an empty text', '', /got a string\.$/],
    ['a text', 'public', /got a string\.$/],
    ['null in the list for both', ['u1', null], /got a list with null in it\.$/],
    ['a list in the list for both', [['u1']], /got a list with an array in it\.$/],
    ['read as a text', { read: 'everyone' }, /got a string for "read"\.$/],
    ['read as null', { read: null }, /got null for "read"\.$/],
    ['write as an object', { write: { u1: true } }, /got an object for "write"\.$/],
    ['write as 1', { write: 1 }, /got a number for "write"\.$/],
    ['a bad read beside a good write', { read: 'u1', write: ['u1'] }, /for "read"\.$/],
    ['a bad read that write: true would hide', { read: 'u1', write: true }, /for "read"\.$/],
    ['null in a list', { read: ['u1', null] }, /got a list with null in it for "read"\.$/],
    ['a list in a list', { read: [['u1']] }, /got a list with an array in it for "read"\.$/],
    ['true in a list', { write: [true] }, /got a list with a boolean in it for "write"\.$/],
    ['an empty name', { read: [''] }, /got a list with an empty name in it for "read"\.$/],
    ['a long name', { read: ['x'.repeat(513)] }, /got a list with a name that is too long in it/],
    ['an unknown key', { admin: ['u1'] }, /got the key "admin"\.$/],
    ['an unknown key beside good ones', { read: true, reed: [] }, /got the key "reed"\.$/],
    ['a long unknown key', { ['k'.repeat(1000)]: 1 }, /got the key "k{80}…"\.$/],
    ['Read', { Read: true }, /got the key "Read"\.$/],
    ['__proto__', JSON.parse('{"__proto__": {"read": true}}'), /got the key "__proto__"\.$/],
    ['toString', { toString: [] }, /got the key "toString"\.$/],
  ]
  for (const [what, value, reason] of malformed)
    it(`refuses ${what}`, () => {
      const request = parseAccess(value)
      if (request.kind !== 'malformed') assert.fail(`Expected a problem, got ${JSON.stringify(request)}`)
      assert.equal(request.problem.code, 'invalid_access')
      assert.match(request.problem.reason, reason)
    })

  it('takes rights from the value itself, not from its prototype', () =>
    assert.deepEqual(accessOf(Object.create({ admin: 1 })), OWNER_ONLY))

  describe('counts names', () => {
    const most = names(MOST_NAMES)
    const taken: [string, unknown][] = [
      ['the most readers', { read: most }],
      ['the most readers, who write too', { read: most, write: most }],
      ['the most, each twice', { read: [...most, ...most] }],
      ['the most between the lists', { read: names(500, 'a'), write: names(500, 'b') }],
    ]
    for (const [what, value] of taken)
      it(`takes ${what}`, () => assert.equal(namesIn(accessOf(value)).length, MOST_NAMES))

    const refused: [string, unknown, number][] = [
      ['one more for both', names(1001), 1001],
      ['one reader more', { read: names(1001) }, 1001],
      ['one writer more', { write: names(1001) }, 1001],
      ['more between the lists', { read: names(600, 'a'), write: names(600, 'b') }, 1200],
      ['writers of a public share', { read: true, write: names(1001) }, 1001],
      ['readers whom write: true lets in anyway', { read: names(1001), write: true }, 1001],
    ]
    for (const [what, value, count] of refused)
      it(`refuses ${what}`, () => {
        const request = parseAccess(value)
        if (request.kind !== 'malformed') assert.fail('Expected a problem')
        assert.equal(request.problem.code, 'too_many_names')
        assert.match(request.problem.reason, new RegExp(`at most 1000 user names .* got ${count}\\.$`))
      })
  })

  it('tells what everybody may do', () => {
    assert.equal(publicRight(accessOf(true)), 'write')
    assert.equal(publicRight(accessOf({ read: true, write: ['u1'] })), 'read')
    assert.equal(publicRight(accessOf({ read: ['u1'], write: ['u1'] })), null)
    assert.equal(publicRight(OWNER_ONLY), null)
  })

  it('tells where nobody but the owner has a right', () => {
    assert.equal(isOwnerOnly(accessOf({ read: [] })), true)
    for (const value of [true, { read: true }, { write: true }, { read: ['u1'] }, { write: ['u1'] }])
      assert.equal(isOwnerOnly(accessOf(value)), false, JSON.stringify(value))
  })

  it('names everybody once', () => {
    assert.deepEqual(namesIn(accessOf({ read: ['b', 'a'], write: ['a', 'c'] })), ['a', 'b', 'c'])
    assert.deepEqual(namesIn(accessOf({ read: true, write: ['a'] })), ['a'])
    assert.deepEqual(namesIn(accessOf(true)), [])
  })

  it('never throws, and what it grants it reads again as the same', () =>
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const request = parseAccess(value)
        if (request.kind === 'valid') assert.deepEqual(accessOf(request.access), request.access)
      }),
    ))

  it('is the same in whatever order the names are written', () => {
    const list = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'ä'))
    fc.assert(
      fc.property(list, list, (read, write) =>
        assert.deepEqual(
          accessOf({ read: [...read].reverse(), write: [...write].reverse() }),
          accessOf({ read, write }),
        ),
      ),
    )
  })
})
