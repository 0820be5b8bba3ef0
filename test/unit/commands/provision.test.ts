// `couch-shares provision`: which arguments it takes, and what it says where there is nothing to provision from.
import assert from 'node:assert/strict'
import { UsageError } from '../../../src/commands/command.ts'
import { provision } from '../../../src/commands/provision.ts'
import { BorrowedLeases } from '../../../src/provisioning/borrowed-leases.ts'
import type { ReplicationStatus } from '../../../src/couch/replicator.ts'
import { ConfigError } from '../../../src/config/faults.ts'

/** Nobody listens there. */
const SETTINGS = { HOODIE_SERVER: 'http://127.0.0.1:9', HOODIE_ADMIN_USER: 'admin', HOODIE_ADMIN_PASS: 'x' }

async function run(args: string[], env: Record<string, string>): Promise<{ code: number; said: string }> {
  let said = ''
  const say = (text: string): void => void (said += text)
  const progress = { begin: say, step: () => say('.'), end: say }
  return { code: await provision(args, env, { print: say, complain: say, progress }), said }
}

describe('commands/provision', () => {
  it('takes one user, or all', async () => {
    for (const args of [[], ['ann', 'joe'], ['--all', 'ann'], ['--none'], [''], ['--all=yes']])
      await assert.rejects(run(args, SETTINGS), UsageError, JSON.stringify(args))
  })

  it('says so where there are no masters, and asks nobody', async () => {
    for (const args of [['ann'], ['--all']]) {
      const { code, said } = await run(args, { ...SETTINGS, MASTER_DATABASES: ' ' })
      assert.equal(code, 78)
      assert.match(said, /^Expected `MASTER_DATABASES` to name .+, got nothing\n$/)
    }
  })

  it('refuses a configuration that cannot be used', async () => {
    await assert.rejects(run(['ann'], { ...SETTINGS, MASTER_DATABASES: '_users' }), ConfigError)
  })
})

describe('provisioning/borrowed-leases', () => {
  const statuses: Record<string, ReplicationStatus> = {
    gone: { kind: 'absent' },
    new: { kind: 'waiting' },
    done: { kind: 'accepted', caughtUp: true, refused: 0 },
    late: { kind: 'accepted', caughtUp: false, refused: 0 },
    shaky: { kind: 'crashing', reason: 'timeout' },
    broken: { kind: 'failed', reason: 'no such filter' },
  }

  async function borrowed(): Promise<{ leases: BorrowedLeases; stopped: string[] }> {
    const stopped: string[] = []
    const leases = new BorrowedLeases({
      status: (master) => Promise.resolve(statuses[master] ?? { kind: 'absent' }),
      stop: (master, database) => Promise.resolve(void stopped.push(`${master} ${database}`)),
    })
    await leases.look('ann', 'u1', Object.keys(statuses))
    return { leases, stopped }
  }

  it('has those that are there, as they stand', async () => {
    const { leases } = await borrowed()
    assert.deepEqual(
      leases.held(),
      ['new', 'done', 'late', 'shaky', 'broken'].map((master) => ({ master, database: 'u1', name: 'ann' })),
    )
    assert.deepEqual(
      Object.keys(statuses).map((master) => leases.state(master, 'u1').kind),
      ['none', 'starting', 'caught-up', 'behind', 'behind', 'failing'],
    )
    assert.equal(leases.state('done', 'u2').kind, 'none')
  })

  it('stops one for good, and starts none', async () => {
    const { leases, stopped } = await borrowed()
    await leases.stop('done', 'u1')
    assert.deepEqual(stopped, ['done u1'])
    assert.equal(leases.state('done', 'u1').kind, 'none')
    assert(!leases.held().some(({ master }) => master === 'done'))
    assert.equal(await leases.use(), false)
    assert.equal(leases.state('done', 'u1').kind, 'none')
  })
})
