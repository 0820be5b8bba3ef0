// An admin lets CouchDB take less than is stored already: what cannot be stored any more is told, and everything else goes on.
import assert from 'node:assert/strict'
import { withSettings } from '../../support/server-settings.ts'
import { copyBecomes, joeShares, put } from '../../support/story.ts'
import { needs, onEachServer } from '../../support/suites.ts'

/** The daemon's own design documents fit. */
const LIMIT = 60_000

onEachServer(
  'a lowered max_document_size',
  ({ it, server }) => {
    it('keeps out what is larger, and nothing else', async (space) => {
      needs(server().isOurs, 'a server of the tests’ own')
      const { joe, share } = await joeShares(space)
      await put(joe, { _id: 'there', n: 1, $shares: { [share]: true } })
      await copyBecomes(space, share, 'there', { n: 1 })
      await space.stop()
      const text = 'x'.repeat(LIMIT * 1.5)
      // There is no room for `$error` in it either: the log says what is wrong.
      await put(joe, { _id: 'big', text, $shares: { [share]: true } })
      await withSettings(space, { 'couchdb/max_document_size': String(LIMIT) }, async () => {
        await put(joe, { _id: 'small', n: 1, $shares: { [share]: true } })
        await space.start()
        await copyBecomes(space, share, 'small', { n: 1 })
        await space.write(joe, { _id: 'there', n: 2, $shares: { [share]: true } })
        await copyBecomes(space, share, 'there', { n: 2 })
        const isTold = () => space.lines.some(({ doc, code }) => doc === 'big' && code === 'too_large')
        await space.until('the log says it', () => Promise.resolve(isTold()))
        assert.equal(await space.copy(share, 'big'), null)
        // Its author takes something out: it is an object like any other.
        await space.write(joe, { _id: 'big', n: 1, $shares: { [share]: true } })
        await copyBecomes(space, share, 'big', { n: 1 })
        await space.settled()
        assert.deepEqual(
          space.lines.filter(({ msg }) => msg === 'turn failed, tried again'),
          [],
        )
      })
    })
  },
  { kinds: ['couchdb'] },
)
