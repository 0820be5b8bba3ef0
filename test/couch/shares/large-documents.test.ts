// Documents at the limits of what CouchDB takes, and of what anybody would do: as large as may be, with a thousand attachments, in many shares, with a
// thousand conflicts. Each arrives, nothing fails on the way, and then nothing is written any more.
import assert from 'node:assert/strict'
import range from 'lodash/range.js'
import { isFault } from '../../../src/couch/fault.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { becomes, edit, open, read, received, shared, subscribe, withPeople } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

/** In how many shares one object is; MANY_SHARES=1000 takes minutes. */
const SHARES = Number(process.env['MANY_SHARES'] ?? 20)
/** The embedded server would take a minute for so many. */
const MANY = 1_000
const PATIENCE_MS = 120_000 + SHARES * 1_000

/** What the log says of what it could not do at once. */
const FAILED = [
  'turn failed, tried again',
  'document set aside',
  'tried again later',
  'sweep failed, tried again',
]

/** Nothing went wrong on the way, and when all is done nothing is written any more. */
async function isAtRest(space: Space, databases: readonly Database[]): Promise<void> {
  await space.settled(undefined, PATIENCE_MS)
  const sequences = (): Promise<unknown[]> =>
    Promise.all(databases.map(async (database) => (await database.info())?.update_seq))
  const before = await sequences()
  await space.stop()
  await space.start()
  await space.settled(undefined, PATIENCE_MS)
  assert.deepEqual(await sequences(), before)
  const failed = space.lines.filter(({ msg }) => FAILED.includes(String(msg)))
  assert.deepEqual(failed, [])
}

/** The largest body of a document that CouchDB takes where nobody says otherwise: `[couchdb] max_document_size`. */
const LIMIT = 8_000_000

/** A document whose body, without `_id` and `_rev`, has so many bytes as JSON. */
function ofBytes(bytes: number, doc: Doc): Doc {
  const { _id, ...content } = doc
  const rest = Buffer.byteLength(JSON.stringify({ ...content, text: '' }))
  return { _id, ...content, text: 'x'.repeat(bytes - rest) }
}

onEachServer(
  'large documents',
  ({ it }) => {
    it(`with ${MANY} conflicts show the winner, keep what gave way, and come to rest`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const share = await open(space, joe, { read: [ann.name] })
        await subscribe(space, share, [ann])
        const leaves = range(MANY).map((number) => ({
          ...shared(share, 'note', { n: number }),
          _rev: `1-${number.toString(16).padStart(32, '0')}`,
        }))
        await joe.db.bulk(leaves, { newEdits: false })
        await becomes(space, ann.db, 'note', received(share, { n: MANY - 1 }))
        const conflicts = async (): Promise<number> =>
          (await joe.db.get('note', { conflicts: true }))?._conflicts?.length ?? 0
        assert.equal(await conflicts(), MANY - 1)
        await isAtRest(space, [joe.db, ann.db, space.share(share)])
        assert.equal(await conflicts(), MANY - 1)
        assert.deepEqual(await read(ann.db, 'note'), received(share, { n: MANY - 1 }))
      }))

    it(`with ${MANY} attachments arrive, and are edited on both sides`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const share = await open(space, joe, { write: [ann.name] })
        await subscribe(space, share, [ann])
        const _attachments = Object.fromEntries(
          range(MANY).map((number) => [
            `page-${number}.txt`,
            { content_type: 'text/plain', data: Buffer.from(`page ${number}`).toString('base64') },
          ]),
        )
        await put(joe.db, { ...shared(share, 'book', { name: 'Book' }), _attachments })
        const pagesOf = async (database: Database): Promise<string[]> =>
          Object.entries((await database.get('book'))?._attachments ?? {})
            .map(([name, { digest = '' }]) => `${name} ${digest}`)
            .sort()
        const pages = await pagesOf(joe.db)
        assert.equal(pages.length, MANY)
        await space.eventually('all pages', () => pagesOf(ann.db), pages, PATIENCE_MS)
        const named = async (database: Database): Promise<unknown> => (await database.get('book'))?.['name']
        await edit(space, joe.db, 'book', { name: 'Tome' })
        await space.eventually('his edit', () => named(ann.db), 'Tome', PATIENCE_MS)
        await edit(space, ann.db, 'book', { author: 'Ann' })
        const authored = async (): Promise<unknown> => (await joe.db.get('book'))?.['author']
        await space.eventually('her edit', authored, 'Ann', PATIENCE_MS)
        for (const { db } of [joe, ann]) assert.deepEqual(await pagesOf(db), pages)
        await isAtRest(space, [joe.db, ann.db, space.share(share)])
      }))

    it(`in ${SHARES} shares are in each of them, and leave each of them`, (space) =>
      withPeople(space, ['joe'], async ({ joe }) => {
        await space.start()
        const shares = range(SHARES).map((number) => space.shareId(`s${number}`))
        await put(joe.db, ...shares.map((share) => shareDoc(share)))
        for (const share of shares) await becomesActive(space, joe.hash, share)
        const isInAll = async (expected: unknown): Promise<void> => {
          for (const share of shares)
            await space.eventually(`in ${share}`, () => space.copy(share, 'milk'), expected, PATIENCE_MS)
        }
        const all = Object.fromEntries(shares.map((share) => [share, true]))
        await put(joe.db, { _id: 'milk', name: 'Milk', $shares: all })
        await isInAll({ name: 'Milk' })
        await edit(space, joe.db, 'milk', { name: 'Oats' })
        await isInAll({ name: 'Oats' })
        await edit(space, joe.db, 'milk', { $shares: undefined })
        await isInAll(null)
        await isAtRest(space, [joe.db, ...shares.map((share) => space.share(share))])
      }))

    it('as large as the server takes arrive, and are edited on both sides', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const share = await open(space, joe, { write: [ann.name] })
        await subscribe(space, share, [ann])
        const doc = shared(share, 'huge', { n: 1, by: 'joe' })
        await assert.rejects(joe.db.bulk([ofBytes(LIMIT + 1, doc)]), (error) => isFault(error, 'too_large'))
        const huge = ofBytes(LIMIT, doc)
        await put(joe.db, huge)
        const summary = async (database: Database): Promise<unknown> => {
          const { n, by, text } = (await read(database, 'huge')) ?? {}
          return [n, by, typeof text === 'string' ? text.length : null]
        }
        const { length } = String(huge['text'])
        await space.eventually('it arrives', () => summary(ann.db), [1, 'joe', length], PATIENCE_MS)
        await edit(space, ann.db, 'huge', { by: 'ann' })
        await space.eventually('her edit', () => summary(joe.db), [1, 'ann', length], PATIENCE_MS)
        await edit(space, joe.db, 'huge', { n: 2 })
        await space.eventually('his edit', () => summary(ann.db), [2, 'ann', length], PATIENCE_MS)
        await isAtRest(space, [joe.db, ann.db, space.share(share)])
      }))
  },
  { kinds: ['couchdb'] },
)
