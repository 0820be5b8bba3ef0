// The guard of a gateway database says what the router says, word for word, wherever no grant could make it say something else.
import assert from 'node:assert/strict'
import { parseScript } from 'esprima'
import fc from 'fast-check'
import { Engine } from '../../../../src/functions/validation.ts'
import { compileGuard } from '../../../../src/gateways/function/guard.ts'
import {
  SyncFunction,
  SyncFunctionError,
  type Writer,
} from '../../../../src/gateways/function/sync-function.ts'
import {
  ANN,
  CASES,
  guardSays,
  OBEDIENT,
  sayGuard,
  sayVerdict,
  type Case,
} from '../../../conformance/sync-function.ts'

const FLEET = [ANN, { ...ANN, isAdmin: true }, { name: null, roles: [], channels: [], isAdmin: false }]

describe('a guard', () => {
  let guard: Engine
  let sync: SyncFunction
  before(async () => {
    guard = new Engine(await compileGuard(OBEDIENT))
    sync = await SyncFunction.compile(OBEDIENT)
  })

  const askGuard = (writer: Writer, doc: object, oldDoc: object | null): string => {
    const history = { _revisions: { start: 1, ids: ['a'] } }
    const said = guard.call([
      { ...doc, ...history },
      oldDoc === null ? null : { ...oldDoc, ...history },
      { db: 'db', name: writer.name, roles: writer.isAdmin ? ['_admin'] : ['x'] },
      { members: {}, gateway: { roles: writer.roles, channels: writer.channels } },
    ])
    return sayGuard(said.verdict, said.verdict === 'ok' ? '' : said.message)
  }
  const askRouter = (writer: Writer, doc: object, oldDoc: object | null): string =>
    sayVerdict(sync.evaluate({ doc, oldDoc, writer, now: 0 }))
  const documentsOf = ({ calls, doc, oldDoc }: Case): [object, object | null] => [
    { _id: 'a', ...doc, calls },
    oldDoc === undefined ? null : { _id: 'a', ...oldDoc },
  ]

  for (const testCase of CASES) {
    const { says } = testCase
    it(`and the router say ${says} to ${JSON.stringify({ ...testCase, says: undefined })}`, () => {
      const documents = documentsOf(testCase)
      assert.equal(askRouter(ANN, ...documents), says)
      assert.equal(askGuard(ANN, ...documents), guardSays(testCase))
    })
  }

  const isGrantable = (called: string): boolean => called === 'requireRole' || called === 'requireAccess'

  it('says what the router says, whatever the function does; or lets pass what may need a grant', () => {
    const name = fc.constantFrom(
      'ann',
      'bob',
      'driver',
      'news',
      'role:driver',
      'role:',
      '',
      'a,b',
      'a/b',
      'user/ann',
      '*',
      '…',
    )
    const anything = fc.oneof(
      name,
      fc.constantFrom(null, 5, true, {}),
      fc.array(fc.oneof(name, fc.constant(null)), { maxLength: 3 }),
    )
    const called = fc.constantFrom(
      ...[
        'channel',
        'access',
        'role',
        'expiry',
        'requireUser',
        'requireRole',
        'requireAccess',
        'forbid',
        'deny',
        'both',
        'throwIt',
        'isNew',
        'wasOf',
      ],
    )
    const call = fc.tuple(called, anything, anything)
    fc.assert(
      fc.property(
        fc.array(call, { maxLength: 4 }),
        fc.constantFrom(...FLEET.filter(({ isAdmin }) => !isAdmin)),
        fc.constantFrom(null, { _id: 'a', owner: 'ann' }, { _id: 'a', _deleted: true }),
        (calls, writer, oldDoc) => {
          const doc = { _id: 'a', calls }
          const said = askGuard(writer, doc, oldDoc)
          if (said === 'ok' && calls.some(([what]) => isGrantable(what))) return
          assert.equal(said, askRouter(writer, doc, oldDoc))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('lets admins pass whatever the function says, for the daemon brings and takes what nobody else may', () => {
    const [, admin] = FLEET
    assert(admin)
    for (const calls of [[['forbid', 'x']], [['deny', 'x']], [['channel', '']], [['throwIt', 'x']]])
      for (const doc of [{ _id: 'a' }, { _id: 'a', _deleted: true }]) {
        assert.equal(askGuard(admin, { ...doc, calls }, { _id: 'a', calls }), 'ok')
        assert.notEqual(askGuard(ANN, { ...doc, calls }, { _id: 'a', calls }), 'ok')
      }
  })

  it('lets admins pass what is required, and nobody else', () => {
    const doc = {
      _id: 'a',
      calls: [['requireUser', 'x'], ['requireRole', 'x'], ['requireAccess', 'x'], ['requireAdmin']],
    }
    assert.deepEqual(
      FLEET.map((writer) => askGuard(writer, doc, null)),
      ['forbidden: sg wrong user', 'ok', 'forbidden: sg wrong user'],
    )
  })

  describe('where a grant could make a refusal something else', () => {
    /** What a managers' document, or one of a list, needs; and what only managers may not do. */
    const SOURCE = `function (doc) {
      var isManager = true
      try { requireRole('manager') } catch (refusal) { isManager = false }
      if (isManager && doc.kind === 'task') throw({ forbidden: 'managers make no tasks' })
      if (doc.kind === 'task') requireAccess(doc.list)
      else if (!isManager) requireUser(doc.owner)
      channel(doc.list)
    }`
    const askAs = async (gateway: object, doc: object, name: string | null = 'ann'): Promise<string> => {
      const said = new Engine(await compileGuard(SOURCE)).call([
        { _id: 'a', ...doc },
        null,
        { db: 'db', name, roles: [] },
        { gateway },
      ])
      return sayGuard(said.verdict, said.verdict === 'ok' ? '' : said.message)
    }
    const NOTHING = { roles: [], channels: [] }

    it('leaves it to the router, also where the function goes another way without the grant', async () => {
      assert.equal(await askAs(NOTHING, { kind: 'task', list: 'x' }), 'ok')
      assert.equal(await askAs(NOTHING, { owner: 'bob' }), 'ok')
      // With more than `_security` names, nobody knows which way it would go.
      assert.equal(await askAs({ roles: null, channels: null }, { kind: 'task' }), 'ok')
    })

    it('refuses at once what nobody could be granted, and what has all that was asked for', async () => {
      const manager = { roles: ['manager'], channels: [] }
      assert.equal(await askAs(manager, { kind: 'task' }), 'forbidden: managers make no tasks')
      assert.equal(await askAs(NOTHING, { owner: 'bob' }, null), 'forbidden: sg wrong user')
    })
  })

  it('takes nobody for no user, whatever is asked for', () => {
    const doc = { _id: 'a', calls: [['requireUser', [null, '', 'null']]] }
    for (const ask of [askGuard, askRouter])
      assert.equal(ask({ ...ANN, name: null }, doc, null), 'forbidden: sg wrong user')
  })

  it('leaves what needs a role to the router where the database says nothing of roles', () => {
    const doc = { _id: 'a', calls: [['requireRole', 'driver']] }
    for (const security of [{}, { gateway: {} }, { gateway: { roles: 'driver' } }])
      assert.deepEqual(guard.call([doc, null, { db: 'db', name: 'ann', roles: [] }, security]), {
        verdict: 'ok',
      })
  })

  it('lets documents pass that are none of the function’s business', () => {
    for (const _id of ['_design/x', '$share/x'])
      assert.equal(askGuard(ANN, { _id, calls: [['forbid', 'no']] }, null), 'ok')
    assert.equal(askGuard(ANN, { _id: 'x$', calls: [['forbid', 'no']] }, null), 'forbidden: no')
  })

  it('is clean for the next document after one that broke it', () => {
    askGuard(ANN, { _id: 'a', calls: [['channel', 'a,b']] }, null)
    assert.equal(askGuard(ANN, { _id: 'b', calls: [['channel', 'c']] }, null), 'ok')
  })

  it('is text that CouchDB on SpiderMonkey can read, however new the source is', async () => {
    const source = `// Why.
      async_ = 0, function (doc, oldDoc) {
        const { owner, ...rest } = doc
        try { channel(doc?.a?.b ?? 'ü') } catch { throw({ forbidden: \`no\` }) }
      }`
    const text = await compileGuard(source.replace('async_ = 0, ', ''))
    parseScript(`(${text})`)
    assert.match(text, /^[\x20-\x7e\n]*$/)
    assert.deepEqual(new Engine(text).call([{ _id: 'a' }, null, { name: 'ann', roles: [] }, {}]), {
      verdict: 'ok',
    })
  })

  for (const [what, source, problem] of [
    ['a syntax error', 'function (doc) {\n  foo(\n}', /line 3, column 1/],
    ['no function', '5', /Expected a function, got number/],
    ['an async function', 'async function () {}', /neither async nor a generator/],
    ['more than an expression', 'function () {}); evil(function () {}', /Expected/],
  ] as const)
    it(`is not made of ${what}`, async () => {
      await assert.rejects(compileGuard(source), (error: Error) => {
        assert.ok(error instanceof SyncFunctionError, String(error))
        assert.match(error.message, problem)
        return true
      })
    })
})
