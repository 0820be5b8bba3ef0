// Large attachments that take long keep nobody else waiting.
import { randomBytes } from 'node:crypto'
import { attach, storedIn } from '../../support/attaching.ts'
import { GateProxy } from '../../support/gate-proxy.ts'
import { put, becomesActive, copyBecomes, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

/** How many owners are worked on at once. */
const SLOTS = 2

const LARGE = { name: 'a.bin', type: 'application/octet-stream', bytes: randomBytes(1024 * 1024) }

onEachServer(
  'long uploads',
  ({ it }) => {
    it(
      'let another owner’s edit pass, though there are as many as slots',
      async (space) => {
        // An upload is one document alone; everything else goes in bulk.
        const proxy = await GateProxy.start(space.server.url, /^PUT \/[^?]*%2Flarge(\?|$)/)
        try {
          const names = Array.from({ length: SLOTS + 1 }, (_, at) => `user${at}`)
          const users = names.map((name) => ({ name, own: space.user(name), share: space.shareId(name) }))
          for (const { own } of users) await own.create()
          await space.start({ url: proxy.url, replicationServer: space.server.url })
          for (const { name, own, share } of users) {
            await put(own, shareDoc(share))
            await becomesActive(space, name, share)
          }
          const [other, ...busy] = users.reverse()
          if (!other) return
          for (const { own, share } of busy) {
            await put(own, { _id: 'large', n: 1 })
            await attach(space.server, own, 'large', [LARGE])
            await space.write(own, { ...(await own.get('large')), _id: 'large', $shares: { [share]: true } })
          }
          await space.until('all slots have an upload', () => Promise.resolve(proxy.held >= SLOTS))
          await put(other.own, { _id: 'small', n: 1, $shares: { [other.share]: true } })
          await copyBecomes(space, other.share, 'small', { n: 1 })
          await space.write(other.own, { _id: 'small', n: 2, $shares: { [other.share]: true } })
          await copyBecomes(space, other.share, 'small', { n: 2 })

          proxy.open()
          for (const { own, share } of busy) {
            const copy = () => storedIn(space.share(share), copyId(share, 'large'))
            await space.eventually(`the copy in ${share}`, copy, await storedIn(own, 'large'))
          }
        } finally {
          proxy.open()
          await space.stop()
          await proxy.stop()
        }
      },
      { concurrency: SLOTS },
    )
  },
  { kinds: ['couchdb'] },
)
