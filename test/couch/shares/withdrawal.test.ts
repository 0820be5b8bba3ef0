// Un-shared means unreadable: what was taken back from a share is really removed there, in every way that CouchDB has.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import type { Space } from '../../support/space.ts'
import { type Content, put, joeShares } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

/** What is taken back: in the body, and in an attachment. */
const SECRET = 'S3CRET-what-was-taken-back'
const ATTACHMENT = 'secret.txt'
const ATTACHED = {
  [ATTACHMENT]: { content_type: 'text/plain', data: Buffer.from(SECRET).toString('base64') },
}

/** Waits until a copy, its attachments by name, is as expected; null for none. */
async function copyBecomes(
  space: Space,
  share: string,
  object: string,
  expected: Content | null,
): Promise<void> {
  let seen: Content | null = null
  const look = async () => {
    const copy = await space.copy(share, object)
    const { _attachments, ...content } = copy ?? {}
    seen = copy && { ...content, ...(_attachments ? { attached: Object.keys(_attachments) } : {}) }
    return isDeepStrictEqual(seen, expected)
  }
  await space.until(`the copy of ${object} is right`, look).catch(() => {
    assert.deepEqual(seen, expected, `copy of ${object} in ${share}`)
  })
}

/** A request as a client sends it: what it answers, as text. */
async function ask(space: Space, method: string, path: string, body?: unknown): Promise<[number, string]> {
  const { url, user, pass } = space.server
  const answer = await fetch(`${url}/${path}`, {
    method,
    headers: {
      authorization: basic(user, pass),
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return [answer.status, await answer.text()]
}

const pathOf = (...names: string[]): string => names.map(encodeURIComponent).join('/')

const winner = async (database: Database, id: string): Promise<string> => {
  const [row] = await database.fetch([id], { includeDocs: false })
  assert.ok(row?.rev, `${id} is in ${database.name}`)
  return row.rev
}

/** In which ways a revision of a copy can be had from the share, whatever it says. */
async function waysToRead(space: Space, share: string, object: string, rev: string): Promise<string[]> {
  const id = `share/${share}/${object}`
  const [db, doc] = [`share/${share}`, pathOf(`share/${share}`, id)]
  const query = new URLSearchParams({ open_revs: JSON.stringify([rev]), attachments: 'true' }).toString()
  const ways: string[] = []
  const [byRev] = await ask(space, 'GET', `${doc}?rev=${rev}`)
  if (byRev === 200) ways.push('?rev=')
  const [, open] = await ask(space, 'GET', `${doc}?${query}`)
  if (open.includes('"ok"')) ways.push('open_revs')
  const [, bulk] = await ask(space, 'POST', `${pathOf(db)}/_bulk_get?attachments=true`, {
    docs: [{ id, rev }],
  })
  if (bulk.includes('"ok"')) ways.push('_bulk_get')
  const [attachment] = await ask(space, 'GET', `${pathOf(db, id, ATTACHMENT)}?rev=${rev}`)
  if (attachment === 200) ways.push('attachment')
  return ways
}

/** Everything that a member gets to see of a copy by asking for it without a revision. */
async function allThatIsThere(space: Space, share: string, object: string): Promise<string> {
  const id = `share/${share}/${object}`
  const db = pathOf(`share/${share}`)
  const answers = [
    await ask(space, 'GET', `${db}/${pathOf(id)}?revs=true&conflicts=true&deleted_conflicts=true`),
    await ask(space, 'GET', `${db}/${pathOf(id)}?open_revs=all&attachments=true&revs=true`),
    await ask(space, 'POST', `${db}/_bulk_get?attachments=true&revs=true`, { docs: [{ id }] }),
    await ask(
      space,
      'GET',
      `${db}/_changes?include_docs=true&style=all_docs&conflicts=true&attachments=true`,
    ),
    await ask(space, 'GET', `${db}/${pathOf(id, ATTACHMENT)}`),
  ]
  return answers.map(([, text]) => text.replaceAll(Buffer.from(SECRET).toString('base64'), SECRET)).join('\n')
}

/** The only leaf of a copy, or its tombstone, with the revisions before it. */
async function onlyLeaf(space: Space, share: string, object: string) {
  const leaves = await space.share(share).leaves([{ id: `share/${share}/${object}` }])
  assert.equal(leaves.length, 1, `leaves of ${object}`)
  const [leaf] = leaves
  assert.ok(leaf?._revisions)
  return { rev: leaf._rev, deleted: leaf._deleted === true, revisions: leaf._revisions }
}

/** Old revisions are gone; what is left is one leaf with its whole history. */
async function assertWithdrawn(
  space: Space,
  share: string,
  object: string,
  old: readonly string[],
  { deleted }: { deleted: boolean },
): Promise<void> {
  for (const rev of old) assert.deepEqual(await waysToRead(space, share, object, rev), [], `${object} ${rev}`)
  assert.ok(!(await allThatIsThere(space, share, object)).includes(SECRET), `secret of ${object}`)
  const leaf = await onlyLeaf(space, share, object)
  assert.equal(leaf.deleted, deleted)
  assert.equal(leaf.revisions.ids.length, leaf.revisions.start, 'the whole history is there')
  const history = leaf.revisions.ids.map((hash, age) => `${leaf.revisions.start - age}-${hash}`)
  for (const rev of old) assert.ok(history.includes(rev), `${rev} is in the history of ${leaf.rev}`)
}

/** A client that replicates the share into a database of its own, once. */
async function replicate(space: Space, share: string): Promise<Database> {
  const client = space.couch.database(`${space.prefix}client/of-${share}`)
  await client.create()
  const { url, user, pass } = space.server
  const end = (db: string) => ({
    url: `${url}/${encodeURIComponent(db)}`,
    headers: { Authorization: basic(user, pass) },
  })
  const [status, text] = await ask(space, 'POST', '_replicate', {
    source: end(`share/${share}`),
    target: end(client.name),
  })
  assert.equal(status, 200, text)
  return client
}

async function instanceOf(database: Database): Promise<string | undefined> {
  return (await database.info())?.instance_start_time
}

type Ending = { words: (share: string) => Content | null; copy: Content | null }

const ENDINGS: Record<string, Ending> = {
  'is narrowed': { words: (share) => ({ $shares: { [share]: ['n'] } }), copy: { n: 9 } },
  'shows only that it exists': { words: (share) => ({ $shares: { [share]: [] } }), copy: {} },
  'is un-shared by `false`': { words: (share) => ({ $shares: { [share]: false } }), copy: null },
  'lost its key': { words: () => ({ $shares: {} }), copy: null },
  'lost its `$shares`': { words: () => ({}), copy: null },
  'got an invalid value': { words: (share) => ({ $shares: { [share]: 3 } }), copy: null },
  'was deleted': { words: () => null, copy: null },
}

onEachServer('what was taken back', ({ it, kind }) => {
  for (const [what, { words, copy }] of Object.entries(ENDINGS))
    it(`cannot be read any more where an object ${what}`, async (space) => {
      const { joe, share } = await joeShares(space)
      const id = `share/${share}/a`
      const old: string[] = []
      for (const n of [1, 2, 3]) {
        const wide = { n, secret: SECRET, _attachments: ATTACHED, $shares: { [share]: true } }
        await space.write(joe, { _id: 'a', ...wide })
        await copyBecomes(space, share, 'a', { n, secret: SECRET, attached: [ATTACHMENT] })
        old.push(await winner(space.share(share), id))
      }
      for (const rev of old.slice(-1))
        assert.deepEqual(await waysToRead(space, share, 'a', rev), [
          '?rev=',
          'open_revs',
          '_bulk_get',
          'attachment',
        ])
      await replicate(space, share)

      const said = words(share)
      await space.write(
        joe,
        said === null ? { _id: 'a', _deleted: true } : { _id: 'a', n: 9, secret: SECRET, ...said },
      )
      await copyBecomes(space, share, 'a', copy)
      await space.settled()
      await assertWithdrawn(space, share, 'a', old, { deleted: copy === null })
      assert.deepEqual(await space.copy(share, 'a'), copy)

      const client = await replicate(space, share)
      const theirs = await client.leaves([{ id }])
      assert.equal(theirs.length, 1, 'no conflict at the client')
      assert.equal(theirs[0]?._rev, (await onlyLeaf(space, share, 'a')).rev)
      const kept = await client.get(id)
      assert.equal(kept === null, copy === null)
      if (kept) assert.ok(!JSON.stringify(kept).includes(SECRET))

      // Shared again, it is there again.
      await space.write(joe, { _id: 'a', n: 10, $shares: { [share]: true } })
      await copyBecomes(space, share, 'a', { n: 10 })
      await space.settled()
      await assertWithdrawn(space, share, 'a', old, { deleted: false })
      const later = await replicate(space, share)
      assert.equal((await later.get(id))?.['n'], 10)
    })

  it('is only an attachment where `_attachments` left the list', async (space) => {
    const { joe, share } = await joeShares(space)
    const doc = { _id: 'a', n: 1, _attachments: ATTACHED }
    await space.write(joe, { ...doc, $shares: { [share]: ['n', '_attachments'] } })
    await copyBecomes(space, share, 'a', { n: 1, attached: [ATTACHMENT] })
    const old = await winner(space.share(share), `share/${share}/a`)
    await space.write(joe, { ...doc, $shares: { [share]: ['n'] } })
    await copyBecomes(space, share, 'a', { n: 1 })
    await space.settled()
    await assertWithdrawn(space, share, 'a', [old], { deleted: false })
  })

  it('stays readable in other copies and in an ordinary edit', async (space) => {
    const { joe, share } = await joeShares(space)
    const wide = (n: number): Content => ({ n, secret: SECRET, $shares: { [share]: true } })
    await put(joe, { _id: 'a', ...wide(1) }, { _id: 'b', ...wide(1) })
    await copyBecomes(space, share, 'a', { n: 1, secret: SECRET })
    await copyBecomes(space, share, 'b', { n: 1, secret: SECRET })
    const before = await instanceOf(space.share(share))
    await space.write(joe, { _id: 'a', ...wide(2) })
    await copyBecomes(space, share, 'a', { n: 2, secret: SECRET })
    await space.settled()
    assert.equal(await instanceOf(space.share(share)), before, 'an edit makes no share anew')
    await space.write(joe, { _id: 'a', n: 3, $shares: { [share]: ['n'] } })
    await copyBecomes(space, share, 'a', { n: 3 })
    await space.settled()
    assert.deepEqual(await space.copy(share, 'b'), { n: 1, secret: SECRET })
  })

  it('are the copies of many objects: the share is made anew where nothing can be purged', async (space) => {
    const { joe, share } = await joeShares(space)
    const count = 150
    const docs = (words: Content): Doc[] =>
      Array.from({ length: count }, (_, n) => ({ _id: `o${n}`, n, secret: SECRET, ...words }))
    const writeAll = async (words: Content) => {
      const rows = await joe.fetch(docs({}).map(({ _id }) => _id))
      const revs = new Map(rows.map(({ id, doc }) => [id, doc?._rev]))
      await put(
        joe,
        ...docs(words).map((doc) => {
          const rev = revs.get(doc._id)
          return rev === undefined ? doc : { ...doc, _rev: rev }
        }),
      )
    }
    const copies = async () => {
      const rows = await space
        .share(share)
        .range({ startKey: `share/${share}/`, endKey: `share/${share}0`, includeDocs: true })
      return rows.flatMap(({ doc }) => doc ?? [])
    }
    await writeAll({ $shares: { [share]: true } })
    const other = { [ATTACHMENT]: { content_type: 'text/plain', data: 'b3RoZXI=' } }
    await put(joe, { _id: 'untouched', n: -1, _attachments: other, $shares: { [share]: true } })
    await copyBecomes(space, share, 'untouched', { n: -1, attached: [ATTACHMENT] })
    await space.until('all are there', async () => (await copies()).length === count + 1)
    const old = new Map((await copies()).map(({ _id, _rev }) => [_id, _rev]))
    const before = await instanceOf(space.share(share))
    await replicate(space, share)

    // All in one page. Nothing is asked of the share meanwhile: a request whose database is dropped under it may stay
    // without an answer.
    await space.stop()
    await writeAll({ $shares: { [share]: ['n'] } })
    await space.start()
    await space.settled()
    await space.until('all are narrowed', async () => {
      const found = await copies()
      return found.length === count + 1 && found.every((doc) => doc['secret'] === undefined)
    })
    assert.equal((await instanceOf(space.share(share))) === before, kind === 'couchdb')
    assert.equal((await space.entry(share))?.['rotate'], undefined)
    assert.equal((await space.entry(share))?.['state'], 'active')
    const owner = { names: [], roles: ['joe'] }
    assert.deepEqual(await space.share(share).security(), {
      admins: { names: [], roles: ['_admin'] },
      members: owner,
      writers: owner,
    })
    assert.ok(await space.share(share).get('_design/write_access'))
    for (const n of [0, 1, 99, 100, 149]) {
      const id = `share/${share}/o${n}`
      await assertWithdrawn(space, share, `o${n}`, [old.get(id) ?? ''], { deleted: false })
      assert.deepEqual(await space.copy(share, `o${n}`), { n })
    }
    await copyBecomes(space, share, 'untouched', { n: -1, attached: [ATTACHMENT] })
    const client = await replicate(space, share)
    const theirs = await client.range({ includeDocs: true, startKey: 'share/', endKey: 'share0' })
    const narrow = theirs.filter(({ doc }) => doc && doc['secret'] === undefined)
    assert.equal(narrow.length, count + 1)
    assert.equal(
      (await client.leaves([...old.keys()].map((id) => ({ id })))).length,
      count + 1,
      'no conflicts',
    )

    // An attachment comes by the replication alone.
    await put(joe, { _id: 'later', n: 1, _attachments: other, $shares: { [share]: true } })
    await copyBecomes(space, share, 'later', { n: 1, attached: [ATTACHMENT] })
    if (kind === 'couchdb') {
      const { state } = await space.couch.request<{ state: string }>({
        path: ['_scheduler', 'docs', '_replicator', `${space.outbox('joe').name} => share/${share}`],
      })
      assert.ok(['running', 'pending'].includes(state), state)
    }
  })

  for (const pauseMs of [0, 40, 120, 300])
    it(`stays withdrawn where the daemon stops ${pauseMs} ms after the user's word`, async (space) => {
      const { joe, share } = await joeShares(space)
      const objects = Array.from({ length: 20 }, (_, n) => `o${n}`)
      const wide = { n: 1, secret: SECRET, $shares: { [share]: true } }
      await put(joe, ...objects.map((_id) => ({ _id, ...wide })))
      for (const object of objects) await copyBecomes(space, share, object, { n: 1, secret: SECRET })
      const old = new Map<string, string>()
      for (const object of objects)
        old.set(object, await winner(space.share(share), `share/${share}/${object}`))
      await space.settled()
      const rows = await joe.fetch(objects)
      await put(
        joe,
        ...rows.map(({ id, doc }, n) => ({
          _id: id,
          _rev: doc?._rev ?? '',
          n: 2,
          secret: SECRET,
          $shares: { [share]: n % 2 === 0 ? ['n'] : false },
        })),
      )
      await delay(pauseMs)
      await space.stop()
      await space.start()
      for (const [n, object] of objects.entries())
        await copyBecomes(space, share, object, n % 2 === 0 ? { n: 2 } : null)
      await space.settled()
      for (const [n, object] of objects.entries())
        await assertWithdrawn(space, share, object, [old.get(object) ?? ''], { deleted: n % 2 !== 0 })
      assert.equal((await space.entry(share))?.['rotate'], undefined)
    })
})
