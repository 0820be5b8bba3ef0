// Bad input is reported on the document that caused it and in the log, stops nothing else, and heals when corrected.
import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { decodeJson } from '../../../src/documents/json.ts'
import type { Space } from '../../support/space.ts'
import { type Content, shareDoc, put, joeShares, copyBecomes } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

/** Stands in the bad documents, and must never stand in the log. */
const SECRET = 'zq7-content-of-a-user'

const problemOf = (doc: Content | null): { code?: unknown; reason?: unknown } => doc?.['$error'] ?? {}

/** Waits for the problem, and checks that it is told as it should be: a sentence to the user, a line to the admin. */
async function isReported(space: Space, user: Database, id: string, code: string): Promise<void> {
  let seen: Content | null = null
  const look = async () => problemOf((seen = await user.get(id))).code === code
  await space.until(`${id} says ${code}`, look).catch(() => {
    assert.deepEqual(seen, { $error: { code } }, `the problem of ${id}`)
  })
  const { reason } = problemOf(await user.get(id))
  assert.match(String(reason), /^[A-Z].*\.$/s)
  await space.until(`the log says ${code} of ${id}`, () =>
    Promise.resolve(
      space.lines.some((line) => line['doc'] === id && line['code'] === code && isOf(user, line['db'])),
    ),
  )
}

/** A copy that was refused is told of the outbox. */
const isOf = (user: Database, db: unknown): boolean =>
  [user.name, `${user.name}/$shares`].includes(String(db))

async function isHealed(space: Space, user: Database, id: string): Promise<void> {
  await space.until(`${id} has no problem left`, async () => {
    const doc = await user.get(id)
    return doc !== null && !('$error' in doc)
  })
}

function assertDiscreet(space: Space): void {
  const telling = space.lines.filter(
    (line) => line['level'] !== 'debug' && JSON.stringify(line).includes(SECRET),
  )
  assert.deepEqual(telling, [])
}

const BAD_IDS = {
  empty: '',
  long: 'a'.repeat(300),
  'of 101 characters': 'a'.repeat(101),
  'with a slash': 'a/b',
  '..': '..',
  '.': '.',
  'with capitals': 'Share',
  'with $': 'a$b',
  'with +': 'a+b',
  'with a space': 'a b',
  'with ä': 'ä',
  'beginning with -': '-a',
  'with a line break': 'a\n',
  'with %': 'a%2fb',
}

const BAD_WISHES: [string, unknown, string][] = [
  ['a number', 1, 'invalid_selection'],
  ['zero', 0, 'invalid_selection'],
  ['null', null, 'invalid_selection'],
  ['a string', 'name', 'invalid_selection'],
  ['an empty string', '', 'invalid_selection'],
  ['an object', { name: true }, 'invalid_selection'],
  ['a nested array', [['name']], 'invalid_selection'],
  ['a list with a number', ['name', 1], 'invalid_selection'],
  ['a list with null', [null], 'invalid_selection'],
  ['the name _id', ['_id'], 'reserved_attribute'],
  ['the name _rev', ['name', '_rev'], 'reserved_attribute'],
  ['the name $shares', ['$shares'], 'reserved_attribute'],
  ['the name $state', ['$state'], 'reserved_attribute'],
  ['the name $error', ['$error'], 'reserved_attribute'],
  ['the name $rejected', ['$rejected'], 'reserved_attribute'],
  ['the name __proto__', ['__proto__'], 'reserved_attribute'],
  ['1,001 names', Array.from({ length: 1001 }, (_, n) => `name${n}`), 'too_many_attributes'],
]

const BAD_SHARES: [string, unknown, string][] = [
  ['a string', 'everyone', 'invalid_shares'],
  ['an empty string', '', 'invalid_shares'],
  ['an array', ['everyone'], 'invalid_shares'],
  ['null', null, 'invalid_shares'],
  ['a number', 7, 'invalid_shares'],
  ['true', true, 'invalid_shares'],
]

