// A server that takes requests and answers none. A daemon that has nothing to do notices it as soon as one that works.
import assert from 'node:assert/strict'
import { ADMIN, settingsFor, troubleAt, until, untilReady, withBench } from '../../support/program.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { freePort } from '../../support/servers.ts'

/** What docs/operating.md promises, and time for a machine that is busy. */
const NOTICED_MS = 20_000

describe('a server that answers nothing any more', () => {
  it('is noticed by a daemon that is at rest', () =>
    withBench(async (bench) => {
      const couch = await bench.embedded(await freePort(), await bench.folder())
      const proxy = await FaultProxy.start(couch.url)
      bench.release(() => proxy.refuse())
      const port = await freePort()
      const settings = settingsFor({ url: proxy.url, ...ADMIN })
      const program = await bench.run({ ...settings, OPS_PORT: String(port) })
      await untilReady(program, port)
      proxy.blackHole()
      await until('it is not ready', async () => (await troubleAt(port, 'readyz')) !== null, NOTICED_MS)
      assert.equal(await troubleAt(port, 'readyz'), 'CouchDB does not answer')
      assert.equal(await troubleAt(port, 'healthz'), null)
      const said = program.lines.filter(({ level }) => level !== 'info').map(({ msg }) => msg)
      assert.deepEqual(said, ['CouchDB does not answer'])
    }))
})
