// What the log says and, above all, what it never says: assertions on parsed lines.
import assert from 'node:assert/strict'
import { createLogger } from '../../src/log.ts'
import { scrub } from '../../src/scrub.ts'

type Line = Record<string, unknown>

function capture(level: Parameters<typeof createLogger>[0]['level'] = 'info', pretty = false) {
  const written: string[] = []
  const log = createLogger({ level, pretty, destination: { write: (text) => void written.push(text) } })
  return {
    log,
    text: () => written.join(''),
    lines: () =>
      written
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line),
  }
}

/** The line that one call writes, without its time. */
function lineOf(write: (log: ReturnType<typeof createLogger>) => void, level?: 'info' | 'debug'): Line {
  const { log, lines } = capture(level)
  write(log)
  const [line, ...more] = lines()
  assert.deepEqual(more, [])
  const { time, ...rest } = line ?? {}
  assert.equal(new Date(time as string).toISOString(), time)
  return rest
}

/** As nano 11 makes them, before it scrubs them. */
const nanoError = () =>
  Object.assign(new Error('Name or password is incorrect.'), {
    scope: 'couch',
    statusCode: 401,
    error: 'unauthorized',
    reason: 'Name or password is incorrect.',
    request: {
      method: 'POST',
      url: 'http://root:t0psecret@couch:5984/db',
      headers: { Authorization: 'Basic cm9vdDp0MHBzZWNyZXQ=' },
      body: '{"diary":"t0psecret"}',
    },
  })

