// Large attachments go as streams wherever they go: no request holds one inside of JSON, and they arrive as they are stored.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { Couch } from '../../../src/couch/client.ts'
import { writeLeaves } from '../../../src/couch/bring-leaves.ts'
import { attach, storedIn, type Piece, type Stored } from '../../support/attaching.ts'
import { RecordingProxy, type Recorded } from '../../support/recording-proxy.ts'
import { joeShares } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

const MEGABYTE = 1024 * 1024
const BINARY = 'application/octet-stream'
/** Documents with small attachments travel together, in base64. */
const MOST_JSON = 6 * MEGABYTE

const LARGE: Piece[] = [
  { name: '2', type: BINARY, bytes: randomBytes(5 * MEGABYTE) },
  { name: 'photo.png', type: 'image/png', bytes: randomBytes(5 * MEGABYTE) },
  { name: 'a/b ä', type: 'text/plain', bytes: Buffer.from('many words '.repeat(MEGABYTE)) },
  {
    name: '1',
    type: 'text/plain',
    bytes: gzipSync(Buffer.from('packed '.repeat(MEGABYTE)), { level: 1 }),
    isPacked: true,
  },
]

onEachServer(
  'large attachments',
  ({ it }) => {
    it('reach the share as they are stored, again when it is made anew, and not with an edit of something else', async (space) => {
      const { joe, share } = await joeShares(space)
      await space.settled()
      await space.stop()
      const proxy = await RecordingProxy.start(space.server.url)
      try {
        await space.write(joe, { _id: 'a', n: 1, $shares: { [share]: true } })
        await attach(space.server, joe, 'a', LARGE)
        const stored = await storedIn(joe, 'a')
        assert.equal(Object.keys(stored).length, LARGE.length)
        const copy = (): Promise<Stored> => storedIn(space.share(share), copyId(share, 'a'))
        await space.start({ url: proxy.url, replicationServer: space.server.url })
        await space.eventually('the copy has them', copy, stored, 60_000)
        await space.settled()
        await space.share(share).drop()
        await space.eventually('the share made anew has them', copy, stored, 60_000)
        assert.deepEqual(await storedIn(space.outbox('joe'), copyId(share, 'a')), stored)
        assert.ok(proxy.largestJson < MOST_JSON, `${proxy.largestJson} bytes of JSON at once`)
        await space.settled()
        proxy.requests.length = 0
        const { _attachments = {} } = (await joe.get('a')) ?? {}
        await space.write(joe, { _id: 'a', n: 2, _attachments, $shares: { [share]: true } })
        await space.until('the edit is there', async () => (await space.copy(share, 'a'))?.['n'] === 2)
        await space.settled()
        const bytes = proxy.requests.reduce((sum, { sent, received }) => sum + sent + received, 0)
        assert.ok(bytes < MEGABYTE, `${bytes} bytes for an edit of what is not attached`)
        const isPushed = ({ what }: Recorded): boolean => what.startsWith(`POST /share%2F${share}/_bulk_docs`)
        assert.ok(proxy.requests.some(isPushed), 'the edit did not wait for the replication')
        assert.deepEqual(await copy(), stored)
        const outages = space.lines.filter(({ msg }) => msg === 'CouchDB does not answer')
        assert.deepEqual(outages, [])
      } finally {
        await space.stop()
        await proxy.stop()
      }
    })

    it('go from one database to another with their revisions', async (space) => {
      const [from, to] = [space.user('from'), space.user('to')]
      for (const database of [from, to]) await database.create()
      for (const id of ['..', 'b']) await space.write(from, { _id: id, n: 1 })
      await attach(space.server, from, 'b', LARGE)
      const small = { f: { content_type: BINARY, data: randomBytes(1000).toString('base64') } }
      await space.write(from, { _id: 'c', n: 1, _attachments: small })
      const proxy = await RecordingProxy.start(space.server.url)
      const { user, pass } = space.server
      const couch = new Couch({ url: proxy.url, user, pass })
      try {
        const ids = ['..', 'b', 'c'].map((id) => ({ id }))
        const refused = await writeLeaves(
          couch.database(from.name),
          couch.database(to.name),
          await from.leaves(ids),
        )
        assert.deepEqual(refused, [])
        assert.deepEqual(
          await to.leaves(ids, { encodings: true }),
          await from.leaves(ids, { encodings: true }),
        )
        assert.ok(proxy.largestJson < MOST_JSON, `${proxy.largestJson} bytes of JSON at once`)
      } finally {
        await couch.close()
        await proxy.stop()
      }
    })
  },
  { kinds: ['couchdb'] },
)
