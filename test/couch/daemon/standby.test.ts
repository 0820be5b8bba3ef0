// Two daemons on one server, as processes: one works, the next waits, and takes over.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import { dutyId } from '../../../src/engine/duty-document.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import type { Bench, Program } from '../../support/program.ts'
import {
  ADMIN,
  ops,
  settingsFor,
  STOP_MS,
  troubleAt,
  until,
  untilReady,
  withBench,
} from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** Whoever was silent is replaced in less than this. */
const TAKEN_OVER_MS = 15_000

interface Running {
  program: Program
  port: number
}

const settings = (space: Space, port: number): Record<string, string> => ({
  ...settingsFor(space.server),
  OPS_PORT: String(port),
  USER_DATABASES: `${space.prefix}{id}`,
})

async function run(bench: Bench, space: Space): Promise<Running> {
  const port = await freePort()
  return { program: await bench.run(settings(space, port)), port }
}

/** One that works, and one that waits for it. */
async function runTwo(bench: Bench, space: Space): Promise<[Running, Running]> {
  const first = await run(bench, space)
  await untilReady(first.program, first.port)
  const second = await run(bench, space)
  await until('the second one waits', () => second.program.out.includes('this one waits'))
  return [first, second]
}

const duty = (space: Space): Promise<StoredDoc | null> =>
  space.couch.database(CHECKPOINTS).get(dutyId(space.config.userDatabases.template))

/** Somebody who looks after what the other of two has written. */
async function shareSomething(space: Space, share: string, object: string): Promise<void> {
  const joe = space.user('joe')
  await joe.create()
  await space.write(joe, { _id: `$share/${share}`, type: '$share' })
  await space.write(joe, { _id: object, name: object, $shares: { [share]: true } })
  await space.until(`${object} is copied`, async () => (await space.copy(share, object)) !== null)
}

/** A server that fails whatever it is asked. */
async function failAt(port: number): Promise<{ asked: () => number; stop: () => Promise<void> }> {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.writeHead(500).end('{"error":"internal_server_error","reason":"broken"}')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { asked: () => asked, stop }
}

describe('a daemon that waits for another one', () => {
  it('says once that CouchDB does not answer, again where that changes, and that it does', () =>
    withBench(async (bench) => {
      const [port, opsPort, data] = [await freePort(), await freePort(), await bench.folder()]
      const settings = settingsFor({ url: `http://127.0.0.1:${port}`, ...ADMIN })
      const couch = await bench.embedded(port, data)
      const first = await bench.run({ ...settings, OPS_PORT: String(opsPort) })
      await untilReady(first, opsPort)
      const second = await bench.run(settings)
      await until('the second one waits', () => second.out.includes('this one waits'))
      first.child.kill('SIGKILL')
      await couch.stop()
      const waiting = () =>
        second.lines.flatMap(({ msg }) => (/^waiting for/.test(String(msg)) ? [String(msg)] : []))
      await until('it says that nobody answers', () => waiting().length > 0)

      const failing = await failAt(port)
      await until('it was answered so a few times', () => failing.asked() > 3)
      await failing.stop()
      const [away = '', fails = '', ...more] = waiting()
      assert.equal(away, 'waiting for CouchDB')
      assert.match(fails, /^waiting for CouchDB: .* fails with status 500/)
      // Nobody answers again between two servers.
      assert.deepEqual(
        more.filter((msg) => msg !== away),
        [],
      )

      await bench.embedded(port, data)
      await until('it begins', () => second.out.includes('"msg":"ready"'))
      assert.equal(second.lines.filter(({ msg }) => msg === 'CouchDB answers again').length, 1)
    }))
})

