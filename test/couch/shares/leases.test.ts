// Leases: replications that end when idle and begin again, that follow the settings, and whose troubles are told.
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Daemon } from '../../../src/daemon/daemon.ts'
import { createLogger } from '../../../src/log.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { freePort, type Server } from '../../support/servers.ts'
import { SKELETON, type Space, type SpaceOptions } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'
import type { DaemonConfig } from '../../../src/config/config.ts'
import { replicationId } from '../../../src/shares/model/ids.ts'

const QUICK: SpaceOptions = { replicationCheckIntervalMs: 500 }
const IDLE: SpaceOptions = { ...QUICK, replicationIdleTimeoutMs: 1_500 }
const ANOTHER_PASSWORD = 'an0ther-p4ssword'

function request(
  server: Server,
  path: string,
  init: RequestInit = {},
  pass = server.pass,
  user = server.user,
) {
  return fetch(`${server.url}/${path}`, {
    ...init,
    headers: { authorization: basic(user, pass), 'content-type': 'application/json' },
  })
}

const replication = (space: Space, share: string, owner = 'joe') =>
  space.couch.database('_replicator').get(replicationId(space.config.userDatabases.outbox(owner), share))

/** How many jobs the scheduler has for a share. */
async function jobs({ server }: Space, share: string): Promise<number> {
  const answer = await request(server, '_scheduler/jobs?limit=10000')
  const found = (await answer.json()) as { jobs: { target: string }[] }
  return found.jobs.filter(({ target }) => decodeURIComponent(target).includes(`share/${share}`)).length
}

async function openShare(space: Space, share: string): Promise<void> {
  const joe = space.user('joe')
  await joe.create()
  await space.write(joe, { _id: `$share/${share}`, type: '$share' })
  await untilState(space, share, 'active')
}

const untilState = (space: Space, share: string, state: string): Promise<void> =>
  space.until(`the share is ${state}`, async () => {
    const doc = await space.user('joe').get(`$share/${share}`)
    return doc?.['$state'] === state && '$error' in doc === (state === 'error')
  })

const put = (space: Space, share: string, object: string, more: object): Promise<string> =>
  space.write(space.user('joe'), { _id: object, ...more, $shares: { [share]: true } })

const untilCopied = (space: Space, share: string, object: string, name: string): Promise<void> =>
  space.until(`the copy of ${object} shows ${name}`, async () => {
    return (await space.copy(share, object))?.['name'] === name
  })

/** How often the daemon looked at its replications. */
const looks = ({ lines }: Space): number => lines.filter(({ msg }) => msg === 'replications looked at').length

function assertNoCredentials({ lines, server }: Space): void {
  assert(lines.length > 0)
  const text = JSON.stringify(lines)
  for (const pass of [server.pass, ANOTHER_PASSWORD])
    for (const secret of [pass, encodeURIComponent(pass), basic(server.user, pass).slice('Basic '.length)])
      assert(!text.includes(secret), `Expected no line to contain ${secret}`)
}

