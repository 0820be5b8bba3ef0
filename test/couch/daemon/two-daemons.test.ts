// Two daemons at work on one server at the same time, as on a cluster for a while: nothing that anybody wrote is lost.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import sampleSize from 'lodash/sampleSize.js'
import type { Database } from '../../../src/couch/database.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import { conflictsIn, open, shared, subscribe, withPeople } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

const WRITING_MS = Number(process.env['WRITING_MS'] ?? 8_000)
const OBJECTS = Array.from({ length: 60 }, (_, at) => `object-${at}`)
const AT_ONCE = 5

/** What somebody wrote, and CouchDB took. */
interface Acknowledged {
  object: string
  /** Never written again. */
  value: string
  /** What its author had read, and takes the place of. */
  over: string
}

/** Writes into a few objects at a time, until the time is over. */
async function writeOn(db: Database, who: string, until: number): Promise<Acknowledged[]> {
  const written: Acknowledged[] = []
  for (let count = 0; Date.now() < until;) {
    const read = (await db.fetch(sampleSize(OBJECTS, AT_ONCE))).flatMap(({ doc }) => doc ?? [])
    assert.equal(read.length, AT_ONCE)
    const edits = read.map((doc) => ({ ...doc, value: `${who} ${(count += 1)}` }))
    for (const [at, { ok }] of (await db.bulk(edits)).entries()) {
      const { _id: object = '', value = '' } = edits[at] ?? {}
      // Who comes too late reads again, another time.
      if (ok) written.push({ object, value, over: String(read[at]?.['value']) })
    }
  }
  return written
}

/** Every value that somebody can still read of an object, of deleted leaves too. */
async function readable(places: readonly { db: Database; id: string }[]): Promise<Set<string>> {
  const leaves = await Promise.all(places.map(({ db, id }) => db.leaves([{ id }])))
  return new Set(leaves.flat().map(({ value }) => String(value)))
}

const valuesOf = async (db: Database): Promise<unknown[]> =>
  (await db.fetch(OBJECTS)).map(({ doc }) => doc?.['value'])

async function agree(space: Space, databases: readonly Database[]): Promise<void> {
  await space.until(
    'both have the same values',
    async () => {
      const [first, ...others] = await Promise.all(databases.map(valuesOf))
      return others.every((values) => isDeepStrictEqual(values, first))
    },
    60_000,
  )
}

onEachServer(
  'two daemons that work at the same time',
  ({ it }) => {
    it('lose nothing of what an owner and a writer write into the same objects', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        await space.startAnother()
        const objects = OBJECTS.map((id) => shared(space.shareId(), id, { value: `${id} at first` }))
        const share = await open(space, joe, { write: [ann.name] }, ...objects)
        await subscribe(space, share, [ann])
        for (const id of OBJECTS)
          await space.until(`${id} reaches ann`, async () => (await ann.db.get(id)) !== null)

        const end = Date.now() + WRITING_MS
        const written = (await Promise.all([writeOn(joe.db, 'joe', end), writeOn(ann.db, 'ann', end)])).flat()
        await space.settled(undefined, 60_000)
        await agree(space, [joe.db, ann.db])

        const superseded = new Set(written.map(({ over }) => over))
        const shareDb = space.couch.database(shareDatabase(share))
        const lost: Acknowledged[] = []
        for (const object of OBJECTS) {
          const values = await readable([
            { db: joe.db, id: object },
            { db: ann.db, id: object },
            { db: shareDb, id: copyId(share, object) },
          ])
          lost.push(
            ...written.filter(
              (one) => one.object === object && !superseded.has(one.value) && !values.has(one.value),
            ),
          )
        }
        if (process.env['WRITING_MS']) console.log(`${written.length} writes, ${lost.length} lost`)
        assert.deepEqual(lost, [])
        for (const db of [joe.db, ann.db, shareDb]) assert.deepEqual(await conflictsIn(db), [])
        assert.ok(written.length > OBJECTS.length, `${written.length} writes`)
      }))
  },
  { kinds: ['couchdb'] },
)
