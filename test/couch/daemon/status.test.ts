// What `couch-shares status` says: of everything, of one share and of one user.
import assert from 'node:assert/strict'
import { UsageError } from '../../../src/commands/command.ts'
import { EXIT, type ExitCode } from '../../../src/commands/exit-codes.ts'
import { status } from '../../../src/commands/status.ts'
import { isFine, overviewText, type Overview } from '../../../src/commands/status-overview.ts'
import type { ShareStatus } from '../../../src/commands/status-share.ts'
import type { UserStatus } from '../../../src/commands/status-user.ts'
import { parseDaemonStatus } from '../../../src/ops/status.ts'
import { becomes, open, read, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { settingsFor, untilReady, withBench } from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

interface Said {
  code: ExitCode
  out: string
  err: string
}

const environment = (space: Space): Record<string, string> => ({
  ...settingsFor(space.server),
  USER_DATABASES: `${space.prefix}{id}`,
})

async function say(space: Space, args: string[], more: Record<string, string> = {}): Promise<Said> {
  const said = { out: '', err: '' }
  const code = await status(
    args,
    { ...environment(space), ...more },
    {
      print: (text) => void (said.out += text),
      complain: (text) => void (said.err += text),
      progress: { show: () => undefined, clear: () => undefined } as never,
    },
  )
  return { code, ...said }
}

async function ask<Found>(space: Space, ...args: string[]): Promise<Found> {
  return JSON.parse((await say(space, [...args, '--json'])).out) as Found
}

onEachServer('couch-shares status', ({ it }) => {
  it('says that there is nothing, before a daemon has been there', async (space) => {
    const { code, out } = await say(space, [])
    assert.equal(code, EXIT.failure, 'nobody works')
    assert.match(out, /^worker +· no daemon works on this server$/m)
    assert.match(out, /^replications +\d+$/m)
    const unknown = await say(space, ['share', 'nobody-had-it'])
    assert.deepEqual([unknown.code, unknown.out], [EXIT.failure, ''])
    assert.match(unknown.err, /^There is no share nobody-had-it/)
    assert.equal((await say(space, ['user', 'nobody-is-called-so'])).code, EXIT.failure)
  })

  it('says how a share stands, who takes part, and what was refused', (space) =>
    withPeople(space, ['joe', 'ann', 'eve'], async ({ joe, ann, eve }) => {
      await space.start()
      const access = { read: [eve.name], write: [ann.name] }
      const share = await open(space, joe, access)
      await put(joe.db, shared(share, 'note', { text: 'a' }))
      await subscribe(space, share, [ann])
      await becomes(space, ann.db, 'note', received(share, { text: 'a' }))
      await space.settled()

      const found = await ask<ShareStatus>(space, 'share', share)
      assert.deepEqual(
        [found.share, found.owner, found.database, found.state, found.home, found.hasPassword],
        [share, joe.hash, joe.db.name, 'active', 'share', false],
      )
      assert.deepEqual(found.access, { read: [ann.name, eve.name].sort(), write: [ann.name] })
      assert.equal(found.documents, (await space.share(share).info())?.doc_count)
      assert.deepEqual(
        found.participants.map(({ subscriber, state, right }) => [subscriber, state, right]).sort(),
        [
          [ann.hash, 'active', 'write'],
          [eve.hash, 'invited', 'read'],
        ].sort(),
      )
      const { code, out } = await say(space, ['share', `share/${share}`])
      assert.equal(code, EXIT.ok)
      assert.match(out, new RegExp(`^share +${share}: active$`, 'm'))
      assert.match(out, new RegExp(`${ann.hash}: active, may write, since `))
      assert.match(out, new RegExp(`${eve.hash}: invited, may read$`, 'm'))
    }))

  it('says what a user has, by account, without `user/` and by the user database', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const share = await open(space, joe, { read: [ann.name] }, shared('x', 'a', {}))
      await subscribe(space, share, [ann])
      await put(joe.db, shareDoc(space.shareId('wrong'), { access: { read: 'nobody' } }))
      await space.settled()
      for (const name of [joe.account.name, joe.name, joe.hash]) {
        const [found, ...more] = await ask<UserStatus[]>(space, 'user', name)
        assert.deepEqual(more, [], name)
        assert.deepEqual([found?.owner, found?.database, found?.takesPart], [joe.hash, joe.db.name, []])
        assert.deepEqual(
          found?.shares.map((one) => [one.share, one.state]).filter(([id]) => id === share),
          [[share, 'active']],
        )
      }
      const [hers] = await ask<UserStatus[]>(space, 'user', ann.name)
      assert.deepEqual(hers?.takesPart, [{ share, state: 'active', rejected: [] }])
      assert.deepEqual(hers?.shares, [])
      const { out } = await say(space, ['user', ann.name])
      assert.match(out, new RegExp(`^takes part in +${share}: active$`, 'm'))
      assert.match(out, /^own shares +none$/m)
    }))

  it('counts by state, and writes nothing', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const share = await open(space, joe, { read: [ann.name] })
      await space.settled()
      const names = ['shares', joe.db.name, ann.db.name, space.outbox(joe.hash).name, space.share(share).name]
      const infos = async (): Promise<unknown[]> =>
        [...(await space.couch.dbsInfo(names)).values()].map((info) => info.doc_count + info.doc_del_count)
      const before = await infos()
      const found = await ask<Overview>(space)
      assert.equal(found.shares.active, 1)
      assert.equal(found.subscriptions.invited, 1)
      assert.equal(found.daemon, null, 'none listens')
      assert.match((await say(space, [])).out, /^shares +1 active$/m)
      assert.deepEqual(await infos(), before)
      assert.deepEqual(await read(joe.db, 'not-there'), null)
    }))

  it('says what the daemon that listens on this machine does, and that all is well', (space) =>
    withBench(async (bench) => {
      const port = String(await freePort())
      const program = await bench.run({ ...environment(space), OPS_PORT: port, LOG_LEVEL: 'warn' })
      await untilReady(program, Number(port))
      const { code, out } = await say(space, [], { OPS_PORT: port })
      assert.equal(code, EXIT.ok, out)
      assert.match(out, /^worker +✓ the daemon on .* works, and was heard of \d+ s ago$/m)
      assert.match(out, /^daemon +✓ ready; version /m)
      assert.match(out, /^ {2}shares +nothing to do$/m)
      const found = JSON.parse((await say(space, ['--json'], { OPS_PORT: port })).out) as Overview
      assert.equal(found.daemon?.pid, program.child.pid)
      assert.deepEqual(found.daemon?.parts.shares, {
        ...{ busy: 0, failing: 0, oldestChangeSeconds: 0, failures: [] },
      })
    }))
})

