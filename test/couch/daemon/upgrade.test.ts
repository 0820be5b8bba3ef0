// A program meets the data of an earlier version, and of a newer one.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import without from 'lodash/without.js'
import { CHECKPOINTS, REGISTRY } from '../../../src/documents/names.ts'
import { LAYOUT, LAYOUT_ID } from '../../../src/engine/layout.ts'
import { ops, settingsFor, troubleAt, until, untilReady, withBench } from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { needs, onEachServer } from '../../support/suites.ts'

/** In this a daemon at work claims a share, and sweeps several times. */
const LONG_ENOUGH_MS = 2_000

/** The design document of the registry. */
const VIEWS = '_design/shares'

const registryOf = (space: Space) => space.couch.database(REGISTRY)

/** What the registry says of the layout, as somebody else has left it. */
async function leave(space: Space, version: number): Promise<void> {
  const registry = registryOf(space)
  await registry.create()
  const there = await registry.get(LAYOUT_ID)
  await registry.put({
    ...{ _id: LAYOUT_ID, type: 'layout', version, by: '9.8.7', at: new Date().toISOString() },
    ...(there ? { _rev: there._rev } : {}),
  })
}

const settings = (space: Space): Record<string, string> => ({
  ...settingsFor(space.server),
  USER_DATABASES: `${space.prefix}{id}`,
  MASTER_DATABASES: `x${space.prefix.replaceAll('/', '-')}master`,
})

/** Whoever comes to this server afterwards finds what this version leaves. */
async function withLayout(space: Space, version: number, run: () => Promise<void>): Promise<void> {
  await leave(space, version)
  try {
    await run()
  } finally {
    await leave(space, LAYOUT)
  }
}

onEachServer('the data of another version', ({ it, server }) => {
  it('is left alone where it is a newer one’s, by the daemon and by commands', async (space) => {
    // Whoever else works there would stop.
    needs(server().isOurs, 'a server of the tests’ own')
    await withLayout(space, LAYOUT + 1, () =>
      withBench(async (bench) => {
        const before = await space.couch.allDbs()
        for (const args of [
          [],
          ['check'],
          ['skeleton', 'apply'],
          ['provision', '--all'],
          ['erase', 'x', 'y'],
        ]) {
          const program = await bench.run(settings(space), ...args)
          assert.equal(await program.exit(), EXIT.config, program.all)
          assert.match(
            program.all,
            new RegExp(`couch-shares 9\\.8\\.7 has brought the data on this server to layout ${LAYOUT + 1}`),
          )
        }
        // Who works is noted before.
        assert.deepEqual(without(await space.couch.allDbs(), CHECKPOINTS), without(before, CHECKPOINTS))
      }),
    )
  })

  it('is noted as this one’s at the first start, and a second start writes nothing', async (space) => {
    needs(server().isOurs, 'a server of the tests’ own')
    await withLayout(space, 0, () =>
      withBench(async (bench) => {
        const revisions: (string | undefined)[] = []
        for (let start = 0; start < 2; start += 1) {
          const port = await freePort()
          const program = await bench.run({ ...settings(space), OPS_PORT: String(port) })
          await untilReady(program, port)
          const there = await registryOf(space).get(LAYOUT_ID)
          assert.equal(there?.['version'], LAYOUT)
          revisions.push(there?._rev)
          program.child.kill('SIGTERM')
          assert.equal(await program.exit(), EXIT.ok)
        }
        assert.equal(revisions[0], revisions[1])
      }),
    )
  })

  it('stops a daemon at once where a newer one puts its views there, which stay', async (space) => {
    needs(server().isOurs, 'a server of the tests’ own')
    await withBench(async (bench) => {
      const port = await freePort()
      const program = await bench.run({ ...settings(space), OPS_PORT: String(port) })
      await untilReady(program, port)
      await withLayout(space, LAYOUT + 1, async () => {
        const registry = registryOf(space)
        const there = await registry.get(VIEWS)
        const written = await registry.put({ ...there, _id: VIEWS, of: 'a newer one' })
        await until('it is not ready', async () => (await ops(port, 'readyz')) === 503)
        assert.match((await troubleAt(port, 'readyz')) ?? '', /has brought the data on this server to layout/)
        assert.equal((await registry.get(VIEWS))?._rev, written.ok && written.rev)
        await registry.put({ ...there, _id: VIEWS, _rev: (await registry.get(VIEWS))?._rev ?? '' })
      })
    })
  })

  it('stops a daemon at its next sweep where a newer one begins to work on it', async (space) => {
    needs(server().isOurs, 'a server of the tests’ own')
    await withBench(async (bench) => {
      const port = await freePort()
      const program = await bench.run({
        ...settings(space),
        OPS_PORT: String(port),
        SWEEP_INTERVAL: '500ms',
      })
      await untilReady(program, port)
      await withLayout(space, LAYOUT + 1, async () => {
        await until('it is not ready', async () => (await ops(port, 'readyz')) === 503)
        assert.match((await troubleAt(port, 'readyz')) ?? '', /has brought the data on this server to layout/)
        const joe = space.user('joe')
        await joe.create()
        await space.write(joe, { _id: `$share/${space.shareId('list')}`, type: '$share' })
        await delay(LONG_ENOUGH_MS)
        assert.equal(await registryOf(space).get(`share/${space.shareId('list')}`), null)
      })
    })
  })
})
