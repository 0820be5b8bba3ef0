// CouchDB 3.5 locks an account for an address after five wrong passwords, whoever tried them. The daemon waits, and goes on.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { settingsFor, troubleAt, until, untilReady, withBench } from '../../support/program.ts'
import { withSettings } from '../../support/server-settings.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, copyBecomes, put, shareDoc } from '../../support/story.ts'
import { needs, onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

const PASS = 'pass of the daemon'
const GUESSES = 6

/** Somebody guesses at a password from this address, until the right one does not help either. */
async function lockOut({ server }: Space, user: string): Promise<void> {
  const logIn = async (pass: string): Promise<number> => {
    const authorization = basic(user, pass)
    const answer = await fetch(`${server.url}/_session`, { headers: { authorization } })
    await answer.arrayBuffer()
    return answer.status
  }
  for (let tries = 0; tries < GUESSES; tries += 1) await logIn(`guess ${tries}`)
  assert.equal(await logIn(PASS), 403)
}

/** As many wrong passwords count from now on: the same as to wait for five minutes. */
const setThreshold = ({ couch }: Space, threshold: number): Promise<unknown> =>
  couch.request({
    method: 'PUT',
    path: ['_node', '_local', '_config', 'chttpd_auth_lockout', 'threshold'],
    body: String(threshold),
  })

/** What the daemon does now and then comes round meanwhile. */
const SILENT_MS = 3_000
/** A daemon at rest is heard of every two seconds; the rest is for a machine that is busy. */
const NOTICED_MS = 10_000

const codeOf = (err: unknown): unknown => (err as { code?: unknown } | undefined)?.code

const LOCKED = /^CouchDB has locked the admin’s account/

onEachServer(
  'an admin who is locked out',
  ({ it, server }) => {
    it('is waited for, and told of once, while the daemon works and when it starts', async (space) => {
      needs(server().isOurs, 'a server of the tests’ own')
      const user = `daemon-${space.prefix.slice(1, 7)}`
      const told = (): unknown[] => space.lines.filter(({ msg }) => String(msg).includes('has locked'))
      const settings = { [`admins/${user}`]: PASS, 'chttpd_auth_lockout/threshold': '5' }
      await withSettings(space, settings, async () => {
        const [joe, share] = [space.user('joe'), space.shareId()]
        await joe.create()
        await space.start({ admin: { user, pass: PASS } })
        await put(joe, shareDoc(share))
        await becomesActive(space, 'joe', share)
        await lockOut(space, user)
        await put(joe, { _id: 'note', n: 1, $shares: { [share]: true } })
        await space.until('the daemon says so', () => Promise.resolve(told().length > 0))
        assert.match(space.daemon.ready().reason ?? '', LOCKED)
        await setThreshold(space, 1_000)
        await copyBecomes(space, share, 'note', { n: 1 })
        await space.settled()
        assert.equal(told().length, 1)
        await space.stop()

        await setThreshold(space, 5)
        await lockOut(space, user)
        await space.write(joe, { _id: 'note', n: 2, $shares: { [share]: true } })
        const started = space.start({ admin: { user, pass: PASS } })
        const isWaiting = (): boolean =>
          space.lines.some(({ msg, err }) => msg === 'waiting for CouchDB' && codeOf(err) === 'locked_out')
        await space.until('it waits', () => Promise.resolve(isWaiting()))
        await setThreshold(space, 1_000)
        await started
        await copyBecomes(space, share, 'note', { n: 2 })
        assert.deepEqual(
          space.lines.filter(({ msg }) => msg === 'CouchDB cannot be used'),
          [],
        )
        await space.settled()
        await space.stop()
      })
    })

    it('is noticed where the daemon is at rest, and said where another one waits for it', (space) =>
      withBench(async (bench) => {
        needs(server().isOurs, 'a server of the tests’ own')
        const user = `daemon-${space.prefix.slice(1, 7)}`
        const settings = { [`admins/${user}`]: PASS, 'chttpd_auth_lockout/threshold': '5' }
        await withSettings(space, settings, async () => {
          const run = async () => {
            const port = await freePort()
            const program = await bench.run({
              ...settingsFor({ url: space.server.url, user, pass: PASS }),
              ...{ OPS_PORT: String(port), USER_DATABASES: `${space.prefix}{id}` },
            })
            return { port, program }
          }
          const works = await run()
          await untilReady(works.program, works.port)
          const waits = await run()
          await until('the second one waits', () => waits.program.out.includes('this one waits'))

          await lockOut(space, user)
          for (const { port } of [works, waits])
            await until(
              'it says so',
              async () => LOCKED.test(String(await troubleAt(port, 'readyz'))),
              NOTICED_MS,
            )
          await delay(SILENT_MS)
          const said = works.program.lines
            .filter(({ level }) => level !== 'info')
            .map(({ msg }) => String(msg))
          assert.match(said[0] ?? '', LOCKED)
          assert.deepEqual(said.slice(1), ['waiting for CouchDB'])

          await setThreshold(space, 1_000)
          await untilReady(works.program, works.port)
        })
      }))
  },
  { kinds: ['couchdb'], since: '3.4' },
)