describe('couch-shares status', () => {
  const env = { HOODIE_SERVER: 'http://127.0.0.1:1', HOODIE_ADMIN_USER: 'a', HOODIE_ADMIN_PASS: 'b' }
  const fine: Overview = {
    version: '1',
    server: { url: 'http://db', version: '3.5.0' },
    worker: { level: 'ok', text: 'works' },
    asked: 'http://127.0.0.1:9100/status',
    daemon: {
      ...{
        version: '1',
        pid: 1,
        startedAt: '2026-01-01T00:00:00.000Z',
        ready: true,
        healthy: true,
        atWork: true,
      },
      parts: { shares: { busy: 0, failing: 0, oldestChangeSeconds: 0, failures: [] } },
    },
    ...{ shares: {}, subscriptions: {}, users: {}, troubled: { count: 0, examples: [] }, gateways: [] },
    replications: { count: 1, crashing: 0, failed: 0, examples: [] },
  }
  const failure = { key: 'joe\u001b[31m', since: '2026-01-01T00:00:00.000Z', tries: 3, reason: 'no' }
  const failing: NonNullable<Overview['daemon']> = {
    ...fine.daemon!,
    parts: { shares: { busy: 1, failing: 1, oldestChangeSeconds: 4, failures: [failure] } },
  }
  const WRONG: [string, Overview][] = [
    ['nobody works', { ...fine, worker: { level: 'note', text: 'nobody' } }],
    ['turns fail', { ...fine, daemon: failing }],
    ['the daemon is not ready', { ...fine, daemon: { ...fine.daemon!, ready: false, reason: 'x' } }],
    ['a replication is given up', { ...fine, replications: { ...fine.replications, failed: 1 } }],
    ['a replication crashes', { ...fine, replications: { ...fine.replications, crashing: 1 } }],
  ]

  it('finds nothing wrong where all is well, also without a daemon on this machine', () => {
    assert.equal(isFine(fine), true)
    assert.equal(isFine({ ...fine, daemon: null }), true)
  })

  for (const [what, found] of WRONG)
    it(`finds something wrong where ${what}`, () => assert.equal(isFine(found), false))

  it('says where no daemon answers', () => {
    const where = /^daemon +· none answers at http:\/\/127\.0\.0\.1:9100\/status$/m
    assert.match(overviewText({ ...fine, daemon: null }), where)
    assert.doesNotMatch(overviewText({ ...fine, daemon: null, asked: null }), /^daemon/m)
  })

  const ANSWERS: unknown[] = [
    null,
    [],
    'ok',
    {},
    { ...fine.daemon, parts: null },
    { ...fine.daemon, pid: '1' },
  ]
  for (const answer of ANSWERS)
    it(`takes ${JSON.stringify(answer)} for no daemon's`, () => assert.equal(parseDaemonStatus(answer), null))

  it('takes what a daemon says, without parts that nobody can read', () => {
    assert.deepEqual(parseDaemonStatus(failing), failing)
    const odd = { ...failing, parts: { ...failing.parts, gateways: { busy: 1 }, provisioning: null } }
    assert.deepEqual(parseDaemonStatus(odd), failing)
  })

  it('says for whom turns fail, and gives no orders to a terminal', () => {
    const text = overviewText({ ...fine, daemon: failing })
    assert.match(text, /✗ joe\\u\{1b\}\[31m fails since 2026-01-01T00:00:00.000Z, 3 tries: no$/m)
    assert.match(text, /^ {2}shares +1 lane with something to do, the oldest change waits for 4 s$/m)
  })

  const MALFORMED = [
    ['all'],
    ['share'],
    ['user'],
    ['user', ''],
    ['share', 'A/../b'],
    ['share', 'a', 'b'],
    ['--yes'],
    ['gateway', 'A'],
  ]
  for (const args of MALFORMED)
    it(`does not take ${JSON.stringify(args)}`, () =>
      assert.rejects(status(args, env), (error) => error instanceof UsageError))
})
