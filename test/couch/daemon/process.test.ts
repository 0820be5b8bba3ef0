// The program as an operator has it: a process with arguments, an environment, signals, exit codes, and a log on stdout.
import assert from 'node:assert/strict'
import { exec } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import { usage } from '../../../src/commands/usage.ts'
import {
  ADMIN,
  PATIENCE_MS,
  STOP_MS,
  assertNoSecrets,
  assertStops,
  ops,
  settingsFor,
  until,
  untilBy,
  untilReady,
  withBench,
} from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'
import { USER_PAGE } from '../../../src/shares/reconciler.ts'

/** The lines to try, one below the other. */
const curlsOf = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('curl '))
    .join('\n')

describe('the program', () => {
  it('tells how it is used', () =>
    withBench(async (bench) => {
      const help = await bench.run({}, '--help')
      assert.equal(await help.exit(), EXIT.ok)
      assert.match(help.out, /couch-shares health/)
      assert.equal(help.err, '')
      const version = await bench.run({}, '--version')
      assert.equal(await version.exit(), EXIT.ok)
      assert.match(version.out, /^\d+\.\d+\.\d+\S*\n$/)
      for (const args of [['chekc'], ['health', 'twice'], ['skeleton', 'diff', '--warm']]) {
        const unknown = await bench.run({}, ...args)
        assert.equal(await unknown.exit(), 64, args.join(' '))
        assert.equal(unknown.out, '')
        assert.match(unknown.err, /^Expected [^\n]+\nSee `couch-shares --help`.\n$/)
      }
      const one = await bench.run({}, 'check', '--help')
      assert.equal(await one.exit(), EXIT.ok)
      assert.equal(one.out, usage(['check']))
    }))

  it('ends a command whose reader goes away, and says nothing of it', () =>
    withBench(async (bench) => {
      const couch = await bench.embedded(await freePort(), null)
      const program = await bench.run(settingsFor({ url: couch.url, ...ADMIN }), 'skeleton', 'diff')
      // Before it is so far: nobody reads what it prints.
      program.child.stdout?.destroy()
      assert.equal(await program.exit(), EXIT.forced, program.err)
      assert.equal(program.err, '')
    }))

  it('refuses a policy that the skeleton does not have', () =>
    withBench(async (bench) => {
      for (const args of [[], ['skeleton', 'diff'], ['check']]) {
        const program = await bench.run({ DATABASES: 'project_*=nonsense' }, ...args)
        assert.equal(await program.exit(), EXIT.config)
        assert.match(
          program.err,
          /^Expected `DATABASES` to be patterns with policies of the skeleton, .*\bauthors\b.*, got `project_\*=nonsense`\n$/,
        )
      }
    }))

  it('refuses a master of a kind that the skeleton does not have', () =>
    withBench(async (bench) => {
      for (const args of [[], ['skeleton', 'diff'], ['check']]) {
        const program = await bench.run({ MASTER_DATABASES: 'cdr-master=nonsense' }, ...args)
        assert.equal(await program.exit(), EXIT.config)
        assert.match(program.err, /Expected `MASTER_DATABASES` to be .*, got `cdr-master=nonsense`\n$/)
      }
    }))

  it('tells all faults of a configuration at once', () =>
    withBench(async (bench) => {
      const program = await bench.run({
        HOODIE_SERVER: 'ftp://example.org',
        CONCURRENCY: 'many',
        OUTBOX: 'never',
        USER_DATABASES: 'user',
        HOODIE_ADMIN_PASS: 'hidden',
        REPLICATION_IDLE_TIMEOUT: 'soon',
      })
      assert.equal(await program.exit(), 78)
      assert.equal(program.out, '')
      for (const name of [
        'HOODIE_SERVER',
        'CONCURRENCY',
        'OUTBOX',
        'USER_DATABASES',
        'REPLICATION_IDLE_TIMEOUT',
      ])
        assert.match(program.err, new RegExp(`^Expected \`${name}\` to be .+, got .+$`, 'm'))
      assert(!program.err.includes('hidden'))
      assert(!program.err.includes('    at '), 'Expected no stack')
    }))

  it('names a variable that resembles a setting, in the log, beside faults and in `check`', () =>
    withBench(async (bench) => {
      const misspelled = { USER_DATABASE: 'userdb-{id}', LOG_LEVL: 'debug' }
      const said = [
        'there is no setting LOG_LEVL, which is passed over: was LOG_LEVEL meant?',
        'there is no setting USER_DATABASE, which is passed over: was USER_DATABASES meant?',
      ]
      const server = { EMBEDDED_PORT: String(await freePort()), EMBEDDED_MEMORY: 'true' }
      const program = await bench.run({ ...server, ...misspelled })
      await until('it runs', () => program.out.includes('curl'))
      const check = await bench.run({ ...server, ...misspelled }, 'check')
      await check.exit()
      for (const text of said) {
        assert(program.out.includes(`"level":"warn"`) && program.out.includes(text), program.all)
        assert(check.out.includes(`· ${text}\n`), check.all)
      }
      assert(!program.all.includes('userdb-{id}'), 'Expected no value')
      await assertStops(program, 'SIGTERM')
      const refused = await bench.run({ ...misspelled, CONCURRENCY: 'many' })
      assert.equal(await refused.exit(), EXIT.config)
      assert(refused.err.endsWith(`got \`many\`\n${said.join('\n')}\n`), refused.err)
    }))

  it('ends where what answers is no CouchDB', () =>
    withBench(async (bench) => {
      const bodies = ['<html>Welcome to nginx!</html>', '{"hello": "world"}']
      for (const body of bodies) {
        const url = await bench.serve((_, response) => {
          response.writeHead(200, { 'content-type': body.startsWith('{') ? 'application/json' : 'text/html' })
          response.end(body)
        })
        const program = await bench.run(settingsFor({ url, ...ADMIN }))
        assert.equal(await program.exit(), 76, program.all)
        assert.match(program.err, /^[^\n]*CouchDB[^\n]*\n$/)
        assertNoSecrets(program, ADMIN)
      }
    }))

  it('says at once what is wrong with a server that redirects, or fails, and waits', () =>
    withBench(async (bench) => {
      const servers: [number, Record<string, string>, RegExp][] = [
        [
          301,
          { location: 'https://db.example/couch/?token=t0psecret' },
          /sends us elsewhere \(redirected to https:\/\/db\.example\/couch\/\): set HOODIE_SERVER/,
        ],
        [302, { location: '/login' }, /sends us elsewhere \(redirected to \/login\): set HOODIE_SERVER/],
        [500, {}, /HOODIE_SERVER fails with status 500/],
      ]
      for (const [status, headers, expected] of servers) {
        const url = await bench.serve((_, response) => response.writeHead(status, headers).end('<html>'))
        const settings = settingsFor({ url, ...ADMIN })
        const program = await bench.run(settings)
        await until('it waits', () => program.out.includes('waiting for CouchDB'))
        const waiting = program.lines.filter(({ msg }) => String(msg).includes('waiting for CouchDB'))
        assert.match(String(waiting[0]?.['msg']), expected)
        assert(program.isRunning)
        await assertStops(program, 'SIGTERM')
        const check = await bench.run(settings, 'check')
        assert.equal(await check.exit(), EXIT.failure)
        assert.match(check.out, expected)
        assert(!`${program.all}${check.all}`.includes('t0psecret'), program.all)
      }
    }))

  it('ends where a port is taken, the embedded server’s or its own', () =>
    withBench(async (bench) => {
      const taken = await bench.takenPort()
      const embedded = await bench.run({ EMBEDDED_PORT: String(taken), EMBEDDED_MEMORY: 'true' })
      assert.equal(await embedded.exit(), 75, embedded.all)
      assert.match(embedded.err, new RegExp(`^[^\\n]*${taken}[^\\n]*EMBEDDED_PORT[^\\n]*\\n$`))
      const own = await bench.run({
        EMBEDDED_PORT: String(await freePort()),
        EMBEDDED_MEMORY: 'true',
        OPS_PORT: String(taken),
      })
      assert.equal(await own.exit(), 75, own.all)
      assert.match(own.err, new RegExp(`^[^\\n]*OPS_PORT[^\\n]*${taken}[^\\n]*\\n$`))
    }))

  it('says what is wrong with `.env`', () =>
    withBench(async (bench) => {
      const folder = await bench.folder()
      await writeFile(join(folder, '.env'), 'HOODIE_SERVER=http://127.0.0.1:1\nHOODIE_ADMIN_PASS=pa55#word\n')
      const cut = bench.runIn(folder, {})
      assert.equal(await cut.exit(), EXIT.config)
      assert.match(
        cut.err,
        /`HOODIE_ADMIN_USER`.*\nthe value of HOODIE_ADMIN_PASS in \.env ends before its #/,
      )
      assert.doesNotMatch(cut.all, /pa55|word'/)
      const check = bench.runIn(folder, { HOODIE_ADMIN_USER: 'admin' }, 'check')
      assert.equal(await check.exit(), EXIT.failure)
      assert.match(check.out, /^· the value of HOODIE_ADMIN_PASS in \.env ends before its #/)
      await rm(join(folder, '.env'))
      await mkdir(join(folder, '.env'))
      for (const args of [[], ['check']]) {
        const unreadable = bench.runIn(folder, {}, ...args)
        assert.equal(await unreadable.exit(), EXIT.config)
        assert.match(unreadable.err, /^Expected \/[^\n]*\/\.env to be a file that can be read, got EISDIR\n$/)
      }
    }))

  it('ends for good where its folder cannot be used, or is another’s', () =>
    withBench(async (bench) => {
      const [folder, other] = [await bench.folder(), await freePort()]
      await writeFile(join(folder, 'file'), '')
      const unusable = await bench.run({ EMBEDDED_PORT: String(other), EMBEDDED_DATA: join(folder, 'file') })
      assert.equal(await unusable.exit(), EXIT.config, unusable.all)
      assert.match(unusable.err, /^[^\n]*\/file \(\w+\)[^\n]*EMBEDDED_DATA[^\n]*\n$/)
      const data = join(folder, 'data')
      await bench.embedded(await freePort(), data)
      const second = await bench.run({ EMBEDDED_PORT: String(other), EMBEDDED_DATA: data })
      assert.equal(await second.exit(), EXIT.config, second.all)
      assert.match(second.err, /^Another process has its data in [^\n]*\n$/)
    }))

  it('starts no embedded server by accident', () =>
    withBench(async (bench) => {
      const admin = { HOODIE_ADMIN_USER: ADMIN.user, HOODIE_ADMIN_PASS: ADMIN.pass }
      for (const env of [{ ...admin, HOODIE_SERVR: 'http://127.0.0.1:1' }, { NODE_ENV: 'production' }])
        for (const args of [[], ['check']]) {
          const program = await bench.run(env, ...args)
          assert.equal(await program.exit(), EXIT.config, program.all)
          assert.equal(program.out, '')
          assert.match(program.err, /^Expected `HOODIE_SERVER` to be set, as [^\n]*EMBEDDED=true[^\n]*\n/)
          assert.equal(program.err.includes('was HOODIE_SERVER meant?'), 'HOODIE_SERVR' in env, program.err)
          assertNoSecrets(program, ADMIN)
        }
      const settings = { ...admin, EMBEDDED: 'true', EMBEDDED_PORT: String(await freePort()) }
      const program = await bench.run({ ...settings, NODE_ENV: 'production' })
      await until('it runs', () => program.out.includes('curl'))
      await assertStops(program, 'SIGTERM')
    }))

  it('starts an embedded server, and prints three lines that work when they are pasted at once', () =>
    withBench(async (bench) => {
      const port = await freePort()
      const program = await bench.run({ EMBEDDED_PORT: String(port) })
      await until('it says what to try', () => program.out.includes('curl') && program.out.includes('Ctrl-C'))
      assert(program.out.includes(`http://127.0.0.1:${port}`))
      assert.match(program.out, /data is in \S+data/)
      const block = curlsOf(program.out)
      const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
      assert(readme.includes(block.replaceAll(String(port), '5984')), 'the README has the same lines')
      const { stdout } = await promisify(exec)(block)
      const [created, written, copy] = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.deepEqual(created, { ok: true })
      assert(Array.isArray(written))
      const { _id, _rev, ...shown } = copy ?? {}
      assert.equal(typeof _rev, 'string')
      assert.match(String(_id), /^share\/milk\//)
      assert.deepEqual(shown, { name: 'Remember the milk' })
      const sharing = await readFile(new URL('../../../docs/sharing.md', import.meta.url), 'utf8')
      const blocks = sharing.split('```').filter((one) => one.includes('org.couchdb.user:joe'))
      assert.equal(blocks.length, 1, 'docs/sharing.md says whose a user database is')
      const owned = await promisify(exec)(curlsOf(blocks[0] ?? '').replaceAll('5984', String(port)))
      const answers = owned.stdout.split('\n').filter((line) => line !== '')
      assert.deepEqual(
        answers.map((line) => (JSON.parse(line) as { ok?: unknown }).ok),
        [true, true, true],
      )
      await assertStops(program, 'SIGINT')
      await until('its server has ended too', () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          () => false,
          () => true,
        ),
      )
    }))

  it('stops at once at a second signal', () =>
    withBench(async (bench) => {
      const port = await freePort()
      const program = await bench.run({
        EMBEDDED_PORT: String(await freePort()),
        EMBEDDED_MEMORY: 'true',
        OPS_PORT: String(port),
      })
      await untilReady(program, port)
      program.child.kill('SIGINT')
      await delay(20)
      program.child.kill('SIGINT')
      const code = await program.exit(STOP_MS)
      // 0 where it was faster than the second one.
      assert(code === EXIT.forced || code === EXIT.ok, `Expected 130 or 0, got ${code}`)
    }))

  it('waits for a server that is not there yet, and for one that goes away', () =>
    withBench(async (bench) => {
      const [port, opsPort] = [await freePort(), await freePort()]
      const data = await bench.folder()
      const url = `http://127.0.0.1:${port}`
      const program = await bench.run({ ...settingsFor({ url, ...ADMIN }), OPS_PORT: String(opsPort) })
      await until('it waits', () => program.out.includes('waiting for CouchDB'))
      assert.deepEqual([await ops(opsPort, 'healthz'), await ops(opsPort, 'readyz')], [200, 503])
      const first = await bench.embedded(port, data)
      await untilReady(program, opsPort)
      await first.stop()
      await until('it is not ready', async () => (await ops(opsPort, 'readyz')) === 503)
      await delay(1_000)
      assert.equal(await ops(opsPort, 'healthz'), 200)
      assert(program.isRunning)
      await bench.embedded(port, data)
      await untilReady(program, opsPort)
      assertNoSecrets(program, ADMIN)
      await assertStops(program, 'SIGTERM')
    }))

  it('stops while it waits for a server', () =>
    withBench(async (bench) => {
      const url = `http://127.0.0.1:${await freePort()}`
      const program = await bench.run(settingsFor({ url, ...ADMIN }))
      await until('it waits', () => program.out.includes('waiting for CouchDB'))
      await assertStops(program, 'SIGTERM')
    }))
})

onEachServer('the program, beside a server', ({ it }) => {
  const settings = (space: Space): Record<string, string> => ({
    ...settingsFor(space.server),
    USER_DATABASES: space.config.userDatabases.template,
  })

  it('ends where the password is wrong', (space) =>
    withBench(async (bench) => {
      await space.start()
      await space.stop()
      const wrong = 'not-the-password'
      const program = await bench.run({ ...settings(space), HOODIE_ADMIN_PASS: wrong })
      assert.equal(await program.exit(), 77, program.all)
      assert.match(program.err, /^[^\n]*password[^\n]*\n$/)
      assertNoSecrets(program, { user: space.server.user, pass: wrong })
    }))

  it('tells health and readiness, by HTTP and by `health`', (space) =>
    withBench(async (bench) => {
      const port = await freePort()
      const OPS_PORT = String(port)
      const before = await bench.run({ OPS_PORT }, 'health')
      assert.equal(await before.exit(), EXIT.failure)
      assert.match(before.err, /^No daemon is well at http:\/\/127.0.0.1:\d+\/healthz: .*ECONNREFUSED.*\n$/)
      const program = await bench.run({ ...settings(space), OPS_PORT })
      await untilReady(program, port)
      assert.equal(await ops(port, 'healthz'), 200)
      const during = await bench.run({ OPS_PORT }, 'health')
      assert.equal(await during.exit(), EXIT.ok, during.all)
      await assertStops(program, 'SIGTERM')
      const after = await bench.run({ OPS_PORT }, 'health')
      assert.equal(await after.exit(), EXIT.failure)
    }))

  it('says that it is ready, once, with version, server and the number of user databases', (space) =>
    withBench(async (bench) => {
      const port = await freePort()
      for (const owner of ['joe', 'ann']) await space.user(owner).create()
      const program = await bench.run({ ...settings(space), OPS_PORT: String(port) })
      await untilReady(program, port)
      await space.user('tom').create()
      await space.until('the third has an outbox', async () => (await space.outbox('tom').info()) !== null)
      await assertStops(program, 'SIGTERM')
      const [line, ...more] = program.lines.filter(({ msg }) => msg === 'ready')
      assert.deepEqual(more, [])
      const { level, version, server, couchdb, databases } = line ?? {}
      assert.deepEqual([level, server, databases], ['info', space.server.url, 2])
      for (const one of [version, couchdb]) assert.match(String(one), /^\d+\.\d+\.\d+/)
    }))

  it('logs JSON lines, without contents of documents and without credentials', (space) =>
    withBench(async (bench) => {
      const [port, share] = [await freePort(), space.shareId()]
      const joe = space.user('joe')
      await joe.create()
      const program = await bench.run({ ...settings(space), OPS_PORT: String(port) })
      await untilReady(program, port)
      await joe.bulk([
        { _id: `$share/${share}`, type: '$share', title: 'c0ntent-of-share' },
        { _id: 'good', name: 'c0ntent-shared', secret: 'c0ntent-private', $shares: { [share]: ['name'] } },
        { _id: 'bad', name: 'c0ntent-shared', $shares: { [share]: 'c0ntent-wrong' } },
        { _id: '$share/Bad Id', type: '$share', title: 'c0ntent-of-share' },
      ])
      await space.until('the copy is there', async () => (await space.copy(share, 'good')) !== null)
      await space.until('the bad one is told', async () => '$error' in ((await joe.get('bad')) ?? {}))
      await space.write(joe, { _id: 'good', name: 'c0ntent-new', $shares: { [share]: false } })
      await space.until('it is taken back', async () => (await space.copy(share, 'good')) === null)
      await assertStops(program, 'SIGTERM')
      const { lines } = program
      assert(lines.length > 3)
      for (const line of lines) {
        assert.equal(typeof line['msg'], 'string', JSON.stringify(line))
        assert.equal(typeof line['level'], 'string')
        assert(!Number.isNaN(Date.parse(String(line['time']))))
      }
      assert(lines.some((line) => line['share'] === share))
      assert(lines.some((line) => line['db'] === joe.name && line['doc'] === 'bad'))
      assert(!program.all.includes('c0ntent'), program.all)
      assertNoSecrets(program, space.server)
      assert.equal(program.err, '')
    }))

  it('makes the right copies of three pages though it is killed in the middle', (space) =>
    withBench(async (bench) => {
      const [share, count] = [space.shareId(), 2.5 * USER_PAGE]
      const joe = space.user('joe')
      await joe.create()
      await joe.bulk([
        { _id: `$share/${share}`, type: '$share' },
        ...Array.from({ length: count }, (_, at) => ({
          _id: `object/${at}`,
          name: `name ${at}`,
          secret: 'mine',
          $shares: { [share]: ['name'] },
        })),
      ])
      const copies = async (): Promise<number> => {
        const outbox = await space.outbox('joe').info()
        return outbox === null
          ? 0
          : (await space.outbox('joe').range({ startKey: 'share/', endKey: 'share0' })).length
      }
      for (const enough of [1, count / 3]) {
        const program = await bench.run({ ...settings(space), CONCURRENCY: '1' })
        await untilBy(program, 'it copies', async () => (await copies()) >= enough)
        await program.kill()
        const left = await copies()
        assert(left < count, `Expected to kill it in the middle, but there were ${left} copies`)
      }
      const port = await freePort()
      const program = await bench.run({ ...settings(space), OPS_PORT: String(port) })
      await untilReady(program, port, 3 * PATIENCE_MS)
      const rows = async () =>
        space.share(share).range({ startKey: 'share/', endKey: 'share0', includeDocs: true })
      await untilBy(program, 'all copies are there', async () => (await rows()).length === count)
      await assertStops(program, 'SIGTERM')
      const there = new Map((await rows()).map(({ id, doc }) => [id, doc]))
      assert.equal(there.size, count)
      for (let at = 0; at < count; at += 1) {
        const id = copyId(share, `object/${at}`)
        const { _rev, ...copy } = there.get(id) ?? { _rev: '' }
        assert.match(_rev, /^1-/, `Expected ${id} to be written once`)
        assert.deepEqual(copy, { _id: id, name: `name ${at}` })
      }
      for (const database of [space.outbox('joe'), space.share(share)]) {
        const leaves = await database.leaves([...there.keys()].map((id) => ({ id })))
        assert.equal(leaves.length, count, `Expected no conflicts in ${database.name}`)
      }
      const source = await joe.range({ startKey: 'object/', endKey: 'object0' })
      assert(source.every(({ rev }) => rev?.startsWith('1-')))
      assert.equal((await joe.get(`$share/${share}`))?.['$state'], 'active')
    }))
})

onEachServer('the program, with a user who is no admin', ({ it }) => {
  it('ends', (space) =>
    withBench(async (bench) => {
      const user = `nobody-${space.prefix.slice(0, 7)}`
      const users = space.couch.database('_users')
      const id = `org.couchdb.user:${user}`
      await space.start()
      await space.stop()
      await users.put({ _id: id, type: 'user', name: user, roles: [], password: 'nobodys-pass' })
      bench.release(async () => {
        const there = await users.get(id)
        if (there) await users.put({ _id: id, _rev: there._rev, _deleted: true })
      })
      const program = await bench.run(settingsFor({ url: space.server.url, user, pass: 'nobodys-pass' }))
      assert.equal(await program.exit(), 79, program.all)
      assert.match(program.err, /^[^\n]*admin[^\n]*\n$/)
      assertNoSecrets(program, { user, pass: 'nobodys-pass' })
    }))
})
