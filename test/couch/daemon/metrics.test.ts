// What a running daemon counts, as Prometheus reads it.
import assert from 'node:assert/strict'
import { settingsFor, untilReady, withBench } from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import { becomesActive, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

onEachServer('what a daemon counts', ({ it }) => {
  it('is there for Prometheus: who works, what is asked of CouchDB, what waits', (space) =>
    withBench(async (bench) => {
      const port = await freePort()
      const program = await bench.run({
        ...settingsFor(space.server),
        ...{ OPS_PORT: String(port), USER_DATABASES: `${space.prefix}{id}` },
      })
      await untilReady(program, port)
      const joe = space.user('joe')
      await joe.create()
      const share = space.shareId()
      await put(joe, shareDoc(share))
      await becomesActive(space, 'joe', share)
      const read = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      // The turn that wrote so may not have ended yet.
      const done = 'couch_shares_turn_duration_seconds_count{part="shares",outcome="done"}'
      await space.until('a turn is counted', async () => (await read()).includes(done))
      const text = await read()
      const value = (sample: string): number =>
        Number(
          text
            .split('\n')
            .find((line) => line.startsWith(`${sample} `))
            ?.split(' ')[1],
        )
      for (const flag of ['ready', 'healthy', 'at_work']) assert.equal(value(`couch_shares_${flag}`), 1, flag)
      assert.ok(value(done) >= 1)
      const answered = 'couch_shares_couchdb_request_duration_seconds_count'
      assert.ok(value(`${answered}{endpoint="bulk_docs",method="POST",status="201"}`) >= 1)
      assert.ok(value('couch_shares_oldest_change_seconds{part="shares"}') >= 0)
      for (const secret of [space.prefix, share, space.server.pass]) assert.ok(!text.includes(secret), secret)
    }))
})
