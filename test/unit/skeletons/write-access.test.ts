// `_design/write_access`: who may write into a share, and what.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import { isTooComplex, MOST_LEVELS, MOST_VALUES } from '../../../src/documents/complexity.ts'
import { sourceOf, writeAccess, type Refusal, type UserContext } from './compiled.ts'

const DB = 'share/abc'

const nested = (levels: number): unknown => decodeJson('['.repeat(levels) + ']'.repeat(levels))
const FORBIDDEN = { forbidden: 'You may not write into this share.' }
const UNAUTHORIZED = { unauthorized: 'Log in to write into this share.' }

/** Neither of the two after which PouchDB never tries again. */
const CLOSED = { unavailable: 'This share is being made anew. Try again in a moment.' }

const SECURITY_WITHOUT = { admins: { roles: ['_admin'] }, members: {} }
const writers = (more: object): object => ({ writers: { names: [], roles: [], ...more } })

const who = (name: string | null, ...roles: string[]): UserContext => ({ db: DB, name, roles })
const ANONYMOUS = who(null)
const doc = (more: object = {}): { _id: string } => ({ _id: `${DB}/todo/1`, ...more })

describe('skeleton/share write_access', () => {
  let validate: Awaited<ReturnType<typeof writeAccess>>
  before(async () => {
    validate = await writeAccess()
  })

  /** What is forbidden, or a failure of the test. */
  const reasonOf = (refusal: Refusal): string => {
    assert(refusal !== null && 'forbidden' in refusal, `Expected forbidden, got ${JSON.stringify(refusal)}`)
    return refusal.forbidden
  }

  const people: [string, UserContext, object | undefined, Refusal][] = [
    ['a writer by role', who('joe', 'other', 'h'), writers({ roles: ['h'] }), null],
    ['a writer by name', who('joe'), writers({ names: ['joe'] }), null],
    ['a writer by name, among many', who('joe', 'x'), writers({ names: ['a', 'joe'], roles: ['h'] }), null],
    ['the server’s admin', who('admin', '_admin'), writers({}), null],
    ['the server’s admin without a name', who(null, '_admin'), writers({}), null],
    ['somebody else', who('jim', 'i'), writers({ names: ['joe'], roles: ['h'] }), FORBIDDEN],
    ['a role that is a writer’s name', who('jim', 'joe'), writers({ names: ['joe'] }), FORBIDDEN],
    ['a name that is a writer’s role', who('h'), writers({ roles: ['h'] }), FORBIDDEN],
    ['a name in capitals', who('JOE'), writers({ names: ['joe'] }), FORBIDDEN],
    ['a name with an invisible character', who('joe\u200b'), writers({ names: ['joe'] }), FORBIDDEN],
    ['__proto__', who('__proto__', 'constructor'), writers({ names: ['joe'], roles: ['h'] }), FORBIDDEN],
    ['__proto__ by name', who('__proto__'), writers({ names: ['__proto__'] }), null],
    [
      'a database admin',
      who('dba', 'ops'),
      { admins: { names: ['dba'], roles: ['ops'] }, ...writers({}) },
      FORBIDDEN,
    ],
    ['a member', who('joe'), { members: { names: ['joe'], roles: [] }, ...writers({}) }, FORBIDDEN],
    ['nobody', ANONYMOUS, writers({ names: ['joe'] }), UNAUTHORIZED],
    ['nobody, where "null" is a name', ANONYMOUS, writers({ names: ['null'] }), UNAUTHORIZED],
    ['nobody, where null stands among the names', ANONYMOUS, writers({ names: [null] }), UNAUTHORIZED],
    ['nobody, with a writer’s role', who(null, 'h'), writers({ roles: ['h'] }), null],
    ['a writer, while nobody writes', who('joe'), writers({ names: ['joe'], closed: true }), CLOSED],
    ['everyone, while nobody writes', who('jim'), writers({ everyone: true, closed: true }), CLOSED],
    ['the server’s admin, while nobody writes', who('admin', '_admin'), writers({ closed: true }), null],
    ['no writer, while nobody writes', who('jim'), writers({ names: ['joe'], closed: true }), CLOSED],
    ['everyone: somebody', who('jim'), writers({ everyone: true, mostBytes: 1000 }), null],
    ['everyone: nobody', ANONYMOUS, writers({ everyone: true, mostBytes: 1000 }), null],
    ['everyone, without a limit', ANONYMOUS, writers({ everyone: true }), null],
    ['everyone: false', who('jim'), writers({ everyone: false }), FORBIDDEN],
    ['everyone as a text', who('jim'), writers({ everyone: 'true' }), FORBIDDEN],
    ['everyone as 1', ANONYMOUS, writers({ everyone: 1 }), UNAUTHORIZED],
    ['everyone elsewhere', who('jim'), { everyone: true, ...writers({}) }, FORBIDDEN],
    ['no writers', who('jim'), SECURITY_WITHOUT, FORBIDDEN],
    ['no writers, nobody', ANONYMOUS, SECURITY_WITHOUT, UNAUTHORIZED],
    ['no security', who('jim'), undefined, FORBIDDEN],
    ['writers null', who('jim'), { writers: null }, FORBIDDEN],
    ['no lists', who('jim'), { writers: {} }, FORBIDDEN],
  ]
  for (const [what, userCtx, secObj, expected] of people)
    it(`${expected === null ? 'lets in' : 'refuses'} ${what}`, () => {
      assert.deepEqual(validate(doc(), userCtx, secObj), expected)
      // A deletion, and an edit, are writes like any other.
      assert.deepEqual(validate(doc({ _deleted: true }), userCtx, secObj, doc()), expected)
      assert.deepEqual(validate(doc({ name: 'milk' }), userCtx, secObj, doc()), expected)
    })

  const histories: [string, unknown, boolean][] = [
    ['of CouchDB', { start: 2, ids: ['967a00dff5e02add41819138abb3284d', 'a'.repeat(32)] }, true],
    ['of another client', { start: 7, ids: ['a'.repeat(40), '0', 'x-y.z_'] }, true],
    ['of the largest number', { start: 2147483647, ids: ['a'] }, true],
    ['of a larger number', { start: 2147483648, ids: ['a'] }, false],
    ['of a number that is none', { start: 1e23, ids: ['a'] }, false],
    ['that begins before the first', { start: 1, ids: ['a', 'b'] }, false],
    ['of the number 0', { start: 0, ids: ['a'] }, false],
    ['of a negative number', { start: -1, ids: ['a'] }, false],
    ['without a name', { start: 1, ids: [''] }, false],
    ['with NUL in a name', { start: 1, ids: ['a\u0000'] }, false],
    ['with a line break in a name', { start: 1, ids: ['a\n'] }, false],
    ['with a name that has no place in a URL', { start: 2, ids: ['a', 'b/?é'] }, false],
    ['with a name of 101 letters', { start: 1, ids: ['a'.repeat(101)] }, false],
  ]
  for (const [what, _revisions, isTaken] of histories)
    it(`${isTaken ? 'takes' : 'refuses'} a history ${what}`, () => {
      const refusal = validate(doc({ _revisions }), who('joe'), writers({ names: ['joe'] }))
      if (isTaken) assert.equal(refusal, null)
      else assert.match(reasonOf(refusal), /^Revisions have to be called as those of CouchDB/)
      assert.equal(validate(doc({ _revisions }), who('admin', '_admin'), writers({})), null)
    })

  const amounts: [string, object, boolean][] = [
    ['as many levels as may be', { a: nested(MOST_LEVELS - 1) }, true],
    ['one more', { a: nested(MOST_LEVELS) }, false],
    ['as an attacker nests it', { a: nested(20_000) }, false],
    ['as many values as may be', { a: Array(MOST_VALUES - 2).fill(null) }, true],
    ['one more of them', { a: Array(MOST_VALUES - 1).fill(null) }, false],
    [
      'them in an object',
      { a: Object.fromEntries(Array.from({ length: MOST_VALUES }, (_, n) => [n, n])) },
      false,
    ],
    ['a long history', { _revisions: { start: MOST_VALUES, ids: Array(MOST_VALUES).fill('a') } }, true],
  ]
  for (const [what, more, isTaken] of amounts)
    it(`${isTaken ? 'takes' : 'refuses'} ${what}`, () => {
      const refusal = validate(doc(more), who('joe'), writers({ names: ['joe'] }))
      if (isTaken) assert.equal(refusal, null)
      else assert.match(reasonOf(refusal), /^A document in a share may have at most 1000 arrays/)
      // It goes by the same numbers as the daemon.
      assert.equal(isTooComplex(doc(more)), !isTaken)
      assert.equal(validate(doc(more), who('admin', '_admin'), writers({})), null)
    })

  const WRITERS: [string, UserContext, object][] = [
    ['a named writer', who('joe', 'h'), writers({ roles: ['h'] })],
    ['everyone', ANONYMOUS, writers({ everyone: true, mostBytes: 10_000 })],
  ]
  for (const [kind, userCtx, secObj] of WRITERS) {
    const ids: [string, string, RegExp | null][] = [
      ['an object', `${DB}/todo`, null],
      ['with slashes', `${DB}/a/b/c`, null],
      ['with a slash first', `${DB}//x`, null],
      ['with a slash last', `${DB}/x/`, null],
      ['unicode', `${DB}/jöe ☃ 🦄`, null],
      ['__proto__ within', `${DB}/x/__proto__`, null],
      ['reserved characters further in', `${DB}/a/$share/_design`, null],
      ['the daemon’s words without their sign', `${DB}/share/abc/todo`, null],
      ['nothing behind the share', `${DB}/`, /must begin with share\/abc\/$/],
      ['the share itself', DB, /must begin with/],
      ['outside', 'todo/1', /must begin with/],
      ['another share', 'share/abd/todo', /must begin with/],
      ['a longer share', 'share/abcd/todo', /must begin with/],
      ['in capitals', 'SHARE/ABC/todo', /must begin with/],
      ['the prefix further in', `x/${DB}/todo`, /must begin with/],
      ['a design document', '_design/x', /must begin with/],
      ['empty', '', /must begin with/],
      ['a design document within', `${DB}/_design/x`, /begin with _ or \$/],
      ['__proto__', `${DB}/__proto__`, /begin with _ or \$/],
      ['$share', `${DB}/$share/x`, /begin with _ or \$/],
      ['$', `${DB}/$`, /begin with _ or \$/],
    ]
    for (const [what, _id, reason] of ids)
      it(`${kind}, id ${what}: ${reason === null ? 'passes' : 'refused'}`, () => {
        for (const more of [{}, { _deleted: true }]) {
          const refusal = validate({ _id, ...more }, userCtx, secObj)
          if (reason === null) assert.equal(refusal, null)
          else assert.match(reasonOf(refusal), reason)
        }
      })

    for (const attribute of ['$shares', '$state', '$error', '$rejected'])
      it(`${kind} may not write ${attribute}`, () => {
        for (const value of [true, null, false, undefined, {}])
          assert.equal(
            reasonOf(validate(doc({ [attribute]: value }), userCtx, secObj)),
            `The attribute ${attribute} is reserved.`,
          )
        assert.match(reasonOf(validate(doc({ _deleted: true, [attribute]: 1 }), userCtx, secObj)), /reserved/)
      })

    it(`${kind} may write other attributes, however they are called`, () => {
      const odd = JSON.parse(`{"_id": "${DB}/x", "__proto__": {"$shares": 1}, "hasOwnProperty": 1}`) as object
      for (const more of [{ $reason: 1 }, { $: 1 }, { shares: 1 }, { nested: { $shares: 1 } }])
        assert.equal(validate(doc(more), userCtx, secObj), null)
      assert.deepEqual(Object.keys(odd), ['_id', '__proto__', 'hasOwnProperty'])
      assert.equal(validate(odd, userCtx, secObj), null)
      assert.match(reasonOf(validate({ ...odd, $state: 1 }, userCtx, secObj)), /\$state is reserved/)
    })

    it(`${kind} may write into the share of the request only`, () => {
      const elsewhere = { ...userCtx, db: 'share/abd' }
      assert.match(reasonOf(validate(doc(), elsewhere, secObj)), /must begin with share\/abd\//)
    })
  }

  describe('size', () => {
    const bytes = (value: object): number => Buffer.byteLength(JSON.stringify(value))
    const limited = (mostBytes: unknown): object =>
      writers({ names: ['joe'], roles: ['h'], everyone: true, mostBytes })
    const limits: [string, object][] = [
      ['plain', doc({ text: 'x'.repeat(100) })],
      ['an id alone', doc()],
      ['nested', doc({ list: [1, { a: null }, ['b', true]], deep: { deep: { deep: 'x' } } })],
      ['umlauts', doc({ text: 'äöü'.repeat(50) })],
      ['snow', doc({ text: '☃'.repeat(50) })],
      ['emojis', doc({ text: '🦄'.repeat(50) })],
      ['quotes and control characters', doc({ text: '"\\\n\u0001'.repeat(50) })],
      ['unicode in names', doc({ 'ä☃🦄': 1 })],
      ['unicode in the id', { _id: `${DB}/ä☃🦄` }],
      ['__proto__', JSON.parse(`{"_id":"${DB}/x","__proto__":{"text":"${'x'.repeat(100)}"}}`) as object],
      ['toJSON', doc({ toJSON: 'x'.repeat(100) })],
      ['a deletion with a body', doc({ _deleted: true, text: 'x'.repeat(100) })],
      ['a revision', doc({ _rev: '1-0123456789abcdef', text: 'x' })],
    ]
    for (const [what, newDoc] of limits)
      it(`is exact for ${what}`, () => {
        const size = bytes(newDoc)
        for (const somebody of [ANONYMOUS, who('jim', 'i')]) {
          assert.equal(validate(newDoc, somebody, limited(size)), null)
          const reason = reasonOf(validate(newDoc, somebody, limited(size - 1)))
          assert.match(reason, new RegExp(`has ${size} bytes\\..* ${size - 1} at most\\.$`))
        }
      })

    it('does not bind named writers and admins', () => {
      const large = doc({ text: 'x'.repeat(10_000), _attachments: { a: { length: 10_000 } } })
      for (const somebody of [who('joe'), who('jim', 'h'), who('admin', '_admin')])
        assert.equal(validate(large, somebody, limited(10)), null)
      assert.notEqual(validate(large, who('jim'), limited(10)), null)
    })

    it('leaves out the history', () => {
      const history = { _revisions: { start: 900, ids: Array<string>(900).fill('a'.repeat(32)) } }
      assert.equal(validate(doc(history), ANONYMOUS, limited(bytes(doc()))), null)
      // Only at the top: elsewhere it is text like any other.
      assert.match(reasonOf(validate(doc({ nested: history }), ANONYMOUS, limited(1000))), /bytes/)
    })

    it('counts what is no revision in the history', () => {
      const ids = ['a'.repeat(32), 'x'.repeat(100), 'y'.repeat(90)]
      const size = bytes(doc()) + 100 - 32 + 90 - 32
      const bloated = doc({ _revisions: { start: 3, ids } })
      assert.equal(validate(bloated, ANONYMOUS, limited(size)), null)
      assert.match(reasonOf(validate(bloated, ANONYMOUS, limited(size - 1))), new RegExp(`has ${size} bytes`))
    })

    it('counts attachments by length, name and type', () => {
      const stub = { revpos: 3, digest: 'md5-9S2IVITxIV6lAKgFqG/0Qw==', stub: true }
      const attached = doc({
        _attachments: {
          'ä.txt': { ...stub, content_type: 'text/plain', length: 500 },
          b: { ...stub, length: 70 },
        },
      })
      const size = bytes(doc()) + Buffer.byteLength('ä.txt') + 'text/plain'.length + 500 + 1 + 70
      assert.equal(validate(attached, ANONYMOUS, limited(size)), null)
      assert.match(
        reasonOf(validate(attached, ANONYMOUS, limited(size - 1))),
        new RegExp(`has ${size} bytes`),
      )
    })

    it('does not let through bytes in names or types of attachments', () => {
      for (const _attachments of [
        { ['x'.repeat(2000)]: { length: 0 } },
        { x: { length: 0, content_type: 'x'.repeat(2000) } },
        JSON.parse('{"__proto__": {"length": 2000}}') as object,
      ])
        assert.match(reasonOf(validate(doc({ _attachments }), ANONYMOUS, limited(1000))), /bytes/)
    })

    it('refuses attachments of unknown length', () => {
      for (const length of ['undefined', undefined, null, '5'])
        assert.match(
          reasonOf(validate(doc({ _attachments: { 'a.txt': { length } } }), ANONYMOUS, limited(1000))),
          /attachment a\.txt came without its length/,
        )
      const unknown = doc({ _attachments: { 'a.txt': { length: 'undefined' } } })
      assert.equal(validate(unknown, who('joe'), limited(1000)), null)
    })

    it('sets no limit where none is given', () => {
      const large = doc({ text: 'x'.repeat(10_000), _attachments: { a: { length: 'undefined' } } })
      for (const mostBytes of [undefined, null, '10'])
        assert.equal(validate(large, ANONYMOUS, limited(mostBytes)), null)
    })

    it('lets nobody write anything where it is 0', () =>
      assert.match(reasonOf(validate(doc(), ANONYMOUS, limited(0))), /0 at most/))

    it('says first that an id or an attribute is reserved', () => {
      assert.match(reasonOf(validate(doc({ $shares: 'x'.repeat(100) }), ANONYMOUS, limited(10))), /reserved/)
      assert.match(reasonOf(validate({ _id: 'x'.repeat(100) }, ANONYMOUS, limited(10))), /must begin/)
    })
  })

  it('is written in the JavaScript that every CouchDB 3 knows', async () => {
    const source = await sourceOf('share', 'write_access', ['validate_doc_update'])
    const code = source.replace(/\/\/.*$/gm, '').replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    assert.doesNotMatch(code, /=>|`|\b(?:let|const|class|async|await|Set|Map|includes|startsWith)\b|\.\.\./)
  })

  it('changes none of its arguments', () => {
    const args = [
      doc({ a: { b: 1 }, _revisions: { start: 1, ids: ['a'] }, _attachments: { x: { length: 1 } } }),
      ANONYMOUS,
      writers({ everyone: true, mostBytes: 1000 }),
    ] as const
    const before = structuredClone(args)
    assert.equal(validate(...args), null)
    assert.deepEqual(args, before)
  })
})