onEachServer('bad input', ({ it, kind }) => {
  it('of ids of shares', async (space) => {
    const { joe, share } = await joeShares(space)
    const shares = { startKey: 'share/', endKey: 'share0' }
    const before = await space.couch.allDbs(shares)
    for (const id of Object.values(BAD_IDS)) await put(joe, { ...shareDoc(id), title: SECRET })
    await put(joe, { _id: 'good', n: 1, $shares: { [share]: true } })
    await copyBecomes(space, share, 'good', { n: 1 })
    for (const id of Object.values(BAD_IDS)) {
      await isReported(space, joe, `$share/${id}`, 'invalid_share_id')
      assert.equal((await joe.get(`$share/${id}`))?.['$state'], 'error')
    }
    await space.settled()
    assert.deepEqual(await space.couch.allDbs(shares), before)
    assert.equal((await joe.get(`$share/${share}`))?.['$state'], 'active')
    assertDiscreet(space)
  })

  it('of ids of shares in an object', async (space) => {
    const { joe, share } = await joeShares(space)
    for (const [name, id] of Object.entries(BAD_IDS))
      await put(joe, { _id: name, n: 1, title: SECRET, $shares: { [id]: true, [share]: ['n'] } })
    for (const name of Object.keys(BAD_IDS)) {
      await isReported(space, joe, name, 'invalid_share_id')
      await copyBecomes(space, share, name, { n: 1 })
      await space.write(joe, { ...(await joe.get(name)), _id: name, $shares: { [share]: ['n'] } })
      await isHealed(space, joe, name)
    }
    assertDiscreet(space)
  })

  it('of a `$share` whose id and type disagree', async (space) => {
    const { joe, share } = await joeShares(space)
    const [wrong, todo] = [space.shareId('wrong'), space.shareId('todo')]
    await put(
      joe,
      { _id: `$share/${wrong}`, type: 'share', title: SECRET },
      { _id: `$share/${todo}`, type: 7, title: SECRET },
      { _id: 'note/1', type: '$share', title: SECRET, $shares: { [share]: true } },
      // Called like the share itself: the two are not one.
      { _id: share, type: '$share', title: SECRET },
    )
    const misnamed = [`$share/${wrong}`, `$share/${todo}`, 'note/1', share]
    for (const id of misnamed) await isReported(space, joe, id, 'wrong_type')
    await space.settled()
    for (const id of [wrong, todo]) {
      assert.deepEqual([await space.entry(id), await space.share(id).info()], [null, null])
      assert.equal((await joe.get(`$share/${id}`))?.['$state'], 'error')
    }
    assert.equal(await space.copy(share, 'note/1'), null)
    assert.equal((await joe.get('note/1'))?.['$state'], undefined)
    assert.equal((await joe.get(`$share/${share}`))?.['$state'], 'active')

    await space.write(joe, { ...(await joe.get(`$share/${wrong}`)), ...shareDoc(wrong) })
    await space.write(joe, { ...(await joe.get('note/1')), _id: 'note/1', type: 'note', title: 'ok' })
    await space.write(joe, { ...(await joe.get(share)), _id: share, type: 'note' })
    for (const id of [`$share/${wrong}`, 'note/1', share]) await isHealed(space, joe, id)
    await space.until(
      'the corrected share is active',
      async () => (await joe.get(`$share/${wrong}`))?.['$state'] === 'active',
    )
    await copyBecomes(space, share, 'note/1', { type: 'note', title: 'ok' })
    assertDiscreet(space)
  })

  it('of a document called like a share, written together with that share', async (space) => {
    const share = space.shareId()
    const joe = space.user('joe')
    await joe.create()
    await put(joe, shareDoc(share), { _id: share, type: '$share' })
    await space.start()
    await isReported(space, joe, share, 'wrong_type')
    await space.until(
      'the share is active',
      async () => (await joe.get(`$share/${share}`))?.['$state'] === 'active',
    )
  })

  it('of a share id that belongs to somebody else', async (space) => {
    const { joe, share } = await joeShares(space)
    const eve = space.user('eve')
    await eve.create()
    await put(eve, { ...shareDoc(share), title: SECRET })
    await isReported(space, eve, `$share/${share}`, 'id_taken')
    await put(eve, { _id: 'e', title: SECRET, $shares: { [share]: true } })
    await isReported(space, eve, 'e', 'not_a_participant')
    await put(joe, { _id: 'good', n: 1, $shares: { [share]: true } })
    await copyBecomes(space, share, 'good', { n: 1 })
    const { reason } = problemOf(await eve.get(`$share/${share}`))
    assert.doesNotMatch(String(reason), /joe/, 'whose it is stays unsaid')
    assertDiscreet(space)
  })

  it('of `$shares` as a whole', async (space) => {
    const { joe, share } = await joeShares(space)
    await put(joe, ...BAD_SHARES.map(([name, $shares]) => ({ _id: name, title: SECRET, $shares })), {
      _id: 'good',
      n: 1,
      $shares: { [share]: true },
    })
    await copyBecomes(space, share, 'good', { n: 1 })
    for (const [name, , code] of BAD_SHARES) {
      await isReported(space, joe, name, code)
      await space.write(joe, { ...(await joe.get(name)), _id: name, $shares: { [share]: [] } })
      await isHealed(space, joe, name)
      await copyBecomes(space, share, name, {})
    }
    assertDiscreet(space)
  })

  it('of single values in `$shares`', async (space) => {
    const { joe, share } = await joeShares(space)
    const other = space.shareId('other')
    await put(
      joe,
      shareDoc(other),
      ...BAD_WISHES.map(([name, wish]) => ({
        _id: name,
        name: SECRET,
        n: 1,
        $shares: { [share]: wish, [other]: ['n'] },
      })),
      { _id: 'good', n: 1, $shares: { [share]: true } },
    )
    await copyBecomes(space, share, 'good', { n: 1 })
    for (const [name, , code] of BAD_WISHES) {
      await isReported(space, joe, name, code)
      await copyBecomes(space, other, name, { n: 1 })
      assert.equal(await space.copy(share, name), null, name)
      await space.write(joe, {
        ...(await joe.get(name)),
        _id: name,
        $shares: { [share]: ['n'], [other]: ['n'] },
      })
      await isHealed(space, joe, name)
      await copyBecomes(space, share, name, { n: 1 })
    }
    assertDiscreet(space)
  })

  it('of too many shares', async (space) => {
    const { joe, share } = await joeShares(space)
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`never-${n}-${share}`, true]))
    await put(joe, { _id: 'a', title: SECRET, $shares: { ...many, [share]: true } })
    await isReported(space, joe, 'a', 'too_many_shares')
    await space.write(joe, { _id: 'a', n: 1, $shares: { [share]: true } })
    await isHealed(space, joe, 'a')
    await copyBecomes(space, share, 'a', { n: 1 })
  })

  it('among many good objects', async (space) => {
    const { joe, share } = await joeShares(space)
    const docs = Array.from({ length: 500 }, (_, n): Doc =>
      n % 10 === 0
        ? { _id: `bad ${n}`, n, $shares: { [share]: BAD_WISHES[(n / 10) % BAD_WISHES.length]?.[1] } }
        : { _id: `good ${n}`, n, $shares: { [share]: true } },
    )
    await put(joe, ...docs)
    await space.until('all good ones are there', async () => {
      const rows = await space.share(share).range({ startKey: `share/${share}/`, endKey: `share/${share}0` })
      return rows.length === 450 && rows.every(({ id }) => id.includes('/good '))
    })
    for (let n = 0; n < 500; n += 10) {
      const [, , code = ''] = BAD_WISHES[(n / 10) % BAD_WISHES.length] ?? []
      await isReported(space, joe, `bad ${n}`, code)
    }
  })

  // The embedded server itself takes no such documents.
  if (kind === 'couchdb')
    it('of objects that are nested too deep stops nobody', async (space) => {
      const { joe, share } = await joeShares(space)
      const deep = decodeJson('['.repeat(10_000) + '1.0' + ']'.repeat(10_000))
      await put(joe, { _id: 'deep', deep, $shares: { [share]: true } })
      await put(joe, { _id: 'good', n: 1, $shares: { [share]: true } })
      await copyBecomes(space, share, 'good', { n: 1 })
      await space.write(joe, { _id: 'deep', n: 2, $shares: { [share]: true } })
      await copyBecomes(space, share, 'deep', { n: 2 })

      // Anybody may do that to a public share.
      await space.write(joe, shareDoc(share, { access: true }))
      await space.until('guests may write', async () => (await space.entry(share))?.['home'] === 'share')
      await put(
        space.share(share),
        { _id: copyId(share, 'evil'), deep },
        { _id: copyId(share, 'kind'), n: 3 },
      )
      await space.until('what guests bring goes on', async () => (await joe.get('kind')) !== null)
      await space.until('the owner is told', async () => {
        const rejected = (await joe.get(`$share/${share}`))?.['$rejected'] as
          { document: string }[] | undefined
        return rejected?.length === 1 && rejected[0]?.document === 'evil'
      })
      assert.deepEqual(
        space.lines.filter(({ msg }) => msg === 'turn failed, tried again'),
        [],
      )
    })

  it('that an application calls an `$error` of its own is left alone', async (space) => {
    const { joe, share } = await joeShares(space)
    const errors = ['in words', { code: 'E42', reason: 'mine' }, { code: 7 }, null, ['x'], 0]
    await put(joe, ...errors.map(($error, n) => ({ _id: `e${n}`, n, $error, $shares: { [share]: true } })), {
      _id: 'private',
      $error: { code: 'E42' },
    })
    for (const n of errors.keys()) await copyBecomes(space, share, `e${n}`, { n })
    await space.settled()
    for (const [n, $error] of errors.entries()) {
      const { _id, _rev, ...content } = (await joe.get(`e${n}`)) ?? {}
      assert.match(String(_rev), /^1-/)
      assert.deepEqual(content, { n, $error, $shares: { [share]: true } })
    }
    assert.match((await joe.get('private'))?._rev ?? '', /^1-/)
  })

  if (kind === 'couchdb')
    it('is no object as large as the server takes: it is copied', async (space) => {
      const { joe, share } = await joeShares(space)
      // CouchDB counts the body without `_id` and `_rev`; max_document_size is 8,000,000 bytes.
      const filled = (_id: string, $shares: Content): Doc => {
        const frame = JSON.stringify({ text: '', $shares })
        return { _id, text: 'x'.repeat(8_000_000 - frame.length), $shares }
      }
      const full = filled('full', { [share]: true })
      await put(joe, full)
      await copyBecomes(space, share, 'full', { text: full['text'] })
      // Its `$error` cannot be written into it: the log alone says what is wrong, and the others go on.
      await put(joe, filled('overfull', { [share]: 'invalid' }))
      await put(joe, { _id: 'good', n: 1, $shares: { [share]: true } })
      await copyBecomes(space, share, 'good', { n: 1 })
      await space.until('the log says so', () =>
        Promise.resolve(
          space.lines.some((line) => line['doc'] === 'overfull' && line['code'] === 'invalid_selection'),
        ),
      )
      await space.settled()
      assert.equal(await space.copy(share, 'overfull'), null)
      assert.equal((await joe.get('overfull'))?.['$error'], undefined)
    })

  /** What an outbox takes where it is stricter than the user database, in bytes. */
  const LIMIT = 6_000_000

  for (const [what, make] of [
    ['itself', (size: number): Doc => ({ _id: 'big', text: SECRET.padEnd(size, 'x') })],
    ['its attachment', (size: number): Doc => ({ _id: 'big', n: 1, _attachments: attached(size) })],
  ] as const)
    it(`of an object whose copy is too large for the server by ${what}`, async (space) => {
      const narrow = await refuseLargeCopies(space, LIMIT)
      try {
        const share = space.shareId()
        const joe = space.user('joe')
        await joe.create()
        await space.start({ url: narrow.url, replicationServer: space.server.url })
        await put(joe, shareDoc(share), { _id: 'before', n: 1, $shares: { [share]: true } })
        await put(joe, { ...make(LIMIT + 1), $shares: { [share]: true } })
        await put(joe, { _id: 'after', n: 2, $shares: { [share]: true } })
        await copyBecomes(space, share, 'before', { n: 1 })
        await copyBecomes(space, share, 'after', { n: 2 })
        await isReported(space, joe, 'big', 'too_large')
        assert.equal(await space.copy(share, 'big'), null)
        await space.settled()

        await space.write(joe, { ...make(100), $shares: { [share]: true } })
        await isHealed(space, joe, 'big')
        await space.until('the small copy is there', async () => (await space.copy(share, 'big')) !== null)
        assertDiscreet(space)
        await space.stop()
      } finally {
        narrow.server.closeAllConnections()
        narrow.server.close()
      }
    })
})