onEachServer('two daemons on one server', (suite) => {
  suite.it('one works, and the next waits and begins at once when that one is stopped', (space) =>
    withBench(async (bench) => {
      const [first, second] = await runTwo(bench, space)
      const { pid } = first.program.child
      assert.equal(await ops(second.port, 'healthz'), 200)
      assert.equal(await ops(second.port, 'readyz'), 503)
      assert.match(
        String(await troubleAt(second.port, 'readyz')),
        new RegExp(`process ${pid}, since .* works on this server`),
      )

      const check = await bench.run(settings(space, await freePort()), 'check')
      await check.exit()
      assert.match(check.out, new RegExp(`^✓ the daemon on .* \\(process ${pid}, since .*\\) works`, 'm'))

      first.program.child.kill('SIGTERM')
      assert.equal(await first.program.exit(STOP_MS), EXIT.ok, first.program.all)
      await untilReady(second.program, second.port)
      const lines = second.program.lines.filter(({ msg }) => String(msg).includes('this one begins'))
      assert.deepEqual(
        lines.map(({ after }) => after),
        ['given up'],
        'it did not wait as for a silent one',
      )
      await shareSomething(space, space.shareId(), 'note')
    }),
  )

  suite.it('one that was killed is replaced, and one that waits can be stopped', (space) =>
    withBench(async (bench) => {
      const [first, second] = await runTwo(bench, space)
      const third = await run(bench, space)
      await until('the third one waits', () => third.program.out.includes('this one waits'))
      third.program.child.kill('SIGTERM')
      assert.equal(await third.program.exit(STOP_MS), EXIT.ok, third.program.all)

      first.program.child.kill('SIGKILL')
      const begins = (): boolean => second.program.out.includes('this one begins')
      await until('the second one begins', begins, TAKEN_OVER_MS)
      await shareSomething(space, space.shareId(), 'note')
    }),
  )

  suite.it('one that was frozen, and replaced, writes nothing more and waits', (space) =>
    withBench(async (bench) => {
      const share = space.shareId()
      const [first, second] = await runTwo(bench, space)
      await shareSomething(space, share, 'before')
      first.program.child.kill('SIGSTOP')
      bench.release(() => Promise.resolve(first.program.child.kill('SIGCONT')))
      // It has heard of nothing yet, and would work on this when it wakes.
      await space.write(space.user('joe'), {
        _id: 'meanwhile',
        name: 'meanwhile',
        $shares: { [share]: true },
      })
      await untilReady(second.program, second.port)
      await space.until('the second one copies', async () => (await space.copy(share, 'meanwhile')) !== null)

      first.program.child.kill('SIGCONT')
      await until('the first one waits', () => first.program.out.includes('this one stops working'))
      assert.equal(await ops(first.port, 'readyz'), 503)
      const holder = (await duty(space))?.['holder']
      const before = first.program.lines.length
      await shareSomething(space, share, 'after')
      await delay(3_000)
      assert.equal((await duty(space))?.['holder'], holder, 'the second one goes on')
      const written = first.program.lines
        .slice(before)
        .filter(({ msg }) => /written|put|copies/.test(String(msg)))
      assert.deepEqual(written, [])

      // The first one waits like any other.
      second.program.child.kill('SIGTERM')
      await untilReady(first.program, first.port)
      await shareSomething(space, share, 'at last')
    }),
  )

  suite.it('a document that was deleted, or says nothing, is put right', (space) =>
    withBench(async (bench) => {
      const first = await run(bench, space)
      await untilReady(first.program, first.port)
      const database = space.couch.database(CHECKPOINTS)
      const pid = first.program.child.pid
      for (const wrong of [{ _deleted: true }, { holder: 7 }]) {
        const there = await duty(space)
        assert(there)
        await space.until('it is written by hand', async () => {
          const { _rev = '' } = (await duty(space)) ?? {}
          return (await database.put({ _id: there._id, _rev, ...wrong })).ok
        })
        await space.until('it is put right', async () => (await duty(space))?.['pid'] === pid)
      }
      await shareSomething(space, space.shareId(), 'note')
    }),
  )
})