onEachServer('leases', ({ kind, it }) => {
  it(
    'end when idle, and begin again with the next copy',
    async (space) => {
      const share = space.shareId()
      await space.start()
      await openShare(space, share)
      await put(space, share, 'todo/1', { name: 'first' })
      await untilCopied(space, share, 'todo/1', 'first')
      for (const name of ['second', 'third']) {
        await space.until(
          'the replication is cancelled',
          async () => (await replication(space, share)) === null,
        )
        if (kind === 'couchdb')
          await space.until('no job of it is left', async () => (await jobs(space, share)) === 0)
        await put(space, share, 'todo/1', { name })
        await space.until('the replication is back', async () => (await replication(space, share)) !== null)
        await untilCopied(space, share, 'todo/1', name)
      }
      await untilState(space, share, 'active')
      assertNoCredentials(space)
    },
    IDLE,
  )

  it(
    'carry what the daemon itself could not bring',
    async (space) => {
      const share = space.shareId()
      await space.start()
      await openShare(space, share)
      await space.until('the lease has ended', async () => (await replication(space, share)) === null)
      // With an attachment a copy is left to the replication.
      await put(space, share, 'todo/1', {
        name: 'attached',
        _attachments: {
          'a.txt': { content_type: 'text/plain', data: Buffer.from('hello').toString('base64') },
        },
      })
      await untilCopied(space, share, 'todo/1', 'attached')
    },
    IDLE,
  )

  it(
    'come back where somebody deletes the replication document',
    async (space) => {
      const share = space.shareId()
      await space.start()
      await openShare(space, share)
      const there = await replication(space, share)
      assert(there)
      await space.settled()
      await space.couch.database('_replicator').put({ _id: there._id, _rev: there._rev, _deleted: true })
      await space.until('the replication is back', async () => (await replication(space, share)) !== null)
      await put(space, share, 'todo/1', {
        name: 'milk',
        _attachments: {
          'a.txt': { content_type: 'text/plain', data: Buffer.from('hello').toString('base64') },
        },
      })
      await untilCopied(space, share, 'todo/1', 'milk')
      assertNoCredentials(space)
    },
    QUICK,
  )

  it(
    'that end are not taken for lost',
    async (space) => {
      const share = space.shareId()
      await space.start()
      await openShare(space, share)
      for (let round = 0; round < 3; round += 1) {
        await put(space, share, 'todo/1', { name: `round ${round}` })
        await untilCopied(space, share, 'todo/1', `round ${round}`)
        await space.until(
          'the lease has ended',
          () =>
            Promise.resolve(
              space.lines.filter(({ msg }) => msg === 'replication idle, cancelled').length > round,
            ),
          30_000,
        )
        await space.settled()
        assert.equal(await replication(space, share), null)
      }
      assert(!space.lines.some(({ msg }) => msg === 'replication is gone, started again'))
    },
    // While its job ends, which takes seconds, the replication is looked at many times.
    { ...IDLE, replicationCheckIntervalMs: 50 },
  )

  it(
    'end when idle also where they had nothing to carry since they began',
    async (space) => {
      const share = space.shareId()
      await space.start()
      await openShare(space, share)
      await put(space, share, 'todo/1', { name: 'milk' })
      await untilCopied(space, share, 'todo/1', 'milk')
      await space.settled()
      const there = await replication(space, share)
      assert(there)
      // As after a restart of CouchDB, the job begins where the one before it ended.
      await space.couch.database('_replicator').put({ _id: there._id, _rev: there._rev, _deleted: true })
      await space.until('the replication is back', async () => (await replication(space, share)) !== null)
      await space.until(
        'the replication is cancelled',
        async () => (await replication(space, share)) === null,
        // CouchDB tells how far a job is only some 5 to 15 s after it began.
        60_000,
      )
      await space.settled(3_000)
      assert.equal(await replication(space, share), null)
    },
    { ...QUICK, replicationIdleTimeoutMs: 6_000 },
  )

  it(
    'that crash are the admin’s concern while the copies arrive: the share is active, also a new one',
    async (space) => {
      const share = space.shareId()
      const joe = space.user('joe')
      await joe.create()
      await joe.bulk([
        { _id: `$share/${share}`, type: '$share' },
        { _id: 'todo/1', name: 'milk', $shares: { [share]: true } },
      ])
      const states: unknown[] = []
      const proxy = await FaultProxy.start(space.server.url)
      await proxy.refuse()
      try {
        await space.start({ replicationServer: proxy.url })
        await space.until('the replication was in trouble for long', async () => {
          const $state = (await joe.get(`$share/${share}`))?.['$state']
          if (states.at(-1) !== $state) states.push($state)
          return looks(space) > 12
        })
        if (kind === 'embedded') {
          // There a replication that cannot begin is given up at once: it was never accepted.
          assert.deepEqual(
            states.filter((state) => state !== undefined),
            ['error'],
          )
          const error = (await joe.get(`$share/${share}`))?.['$error'] as Record<string, string>
          assert.equal(error['code'], 'replication_failed')
          for (const inside of [proxy.url, '127.0.0.1', 'http'])
            assert(!error['reason']?.includes(inside), `Expected the reason not to tell of ${inside}`)
        } else {
          assert.deepEqual(
            states.filter((state) => state !== undefined),
            ['active'],
          )
          await untilCopied(space, share, 'todo/1', 'milk')
          assert(space.lines.some(({ msg }) => msg === 'replication in trouble'))
        }
      } finally {
        await proxy.refuse()
      }
      await space.stop()
      await space.start()
      await untilState(space, share, 'active')
      await untilCopied(space, share, 'todo/1', 'milk')
      const there = await replication(space, share)
      assert(JSON.stringify(there).includes(`${space.server.url}/`))
      assertNoCredentials(space)
    },
    QUICK,
  )

  it(
    'that fail after they ran are, too',
    async (space) => {
      const share = space.shareId()
      await space.start()
      await openShare(space, share)
      await put(space, share, 'todo/1', { name: 'milk' })
      await untilCopied(space, share, 'todo/1', 'milk')
      await space.settled()
      await space.stop()
      await space.start({ replicationServer: `http://127.0.0.1:${await freePort()}` })
      await put(space, share, 'todo/1', { name: 'butter' })
      await untilCopied(space, share, 'todo/1', 'butter')
      await space.until('the log says so', () =>
        Promise.resolve(space.lines.some(({ msg }) => msg === 'replication in trouble')),
      )
      const seen = looks(space)
      await space.until('it was looked at for long', () => Promise.resolve(looks(space) > seen + 10))
      await untilState(space, share, 'active')
      await space.stop()
      await space.start()
      await untilState(space, share, 'active')
      assertNoCredentials(space)
    },
    QUICK,
  )
})

