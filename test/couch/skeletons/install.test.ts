// Installation: everything is there after a start, for admins only where it is theirs, and a second start writes nothing.
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Seq } from '../../../src/couch/document.ts'
import { Daemon } from '../../../src/daemon/daemon.ts'
import { InstallError } from '../../../src/skeletons/install.ts'
import { createLogger } from '../../../src/log.ts'
import { designDocumentHash } from '../../../src/skeletons/design.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { SKELETON, type Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

const ADMINS_ONLY = { names: [], roles: ['_admin'] }

/** Runs a test with a copy of skeleton/ to change, and takes out of `skeleton/share` what it put there. */
async function withFolder(
  space: Space,
  design: string,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'couch-shares-skeleton-'))
  try {
    await cp(SKELETON, folder, { recursive: true })
    await test(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
    const kept = space.couch.database('skeleton/share')
    const there = await kept.get(`_design/${design}`)
    if (there) await kept.put({ _id: there._id, _rev: there._rev, _deleted: true })
  }
}

/** A daemon with a skeleton of its own, run until it has caught up; what it logged goes to the space's lines. */
async function runOnce(space: Space, folder: string, then?: () => Promise<void>): Promise<void> {
  const daemon = new Daemon({
    config: space.config,
    skeleton: await readSkeleton(folder),
    log: createLogger({
      level: 'debug',
      pretty: false,
      destination: {
        write: (line: string) => void space.lines.push(JSON.parse(line) as Record<string, unknown>),
      },
    }),
  })
  try {
    await daemon.start()
    await space.until('the daemon is ready', () => Promise.resolve(daemon.ready().ok))
    await then?.()
  } finally {
    await daemon.stop()
  }
}

async function writeFilter(folder: string, design: string, source: string): Promise<void> {
  const filters = join(folder, 'share', '_design', design, 'filters')
  await mkdir(filters, { recursive: true })
  await writeFile(join(filters, 'all.js'), source)
}

/** What moves when anything is written, for the daemon's databases and those of the space. */
async function sequences({ couch, prefix }: Space, shares: string[]): Promise<Map<string, Seq>> {
  const names = [
    ...['_users', '_replicator', 'shares', 'shares/checkpoints'],
    ...(await couch.allDbs({ startKey: 'skeleton/', endKey: 'skeleton0' })),
    ...(await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })),
    ...shares.map((share) => `share/${share}`),
  ]
  const infos = await couch.dbsInfo(names)
  assert.deepEqual([...infos.keys()].sort(), names.sort())
  return new Map([...infos].map(([name, { update_seq }]) => [name, update_seq]))
}

