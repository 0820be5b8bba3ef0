// What a skeleton of a master may be, and what the daemon makes of functions that fail.
import assert from 'node:assert/strict'
import { ExactNumber } from '../../../src/documents/json.ts'
import { MasterPolicy, MasterPolicyError, queryOf } from '../../../src/provisioning/master-policy.ts'
import { marked, type DesignDocument } from '../../../src/skeletons/design.ts'

const FROM = 'function (doc, req) { return JSON.parse(req.query.roles).indexOf(doc._id) !== -1 }'
const MAP = 'function (doc) { emit(doc._id, null) }'

const design = (attributes: object, name = 'notes'): DesignDocument =>
  marked({ _id: `_design/${name}`, language: 'javascript', ...attributes })
/** A master with these functions. */
const master = ({
  from = FROM,
  map = MAP,
  ...more
}: { from?: unknown; map?: unknown; [other: string]: unknown } = {}) =>
  design({ filters: { from }, views: { roles: { map } }, ...more })
const user = (to: unknown, more: object = {}): DesignDocument => design({ filters: { to }, ...more })

const accessOf = (one: DesignDocument, ...users: DesignDocument[]): MasterPolicy =>
  MasterPolicy.of('notes', [one], users)
const joe = { name: 'joe', roles: ['thing', 'other'] }
const thing = { _id: 'thing', n: 1 }

