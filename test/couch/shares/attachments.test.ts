// Attachments travel with their object's copy, byte by byte, and only once.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Database } from '../../../src/couch/database.ts'
import type { Attachment, Doc } from '../../../src/couch/document.ts'
import type { Space } from '../../support/space.ts'
import { joeShares } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

interface Piece {
  type: string
  bytes: Buffer
}
type Pieces = Record<string, Piece>

const BINARY = 'application/octet-stream'
const MEGABYTE = 1024 * 1024

const text = (words: string): Piece => ({ type: 'text/plain', bytes: Buffer.from(words) })
const binary = (size: number): Piece => ({ type: BINARY, bytes: randomBytes(size) })

const inline = (pieces: Pieces): Record<string, Attachment> =>
  Object.fromEntries(
    Object.entries(pieces).map(([name, { type, bytes }]) => [
      name,
      { content_type: type, data: bytes.toString('base64') },
    ]),
  )

/** Name, type, length and hash of each attachment of a document, as they can be read; null where there is no document. */
async function readPieces(database: Database, id: string): Promise<Record<string, unknown> | null> {
  const [leaf] = await database.leaves([{ id }], { attachments: true })
  return leaf && !leaf._deleted ? summaryOfStored(leaf._attachments ?? {}) : null
}

const summaryOfStored = (attachments: Record<string, Attachment>) =>
  summary(
    Object.fromEntries(
      Object.entries(attachments).map(([name, { content_type = '', data = '' }]) => [
        name,
        { type: content_type, bytes: Buffer.from(data, 'base64') },
      ]),
    ),
  )

const summary = (pieces: Pieces): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(pieces).map(([name, { type, bytes }]) => [
      name,
      [type, bytes.length, createHash('sha256').update(bytes).digest('hex')],
    ]),
  )

/** Waits until the copy in the share has exactly these attachments. */
async function sharePieces(space: Space, share: string, object: string, pieces: Pieces): Promise<void> {
  let seen: unknown = null
  const look = async () => {
    const [row] = await space.share(share).fetchIfThere([`share/${share}/${object}`])
    if (!row?.doc || !isDeepStrictEqual(names(row.doc._attachments), names(pieces))) return false
    seen = await readPieces(space.share(share), row.id)
    return isDeepStrictEqual(seen, summary(pieces))
  }
  await space.until(`the attachments of ${object} are there`, look).catch(() => {
    assert.deepEqual(seen, summary(pieces), `attachments of ${object} in ${share}`)
  })
}

const names = (attachments: object | undefined): string[] => Object.keys(attachments ?? {}).sort()

/** `revpos` and digest of each attachment in the outbox: a transfer would give it a new `revpos`. */
async function stubsInOutbox(space: Space, share: string, object: string) {
  const doc = await space.outbox('joe').get(`share/${share}/${object}`)
  return Object.fromEntries(
    Object.entries(doc?._attachments ?? {}).map(([name, { revpos, digest }]) => [name, { revpos, digest }]),
  )
}

/** Puts an attachment by its own URL, as browsers do. */
async function upload(
  space: Space,
  database: Database,
  doc: Doc,
  name: string,
  piece: Piece,
  headers: Record<string, string> = {},
): Promise<void> {
  const { url, user, pass } = space.server
  const path = [database.name, doc._id, name].map(encodeURIComponent).join('/')
  const answer = await fetch(`${url}/${path}?rev=${doc._rev ?? ''}`, {
    method: 'PUT',
    headers: {
      authorization: basic(user, pass),
      'content-type': piece.type,
      ...headers,
    },
    body: new Uint8Array(piece.bytes),
  })
  assert.ok(answer.ok, await answer.text())
}

/** The bytes of an attachment by its own URL. */
async function download(space: Space, database: Database, id: string, name: string): Promise<Buffer> {
  const { url, user, pass } = space.server
  const path = [database.name, id, name].map(encodeURIComponent).join('/')
  const answer = await fetch(`${url}/${path}`, {
    headers: { authorization: basic(user, pass) },
  })
  assert.ok(answer.ok, `status ${answer.status}`)
  return Buffer.from(await answer.arrayBuffer())
}

