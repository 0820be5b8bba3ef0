// Databases that are listened to because their users write into them: what the daemon writes there makes nobody one of those.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import { HotFeeds } from '../../../src/engine/hot-feeds.ts'

/** A database that says when it is listened to, from where, and for how long; a change comes when it is told to. */
function listened() {
  const asked: { since: unknown; ms: number; change: (hasChanged: boolean) => void }[] = []
  const database = {
    waitForChange: (since: unknown, ms: number) =>
      new Promise<boolean>((change) => void asked.push({ since, ms, change })),
  } as unknown as Database
  return { asked, database }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('engine/hot-feeds', () => {
  it('goes on with what it listens to, once for each change, and begins nothing for it', async () => {
    const { asked, database } = listened()
    const changed: string[] = []
    const feeds = new HotFeeds({ onChange: (owner) => changed.push(owner) })
    feeds.goOn('ann', database, '0')
    assert.equal(asked.length, 0)
    feeds.keep('ann', database, '1')
    feeds.goOn('ann', database, '2')
    assert.deepEqual(
      asked.map(({ since }) => since),
      ['1'],
    )
    asked[0]?.change(true)
    await settled()
    assert.deepEqual(changed, ['ann'])
    feeds.goOn('ann', database, '3')
    assert.deepEqual([asked[1]?.since, (asked[1]?.ms ?? 0) <= (asked[0]?.ms ?? 0)], ['3', true])
    feeds.stop()
  })

  it('forgets what was silent', async () => {
    const { asked, database } = listened()
    const feeds = new HotFeeds({ onChange: () => assert.fail('Expected no change') })
    feeds.keep('ann', database, '1')
    asked[0]?.change(false)
    await settled()
    feeds.goOn('ann', database, '1')
    assert.equal(asked.length, 1)
    feeds.stop()
  })
})
