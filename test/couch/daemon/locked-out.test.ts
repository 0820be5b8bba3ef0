// CouchDB 3.5 locks an account for an address after five wrong passwords, whoever tried them. The daemon waits, and goes on.
import assert from 'node:assert/strict'
import { withSettings } from '../../support/server-settings.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, copyBecomes, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
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

const codeOf = (err: unknown): unknown => (err as { code?: unknown } | undefined)?.code

onEachServer(
  'an admin who is locked out',
  ({ it, server }) => {
    it('is waited for, and told of once, while the daemon works and when it starts', async (space) => {
      if (!server().isOurs) return
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
        assert.deepEqual(space.daemon.ready(), { ok: false, reason: 'CouchDB does not answer' })
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
  },
  ['couchdb'],
)