describe('log', () => {
  it('writes a JSON line with its level as a word and its time in ISO 8601', () => {
    assert.deepEqual(
      lineOf((log) => log.info({ db: 'user/a', share: 's', ms: 3 }, 'copied')),
      { level: 'info', db: 'user/a', share: 's', ms: 3, msg: 'copied' },
    )
  })

  it('is quiet below its level', () => {
    const { log, text } = capture('warn')
    log.info('not this')
    assert.equal(text(), '')
  })

  const hidden: [string, unknown, unknown][] = [
    ['password', { password: 't0psecret' }, { password: '***' }],
    ['a password that is an object', { password: { text: 't0psecret' } }, { password: '***' }],
    ['pass', { pass: 't0psecret' }, { pass: '***' }],
    ['a setting', { HOODIE_ADMIN_PASS: 't0psecret' }, { HOODIE_ADMIN_PASS: '***' }],
    ['auth', { auth: { basic: { username: 'u', password: 't0psecret' } } }, { auth: '***' }],
    [
      'headers',
      { headers: { Authorization: 't0psecret', Cookie: 't0psecret', accept: 'x' } },
      { headers: { Authorization: '***', Cookie: '***', accept: 'x' } },
    ],
    [
      'something deep',
      { a: [{ b: { c: { password: 't0psecret' } } }] },
      { a: [{ b: { c: { password: '***' } } }] },
    ],
    [
      'an account',
      { derived_key: 't0psecret', salt: 't0psecret', name: 'u' },
      { derived_key: '***', salt: '***', name: 'u' },
    ],
    [
      'a request',
      { request: { method: 'PUT', url: 'http://c/x', body: 't0psecret', headers: {} } },
      { request: { method: 'PUT', url: 'http://c/x' } },
    ],
    ['a URL', { source: { url: 'http://u:t0psecret@c/db' } }, { source: { url: 'http://***@c/db' } }],
    ['a URL object', { url: new URL('http://u:t0psecret@c/db') }, { url: 'http://***@c/db' }],
    ['bytes', { bytes: Buffer.from('t0psecret') }, { bytes: '[9 bytes]' }],
    ['counts and flags, which are none', { pass: 3, auth: true }, { pass: 3, auth: true }],
  ]
  for (const [name, fields, expected] of hidden) {
    it(`hides credentials: ${name}`, () =>
      assert.deepEqual(
        lineOf((log) => log.info(fields, 'm')),
        { level: 'info', msg: 'm', ...(expected as object) },
      ))
    it(`hides credentials in a child's bindings: ${name}`, () =>
      assert.deepEqual(
        lineOf((log) =>
          log
            .child({ db: 'd' })
            .child(fields as object)
            .info('m'),
        ),
        { level: 'info', msg: 'm', db: 'd', ...(expected as object) },
      ))
  }

  it('hides credentials in messages', () => {
    assert.deepEqual(
      lineOf((log) => log.info('to %s', 'http://u:t0psecret@c/db')),
      { level: 'info', msg: 'to http://***@c/db' },
    )
  })

  it('survives objects that refer to themselves', () => {
    const loop: Line = { name: 'x' }
    loop['self'] = loop
    assert.deepEqual(
      lineOf((log) => log.info({ loop })),
      { level: 'info', loop: { name: 'x', self: '[see above]' } },
    )
  })

  const described = {
    type: 'Error',
    code: 'unauthorized',
    message: 'Name or password is incorrect.',
    statusCode: 401,
  }

  it('describes an error without its request', () => {
    assert.deepEqual(
      lineOf((log) => log.warn({ err: nanoError() }, 'm')),
      { level: 'warn', err: described, msg: 'm' },
    )
  })

  it('does so under any name, as the only argument, and in a child', () => {
    const { log, lines, text } = capture()
    log.warn({ cause: { problem: nanoError() } })
    log.warn(nanoError())
    log.child({ err: nanoError() }).warn('m')
    assert.deepEqual(
      lines().map(({ cause, err }) => cause ?? err),
      [{ problem: described }, described, described],
    )
    assert.doesNotMatch(text(), /t0psecret|cm9vd/)
  })

  it('adds the stack at debug, scrubbed', () => {
    const { err } = lineOf((log) => log.warn({ err: new TypeError('no http://u:t0psecret@c') }), 'debug')
    const { stack, ...rest } = err as Line
    assert.deepEqual(rest, { type: 'TypeError', message: 'no http://***@c' })
    assert.match(stack as string, /^TypeError: no http:\/\/\*\*\*@c\n +at /)
  })

  it('names the error behind an empty AggregateError', () => {
    const error = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5984')], ''), {
      code: 'ECONNREFUSED',
    })
    assert.deepEqual(lineOf((log) => log.warn({ err: error }))['err'], {
      type: 'AggregateError',
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED ::1:5984',
    })
  })

  it('is for people on a terminal, with the same care', () => {
    const { log, text } = capture('info', true)
    log.info({ db: 'user/a', url: 'http://u:t0psecret@c' }, 'copied')
    assert.match(text(), /INFO.*copied/)
    assert.match(text(), /http:\/\/\*\*\*@c/)
    assert.throws(() => JSON.parse(text()))
  })

  describe('scrub', () => {
    const table: [string, string][] = [
      ['http://u:p@h/x and https://v:q@i', 'http://***@h/x and https://***@i'],
      ['//u:p@ss@h/x', '//***@h/x'],
      ['http://h:5984/a@b', 'http://h:5984/a@b'],
      ['{"url":"http://h","mail":"a@b"}', '{"url":"http://h","mail":"a@b"}'],
      ['Authorization: Basic YTpi, x', 'Authorization: Basic ***, x'],
      ['basic YTpi', 'basic ***'],
      ['Bearer eyJ.a-b_c', 'Bearer ***'],
      ['Basic authentication failed', 'Basic authentication failed'],
      ['Cookie: AuthSession=abc; Path=/', 'Cookie: AuthSession=***; Path=/'],
      ['{"password":"a\\"b","n":1}', '{"password":"***","n":1}'],
      ['nothing to hide', 'nothing to hide'],
    ]
    for (const [text, expected] of table) it(`makes ${expected}`, () => assert.equal(scrub(text), expected))
  })
})
