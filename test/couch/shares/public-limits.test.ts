// Nobody gets past what everybody may write into a share by pushing it at once, at the first page, or together.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Doc, StoredDoc, Written } from '../../../src/couch/document.ts'
import { open, shared, standingOf, subscribe, withPeople, type Person } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

/** Changes a minute. */
const LIMIT = 12
const LIMITS = { mostObjects: 1_000, mostBytes: 2_000, mostChanges: 1_000 }

/** One request of a guest's, who has no account; on the embedded server the admin's, whom nothing is refused to. */
async function pushAll(space: Space, id: string, docs: Doc[], newEdits = true): Promise<Written[]> {
  const { kind, url } = space.server
  if (kind === 'embedded') return space.share(id).bulk(docs, { newEdits })
  const push = (): Promise<Response> =>
    fetch(`${url}/${encodeURIComponent(space.share(id).name)}/_bulk_docs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ docs, new_edits: newEdits }),
    })
  let answer = await push()
  // CouchDB gives up thousands of leaves where it has too much else to do; a replicator pushes the same once more.
  for (let tries = 1; answer.status === 500 && !newEdits && tries < 5; tries += 1) answer = await push()
  assert(answer.ok, `${answer.status} ${await answer.clone().text()}`)
  const rows = (await answer.json()) as { id: string; rev?: string; error?: string; reason?: string }[]
  return rows.map(({ id: doc, rev = '', error, reason = '' }) =>
    error === undefined ? { id: doc, ok: true, rev } : { id: doc, ok: false, error, reason },
  )
}

const objectsOf = (id: string, guest: string, count: number): Doc[] =>
  Array.from({ length: count }, (_, n) => ({ _id: copyId(id, `${guest}/${n}`), name: `${guest} ${n}` }))

/** How many objects guests have brought. */
const brought = async ({ db }: Person): Promise<number> =>
  (await db.range({ startKey: 'guest', endKey: 'guest~' })).length

/** A guest brings an object, `guest/0`. @returns its copy, when all has come to rest */
async function bringOne(space: Space, owner: Person, id: string): Promise<StoredDoc> {
  await pushAll(space, id, objectsOf(id, 'guest', 1))
  await space.until('it comes', async () => (await brought(owner)) === 1)
  await space.settled()
  const [there] = await space.share(id).leaves([{ id: copyId(id, 'guest/0') }])
  assert(there)
  return there
}

/** So many leaves over one revision, each with what it says. */
const leavesOver = (
  { _id, _revisions }: Pick<StoredDoc, '_id' | '_revisions'>,
  contents: readonly object[],
): StoredDoc[] => {
  const { start, ids } = _revisions ?? { start: 0, ids: [] }
  return contents.map((content, n) => {
    const hash = createHash('md5').update(`${_id} ${n}`).digest('hex')
    return {
      ...content,
      ...{ _id, _rev: `${start + 1}-${hash}`, _revisions: { start: start + 1, ids: [hash, ...ids] } },
    }
  })
}

interface Compressed {
  bytes: Buffer
  /** What it is said to have. */
  length: number
}

const gzipped = (content: string | Buffer, length: number): Compressed => ({
  bytes: gzipSync(content),
  length,
})

/** A guest pushes a document with compressed attachments, as a replicator does. */
async function pushCompressed(space: Space, _id: string, files: Record<string, Compressed>): Promise<void> {
  const _attachments = Object.fromEntries(
    Object.entries(files).map(([name, { bytes, length }]) => [
      name,
      {
        ...{ follows: true, content_type: 'text/plain', encoding: 'gzip', revpos: 1 },
        ...{ length, encoded_length: bytes.length },
      },
    ]),
  )
  const rev = createHash('md5').update(_id).digest('hex')
  const doc = { _id, _rev: `1-${rev}`, _revisions: { start: 1, ids: [rev] }, _attachments }
  const body = Buffer.concat([
    Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(doc)}`),
    ...Object.entries(files).flatMap(([name, { bytes }]) => [
      Buffer.from(
        `\r\n--b\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Type: text/plain\r\n` +
          `Content-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      ),
      bytes,
    ]),
    Buffer.from('\r\n--b--'),
  ])
  const db = _id.split('/').slice(0, 2).join('/')
  const url = `${space.server.url}/${encodeURIComponent(db)}/${encodeURIComponent(_id)}?new_edits=false`
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'multipart/related; boundary="b"' },
    body,
  })
  assert(answer.ok, `${answer.status} ${await answer.text()}`)
}

/** Timers of this process, the daemon among them: as few as there are at any moment of a while. */
async function timersAtRest(): Promise<number> {
  let least = Infinity
  for (let look = 0; look < 40; look += 1) {
    least = Math.min(least, process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length)
    await delay(10)
  }
  return least
}

onEachServer('the limits of a public share', ({ it, kind }) => {
  // Each server tells the daemon of an event alike.
  if (kind === 'embedded')
    it(
      'bring its owner back once, however many writes wait',
      (space) =>
        withPeople(space, ['joe'] as const, async ({ joe }) => {
          await space.start()
          const id = await open(space, joe, true)
          await pushAll(space, id, objectsOf(id, 'guest', 3))
          await space.until('the first ones come', async () => (await brought(joe)) > 0)
          await space.settled()
          const before = await timersAtRest()
          for (let n = 0; n < 12; n += 1) {
            const { turns } = space.daemon
            await pushAll(space, id, objectsOf(id, `guest-${n}`, 1))
            await space.until('the owner is looked at', () => Promise.resolve(space.daemon.turns > turns))
          }
          const more = (await timersAtRest()) - before
          assert(more < 6, `${more} timers more than before`)
        }),
      { publicLimits: { ...LIMITS, mostChanges: 1 } },
    )

  it(
    'hold for what two guests push at once, and for the first page',
    (space) =>
      withPeople(space, ['joe'] as const, async ({ joe }) => {
        await space.start()
        const id = await open(space, joe, true)
        const pushBoth = async (round: string): Promise<void> => {
          const guests = ['one', 'two'].map((name) => objectsOf(id, `guest-${round}-${name}`, 40))
          for (const rows of await Promise.all(guests.map((docs) => pushAll(space, id, docs))))
            assert(
              rows.every(({ ok }) => ok),
              JSON.stringify(rows),
            )
        }
        const startedAt = Date.now()
        await pushBoth('a')
        /** A daemon that was started anew has forgotten what it took. */
        const comes = (count: number, starts: number): Promise<void> =>
          space.until(
            `${count} objects have come`,
            async () => {
              const found = await brought(joe)
              const most = LIMIT * (starts + (Date.now() - startedAt) / 60_000)
              assert(found <= most, `${found} objects, where ${most} may have come`)
              return found >= count
            },
            60_000,
          )
        await comes(LIMIT + 2, 1)
        await space.stop()
        await pushBoth('b')
        const mark = `${space.share(id).name} ${joe.db.name}`
        await space.write(space.couch.database('shares/checkpoints'), { _id: mark, _deleted: true })
        await space.start()
        await comes(2 * LIMIT + 2, 2)
      }),
    { publicLimits: { ...LIMITS, mostChanges: LIMIT } },
  )

  it(
    'hold for objects that two guests push at once',
    (space) =>
      withPeople(space, ['joe'] as const, async ({ joe }) => {
        await space.start()
        const id = await open(space, joe, true)
        await Promise.all(
          ['guest-one', 'guest-two'].map((name) => pushAll(space, id, objectsOf(id, name, 20))),
        )
        const live = async (): Promise<number> =>
          (await space.share(id).range({ startKey: copyId(id, ''), endKey: `share/${id}0` })).length
        await space.until('what is too many is taken out', async () => (await live()) === 3)
        await space.settled()
        assert.equal(await brought(joe), 3)
        const share = await joe.db.get(`$share/${id}`)
        assert(share)
        const said = standingOf(share)
        assert.equal(Object.keys(said.rejected ?? {}).length, 37)
        assert.deepEqual([...new Set(Object.values(said.rejected ?? {}))], ['too_many_in_share'])
      }),
    { publicLimits: { ...LIMITS, mostObjects: 3 } },
  )

  // On the embedded server guests are its admin.
  if (kind === 'couchdb')
    it(
      'hold for the bytes of each document that guests push at once',
      (space) =>
        withPeople(space, ['joe'] as const, async ({ joe }) => {
          await space.start()
          const id = await open(space, joe, true)
          for (const isNew of [true, false]) {
            const docs = ['guest-one', 'guest-two'].map((name) =>
              objectsOf(id, `${name}-${isNew}`, 4).map((doc, n) => ({
                ...doc,
                ...(isNew ? {} : { _rev: `1-${'a'.repeat(32)}` }),
                ...(n % 2 === 0 ? {} : { text: 'x'.repeat(LIMITS.mostBytes) }),
              })),
            )
            const rows = (await Promise.all(docs.map((some) => pushAll(space, id, some, isNew)))).flat()
            const refused = rows.filter(({ ok }) => !ok)
            assert.equal(refused.length, 4, JSON.stringify(rows))
            assert(refused.every((row) => !row.ok && row.error === 'forbidden'))
          }
          await space.until('the small ones come', async () => (await brought(joe)) === 8)
        }),
      { publicLimits: LIMITS },
    )

  // The embedded server does not take compressed attachments as they are.
  if (kind === 'couchdb')
    it(
      'hold for an attachment that says less than it has',
      (space) =>
        withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
          await space.start()
          const id = await open(space, joe, true)
          await subscribe(space, id, [ann])
          const honest = { 'honest.txt': gzipped('x'.repeat(1_000), 1_000) }
          for (const [n, files] of [
            honest,
            { ...honest, forged: gzipped(randomBytes(50_000), 10) },
          ].entries())
            await pushCompressed(space, copyId(id, `guest/${n}`), files)
          for (const person of [joe, ann])
            for (const n of [0, 1])
              await space.until('it comes, without what is forged', async () => {
                const doc = await person.db.get(`guest/${n}`)
                return Object.keys(doc?._attachments ?? {}).join() === 'honest.txt'
              })
          const home = space.share(id)
          await space.until('it is taken out of the share', async () => {
            const copy = await home.get(copyId(id, 'guest/1'))
            return Object.keys(copy?._attachments ?? {}).join() === 'honest.txt'
          })
          await space.until('its owner is told', async () => {
            const share = await joe.db.get(`$share/${id}`)
            return share !== null && standingOf(share).rejected?.['guest/1'] === 'forged_attachment'
          })
          const names = (await joe.db.leaves([{ id: 'guest/1' }])).flatMap(({ _attachments = {} }) =>
            Object.keys(_attachments),
          )
          assert(!names.includes('forged'))
        }),
      { publicLimits: LIMITS },
    )

  it(
    'hold for the bytes of an object of which guests push many leaves',
    (space) =>
      withPeople(space, ['joe'] as const, async ({ joe }) => {
        await space.start()
        const id = await open(space, joe, true)
        const there = await bringOne(space, joe, id)
        const home = space.share(id)
        const text = 'x'.repeat(LIMITS.mostBytes / 2)
        const contents = Array.from({ length: 10 }, (_, n) => ({ name: `one ${n}`, [`text${n}`]: text }))
        await pushAll(space, id, leavesOver(there, contents), false)
        await space.until('it is one again', async () => {
          const copy = await home.get(there._id, { conflicts: true })
          return copy?._conflicts === undefined && Object.keys(copy ?? {}).length > 3
        })
        await space.settled()
        for (const doc of [await home.get(there._id), await joe.db.get('guest/0')])
          assert(Buffer.byteLength(JSON.stringify(doc)) < LIMITS.mostBytes, JSON.stringify(doc))
      }),
    { publicLimits: LIMITS },
  )

  // The embedded server takes minutes to store them.
  if (kind === 'couchdb')
    it(
      'hold for thousands of leaves of one document, and keep nobody else waiting',
      (space) =>
        withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
          await space.start()
          const id = await open(space, joe, true)
          const own = space.shareId('own')
          await put(joe.db, shareDoc(own, { access: { read: [ann.name] } }))
          await becomesActive(space, joe.hash, own)
          await subscribe(space, own, [ann])
          const there = await bringOne(space, joe, id)
          const home = space.share(id)
          const contents = Array.from({ length: 4_000 }, (_, n) => ({ name: `value ${n}` }))
          const leaves = leavesOver(there, contents)
          for (let at = 0; at < leaves.length; at += 500) {
            await pushAll(space, id, leaves.slice(at, at + 500), false)
            // In another share of the same owner's, work goes on.
            await space.write(joe.db, shared(own, `own/${at}`, { at }))
          }
          await space.until(
            'what is shared meanwhile arrives',
            async () => {
              const rows = await ann.db.range({ startKey: 'own/', endKey: 'own0' })
              return rows.length === leaves.length / 500
            },
            120_000,
          )
          await space.until(
            'one leaf is left',
            async () =>
              (await home.get(there._id, { conflicts: true }))?._conflicts === undefined &&
              (await joe.db.get('guest/0'))?.['name'] !== there['name'],
            120_000,
          )
          await space.settled()
          const said = await joe.db.get(`$share/${id}`)
          assert(said)
          assert.deepEqual(standingOf(said).rejected, { 'guest/0': 'too_many_leaves' })
        }),
      { publicLimits: LIMITS },
    )
})