onEachServer(
  'leases, with another account of the daemon',
  ({ it }) => {
    it('are all brought up to date at the next start', async (space) => {
      const { server } = space
      const shares = ['one', 'two'].map((name) => space.shareId(name))
      const another = space.shareId('admin')
      const setting = `_node/_local/_config/admins/${another}`
      await space.start()
      for (const share of shares) await openShare(space, share)
      await space.settled()
      await space.stop()
      try {
        const set = await request(server, setting, { method: 'PUT', body: JSON.stringify(ANOTHER_PASSWORD) })
        assert.equal(set.status, 200)
        await space.until('the new admin may log in', async () => {
          const answer = await request(server, '_all_dbs', {}, ANOTHER_PASSWORD, another)
          return answer.ok
        })
        const says = async (user: string, pass: string): Promise<boolean> => {
          const docs = await Promise.all(shares.map((share) => replication(space, share)))
          return docs.every((doc) =>
            [doc?.['source'], doc?.['target']].every(
              (end) =>
                (end as { headers?: { Authorization?: string } } | undefined)?.headers?.Authorization ===
                basic(user, pass),
            ),
          )
        }
        assert(await says(server.user, server.pass))
        await space.start({ admin: { user: another, pass: ANOTHER_PASSWORD } })
        await space.until('the documents are brought up to date', () => says(another, ANOTHER_PASSWORD))
        for (const share of shares) {
          await put(space, share, `todo/${share}`, {
            name: 'milk',
            _attachments: { 'a.txt': { content_type: 'text/plain', data: 'aGVsbG8=' } },
          })
          await untilCopied(space, share, `todo/${share}`, 'milk')
          await untilState(space, share, 'active')
        }
        await space.stop()
        await space.start()
        await space.until('they are brought back', () => says(server.user, server.pass))
        assertNoCredentials(space)
        const text = JSON.stringify(space.lines)
        assert(!text.includes(basic(another, ANOTHER_PASSWORD).slice('Basic '.length)))
      } finally {
        await space.stop()
        await request(server, setting, { method: 'DELETE' })
      }
    })

    it(
      'tell the owner how many copies the share refused, until none is missing',
      async (space) => {
        const share = space.shareId()
        const design = space.shareId('refuse')
        const kept = space.couch.database('skeleton/share')
        const folder = await mkdtemp(join(tmpdir(), 'couch-shares-skeleton-'))
        let daemon: Daemon | null = null
        try {
          await cp(SKELETON, folder, { recursive: true })
          const source = join(folder, 'share', '_design', design)
          await mkdir(source)
          await writeFile(
            join(source, 'validate_doc_update.js'),
            'function refuse(doc) { if (doc.bad) throw { forbidden: "Nothing bad in here." } }',
          )
          daemon = await startWith(space, folder, {})
          await openShare(space, share)
          await put(space, share, 'todo/good', { name: 'good' })
          await put(space, share, 'todo/bad', { name: 'bad', bad: true })
          await untilCopied(space, share, 'todo/good', 'good')
          await untilState(space, share, 'error')
          const error = (await space.user('joe').get(`$share/${share}`))?.['$error'] as Record<string, string>
          assert.equal(error['code'], 'copies_refused')
          assert.match(error['reason'] ?? '', /\b1\b/)
          assert.equal(await space.copy(share, 'todo/bad'), null)
          // A correction heals it, and others were not held up.
          await put(space, share, 'todo/more', { name: 'more' })
          await untilCopied(space, share, 'todo/more', 'more')
          await put(space, share, 'todo/bad', { name: 'better' })
          await untilCopied(space, share, 'todo/bad', 'better')
          await untilState(space, share, 'active')
          assertNoCredentials(space)
        } finally {
          await daemon?.stop()
          await rm(folder, { recursive: true, force: true })
          const there = await kept.get(`_design/${design}`)
          if (there) await kept.put({ _id: there._id, _rev: there._rev, _deleted: true })
        }
      },
      QUICK,
    )
  },
  { kinds: ['couchdb'] },
)

/** A daemon with a skeleton of its own; what it logs goes to the space's lines. */
async function startWith(space: Space, folder: string, settings: Partial<DaemonConfig>): Promise<Daemon> {
  const daemon = new Daemon({
    config: { ...space.config, ...settings },
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
    return daemon
  } catch (error) {
    await daemon.stop()
    throw error
  }
}
