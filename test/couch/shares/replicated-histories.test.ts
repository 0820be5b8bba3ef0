// Why the daemon carries what users change, and no replication does: what CouchDB's validation functions see of histories.
import assert from 'node:assert/strict'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

/** Nobody changes a document that is held back, as the master's own validation function would say it. */
const GUARD = `function (newDoc, oldDoc) {
  if (oldDoc && oldDoc.user_access === false) throw { forbidden: 'held back' }
}`

const ID = 'number:1@a.example'

onEachServer(
  'a replication from a personal database to a master',
  ({ it }) => {
    it('overwrites a document that is held back, past a validation function that forbids it', async (space) => {
      const { couch, prefix, server } = space
      const [master, personal] = [couch.database(`${prefix}master`), couch.database(`${prefix}personal`)]
      await master.create()
      await personal.create()
      await master.bulk([
        { _id: '_design/guard', validate_doc_update: GUARD },
        { _id: ID, user_access: false, secret: 'the master’s' },
      ])
      const there = await master.get(ID)
      const refused = await master.put({ ...there, _id: ID, secret: 'changed' })
      assert.equal(refused.ok, false, 'Expected the function to refuse an ordinary change')

      // As PouchDB pushes, with a history that begins elsewhere and is longer than the master's.
      const ids = ['c', 'b', 'a'].map((letter) => letter.repeat(32))
      await personal.bulk(
        [
          {
            _id: ID,
            _rev: `3-${ids[0]}`,
            _revisions: { start: 3, ids },
            updated_by: 'mallory',
            secret: 'mine',
          },
        ],
        { newEdits: false },
      )
      const authorization = basic(server.user, server.pass)
      const end = (name: string): object => ({
        url: `${server.url}/${encodeURIComponent(name)}`,
        headers: { Authorization: authorization },
      })
      await couch.request({
        method: 'POST',
        path: ['_replicate'],
        body: { source: end(personal.name), target: end(master.name), selector: { updated_by: 'mallory' } },
      })
      assert.equal((await master.get(ID))?.['secret'], 'mine')
    })
  },
  { kinds: ['couchdb'] },
)
