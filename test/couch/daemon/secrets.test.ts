// A full run in which everything is secret: what the program writes, shows and keeps is searched for all of it, in every form.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY, routesDatabase } from '../../../src/documents/names.ts'
import type { Endpoint } from '../../../src/documents/replication.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { EchoProxy } from '../../support/echo-proxy.ts'
import { edit, withPeople, type Person } from '../../support/people.ts'
import { argumentsOf } from '../../support/process-arguments.ts'
import {
  ADMIN,
  assertStops,
  settingsFor,
  until,
  untilReady,
  withBench,
  type Bench,
  type Program,
} from '../../support/program.ts'
import { assertNone, password, Secrets, textOf, type Login } from '../../support/kept-secret.ts'
import {
  breakGateway,
  changePassword,
  letGuestsWrite,
  openShare,
  SYNC,
  writeProblems,
  type SecretStory,
} from '../../support/secret-story.ts'
import { findSecrets } from '../../support/secret-forms.ts'
import { withSettings } from '../../support/server-settings.ts'
import { freePort } from '../../support/servers.ts'
import { SkeletonFolder } from '../../support/skeleton-folder.ts'
import { Space } from '../../support/space.ts'
import { needs, onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

/** Runs a test with an admin of whom nobody but the daemon knows. */
async function withAdmin(
  given: Space,
  bench: Bench,
  test: (space: Space, admin: Login) => Promise<void>,
): Promise<void> {
  if (given.server.kind === 'embedded') {
    const { url } = await bench.embedded(await freePort(), null)
    const server = { kind: 'embedded', url, ...ADMIN, isOurs: true } as const
    return new Space(server, 'secrets').run((space) => test(space, ADMIN))
  }
  const admin = { user: `daemon-${given.prefix.slice(1, 7)}`, pass: password('admin') }
  await withSettings(given, { [`admins/${admin.user}`]: admin.pass }, () => test(given, admin))
}

/** The server's URL with who logs in, as operators write it. */
function urlWith(url: string, { user, pass }: Login): string {
  const whole = new URL(url)
  whole.username = encodeURIComponent(user)
  whole.password = encodeURIComponent(pass)
  return whole.href.replace(/\/$/, '')
}

/** The words of a function are its author's, and shown to whoever tries it; a document that it throws is not. */
const THROWING = `function (doc) {
  if (doc.kind === 'breaks') throw doc
  channel('all')
}`

onEachServer('secrets', ({ it, server }) => {
  it('stand in nothing that the program writes, shows and keeps, whatever goes wrong', (given) =>
    withBench(async (bench) => {
      needs(server().isOurs, 'a server of the tests’ own')
      await withAdmin(given, bench, (space, admin) =>
        SkeletonFolder.use(space, (folder) =>
          withPeople(space, ['joe', 'ann', 'bob'], (people) => play({ bench, space, folder, people, admin })),
        ),
      )
    }))

  it('of settings that cannot be used are not shown', () => withBench(async (bench) => misconfigure(bench)))
})

describe('secrets of the embedded server', () => {
  it('stand in nothing that the program writes, nor in how it calls itself and the server', () =>
    withBench(async (bench) => {
      const pass = password('embedded')
      const env = {
        EMBEDDED_PORT: String(await freePort()),
        EMBEDDED_MEMORY: 'true',
        HOODIE_ADMIN_PASS: pass,
      }
      const program = await bench.run({ ...env, LOG_LEVEL: 'trace' })
      await until('it says what to try', () => program.out.includes('Ctrl-C'))
      const called = await argumentsOf(program.child.pid ?? 0)
      assert(called === null || called.length > 1, 'Expected a process below it')
      await assertStops(program, 'SIGTERM')
      const secrets = [{ name: 'the password', text: pass, user: 'admin' }]
      assertNone('what it writes', program.all, secrets)
      assertNone('how it is called', (called ?? []).join('\n'), secrets)
    }))
})

interface Stage {
  bench: Bench
  space: Space
  folder: SkeletonFolder
  people: Record<'joe' | 'ann' | 'bob', Person>
  admin: Login
}

/** Users with passwords that are secrets. */
async function keepPasswords(space: Space, people: readonly Person[], secrets: Secrets): Promise<void> {
  for (const { account } of people) {
    account.pass = password('user')
    const id = userDocumentId(account.name)
    await edit(space, space.couch.database('_users'), id, { password: account.pass })
    secrets.add(`the password of ${account.name}`, account.pass, account.name)
  }
}

async function play({ bench, space, folder, people, admin }: Stage): Promise<void> {
  const secrets = new Secrets(admin)
  await keepPasswords(space, Object.values(people), secrets)
  const gateway = `g-${space.prefix.slice(1, 7)}`
  await folder.write(`gateway/${gateway}/sync.js`, SYNC)
  await space.couch.database(gateway).create()
  const proxy = await EchoProxy.start(space.server.url)
  bench.release(() => proxy.stop())
  const port = await freePort()
  const env = {
    COUCHDB_URL: urlWith(proxy.url, admin),
    REPLICATION_SERVER: space.server.url,
    USER_DATABASES: space.config.userDatabases.template,
    SKELETON: folder.path,
    LOG_LEVEL: 'trace',
    OPS_PORT: String(port),
  }
  const program = await bench.run(env)
  await untilReady(program, port)
  const share = space.shareId()
  const story: SecretStory = { space, program, proxy, people, secrets, share, gateway }

  const shown: string[] = [await shownBy(space, program, port)]
  for (const happens of [openShare, writeProblems, changePassword, letGuestsWrite, breakGateway]) {
    await happens(story)
    shown.push(await shownBy(space, program, port))
    await searchReplications(space, secrets)
  }
  const database = people.joe.db.name
  const said = await commandsOf({ bench, space, admin, env, gateway, database })
  await assertStops(program, 'SIGTERM')

  assert(program.lines.length > 20, 'Expected a log')
  assertNone('the log', program.all, secrets.all)
  assertNone('what is shown of the program', shown.join('\n'), secrets.all)
  assertNone('what commands say', said, secrets.all)
  await searchDatabases(space, secrets, share)
  for (const name of [gateway, routesDatabase(gateway)]) await space.couch.database(name).drop()
}

/** What anybody, or an admin of CouchDB, is shown while the program runs. */
async function shownBy(space: Space, program: Program, port: number): Promise<string> {
  const { url, user, pass } = space.server
  const headers = { authorization: basic(user, pass) }
  const textAt = async (address: string, init: RequestInit = {}): Promise<string> =>
    `${address}: ${await (await fetch(address, init)).text()}`
  return [
    ...(await Promise.all(
      ['healthz', 'readyz', 'metrics', ''].map((path) => textAt(`http://127.0.0.1:${port}/${path}`)),
    )),
    ...(await Promise.all(
      ['_scheduler/docs', '_scheduler/jobs', '_active_tasks'].map((path) =>
        textAt(`${url}/${path}`, { headers }),
      ),
    )),
    ...((await argumentsOf(program.child.pid ?? 0)) ?? []),
  ].join('\n')
}

interface Commands extends Pick<Stage, 'bench' | 'space' | 'admin'> {
  env: Record<string, string>
  gateway: string
  database: string
}

/** What all commands say that speak to the server, while it works and while it fails, and daemons that do not come to work. */
async function commandsOf({ bench, space, admin, env, gateway, database }: Commands): Promise<string> {
  const files = await bench.folder()
  await writeFile(join(files, 'pass'), `${admin.pass}\n`)
  await writeFile(join(files, 'sync.js'), THROWING)
  const commands = [
    ['health'],
    ['check'],
    ['skeleton', 'diff'],
    ['skeleton', 'apply'],
    ['gateway', 'status'],
    ['gateway', 'dry-run', gateway, join(files, 'sync.js')],
    ['provision', 'nobody'],
    ['erase', database, 'object', '--dry-run'],
    ['erase', database, 'object'],
  ]
  const [failing, refusing] = await Promise.all(
    [500, 403].map(async (status) => {
      const proxy = await EchoProxy.start(space.server.url, status)
      bench.release(() => proxy.stop())
      proxy.fail(/^(?!GET \/ ?$)/, Infinity)
      return proxy.url
    }),
  )
  assert(failing !== undefined && refusing !== undefined)
  const { COUCHDB_URL: _, ...more } = env
  const login = { HOODIE_ADMIN_USER: admin.user, HOODIE_ADMIN_PASS_FILE: join(files, 'pass') }
  const said: string[] = []
  const run = async (settings: Record<string, string>, args: string[]): Promise<void> => {
    const command = await bench.run(settings, ...args)
    assert.equal(typeof (await command.exit()), 'number')
    said.push(`${args.join(' ')}: ${command.all}`)
  }
  for (const args of commands) {
    await run({ ...env, LOG_LEVEL: 'trace' }, args)
    for (const url of [failing, refusing]) await run({ ...more, HOODIE_SERVER: url, ...login }, args)
  }
  const standby = await bench.run({ ...env, OPS_PORT: String(await freePort()) })
  await until('another one waits', () => standby.out.includes('this one waits'))
  await assertStops(standby, 'SIGTERM')
  const stuck = await bench.run({
    ...more,
    HOODIE_SERVER: failing,
    ...login,
    OPS_PORT: String(await freePort()),
  })
  await until('one waits for a server that fails', () => stuck.out.includes('waiting for CouchDB'))
  await assertStops(stuck, 'SIGTERM')
  return [...said, standby.all, stuck.all].join('\n')
}

/** Nothing that is to be known to fewer people than may read a database stands there. */
async function searchDatabases(space: Space, secrets: Secrets, share: string): Promise<void> {
  const ofPeople = [...secrets.ofAdmin, ...secrets.ofShares]
  for (const name of [REGISTRY, CHECKPOINTS, PROVISIONING])
    assertNone(name, await textOf(space.couch.database(name)), [...ofPeople, ...secrets.ofDocuments])
  const { private: kept, title } = secrets.contents
  const ofOwner = [kept, title].map((text) => ({ name: 'what the owner keeps', text }))
  assertNone('the share', await textOf(space.share(share)), [...ofPeople, ...ofOwner])
  assertNone('`_users`', await textOf(space.couch.database('_users')), ofPeople)
}

/** The documents of replications hold the admin's login where CouchDB asks for it, and nowhere else; nothing else that is secret. */
async function searchReplications(space: Space, secrets: Secrets): Promise<void> {
  const database = space.couch.database('_replicator')
  const all = await database.range({ includeDocs: true })
  const rows = all.filter(({ id }) => id.includes(space.prefix))
  assert(rows.length > 0, 'Expected a replication')
  const login = { Authorization: basic(secrets.admin.user, secrets.admin.pass) }
  for (const { doc } of rows) {
    const { source, target, ...more } = doc as unknown as Record<'source' | 'target', Endpoint>
    for (const { headers, ...endpoint } of [source, target]) {
      assert.deepEqual(headers, login)
      assertNone('an end of a replication', JSON.stringify(endpoint), secrets.all)
    }
    assertNone('the rest of a replication', JSON.stringify(more), secrets.all)
  }
}

/** Whoever takes one setting for another, or quotes a password wrongly, does not find it in a log that others read. */
async function misconfigure(bench: Bench): Promise<void> {
  const [user, pass] = ['admin', password('setting')]
  const encoded = encodeURIComponent(pass)
  const server = settingsFor({ url: 'http://127.0.0.1:1', user, pass })
  const faults: Record<string, string>[] = [
    { ...server, HOODIE_SERVER: `http://${user}:${encoded}@host:port` },
    { ...server, HOODIE_SERVER: `http://${user}:${pass}@127.0.0.1:1` },
    { ...server, HOODIE_SERVER: `${user}:${pass}@127.0.0.1:1` },
    { ...server, HOODIE_SERVER: `ftp://${user}:${encoded}@127.0.0.1:1` },
    { ...server, HOODIE_SERVER: `http://127.0.0.1:1/?token=${encoded}` },
    { ...server, HOODIE_SERVER: `http://127.0.0.1:1/#${encoded}` },
    { ...server, COUCHDB_URL: `http://${user}:${encoded}@127.0.0.1:2` },
    { HOODIE_SERVER: `http://${user}:${encoded}@127.0.0.1:1`, HOODIE_ADMIN_PASS: `not ${pass}` },
    { ...server, REPLICATION_SERVER: `http://${user}:${encoded}@127.0.0.1:1` },
    { ...server, REPLICATION_SERVER: `http://${user}:${pass}@127.0.0.1:1` },
    { ...server, HOODIE_ADMIN_USER: `${user}:${pass}` },
    { HOODIE_SERVER: 'http://127.0.0.1:1', HOODIE_ADMIN_USER: user, HOODIE_ADMIN_PASS_FILE: pass },
    { HOODIE_SERVER: 'http://127.0.0.1:1', HOODIE_ADMIN_USER_FILE: pass, HOODIE_ADMIN_PASS: pass },
    { ...server, HOODIE_ADMIN_PASS_FILE: pass },
    { HOODIE_ADMIN_PASS: pass, HOODIE_ADMIN_PAS: pass },
    { ...server, CONCURRENCY: 'many', COUCHDB_PASSWORD: pass },
  ]
  const found: string[] = []
  for (const env of faults) {
    const secrets = [{ name: Object.keys(env).join(' '), text: pass, user }]
    for (const args of [[], ['check']]) {
      const program = await bench.run({ LOG_LEVEL: 'trace', ...env }, ...args)
      assert.equal(await program.exit(), EXIT.config, program.all)
      if (findSecrets(program.all, secrets).length > 0) found.push(program.all)
    }
  }
  assert.deepEqual(found, [])
}
