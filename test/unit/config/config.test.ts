// Settings by tables: what is accepted, what each fault says, and that .env.example tells the truth.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'dotenv'
import { loadConfig } from '../../../src/config/config.ts'
import { settingsTable } from '../../support/settings-table.ts'
import { ConfigError, type Fault } from '../../../src/config/faults.ts'
import { SETTINGS } from '../../../src/config/settings.ts'
import { checkMasters, checkPolicies } from '../../../src/config/skeleton-checks.ts'

type Env = Record<string, string | undefined>

const SERVER = { HOODIE_SERVER: 'http://couch:5984', HOODIE_ADMIN_USER: 'root', HOODIE_ADMIN_PASS: 's3cret' }

const files: Record<string, string> = {
  '/run/pass': 's3cret\n',
  '/run/user': 'root\n',
  '/run/empty': '\n',
  '/run/spaces': ' a b \r\n',
}
const readFile = (path: string): string => {
  const text = files[path]
  if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  return text
}
const load = (env: Env) => loadConfig(env, readFile)

function faultsOf(env: Env): Fault[] {
  try {
    load(env)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.faults
  }
  assert.fail(`Expected a ConfigError for ${JSON.stringify(env)}`)
}

const variablesOf = (env: Env) => faultsOf(env).map((fault) => fault.variable)