describe('MasterPolicy', () => {
  it('asks all functions', () => {
    const access = accessOf(
      master({
        map: 'function (doc) { emit(doc._id, 1); emit("b"); emit("a"); emit("a"); emit(5); emit(null); emit(["c"]) }',
        selectors: {
          from: 'function (roles, name) { return { _id: { $in: roles }, owner: { $in: [name] } } }',
        },
        fields: ['b', 'a', 'b'],
      }),
      user('function (doc, req) { return doc.by === req.query.name }'),
    )
    assert.equal(access.design, 'notes')
    assert.deepEqual(access.fields, ['b', 'a'])
    assert.equal(access.mayRead(thing, joe), true)
    assert.equal(access.mayRead({ _id: 'else' }, joe), false)
    assert.deepEqual(access.rolesOf(thing), ['a', 'b', 'thing'])
    assert.equal(access.mayWrite({ by: 'joe' }, joe), true)
    assert.equal(access.mayWrite({ by: 'ann' }, joe), false)
    assert.deepEqual(access.selector(joe), { _id: { $in: ['thing', 'other'] }, owner: { $in: ['joe'] } })
    assert.equal(access.failure, null)
  })

  it('has no selector, no fields and no `to` where the skeleton has none', () => {
    const access = accessOf(master(), design({ validate_doc_update: 'function () {}' }))
    assert.equal(access.selector(joe), null)
    assert.equal(access.fields, null)
    assert.equal(access.mayWrite({}, joe), true)
    assert.equal(access.failure, null)
  })

  it('finds the design document among others', () => {
    const others = [
      design({ views: { roles: { map: MAP } } }, 'a'),
      design({ filters: { other: FROM } }, 'z'),
    ]
    const access = MasterPolicy.of(
      'notes',
      [others[0]!, master(), others[1]!],
      [design({ filters: {} }, 'b')],
    )
    assert.equal(access.design, 'notes')
  })

  it('asks for many at once, in their order', () => {
    const access = accessOf(
      master({
        from: 'function (doc, req) { if (doc.n % 7 === 3) throw doc; return doc.n % 2 && req.query.name === "joe" }',
      }),
    )
    const docs = Array.from({ length: 1234 }, (_, n) => ({ _id: `${n}`, n }))
    const expected = docs.map(({ n }) => n % 7 !== 3 && n % 2 === 1)
    assert.deepEqual(access.mayReadEach(docs, joe), expected)
    assert.deepEqual(
      access.mayWriteEach(docs, joe),
      docs.map(() => true),
    )
    assert.deepEqual(
      access.rolesOfEach(docs),
      docs.map(({ _id }) => [_id]),
    )
    assert.deepEqual(access.whoMayRead({ _id: 'x', n: 1 }, [joe, { ...joe, name: 'ann' }, joe]), [
      true,
      false,
      true,
    ])
    assert.deepEqual(access.mayReadEach([], joe), [])
    const large = Array.from({ length: 5 }, (_, n) => ({ _id: `${n}`, n, text: 'x'.repeat(700_000) }))
    assert.deepEqual(access.mayReadEach(large, joe), [false, true, false, false, false])
  })

  describe('takes for a yes what CouchDB takes for one', () => {
    for (const [value, isYes] of [
      ...['true', '1', '-1', '"no"', '{}', '[]', 'new Boolean(false)', 'Symbol.iterator'].map((one) => [
        one,
        true,
      ]),
      ...['false', '0', 'NaN', '""', 'null', 'undefined', '0n'].map((one) => [one, false]),
    ] as [string, boolean][])
      it(`${value}: ${isYes ? 'yes' : 'no'}`, () =>
        assert.equal(
          accessOf(master({ from: `function () { return ${value} }` })).mayRead(thing, joe),
          isYes,
        ))
  })

  describe('is closed where a function fails', () => {
    const failures: [string, string, RegExp][] = [
      ['throws', 'throw new Error("no")', /^Error: no$/],
      ['throws a refusal', 'throw { forbidden: "x" }', /object Object/],
      ['throws null', 'throw null', /^null$/],
      ['throws nothing', 'throw ""', /^it threw$/],
      ['throws what throws', 'throw { toString: function () { throw 1 } }', /^it threw$/],
      ['calls itself for ever', 'return (function f() { return f() + 1 })()', /stack/],
      ['makes a promise', 'return Promise.resolve(true)', /async/],
      ['asks for what Node.js has', 'return process.exit(3)', /process/],
      ['asks for what CouchDB has not', 'return console.log(1) || true', /console/],
      ['asks for a module that is not there', 'return require("lib/x")', /Expected a module at lib\/x/],
    ]
    for (const [what, body, failure] of failures)
      it(what, () => {
        const text = `function (a, b) { ${body} }`
        const access = accessOf(master({ from: text, map: text, selectors: { from: text } }), user(text))
        assert.equal(access.mayRead(thing, joe), false)
        assert.match(access.failure?.replace('filters.from: ', '') ?? '', failure)
        assert.equal(access.mayWrite(thing, joe), false)
        if (what !== 'makes a promise') assert.deepEqual(access.rolesOf(thing), [])
        assert.equal(access.selector(joe), null)
      })

    it('of what a map emitted before it threw, nothing counts', () =>
      assert.deepEqual(
        accessOf(master({ map: 'function (doc) { emit("a"); if (doc.n) throw 1 }' })).rolesOfEach([
          thing,
          {},
        ]),
        [[], ['a']],
      ))

    for (const value of [
      '[]',
      'null',
      '"x"',
      '5',
      'undefined',
      'function () {}',
      'new Map()',
      'Promise.resolve({})',
      '{ toJSON: function () {} }',
    ])
      it(`a selector that is ${value}`, () =>
        assert.equal(
          accessOf(master({ selectors: { from: `function () { return ${value} }` } })).selector(joe),
          null,
        ))

    it('loops for ever: stopped after a second, and not asked again after three times', () => {
      const access = accessOf(master({ from: 'function (doc) { while (doc.loops) ; return true }' }))
      assert.equal(access.mayRead({ loops: true }, joe), false)
      assert.match(access.failure ?? '', /timed out/)
      // Among others, it does not take them along; and one that answers begins the count anew.
      assert.deepEqual(access.mayReadEach([{}, { loops: true }, {}], joe), [true, false, true])
      for (let times = 0; times < 3; times += 1) access.mayRead({ loops: true }, joe)
      // Asked, it would say yes.
      assert.equal(access.mayRead({}, joe), false)
    })

    it('loops for ever once it has returned', () => {
      const text = 'function () { Promise.resolve().then(function () { for (;;) ; }); return true }'
      assert.equal(accessOf(master({ from: text })).mayRead(thing, joe), false)
    })
  })

  describe('keeps functions from each other and from what comes next', () => {
    it('one that tampers with the document and the request', () => {
      const text = `function (doc, req) {
        var is = doc._id === 'thing' && !doc.seen && req.query.name === 'joe' && !req.seen
        doc.seen = req.seen = true; doc._id = 'x'; req.query = null; delete doc.n
        return is
      }`
      const access = accessOf(master({ from: text }), user(text))
      for (let times = 0; times < 3; times += 1) assert.equal(access.mayRead(thing, joe), true)
      assert.deepEqual(access.mayReadEach([thing, thing], joe), [true, true])
      assert.equal(access.mayWrite(thing, joe), true)
      assert.deepEqual(thing, { _id: 'thing', n: 1 })
      assert.deepEqual(joe, { name: 'joe', roles: ['thing', 'other'] })
    })

    it('one that tampers with globals', () => {
      const tamper = `JSON.parse = JSON.stringify = Reflect.apply = function () { return '1' }
        Array.prototype.toJSON = function () { return ['x'] }; Object.prototype.evil = 1
        globalThis.couch_shares_ask = function () { return '1' }; globalThis.emit = null; String = Array = null`
      const access = accessOf(
        master({
          from: `function () { ${tamper}; return false }`,
          map: `function (doc) { emit(doc._id) }`,
          selectors: { from: 'function (roles) { return { _id: { $in: roles } } }' },
        }),
        user(`function (doc) { return doc.by === 'joe' }`),
      )
      for (let times = 0; times < 2; times += 1) {
        assert.equal(access.mayRead(thing, joe), false)
        assert.equal(access.mayWrite({ by: 'joe' }, joe), true)
        assert.deepEqual(access.rolesOf(thing), ['thing'])
        assert.deepEqual(access.selector(joe), { _id: { $in: joe.roles } })
      }
      assert.equal(({} as { evil?: unknown }).evil, undefined)
      assert.equal(JSON.parse('2'), 2)
    })

    it('a map that tampers with what comes out gives nothing but texts', () => {
      for (const value of ['5', '{}', '[1, null, "a", ["b"]]', 'undefined', '"\\n"']) {
        const map = `function (doc) { Array.prototype.toJSON = function () { return ${value} }; emit('x') }`
        for (const role of accessOf(master({ map })).rolesOf(thing)) assert.equal(role, 'a')
      }
    })
  })

  it('gives roles and names as they are', () => {
    const roles = [`it's "q"`, '\\', 'ü ☃ 🦄', '\u0000\n', '__proto__', '</script>', '\u2028', '${x}', '']
    const from = `function (doc, req) { return JSON.parse(req.query.roles).indexOf(doc.role) === doc.at && req.query.name === doc.name }`
    const selectors = { from: 'function (roles, name) { return { roles: roles, name: name } }' }
    const access = accessOf(master({ from, map: 'function (doc) { emit(doc.role) }', selectors }))
    for (const [at, role] of roles.entries()) {
      const user = { name: role, roles }
      assert.equal(access.mayRead({ role, at, name: role }, user), true, role)
      assert.deepEqual(access.rolesOf({ role }), [role])
      assert.deepEqual(access.selector(user), { roles, name: role })
      assert.deepEqual(JSON.parse(queryOf(user).roles), roles)
    }
    assert.equal(access.failure, null)
  })

  it('sorts roles by code unit', () =>
    assert.deepEqual(
      accessOf(
        master({
          map: 'function () { ["é", "a", "Z", "🦄", "\\uffee", "10", "9"].forEach(function (r) { emit(r) }) }',
        }),
      ).rolesOf({}),
      ['10', '9', 'Z', 'a', 'é', '🦄', '\uffee'],
    ))

  it('takes documents with exact numbers, and deep ones', () => {
    const access = accessOf(
      master({ from: 'function (doc) { return doc.n === 1.5 && doc.big > 1e19 || doc.deep }' }),
    )
    const numbers = { n: new ExactNumber('1.50'), big: new ExactNumber('12345678901234567890') }
    assert.equal(access.mayRead(numbers, joe), true)
    let deep: unknown = 1
    for (let level = 0; level < 50_000; level += 1) deep = [deep]
    assert.equal(access.mayRead({ deep }, joe), true)
    assert.equal(access.mayRead(JSON.parse('{"__proto__": {"deep": true}}') as object, joe), false)
  })

  describe('require', () => {
    const lib = {
      names: 'exports.is = function (one) { return require("./sub/thing").name === one }',
      sub: { thing: 'module.exports = { name: require("../other").name, count: 0 }' },
      other: 'exports.name = "thing"',
    }

    it('finds modules of the design document', () => {
      const access = accessOf(
        master({
          lib,
          from: 'function (doc) { return require("lib/names").is(doc._id) && this.lib.other !== undefined }',
          views: {
            lib: { a: 'exports.a = "x"' },
            roles: { map: 'function () { emit(require("views/lib/a").a) }' },
          },
          selectors: { from: 'function () { return { a: require("lib/other").name } }' },
        }),
        user('function () { return require("lib/mine").yes }', { lib: { mine: 'exports.yes = true' } }),
      )
      assert.equal(access.mayRead(thing, joe), true)
      assert.equal(access.mayRead({ _id: 'x' }, joe), false)
      assert.deepEqual(access.rolesOf(thing), ['x'])
      assert.deepEqual(access.selector(joe), { a: 'thing' })
      assert.equal(access.mayWrite(thing, joe), true)
      assert.equal(access.failure, null)
    })

    it('loads a module once', () => {
      const from = 'function () { return (require("lib/sub/thing").count += 1) === 3 }'
      const access = accessOf(master({ lib, from }))
      assert.deepEqual(access.mayReadEach([{}, {}, {}, {}], joe), [false, false, true, false])
    })

    it('gives maps what is in views/lib only, as CouchDB does', () => {
      const access = accessOf(master({ lib, map: 'function () { emit(require("lib/other").name) }' }))
      assert.deepEqual(access.rolesOf({}), [])
      assert.match(access.failure ?? '', /views.roles.map: Error: Expected a module at lib\/other/)
    })

    it('gives no inherited attributes', () => {
      for (const path of ['constructor/name', '__proto__', 'lib/toString', 'lib', '../..'])
        assert.equal(
          accessOf(
            master({ lib, from: `function () { require(${JSON.stringify(path)}); return 1 }` }),
          ).mayRead({}, joe),
          false,
        )
    })

    it('fails each time where the module fails', () => {
      const access = accessOf(
        master({ bad: 'exports.a = 1; throw 1', from: 'function () { return require("bad").a }' }),
      )
      assert.deepEqual(access.mayReadEach([{}, {}], joe), [false, false])
    })
  })

  describe('refuses', () => {
    const M = [master()]
    const table: [string, DesignDocument[], DesignDocument[], RegExp][] = [
      [
        'no design document',
        [],
        [],
        /^skeleton of notes: filters\.from: expected one design document with it, found 0$/,
      ],
      ['none with from', [design({ views: { roles: { map: MAP } } })], [], /filters\.from: .*found 0/],
      ['two with from', [master(), design({ filters: { from: FROM } }, 'b')], [], /filters\.from: .*found 2/],
      ['a from that is no text', [master({ from: null })], [], /filters\.from: expected a function/],
      [
        'a from that is no function',
        [master({ from: '5' })],
        [],
        /filters\.from: Expected a function, got number/,
      ],
      ['a from that does not parse', [master({ from: 'function (' })], [], /filters\.from: Unexpected/],
      [
        'a from that is two',
        [master({ from: 'function a() {}; function b() {}' })],
        [],
        /filters\.from: Unexpected/,
      ],
      [
        'a from that throws',
        [master({ from: '(function () { throw new Error("x") })()' })],
        [],
        /filters\.from: x/,
      ],
      [
        'a from that throws nothing',
        [master({ from: '(function () { throw null })()' })],
        [],
        /filters\.from: null/,
      ],
      [
        'a from that never ends',
        [master({ from: '(function () { for (;;) ; })()' })],
        [],
        /filters\.from: .*timed out/,
      ],
      [
        'an async from',
        [master({ from: 'async function () { return false }' })],
        [],
        /filters\.from: .*async/,
      ],
      ['an async arrow', [master({ from: 'async () => false' })], [], /filters\.from: .*async/],
      ['a generator', [master({ from: 'function* () {}' })], [], /filters\.from: .*generator/],
      ['no map', [design({ filters: { from: FROM } })], [], /views\.roles\.map: expected a function/],
      [
        'a map elsewhere',
        [design({ filters: { from: FROM } }), design({ views: { roles: { map: MAP } } }, 'b')],
        [],
        /views\.roles\.map/,
      ],
      [
        'a map that is no function',
        [master({ map: '{}' })],
        [],
        /views\.roles\.map: Expected a function, got object/,
      ],
      [
        'a selector that is no function',
        [master({ selectors: { from: { _id: 1 } } })],
        [],
        /selectors\.from: expected a function/,
      ],
      [
        'a selector that does not parse',
        [master({ selectors: { from: ')' } })],
        [],
        /selectors\.from: Unexpected/,
      ],
      [
        'another language',
        [master({ language: 'erlang' })],
        [],
        /filters\.from: expected the language javascript, got "erlang"/,
      ],
      [
        'two to',
        M,
        [user(FROM), design({ filters: { to: FROM } }, 'b')],
        /skeleton of notes-user: filters\.to: .*found 2/,
      ],
      ['a to that does not parse', M, [user('function')], /filters\.to: Unexpected/],
      ['fields that are no list', [master({ fields: 'a' })], [], /fields: expected a list of attributes/],
      ['fields that are null', [master({ fields: null })], [], /fields: expected a list/],
      ['fields that are no texts', [master({ fields: ['a', 5] })], [], /fields: expected a list/],
      ['fields of CouchDB', [master({ fields: ['a', '_id'] })], [], /fields: .*begins with _/],
    ]
    for (const [what, designs, userDesigns, message] of table)
      it(what, () =>
        assert.throws(
          () => MasterPolicy.of('notes', designs, userDesigns),
          (error) => {
            assert(error instanceof MasterPolicyError)
            assert.equal(error.name, 'MasterPolicyError')
            assert.match(error.message, message)
            assert(error.message.includes(error.kind) && error.message.includes(error.place))
            return true
          },
        ),
      )
  })

  describe('hash', () => {
    const selectors = { from: 'function () { return {} }' }
    const hash = (one: DesignDocument, ...users: DesignDocument[]): string => accessOf(one, ...users).hash
    it('is equal for equal functions and fields', () => {
      const whole = (): string => hash(master({ selectors, fields: ['a'] }), user(FROM))
      assert.equal(whole(), whole())
      assert.match(whole(), /^[\w-]{22}$/)
      // Neither what is beside them, nor a mark or a revision.
      const views = { roles: { map: MAP, reduce: '_count' }, other: { map: 'function () {}' } }
      assert.equal(
        hash(master()),
        hash(master({ views, lib: { a: 'exports.a = 1' }, _rev: '2-a', couch_shares: 1 })),
      )
      assert.equal(
        hash(master(), user(FROM)),
        hash(master(), user(FROM, { validate_doc_update: 'function () {}' })),
      )
    })
    it('is another for each function and the fields', () => {
      const hashes = [
        hash(master()),
        hash(master({ from: 'function () {}' })),
        hash(master({ map: 'function () {}' })),
        hash(master({ selectors })),
        hash(master({ selectors: { from: 'function () {}' } })),
        hash(master({ fields: [] })),
        hash(master({ fields: ['a'] })),
        hash(master(), user(FROM)),
        hash(master(), user('function () {}')),
      ]
      assert.equal(new Set(hashes).size, hashes.length)
    })
    it('is another for each module that a function may ask for', () => {
      const from = 'function () { return require("lib/a").a }'
      const withModule = (text: string): string => hash(master({ from, lib: { a: text } }))
      assert.equal(withModule('exports.a = 1'), withModule('exports.a = 1'))
      assert.notEqual(withModule('exports.a = 1'), withModule('exports.a = 0'))
    })
  })
})
