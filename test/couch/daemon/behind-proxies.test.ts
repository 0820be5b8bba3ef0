// The daemon behind proxies that show CouchDB under a path.
import assert from 'node:assert/strict'
import { Couch } from '../../../src/couch/client.ts'
import { identify, InstallError } from '../../../src/skeletons/install.ts'
import { startPrefixProxy } from './prefix-proxy.ts'
import { onEachServer } from '../../support/suites.ts'

onEachServer('behind a proxy, under a path,', ({ it, kind }) => {
  // The embedded server knows no more of `_up/x` than of a database of that name.
  for (const isDecoding of kind === 'couchdb' ? [false, true] : [false])
    it(`the server ${isDecoding ? 'is refused where slashes in names are decoded on the way' : 'is found'}`, async (space) => {
      await space.start()
      const { url, user, pass } = space.server
      const proxy = await startPrefixProxy(url, { isDecoding })
      const couch = new Couch({ url: proxy.url, user, pass })
      try {
        if (isDecoding)
          await assert.rejects(
            identify(couch),
            (error) =>
              error instanceof InstallError &&
              error.code === 'slashes_decoded' &&
              error.message.includes(proxy.url) &&
              error.message.includes('%2F'),
          )
        else {
          assert.equal((await identify(couch)).isEmbedded, space.server.kind === 'embedded')
          // Names with a slash arrive as they are.
          const name = `${space.prefix}a/b`
          await couch.database(name).create()
          assert.notEqual(await space.couch.database(name).info(), null)
        }
      } finally {
        await couch.close()
        await proxy.stop()
      }
    })
})