describe('config', () => {
  it('starts with an embedded server where nothing is set', () => {
    const { userDatabases, ...config } = load({})
    assert.equal(userDatabases.template, 'user/{id}')
    assert.deepEqual(config, {
      server: { kind: 'embedded', port: 5984, dataDir: resolve('data') },
      admin: { user: 'admin', pass: 'admin' },
      replicationServer: null,
      logLevel: 'info',
      concurrency: 8,
      partitions: 1,
      replicationIdleTimeoutMs: 1_800_000,
      replicationCheckIntervalMs: 15_000,
      outbox: 'always',
      sweepIntervalMs: 900_000,
      deletionGraceMs: 300_000,
      databases: [],
      masters: [],
      personalDatabaseAttribute: 'database',
      userDatabaseAttributes: ['voicemail_db'],
      deprovision: 'keep',
      skeletonWarm: false,
      publicLimits: { mostObjects: 1000, mostBytes: 100_000, mostChanges: 120 },
      userLimits: { mostShares: 10_000, mostBytes: 2_000_000_000 },
      updatedAt: [['updatedAt'], ['updated_at'], ['hoodie', 'updatedAt']],
      skeleton: null,
      opsPort: null,
      opsHost: '127.0.0.1',
    })
  })

  it('takes empty values for unset', () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']))
    assert.deepEqual(comparable(load(empty)), comparable(load({})))
  })

  const accepted: [string, Env, (config: ReturnType<typeof load>) => unknown, unknown][] = [
    ['a server', SERVER, (c) => c.server, { kind: 'couchdb', url: 'http://couch:5984' }],
    ['its admin', SERVER, (c) => c.admin, { user: 'root', pass: 's3cret' }],
    [
      'COUCHDB_URL',
      { ...SERVER, HOODIE_SERVER: undefined, COUCHDB_URL: 'https://c/' },
      (c) => c.server,
      { kind: 'couchdb', url: 'https://c' },
    ],
    [
      'both names of the server, the same',
      { ...SERVER, COUCHDB_URL: 'http://couch:5984/' },
      (c) => c.server,
      { kind: 'couchdb', url: 'http://couch:5984' },
    ],
    [
      'a path prefix',
      { ...SERVER, HOODIE_SERVER: 'https://example.org/db/couch//' },
      (c) => c.server,
      { kind: 'couchdb', url: 'https://example.org/db/couch' },
    ],
    [
      'an IPv6 address',
      { ...SERVER, HOODIE_SERVER: 'http://[::1]:5984' },
      (c) => c.server,
      { kind: 'couchdb', url: 'http://[::1]:5984' },
    ],
    [
      'credentials in the URL',
      { HOODIE_SERVER: 'http://ro%40ot:p%3A%2F%25@c' },
      (c) => [c.server, c.admin],
      [
        { kind: 'couchdb', url: 'http://c' },
        { user: 'ro@ot', pass: 'p:/%' },
      ],
    ],
    [
      'the same credentials twice',
      { ...SERVER, HOODIE_SERVER: 'http://root:s3cret@c' },
      (c) => c.admin,
      { user: 'root', pass: 's3cret' },
    ],
    [
      'the name in the URL, the password apart',
      { HOODIE_SERVER: 'http://root@c', HOODIE_ADMIN_PASS: 'p' },
      (c) => c.admin,
      { user: 'root', pass: 'p' },
    ],
    [
      'secrets in files',
      { HOODIE_SERVER: 'http://c', HOODIE_ADMIN_USER_FILE: '/run/user', HOODIE_ADMIN_PASS_FILE: '/run/pass' },
      (c) => c.admin,
      { user: 'root', pass: 's3cret' },
    ],
    [
      'spaces in a secret',
      { ...SERVER, HOODIE_ADMIN_PASS: undefined, HOODIE_ADMIN_PASS_FILE: '/run/spaces' },
      (c) => c.admin.pass,
      ' a b ',
    ],
    [
      'a replication server',
      { ...SERVER, REPLICATION_SERVER: 'http://127.0.0.1:5984/x/' },
      (c) => c.replicationServer,
      'http://127.0.0.1:5984/x',
    ],
    [
      'a template',
      { USER_DATABASES: 'userdb-{id}' },
      (c) => c.userDatabases.outbox('ab'),
      'userdb-ab/$shares',
    ],
    ['memory', { EMBEDDED_MEMORY: '1' }, (c) => c.server, { kind: 'embedded', port: 5984, dataDir: null }],
    [
      'no memory',
      { EMBEDDED_MEMORY: '0', EMBEDDED_DATA: '/d' },
      (c) => c.server,
      { kind: 'embedded', port: 5984, dataDir: '/d' },
    ],
    ...[
      ['where it is asked for', { EMBEDDED: 'true' }],
      ['where its folder is given', { EMBEDDED_DATA: 'data' }],
      ['where it is to be in memory', { EMBEDDED_MEMORY: 'false' }],
      ['where its port is given', { EMBEDDED_PORT: '5984' }],
    ].map(([where, env]): [string, Env, (config: ReturnType<typeof load>) => unknown, unknown] => [
      `an embedded server with an admin, in production, ${where as string}`,
      {
        ...(env as Env),
        HOODIE_ADMIN_USER: 'root',
        HOODIE_ADMIN_PASS_FILE: '/run/pass',
        NODE_ENV: 'production',
      },
      (c) => [c.server, c.admin],
      [
        { kind: 'embedded', port: 5984, dataDir: resolve('data') },
        { user: 'root', pass: 's3cret' },
      ],
    ]),
    ['an embedded server in development', { NODE_ENV: 'development' }, (c) => c.server.kind, 'embedded'],
    ['a server, and no embedded one', { ...SERVER, EMBEDDED: '0' }, (c) => c.server.kind, 'couchdb'],
    ['a skeleton', { SKELETON: tmpdir() }, (c) => c.skeleton, resolve(tmpdir())],
    ['an ops port', { OPS_PORT: '8080', OPS_HOST: '::' }, (c) => [c.opsPort, c.opsHost], [8080, '::']],
    ['the largest concurrency', { CONCURRENCY: '100' }, (c) => c.concurrency, 100],
    ['white space around a value', { CONCURRENCY: ' 9 ' }, (c) => c.concurrency, 9],
    ['milliseconds', { SWEEP_INTERVAL: '500ms' }, (c) => c.sweepIntervalMs, 500],
    ['seconds', { SWEEP_INTERVAL: '30s' }, (c) => c.sweepIntervalMs, 30_000],
    ['minutes', { SWEEP_INTERVAL: '30m' }, (c) => c.sweepIntervalMs, 1_800_000],
    ['hours', { SWEEP_INTERVAL: '2h' }, (c) => c.sweepIntervalMs, 7_200_000],
    ['plain milliseconds', { SWEEP_INTERVAL: '250' }, (c) => c.sweepIntervalMs, 250],
    [
      'masters',
      { MASTER_DATABASES: 'provisioning, cdr-master=cdrs' },
      (c) => c.masters,
      [
        { database: 'provisioning', kind: 'provisioning' },
        { database: 'cdr-master', kind: 'cdrs' },
      ],
    ],
    [
      'attributes',
      { USER_DATABASE_ATTRIBUTES: ' voicemail_db,Fax-2, ' },
      (c) => c.userDatabaseAttributes,
      ['voicemail_db', 'Fax-2'],
    ],
    ['no attributes', { USER_DATABASE_ATTRIBUTES: ',' }, (c) => c.userDatabaseAttributes, []],
    ['dropping', { DEPROVISION: 'drop' }, (c) => c.deprovision, 'drop'],
    ['no new shares', { USER_MAX_SHARES: '0' }, (c) => c.userLimits.mostShares, 0],
    ['any number of shares', { USER_MAX_SHARES: 'none' }, (c) => c.userLimits.mostShares, Infinity],
    ['no grace', { DELETION_GRACE: '0' }, (c) => c.deletionGraceMs, 0],
  ]
  for (const [name, env, pick, expected] of accepted)
    it(`accepts ${name}`, () => assert.deepEqual(pick(load(env)), expected))

  const refused: [string, Env, string[]][] = [
    ['no credentials', { HOODIE_SERVER: 'http://c' }, ['HOODIE_ADMIN_USER', 'HOODIE_ADMIN_PASS']],
    ['no password', { HOODIE_SERVER: 'http://c', HOODIE_ADMIN_USER: 'u' }, ['HOODIE_ADMIN_PASS']],
    ['an admin without a server', { HOODIE_ADMIN_USER: 'u', HOODIE_ADMIN_PASS: 'p' }, ['HOODIE_SERVER']],
    ['a name without a server', { HOODIE_ADMIN_USER_FILE: '/run/user' }, ['HOODIE_SERVER']],
    ['a password without a server', { HOODIE_ADMIN_PASS_FILE: '/run/pass' }, ['HOODIE_SERVER']],
    ['no server in production', { NODE_ENV: 'production' }, ['HOODIE_SERVER']],
    ['no server and no embedded one', { EMBEDDED: 'false', EMBEDDED_DATA: 'data' }, ['HOODIE_SERVER']],
    ['a server and the embedded one', { ...SERVER, EMBEDDED: 'true' }, ['EMBEDDED']],
    ['two servers', { ...SERVER, COUCHDB_URL: 'http://other' }, ['COUCHDB_URL']],
    ['another name in the URL', { ...SERVER, HOODIE_SERVER: 'http://x@c' }, ['HOODIE_ADMIN_USER']],
    ['another password in the URL', { ...SERVER, HOODIE_SERVER: 'http://root:x@c' }, ['HOODIE_ADMIN_PASS']],
    ['a value and a file', { ...SERVER, HOODIE_ADMIN_PASS_FILE: '/run/pass' }, ['HOODIE_ADMIN_PASS_FILE']],
    [
      'an unreadable file',
      { ...SERVER, HOODIE_ADMIN_USER: '', HOODIE_ADMIN_USER_FILE: '/run/none' },
      ['HOODIE_ADMIN_USER_FILE'],
    ],
    [
      'an empty file',
      { ...SERVER, HOODIE_ADMIN_PASS: '', HOODIE_ADMIN_PASS_FILE: '/run/empty' },
      ['HOODIE_ADMIN_PASS_FILE'],
    ],
    ['a colon in the name', { ...SERVER, HOODIE_ADMIN_USER: 'a:b' }, ['HOODIE_ADMIN_USER']],
    ...[
      'http://c/_utils',
      'http://c/couch/_utils/',
      'http://u:p@c/_utils/#/_all_dbs',
      'http://c/_utils?x',
    ].map((HOODIE_SERVER): [string, Env, string[]] => [
      `Fauxton's address ${HOODIE_SERVER}`,
      { ...SERVER, HOODIE_SERVER },
      ['HOODIE_SERVER'],
    ]),
    ['a URL without a scheme', { ...SERVER, HOODIE_SERVER: 'couch:5984' }, ['HOODIE_SERVER']],
    ['another scheme', { ...SERVER, HOODIE_SERVER: 'ftp://couch' }, ['HOODIE_SERVER']],
    ['a query', { ...SERVER, HOODIE_SERVER: 'http://c?x=1' }, ['HOODIE_SERVER']],
    ['a fragment', { ...SERVER, HOODIE_SERVER: 'http://c/#' }, ['HOODIE_SERVER']],
    ['broken percent-encoding', { HOODIE_SERVER: 'http://u:%zz@c' }, ['HOODIE_SERVER']],
    [
      'a bad URL under its other name',
      { ...SERVER, HOODIE_SERVER: '', COUCHDB_URL: 'nope' },
      ['COUCHDB_URL'],
    ],
    [
      'credentials for the replication server',
      { ...SERVER, REPLICATION_SERVER: 'http://a:b@c' },
      ['REPLICATION_SERVER'],
    ],
    ['a template without {id}', { USER_DATABASES: 'user' }, ['USER_DATABASES']],
    ['a template over the shares', { USER_DATABASES: 'share/{id}' }, ['USER_DATABASES']],
    ['a limit below none', { USER_MAX_SHARES: '-1' }, ['USER_MAX_SHARES']],
    ['a limit in words', { USER_MAX_SHARES: 'many' }, ['USER_MAX_SHARES']],
    ['an unknown level', { LOG_LEVEL: 'verbose' }, ['LOG_LEVEL']],
    ['an unknown outbox', { OUTBOX: 'never' }, ['OUTBOX']],
    ['no concurrency', { CONCURRENCY: '0' }, ['CONCURRENCY']],
    ['too much concurrency', { CONCURRENCY: '101' }, ['CONCURRENCY']],
    ['half a concurrency', { CONCURRENCY: '1.5' }, ['CONCURRENCY']],
    ['a port above the last', { OPS_PORT: '65536' }, ['OPS_PORT']],
    ['a port of zero', { EMBEDDED_PORT: '0' }, ['EMBEDDED_PORT']],
    ['a host with a port', { OPS_HOST: 'localhost:80' }, ['OPS_HOST']],
    ['an unknown truth', { EMBEDDED_MEMORY: 'yes' }, ['EMBEDDED_MEMORY']],
    ['an unknown unit', { SWEEP_INTERVAL: '3d' }, ['SWEEP_INTERVAL']],
    ['a negative duration', { DELETION_GRACE: '-1' }, ['DELETION_GRACE']],
    ['an interval of zero', { REPLICATION_CHECK_INTERVAL: '0' }, ['REPLICATION_CHECK_INTERVAL']],
    ['a duration beyond the timers', { REPLICATION_IDLE_TIMEOUT: '597h' }, ['REPLICATION_IDLE_TIMEOUT']],
    ['a master that is a user’s', { MASTER_DATABASES: 'user/joe' }, ['MASTER_DATABASES']],
    [
      'masters beside personal databases of another template',
      { USER_DATABASES: 'u{id}', MASTER_DATABASES: 'm' },
      ['MASTER_DATABASES'],
    ],
    ['an attribute that is a sentence', { USER_DATABASE_ATTRIBUTES: 'my db' }, ['USER_DATABASE_ATTRIBUTES']],
    ['an attribute twice', { USER_DATABASE_ATTRIBUTES: 'a,b,a' }, ['USER_DATABASE_ATTRIBUTES']],
    ...['name', 'roles', 'derived_key', 'pbkdf2_prf', 'database', '_id', '9a'].map(
      (name): [string, Env, string[]] => [
        `the attribute ${name}`,
        { USER_DATABASE_ATTRIBUTES: `voicemail_db,${name}` },
        ['USER_DATABASE_ATTRIBUTES'],
      ],
    ),
    [
      'a personal attribute that is CouchDB’s',
      { PERSONAL_DATABASE_ATTRIBUTE: 'roles' },
      ['PERSONAL_DATABASE_ATTRIBUTE'],
    ],
    ['no personal attribute', { PERSONAL_DATABASE_ATTRIBUTE: 'a,b' }, ['PERSONAL_DATABASE_ATTRIBUTE']],
    [
      'a personal attribute that is another one too',
      { PERSONAL_DATABASE_ATTRIBUTE: 'own', USER_DATABASE_ATTRIBUTES: 'own' },
      ['USER_DATABASE_ATTRIBUTES'],
    ],
    ['a time in what is CouchDB’s', { UPDATED_AT: 'updatedAt,_rev' }, ['UPDATED_AT']],
    ['an unknown end', { DEPROVISION: 'purge' }, ['DEPROVISION']],
    ['a skeleton that is not there', { SKELETON: '/nowhere/at/all' }, ['SKELETON']],
    ['a skeleton that is a file', { SKELETON: 'package.json' }, ['SKELETON']],
  ]
  for (const [name, env, variables] of refused)
    it(`refuses ${name}`, () => assert.deepEqual(variablesOf(env), variables))

  it('says what was expected and what was found', () => {
    assert.throws(() => load({ CONCURRENCY: 'abc' }), {
      message: 'Expected `CONCURRENCY` to be a whole number from 1 to 100, got `abc`',
    })
    assert.throws(() => load({ ...SERVER, HOODIE_SERVER: 'http://c/_utils/#login' }), {
      message:
        'Expected `HOODIE_SERVER` to be the URL of CouchDB itself, without /_utils and what is behind it, got `http://c/_utils/#…`',
    })
    assert.throws(() => load({ HOODIE_SERVER: 'http://c', HOODIE_ADMIN_USER: 'u' }), {
      message: 'Expected `HOODIE_ADMIN_PASS` to be set, as there is a server to log in to, got nothing',
    })
    assert.throws(() => load({ HOODIE_ADMIN_USER: 'u', HOODIE_ADMIN_PASS: 't0psecret' }), {
      message:
        'Expected `HOODIE_SERVER` to be set, as `HOODIE_ADMIN_USER` is (with `EMBEDDED=true` an embedded server is started, for a first look), got nothing',
    })
    assert.throws(() => load({ EMBEDDED: '1', HOODIE_ADMIN_PASS_FILE: '/run/none' }), {
      message: 'Expected `HOODIE_ADMIN_PASS_FILE` to be a file that can be read, got `/run/none` (ENOENT)',
    })
  })

  it('tells all faults at once, one a line', () => {
    const env = {
      ...SERVER,
      CONCURRENCY: 'x',
      OUTBOX: 'x',
      LOG_LEVEL: 'x\ny',
      USER_DATABASES: 'x',
      OPS_PORT: 'x',
      HOODIE_ADMIN_PASS: '',
    }
    const expected = ['HOODIE_ADMIN_PASS', 'USER_DATABASES', 'OUTBOX', 'CONCURRENCY', 'LOG_LEVEL', 'OPS_PORT']
    assert.deepEqual(variablesOf(env), expected)
    assert.throws(
      () => load(env),
      (error: Error) => error.message.split('\n').length === expected.length,
    )
  })

  describe('DATABASES', () => {
    it('is read in the light of USER_DATABASES', () => {
      const env = { USER_DATABASES: 'userdb-{id}', DATABASES: 'project_*=authors, user/*=read-only' }
      assert.deepEqual(load(env).databases, [
        { pattern: 'project_*', kind: 'authors' },
        { pattern: 'user/*', kind: 'read-only' },
      ])
      assert.deepEqual(faultsOf({ DATABASES: 'project_*=authors, user/*=read-only' }), [
        {
          variable: 'DATABASES',
          expected:
            'databases that are free: no user databases (userdb- and hex, too), personal ones (u and a UUID) or outboxes, no shares, none of the daemon’s own',
          found: '`user/*=read-only`',
        },
      ])
    })

    it('is not checked where USER_DATABASES is wrong itself', () =>
      assert.deepEqual(variablesOf({ USER_DATABASES: 'x', DATABASES: 'user/*=a' }), ['USER_DATABASES']))

    it('names policies that the skeleton has', () => {
      const skeleton = new Map(['user', 'authors'].map((kind) => [kind, {}]))
      checkPolicies(load({ DATABASES: 'a=authors' }), skeleton)
      assert.throws(() => checkPolicies(load({ DATABASES: 'a=authors, b=autors' }), skeleton), {
        message:
          'Expected `DATABASES` to be patterns with policies of the skeleton, authors (is authors meant?), got `b=autors`',
      })
      const more = new Set([...skeleton.keys(), 'read-only', 'cdrs', 'cdrs-user'])
      assert.throws(() => checkPolicies(load({ DATABASES: 'a=read-olny, b=nonsense' }), more), {
        message: [
          'Expected `DATABASES` to be patterns with policies of the skeleton, authors, read-only (is read-only meant?), got `a=read-olny`',
          'Expected `DATABASES` to be patterns with policies of the skeleton, authors, read-only, got `b=nonsense`',
        ].join('\n'),
      })
      assert.throws(() => checkPolicies(load({ DATABASES: 'a=authors' }), new Map()), {
        message:
          'Expected `DATABASES` to be unset, as the skeleton has no folder of a policy, got `a=authors`',
      })
    })
  })

  describe('MASTER_DATABASES', () => {
    it('names the entry that is wrong', () =>
      assert.throws(() => load({ MASTER_DATABASES: 'm, cdrs=share' }), {
        message:
          'Expected `MASTER_DATABASES` to be another kind than user, outbox, share, registry, users, replicator, gateway-routes, personal, gateway or …-user, which belong to other databases, got `cdrs=share`',
      }))

    it('is not checked where USER_DATABASES is wrong itself', () =>
      assert.deepEqual(variablesOf({ USER_DATABASES: 'x', MASTER_DATABASES: 'user/a' }), ['USER_DATABASES']))

    it('keeps its kinds and databases out of DATABASES', () => {
      const masters = { MASTER_DATABASES: 'cdr-master=cdrs' }
      for (const DATABASES of ['a=cdrs', 'a=cdrs-user', 'cdr-master=authors'])
        assert.deepEqual(variablesOf({ ...masters, DATABASES }), ['DATABASES'], DATABASES)
      assert.equal(load({ ...masters, DATABASES: '*=authors' }).databases.length, 1)
      assert.deepEqual(load({ DATABASES: 'a=cdrs-user' }).databases, [{ pattern: 'a', kind: 'cdrs-user' }])
    })

    const folder = (...names: string[]) => ({
      security: null as object | null,
      designDocuments: names.map((name) => ({ _id: `_design/${name}` })),
    })
    const { masters } = load({ MASTER_DATABASES: 'm=a, n=b' })

    it('has kinds that are in the skeleton, and need no -user folders', () => {
      checkMasters({ masters }, new Map([...['a', 'b'].map((kind) => [kind, folder('d')] as const)]))
      assert.throws(() => checkMasters({ masters }, new Map([['a', folder('d')]])), {
        message:
          'Expected `MASTER_DATABASES` to be databases with kinds that are folders of the skeleton, got `n=b`',
      })
    })

    it('has each design document of personal databases once', () => {
      const skeleton = new Map([
        ['a', folder('d')],
        ['b', folder('d')],
        ['a-user', folder('guard', 'to')],
        ['b-user', folder('other', 'to')],
      ])
      assert.throws(
        () => checkMasters({ masters }, skeleton),
        (error: Error) =>
          error instanceof ConfigError && error.message.endsWith('got `_design/to in a-user and b-user`'),
      )
      skeleton.set('b-user', folder('other'))
      checkMasters({ masters }, skeleton)
    })

    it('leaves who may enter personal databases to the registry', () =>
      assert.throws(
        () =>
          checkMasters(
            { masters },
            new Map([
              ['a', folder()],
              ['b', folder()],
              ['b-user', { security: {}, designDocuments: [] }],
            ]),
          ),
        /got `b-user\/_security\.json`$/,
      ))

    it('keeps its kinds out of what DATABASES may name', () =>
      assert.throws(
        () =>
          checkPolicies(
            load({ MASTER_DATABASES: 'm=a', DATABASES: 'x=nonsense' }),
            new Map(['a', 'a-user', 'authors'].map((kind) => [kind, {}])),
          ),
        {
          message:
            'Expected `DATABASES` to be patterns with policies of the skeleton, authors, got `x=nonsense`',
        },
      ))
  })

  const leaks: [string, Env][] = [
    ['two passwords that differ', { ...SERVER, HOODIE_SERVER: 'http://root:t0psecret@c' }],
    ['a query behind credentials', { HOODIE_SERVER: 'http://root:t0psecret@c?x' }],
    ['an unescaped #', { HOODIE_SERVER: 'http://root:a#t0psecret@c' }],
    ['an unescaped ?', { HOODIE_SERVER: 'http://root:a?t0psecret@c' }],
    ['an unescaped @', { HOODIE_SERVER: 'http://root:a@t0psecret@c/?' }],
    ['an unescaped /', { HOODIE_SERVER: 'http://root:a/t0psecret@c' }],
    ['an unescaped / behind digits', { HOODIE_SERVER: 'http://root:1/t0psecret@c' }],
    ['no scheme', { HOODIE_SERVER: 'root:t0psecret@c' }],
    ['a password in the query', { HOODIE_SERVER: 'http://c?password=t0psecret' }],
    ['two servers', { HOODIE_SERVER: 'http://root:t0psecret@c', COUCHDB_URL: 'http://root:t0psecret2@c' }],
    ['the replication server', { ...SERVER, REPLICATION_SERVER: 'http://root:t0psecret@c' }],
    ['a password in the name', { ...SERVER, HOODIE_ADMIN_USER: 'root:t0psecret' }],
    ['a password in the fragment', { HOODIE_SERVER: 'http://c/#t0psecret' }],
    [
      'a password where its file is to be',
      { ...SERVER, HOODIE_ADMIN_PASS: '', HOODIE_ADMIN_PASS_FILE: 't0psecret' },
    ],
    [
      'one that begins like a path',
      { ...SERVER, HOODIE_ADMIN_PASS: '', HOODIE_ADMIN_PASS_FILE: '/t0psecret/+a=' },
    ],
    ['a password where the file of the name is to be', { ...SERVER, HOODIE_ADMIN_USER_FILE: './t0psecret' }],
    [
      'a value and a file',
      {
        HOODIE_SERVER: 'http://c',
        HOODIE_ADMIN_USER: 'u',
        HOODIE_ADMIN_PASS: 't0psecret',
        HOODIE_ADMIN_PASS_FILE: '/run/none',
      },
    ],
  ]
  for (const [name, env] of leaks)
    it(`shows no secret: ${name}`, () => assert.doesNotMatch(JSON.stringify(faultsOf(env)), /t0psecret/))

  it('reads secret files from the disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'couch-shares-config-'))
    try {
      writeFileSync(join(folder, 'pass'), 'from-disk\n')
      const { admin } = loadConfig({
        ...SERVER,
        HOODIE_ADMIN_PASS: '',
        HOODIE_ADMIN_PASS_FILE: join(folder, 'pass'),
      })
      assert.equal(admin.pass, 'from-disk')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('has in docs/settings.md the table of all settings', async () => {
    const table = /^\|[^]*\|$/m.exec(readFileSync('docs/settings.md', 'utf8'))?.[0]
    assert.equal(table, (await settingsTable()).trim(), 'Expected what `npm run settings` prints')
  })

  describe('.env.example', () => {
    const text = readFileSync('.env.example', 'utf8')
    const settings = [...text.matchAll(/^# ([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value])

    it('lists every setting with its default, and no other', () => {
      const expected = Object.entries(SETTINGS).map(([name, setting]) => [name, setting.default ?? ''])
      assert.deepEqual(settings, expected)
    })

    it('explains each', () => {
      const unexplained = text
        .split('\n')
        .filter((line, at, lines) => /^# [A-Z_]+=/.test(line) && !/^## \S/.test(lines[at - 1] ?? ''))
      assert.deepEqual(unexplained, [])
    })

    it('changes nothing when all of it is uncommented', () => {
      const env = parse(text.replaceAll(/^# (?=[A-Z_]+=)/gm, ''))
      assert.equal(Object.keys(env).length, Object.keys(SETTINGS).length)
      assert.deepEqual(comparable(load(env)), comparable(load({})))
    })
  })
})

const comparable = (config: ReturnType<typeof load>) => ({
  ...config,
  userDatabases: config.userDatabases.template,
})