onEachServer('attachments', ({ it, kind }) => {
  it('reach the share with equal bytes, whatever they are and are called', async (space) => {
    const { joe, share } = await joeShares(space)
    const pieces: Pieces = {
      'note.txt': text('Remember the milk. '.repeat(50)),
      'photo.bin': binary(50_000),
      empty: { type: BINARY, bytes: Buffer.alloc(0) },
      'empty.txt': text(''),
      'a/b/c.txt': text('slashes'),
      'with spaces and + and %.txt': text('signs'),
      'ä?#日本.txt': text('ünïcödé'),
      '..': text('up'),
      '.': text('here'),
      constructor: text('not a function'),
      'data.json': { type: 'application/json', bytes: Buffer.from('{"a":[1,2,3]}') },
      'no type': { type: 'x/y; charset="utf-8"', bytes: Buffer.from('typed') },
    }
    await space.write(joe, { _id: 'a', n: 1, _attachments: inline(pieces), $shares: { [share]: true } })
    await sharePieces(space, share, 'a', pieces)
    assert.equal((await space.copy(share, 'a'))?.['n'], 1)
    const bytes = await download(space, space.share(share), `share/${share}/a`, 'photo.bin')
    assert.ok(bytes.equals(pieces['photo.bin']?.bytes ?? Buffer.alloc(0)))
  })

  it('of objects with odd ids arrive too', async (space) => {
    const { joe, share } = await joeShares(space)
    const pieces = { 'a.txt': text('small'), 'b/c': binary(1000) }
    const ids = ['..', '.', 'a/b', 'ä?#%', 'a_local/b', 'constructor']
    for (const _id of ids)
      await space.write(joe, { _id, _attachments: inline(pieces), $shares: { [share]: true } })
    for (const id of ids) await sharePieces(space, share, id, pieces)
  })

  it('are changed, added and removed', async (space) => {
    const { joe, share } = await joeShares(space)
    const consent = { $shares: { [share]: true } }
    const pieces: Pieces = { one: text('1'), two: text('2') }
    for (const change of [
      () => pieces,
      () => ({ ...pieces, two: text('2, changed') }),
      () => ({ ...pieces, three: binary(3000) }),
      () => ({ two: text('2 alone') }),
      () => ({ two: { type: 'text/html', bytes: Buffer.from('2 alone') } }),
      () => ({}),
      () => ({ one: text('1 again') }),
    ]) {
      const wanted: Pieces = change()
      await space.write(joe, { _id: 'a', _attachments: inline(wanted), ...consent })
      await sharePieces(space, share, 'a', wanted)
    }
  })

  it('go only where the list names them', async (space) => {
    const { joe, share } = await joeShares(space)
    const pieces = { 'a.txt': text('attached') }
    const doc = { name: 'n', more: 'm', _attachments: inline(pieces) }
    await space.write(joe, { _id: 'without', ...doc, $shares: { [share]: ['name'] } })
    await space.write(joe, { _id: 'only', ...doc, $shares: { [share]: ['_attachments'] } })
    await space.write(joe, { _id: 'both', ...doc, $shares: { [share]: ['name', '_attachments'] } })
    await space.write(joe, { _id: 'lacks', name: 'n', $shares: { [share]: ['_attachments'] } })
    await sharePieces(space, share, 'only', pieces)
    await sharePieces(space, share, 'both', pieces)
    await sharePieces(space, share, 'without', {})
    await sharePieces(space, share, 'lacks', {})
    await space.settled()
    const contents = await Promise.all(
      ['without', 'only', 'both', 'lacks'].map(async (id) => {
        const { _attachments, ...content } = (await space.copy(share, id)) ?? { missing: id }
        return content
      }),
    )
    assert.deepEqual(contents, [{ name: 'n' }, {}, { name: 'n' }, {}])
  })

  it('that did not change are not transferred again', async (space) => {
    const { joe, share } = await joeShares(space)
    const pieces: Pieces = { 'a.txt': text('words '.repeat(1000)), 'b.bin': binary(20_000) }
    await space.write(joe, { _id: 'a', n: 1, _attachments: inline(pieces), $shares: { [share]: true } })
    await sharePieces(space, share, 'a', pieces)
    const before = await stubsInOutbox(space, share, 'a')
    assert.deepEqual(names(before), names(pieces))

    const { _attachments } = (await joe.get('a')) ?? {}
    assert.ok(_attachments)
    await space.write(joe, { _id: 'a', n: 2, _attachments, $shares: { [share]: true } })
    await space.until('the edit is there', async () => (await space.copy(share, 'a'))?.['n'] === 2)
    assert.deepEqual(await stubsInOutbox(space, share, 'a'), before)

    const more = { ...pieces, 'c.txt': text('new') }
    await space.write(joe, {
      _id: 'a',
      n: 3,
      _attachments: { ..._attachments, ...inline({ 'c.txt': text('new') }) },
      $shares: { [share]: true },
    })
    await sharePieces(space, share, 'a', more)
    const { 'c.txt': _added, ...kept } = await stubsInOutbox(space, share, 'a')
    assert.deepEqual(kept, before)
  })

  if (kind === 'couchdb') {
    it('of 10 MB are streamed, several and with an empty one', async (space) => {
      const { joe, share } = await joeShares(space)
      const pieces: Pieces = {
        'big.bin': binary(10 * MEGABYTE),
        'big/two ä.txt': text('twelve bytes'.repeat(MEGABYTE)),
        empty: { type: BINARY, bytes: Buffer.alloc(0) },
        'small.txt': text('small'),
      }
      await space.write(joe, { _id: 'a/b ä', n: 1, _attachments: inline(pieces), $shares: { [share]: true } })
      await sharePieces(space, share, 'a/b ä', pieces)
      const before = await stubsInOutbox(space, share, 'a/b ä')
      const { _attachments } = (await joe.get('a/b ä')) ?? {}
      assert.ok(_attachments)
      await space.write(joe, { _id: 'a/b ä', n: 2, _attachments, $shares: { [share]: true } })
      await space.until('the edit is there', async () => (await space.copy(share, 'a/b ä'))?.['n'] === 2)
      assert.deepEqual(await stubsInOutbox(space, share, 'a/b ä'), before)
      await sharePieces(space, share, 'a/b ä', pieces)

      await space.write(joe, { _id: 'a/b ä', n: 3, $shares: { [share]: true } })
      await sharePieces(space, share, 'a/b ä', {})
    })

    it('of 10 MB arrive where the name fits no URL', async (space) => {
      const { joe, share } = await joeShares(space)
      const pieces: Pieces = { '..': binary(5 * MEGABYTE), big: binary(5 * MEGABYTE) }
      for (const _id of ['plain', '..'])
        await space.write(joe, { _id, _attachments: inline(pieces), $shares: { [share]: true } })
      for (const id of ['plain', '..']) await sharePieces(space, share, id, pieces)
    })

    it('of 10 MB arrive where the id of their object fits no URL, and nobody waits', async (space) => {
      const { joe, share } = await joeShares(space)
      const pieces: Pieces = { big: binary(10 * MEGABYTE) }
      for (const _id of ['.', '..'])
        await space.write(joe, { _id, _attachments: inline(pieces), $shares: { [share]: true } })
      for (const id of ['.', '..']) await sharePieces(space, share, id, pieces)
      const outages = space.lines.filter(({ msg }) => msg === 'CouchDB does not answer')
      assert.deepEqual(outages, [])
    })

    it('that a client compressed by itself arrive, and still do after an edit', async (space) => {
      const { joe, share } = await joeShares(space)
      const words = text('compressed elsewhere '.repeat(500))
      const rev = await space.write(joe, { _id: 'a', n: 1, $shares: { [share]: true } })
      const packed = { ...words, bytes: gzipSync(words.bytes, { level: 1 }) }
      await upload(space, joe, { _id: 'a', _rev: rev }, 'a.txt', packed, { 'content-encoding': 'gzip' })
      await sharePieces(space, share, 'a', { 'a.txt': words })
      await space.settled()
      const { _attachments } = (await joe.get('a')) ?? {}
      assert.ok(_attachments)
      await space.write(joe, { _id: 'a', n: 2, _attachments, $shares: { [share]: true } })
      await space.until('the edit is there', async () => (await space.copy(share, 'a'))?.['n'] === 2)
      await sharePieces(space, share, 'a', { 'a.txt': words })
    })
  }

  it('that were put by their own URL arrive', async (space) => {
    const { joe, share } = await joeShares(space)
    const rev = await space.write(joe, { _id: 'a', n: 1, $shares: { [share]: true } })
    const words = text('by URL '.repeat(300))
    await upload(space, joe, { _id: 'a', _rev: rev }, 'a b/c.txt', words)
    await sharePieces(space, share, 'a', { 'a b/c.txt': words })
    const before = await stubsInOutbox(space, share, 'a')
    const { _attachments } = (await joe.get('a')) ?? {}
    await space.write(joe, {
      _id: 'a',
      n: 2,
      ...(_attachments && { _attachments }),
      $shares: { [share]: true },
    })
    await space.until('the edit is there', async () => (await space.copy(share, 'a'))?.['n'] === 2)
    assert.deepEqual(await stubsInOutbox(space, share, 'a'), before)
  })

  it('are in a share that was filled again', async (space) => {
    const { joe, share } = await joeShares(space)
    const pieces: Pieces = { 'a.txt': text('words'), 'b.bin': binary(100_000) }
    await space.write(joe, { _id: 'a', _attachments: inline(pieces), $shares: { [share]: true } })
    await sharePieces(space, share, 'a', pieces)
    await space.settled()
    await space.share(share).drop()
    await sharePieces(space, share, 'a', pieces)
  })
})
