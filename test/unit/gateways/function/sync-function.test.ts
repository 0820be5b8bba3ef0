// What a sync function says of a document, as Sync Gateway would take it.
import assert from 'node:assert/strict'
import { ExactNumber } from '../../../../src/documents/json.ts'
import {
  SyncFunction,
  SyncFunctionError,
  type Judgement,
  type Writer,
} from '../../../../src/gateways/function/sync-function.ts'

const ANN: Writer = { name: 'ann', roles: ['driver'], channels: ['news'], isAdmin: false }
const NOW = Date.UTC(2020, 8, 13, 12, 26, 40)

async function judge(source: string, doc: object = {}, writer: Writer = ANN, oldDoc: object | null = null) {
  const sync = await SyncFunction.compile(source)
  return sync.evaluate({ doc: { _id: 'a', ...doc }, oldDoc, writer, now: NOW })
}

const accepted = (routed: object = {}): Judgement => ({
  kind: 'accepted',
  routed: { channels: [], access: [], roles: [], expiry: null, ...routed },
})

describe('a sync function', () => {
  it('says where a document goes, and what it grants', async () => {
    const source = `function (doc) {
      channel('b', ['a', 'b', null, 5], null, undefined)
      access(['tom', 'role:x'], doc.names)
      role('tom', 'role:y')
    }`
    assert.deepEqual(
      await judge(source, { names: ['n', 'm'] }),
      accepted({
        channels: ['a', 'b'],
        access: [
          { to: 'role:x', channel: 'm' },
          { to: 'role:x', channel: 'n' },
          { to: 'tom', channel: 'm' },
          { to: 'tom', channel: 'n' },
        ],
        roles: [{ user: 'tom', role: 'y' }],
      }),
    )
  })

  it('takes the names of accounts that Hoodie makes, and no others with a slash', async () => {
    const grant = (name: string): Promise<Judgement> =>
      judge("function (doc) { access(doc.name, 'c'); role(doc.name, 'role:r') }", { name })
    const granted = (user: string): Judgement =>
      accepted({ access: [{ to: user, channel: 'c' }], roles: [{ user, role: 'r' }] })
    assert.deepEqual(await grant('user/tom'), granted('user/tom'))
    for (const name of ['a/tom', 'user/a/tom', 'user/', 'role/tom'])
      assert.equal((await grant(name)).kind, 'failed', name)
    const role = await judge("function () { access('role:user/r', 'c') }", {})
    assert.equal(role.kind, 'failed')
  })

  it('keeps a document until the latest time that was said', async () => {
    const expiry = async (value: unknown) => {
      const verdict = await judge(
        'function (doc) { doc.values.forEach(function (value) { expiry(value) }) }',
        {
          values: value,
        },
      )
      return verdict.kind === 'accepted' ? verdict.routed.expiry : verdict
    }
    const seconds = NOW / 1000
    assert.deepEqual(await expiry([]), null)
    assert.deepEqual(await expiry([60]), seconds + 60)
    assert.deepEqual(await expiry([60.9]), seconds + 60)
    assert.deepEqual(await expiry(['60']), seconds + 60)
    assert.deepEqual(await expiry([30 * 24 * 3600]), seconds + 30 * 24 * 3600)
    assert.deepEqual(await expiry([30 * 24 * 3600 + 1]), 30 * 24 * 3600 + 1)
    assert.deepEqual(await expiry([2e9]), 2e9)
    assert.deepEqual(await expiry(['2033-05-18T03:33:20Z']), 2e9)
    assert.deepEqual(await expiry(['2033-05-18T05:33:20.5+02:00']), 2e9)
    assert.deepEqual(await expiry([0]), null)
    for (const nothing of [null, -1, 2 ** 32, 'soon', '2033-05-18', true, {}, '3000000000'])
      assert.deepEqual(await expiry([60, nothing]), seconds + 60, JSON.stringify(nothing))
  })

  it('hands over the documents as they are, and oldDoc as Sync Gateway does', async () => {
    const source =
      'function (doc, oldDoc, meta) { throw({ forbidden: JSON.stringify([doc, oldDoc, meta]) }) }'
    const sees = async (doc: object, oldDoc: object | null) => {
      const verdict = await judge(source, doc, ANN, oldDoc)
      assert.equal(verdict.kind, 'rejected')
      return (JSON.parse((verdict as { reason: string }).reason) as unknown[]).slice(0, 2)
    }
    const odd = { '\ud800': 'nö\0😀', list: [1.5, null, true], n: new ExactNumber('12345678901234567890') }
    assert.deepEqual(await sees(odd, null), [{ _id: 'a', ...odd, n: 1.2345678901234567e19 }, null])
    assert.deepEqual(await sees({ _deleted: true }, { _id: 'a', x: 1 }), [
      { _id: 'a', _deleted: true },
      { _id: 'a', x: 1 },
    ])
    assert.deepEqual(await sees({}, { _id: 'a', _deleted: true }), [{ _id: 'a' }, null])
  })

  it('runs at the time of the change', async () => {
    const source = `function () {
      channel(String(Date.now()), String(new Date().getTime() - 1), 'd' + Date().length)
      if (!(new Date() instanceof Date) || new Date().constructor !== Date) throw({ forbidden: 'odd' })
      var own = Object.getPrototypeOf(new Date()).constructor
      if (own.now() !== Date.now() || new Date(5).getTime() !== 5 || Date.UTC(1970, 0) !== 0) throw({ forbidden: 'odd' })
    }`
    const length = new Date(NOW).toString().replace(/ \(.*/, '').length
    assert.deepEqual(
      await judge(source),
      accepted({ channels: [String(NOW - 1), String(NOW), `d${length}`] }),
    )
  })

  it('has no way out', async () => {
    const names = [
      'process',
      'require',
      'fetch',
      'setTimeout',
      'performance',
      'WebAssembly',
      'Atomics',
      'std',
      'os',
      'print',
      'scriptArgs',
    ]
    const source = `function () {
      var all = Function('return this')();
      ${JSON.stringify(names)}.forEach(function (name) { if (name in all) channel(name) })
      console.log('x'); log('x')
    }`
    assert.deepEqual(await judge(source), accepted())
    assert.equal((await judge('function () { import("fs"); channel("x") }')).kind, 'accepted')
  })

  it('cannot be made async, by a promise that refuses too late', async () => {
    assert.equal(
      (await judge('function () { return (async function () { requireAdmin() })() }')).kind,
      'failed',
    )
  })

  it('cannot make us believe what is none of its verdicts', async () => {
    for (const made of [
      'Array.prototype.toJSON = function () { return 5 }',
      'Object.prototype.toJSON = function () { return "x" }',
      'Object.prototype.toJSON = function () { return { kind: "accepted", channels: [5], access: [], roles: [] } }',
    ])
      assert.equal((await judge(`function () { ${made}; channel("a") }`)).kind, 'failed', made)
  })

  it('says where its source is wrong', async () => {
    const problemOf = async (source: string) => {
      const error: unknown = await SyncFunction.compile(source).then(
        () => null,
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof SyncFunctionError, source)
      return [error.line, error.column === null ? null : error.column > 0]
    }
    assert.deepEqual(await problemOf('function (doc) {\n  foo(\n}'), [3, true])
    assert.deepEqual(await problemOf('for (;;);'), [1, true])
    assert.deepEqual(await problemOf(''), [null, null])
    assert.deepEqual(await problemOf('5'), [null, null])
    assert.deepEqual(await problemOf('function () {}); evil(function () {}'), [1, true])
    assert.deepEqual(await problemOf('async function () {}'), [null, null])
    assert.deepEqual(await problemOf('(function () { for (;;); })()'), [null, null])
    assert.deepEqual(await problemOf('(function () {\n throw new TypeError("x")\n})()'), [2, true])
  })

  it('has the same hash for the same source only, and is gone when it is disposed of', async () => {
    const [one, same, other] = await Promise.all(
      ['function () {}', 'function () {}', 'function () { }'].map((source) => SyncFunction.compile(source)),
    )
    assert.equal(one?.hash, same?.hash)
    assert.notEqual(one?.hash, other?.hash)
    one?.dispose()
    assert.throws(() => one?.evaluateMany([]), /disposed/)
  })
})

describe('a sync function that breaks', () => {
  const LIMITS = { memoryBytes: 64 * 1024 * 1024, steps: 3_000_000, timeMs: 200 }
  const TOO_LONG = /too long/
  const TOO_MUCH = /memory|too deep|stack overflow|too long/

  /** A function that does this to documents with `bad`, between others that are fine. */
  const breaking = async (what: string, isAlike: RegExp): Promise<void> => {
    const sync = await SyncFunction.compile(
      `function (doc) { if (doc.bad) { ${what} } channel(doc._id + (typeof left)); left = 1 }`,
      LIMITS,
    )
    const call = (_id: string, bad: boolean) => ({ doc: { _id, bad }, oldDoc: null, writer: ANN, now: NOW })
    const fine = (id: string) => accepted({ channels: [`${id}undefined`] })
    const ids = ['a', 'b', 'c', 'd', 'e']
    const verdicts = sync.evaluateMany(ids.map((id) => call(id, id === 'b' || id === 'd')))
    for (const [at, id] of ids.entries()) {
      const verdict = verdicts[at]
      if (id !== 'b' && id !== 'd') assert.deepEqual(verdict, fine(id))
      else {
        assert.equal(verdict?.kind, 'failed')
        assert.match(verdict.reason, isAlike)
      }
    }
    assert.deepEqual(sync.evaluate(call('z', false)), fine('z'))
  }

  for (const [name, what, isAlike] of [
    ['an endless loop', 'for (;;);', TOO_LONG],
    ['an endless loop that catches all', 'for (;;) try { for (;;); } catch (e) {}', TOO_LONG],
    ['a pattern that tracks back', '/^(a+)+$/.test("a".repeat(60) + "b")', TOO_LONG],
    ['a search that never ends', '"a".repeat(4e6).indexOf("a".repeat(2e6) + "b")', TOO_LONG],
    ['a list without end', '[].indexOf.call({ length: 9e15 }, 1)', TOO_LONG],
    ['many long steps', 'var s = "a".repeat(1e6); for (var i = 0; i < 1e5; i += 1) s.indexOf("b")', TOO_LONG],
    [
      'doubling text',
      'var s = "a"; var all = []; for (;;) { s += s; all.push(s + all.length); if (s.length > 1e6) s = "b" }',
      TOO_MUCH,
    ],
    ['growing lists', 'var all = []; for (;;) all.push(new Array(1000).fill(1))', TOO_MUCH],
    ['a huge buffer', 'new ArrayBuffer(2e9)', TOO_MUCH],
    ['a huge text', '"a".repeat(5e8)', TOO_MUCH],
    [
      'memory that ran out and was caught',
      'var all = []; try { for (;;) all.push(new Array(1e5).fill(1)) } catch (e) { throw new Error("memory") }',
      TOO_MUCH,
    ],
    ['recursion', '(function f() { return f() + 1 })()', TOO_MUCH],
    ['recursion in the engine', 'JSON.parse("[".repeat(1e5))', TOO_MUCH],
    ['recursion in patterns', 'new RegExp("(?:".repeat(1e5) + ")".repeat(1e5))', TOO_MUCH],
    ['recursion in toString', 'var o = { toString: function () { return "" + o } }; "" + o', TOO_MUCH],
    ['a TypeError', 'doc.a.b.c', /^TypeError: /],
    ['an illegal channel', 'channel("a,b")', /^Illegal channel name "a,b"$/],
  ] as const)
    it(`fails that document, and none after it: ${name}`, () => breaking(what, isAlike))

  it('leaves nothing behind for the next document', async () => {
    const sync = await SyncFunction.compile(`(function () {
      var count = 0
      return function sync(doc) {
        count += 1
        leaked = (typeof leaked === 'undefined' ? 0 : leaked) + 1
        sync.count = (sync.count || 0) + 1
        Array.prototype.count = (Array.prototype.count || 0) + 1
        Object.prototype.count = (Object.prototype.count || 0) + 1
        channel([count, leaked, sync.count, [].count, {}.count].join('-'))
        channel = function () {}
      }
    })()`)
    const calls = Array.from({ length: 300 }, (_, at) => ({
      doc: { _id: `a${at}` },
      oldDoc: null,
      writer: ANN,
      now: NOW,
    }))
    for (const verdict of sync.evaluateMany(calls))
      assert.deepEqual(verdict, accepted({ channels: ['1-1-1-1-1'] }))
  })

  it('gives the same answer each time, also to documents of all sizes', async () => {
    const sync = await SyncFunction.compile(
      'function (doc) { channel(JSON.stringify(doc).length + ".") ; channel(doc.list.length + "") }',
    )
    for (const size of [1, 1_000, 100_000, 10, 300_000, 1]) {
      const doc = { _id: 'a', list: Array.from({ length: size }, (_, at) => `item ${at}`) }
      const expected = accepted({ channels: [`${JSON.stringify(doc).length}.`, String(size)].sort() })
      assert.deepEqual(sync.evaluate({ doc, oldDoc: null, writer: ANN, now: NOW }), expected)
    }
  })

  it('does not break on documents that are nested deep', async () => {
    const nested = (depth: number): object =>
      JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as object
    const sync = await SyncFunction.compile('function (doc) { channel("x") }')
    const judged = (depth: number) =>
      sync.evaluate({ doc: { _id: 'a', deep: nested(depth) }, oldDoc: null, writer: ANN, now: NOW }).kind
    assert.deepEqual([10, 1_000, 200_000, 10].map(judged), ['accepted', 'accepted', 'failed', 'accepted'])
  })
})