const attached = (size: number) => ({
  'a.bin': { content_type: 'application/octet-stream', data: Buffer.alloc(size, SECRET).toString('base64') },
})

/**
 * The server as seen through one that takes no large copies, and answers as CouchDB 3.5 does. CouchDB itself measures
 * object and copy alike, and a copy is never the larger one: it takes a limit that was lowered to get there.
 */
async function refuseLargeCopies(space: Space, limit: number): Promise<{ url: string; server: Server }> {
  const upstream = new URL(space.server.url)
  const server = createServer((incoming, outgoing) => {
    const isCopy = /%2F(%24|\$)shares\//i.test(incoming.url ?? '') && incoming.method !== 'GET'
    if (isCopy) void buffer(incoming).then((body) => forward(upstream, incoming, outgoing, body, limit))
    else forward(upstream, incoming, outgoing, null, limit)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

function forward(
  upstream: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  body: Buffer | null,
  limit: number,
): void {
  if (body && body.length > limit) {
    outgoing.writeHead(413, { 'content-type': 'application/json' })
    outgoing.end('{"error":"document_too_large","reason":""}\n')
    return
  }
  const { method, url, headers } = incoming
  const out = request(
    { host: upstream.hostname, port: upstream.port, method, path: url, headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    },
  )
  outgoing.on('close', () => out.destroy())
  out.on('error', () => outgoing.destroy())
  if (body) out.end(body)
  else incoming.pipe(out)
}