onEachServer('installation', ({ kind, it }) => {
  it('makes all databases, design documents and security objects', async (space) => {
    const { couch } = space
    await space.start()
    const names = await couch.allDbs()
    for (const name of ['_users', '_replicator', '_global_changes', 'shares', 'shares/checkpoints'])
      assert(names.includes(name), `Expected ${name} to be there`)
    for (const [db, design] of [
      ['_replicator', '_design/shares'],
      ['shares', '_design/shares'],
      ['skeleton/share', '_design/write_access'],
      ['skeleton/share', '_design/share_filters'],
      ['skeleton/user', '_design/share_filters'],
    ] as const) {
      const there = await couch.database(db).get(design)
      assert(there, `Expected ${db} to have ${design}`)
      const mark = there['couch_shares'] as { hash: string }
      assert.equal(mark.hash, designDocumentHash(there))
    }
    const skeletons = names.filter((name) => name.startsWith('skeleton/'))
    assert(skeletons.includes('skeleton/user') && skeletons.includes('skeleton/share'))
    for (const name of ['shares', 'shares/checkpoints', ...skeletons]) {
      const { admins, members } = await couch.database(name).security()
      assert.deepEqual({ admins, members }, { admins: ADMINS_ONLY, members: ADMINS_ONLY }, name)
    }
  })

  it('applies their skeletons to outbox and share', async (space) => {
    const share = space.shareId()
    await space.user('joe').create()
    await space.start()
    await space.write(space.user('joe'), { _id: `$share/${share}`, type: '$share' })
    await space.until(
      'the share is active',
      async () => (await space.user('joe').get(`$share/${share}`))?.['$state'] === 'active',
    )
    const outbox = await space.outbox('joe').security()
    assert.deepEqual(
      { admins: outbox.admins, members: outbox.members },
      { admins: ADMINS_ONLY, members: ADMINS_ONLY },
    )
    const joe = { names: [], roles: ['joe'] }
    assert.deepEqual(await space.share(share).security(), { admins: ADMINS_ONLY, members: joe, writers: joe })
    assert(await space.share(share).get('_design/write_access'))
    assert(await space.share(share).get('_design/share_filters'))
    const {
      shards,
      update_seq: _seq,
      ...info
    } = ((await space.share(share).info()) ?? {}) as unknown as {
      cluster?: { q: number }
    } & Record<string, unknown>
    void shards
    if (kind === 'couchdb') assert.equal(info.cluster?.q, 1)
    assert(await space.user('joe').get('_design/share_filters'))
  })

  it('writes nothing at a second start', async (space) => {
    const share = space.shareId()
    const joe = space.user('joe')
    await joe.create()
    await space.user('idle').create()
    await space.start()
    await joe.bulk([
      { _id: `$share/${share}`, type: '$share' },
      { _id: 'todo/1', name: 'milk', owner: 'joe', $shares: { [share]: ['name'] } },
      { _id: 'todo/bad', $shares: 'nonsense' },
    ])
    await space.until('the copy is there', async () => (await space.copy(share, 'todo/1')) !== null)
    await space.settled()
    await space.stop()
    const restart = async (): Promise<Map<string, unknown>> => {
      await space.start()
      await space.settled()
      await space.stop()
      return sequences(space, [share])
    }
    const first = await sequences(space, [share])
    const second = await restart()
    // Only that the first sweep after the writing found nothing new is noted, and that only once.
    const but = (all: Map<string, unknown>) =>
      new Map([...all].filter(([name]) => name !== 'shares/checkpoints'))
    assert.deepEqual(but(second), but(first))
    assert.deepEqual(await restart(), second)
  })

  it('brings a design document of a folder of one’s own up to date at the next start', async (space) => {
    const design = space.shareId('custom')
    const kept = space.couch.database('skeleton/share')
    await withFolder(space, design, async (folder) => {
      await writeFilter(folder, design, 'function all() { return true }')
      await runOnce(space, folder)
      const first = await kept.get(`_design/${design}`)
      assert(first)
      await runOnce(space, folder)
      assert.equal((await kept.get(`_design/${design}`))?._rev, first._rev)

      await writeFilter(folder, design, 'function all() { return false }')
      const share = space.shareId()
      const joe = space.user('joe')
      await joe.create()
      await runOnce(space, folder, async () => {
        const second = await kept.get(`_design/${design}`)
        assert.match(JSON.stringify(second?.['filters']), /return false/)
        await space.write(joe, { _id: `$share/${share}`, type: '$share' })
        await space.until(
          'the share is active',
          async () => (await joe.get(`$share/${share}`))?.['$state'] === 'active',
        )
        const born = await space.share(share).get(`_design/${design}`)
        assert.deepEqual(born?.['filters'], second?.['filters'])
      })
    })
  })

  it('refuses to overwrite somebody else’s design document', async (space) => {
    const design = space.shareId('foreign')
    const kept = space.couch.database('skeleton/share')
    await space.start()
    await space.stop()
    await withFolder(space, design, async (folder) => {
      await writeFilter(folder, design, 'function all() { return true }')
      const foreign = { _id: `_design/${design}`, filters: { all: '(function () { return 1 })' } }
      const written = await kept.put(foreign)
      assert(written.ok)
      await assert.rejects(
        runOnce(space, folder),
        (error) =>
          error instanceof InstallError &&
          error.code === 'foreign_design' &&
          error.message.includes(`_design/${design}`) &&
          error.message.includes('skeleton/share'),
      )
      assert.equal((await kept.get(foreign._id))?._rev, written.rev)
    })
  })

  it('has an update function that cancels a replication, by POST and by PUT', async (space) => {
    await space.start()
    const { url, user, pass } = space.server
    const authorization = basic(user, pass)
    const replicator = space.couch.database('_replicator')
    for (const method of ['POST', 'PUT']) {
      const id = `${space.prefix}${method} => nowhere`
      // No replicator takes this for a replication: both ends are missing.
      const endpoint = { url: `${url}/${encodeURIComponent(`${space.prefix}none`)}` }
      await replicator.put({ _id: id, source: endpoint, target: endpoint })
      assert(await replicator.get(id))
      const cancel = () =>
        fetch(`${url}/_replicator/_design/shares/_update/cancel/${encodeURIComponent(id)}`, {
          method,
          headers: { authorization, 'content-type': 'application/json' },
          body: '{}',
        })
      const answer = await cancel()
      assert(answer.ok, `${method}: ${answer.status} ${await answer.text()}`)
      assert.equal(await replicator.get(id), null)
      assert.equal((await cancel()).status, 404)
    }
  })
})
