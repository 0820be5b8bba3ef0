// An object's life, row by row of the table in docs/design.md, with the daemon running.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import type { Space } from '../../support/space.ts'
import { type Content, shareDoc, put, becomesActive, joeShares, copyBecomes } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

/** The copy after everything has come to rest. */
async function copyStays(space: Space, share: string, object: string, expected: Content | null) {
  await space.settled()
  assert.deepEqual(await space.copy(share, object), expected)
}

/** The object without `_id` and `_rev`, once it looks as expected. */
async function objectBecomes(user: Database, space: Space, id: string, expected: Content): Promise<void> {
  let seen: Content = {}
  const look = async () => {
    const { _id, _rev, ...content } = (await user.get(id)) ?? {}
    return isDeepStrictEqual((seen = content), expected)
  }
  await space.until(`${id} is right`, look).catch(() => assert.deepEqual(seen, expected))
}

async function saysProblem(space: Space, user: Database, id: string, code: string): Promise<void> {
  await space.until(`${id} says ${code}`, async () => codeOf(await user.get(id)) === code)
}

const codeOf = (doc: Content | null): unknown => (doc?.['$error'] as { code?: unknown } | undefined)?.code

/** A request with a body as it is, and the answer as text: numbers go through no parser. */
async function raw(space: Space, method: string, path: string[], body?: string): Promise<string> {
  const { url, user, pass } = space.server
  const answer = await fetch(`${url}/${path.map(encodeURIComponent).join('/')}`, {
    method,
    headers: {
      authorization: basic(user, pass),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body }),
  })
  const text = await answer.text()
  assert.ok(answer.ok, text)
  return text
}

/** The ids of all documents that stand in a share, but for design documents. */
async function idsIn(database: Database): Promise<string[]> {
  return (await database.range({})).map(({ id }) => id).filter((id) => !id.startsWith('_design/'))
}

const todo = { _id: 'todo/abc4567', type: 'todo', name: 'Remember the milk', owner: 'joe@example.com' }
const { _id: _, ...todoContent } = todo

const WEIRD_IDS = [
  '.',
  '..',
  'a/b',
  'a//b/',
  '/',
  'ä?#%',
  '%2F',
  ' ',
  'a+b c',
  '"quoted\\',
  'x'.repeat(200),
  'share/x/y',
  'base/todo',
  'constructor',
  'hasOwnProperty',
  'a_local/b',
  'a_design/b',
  '日本/🍎',
  'line\nbreak',
  '0',
]

onEachServer('the life of an object', ({ it, kind }) => {
  it('is copied by `true`, narrowed by a list, and taken back by `false`', async (space) => {
    const { joe, share } = await joeShares(space)
    await space.write(joe, { ...todo, $shares: { [share]: true } })
    await copyBecomes(space, share, todo._id, todoContent)
    await space.write(joe, { ...todo, $shares: { [share]: ['name'] } })
    await copyBecomes(space, share, todo._id, { name: todo.name })
    await copyStays(space, share, todo._id, { name: todo.name })
    await space.write(joe, { ...todo, $shares: { [share]: false } })
    await objectBecomes(joe, space, todo._id, todoContent)
    assert.equal(await space.copy(share, todo._id), null)
    await copyStays(space, share, todo._id, null)
    await objectBecomes(joe, space, todo._id, todoContent)
  })

  it('shows of a list exactly the attributes that exist, and of [] that it exists', async (space) => {
    const { joe, share } = await joeShares(space)
    await put(
      joe,
      { ...todo, _id: 'two', $shares: { [share]: ['owner', 'name', 'nothing', 'constructor'] } },
      { ...todo, _id: 'empty', $shares: { [share]: [] } },
      { _id: 'deep', a: { b: { c: [1, { d: null }] } }, e: 1, $shares: { [share]: ['a'] } },
      { _id: 'dollar', $mine: 1, $shares: { [share]: ['$mine'] } },
    )
    await copyBecomes(space, share, 'two', { owner: todo.owner, name: todo.name })
    await copyBecomes(space, share, 'empty', {})
    await copyBecomes(space, share, 'deep', { a: { b: { c: [1, { d: null }] } } })
    await copyBecomes(space, share, 'dollar', { $mine: 1 })
    await space.write(joe, {
      ...todo,
      _id: 'two',
      nothing: 'came',
      $shares: { [share]: ['owner', 'name', 'nothing', 'constructor'] },
    })
    await copyBecomes(space, share, 'two', { owner: todo.owner, name: todo.name, nothing: 'came' })
  })

  it('keeps reserved attributes to itself', async (space) => {
    const { joe, share } = await joeShares(space)
    const reserved = { $state: 'mine', $error: 'my own words', $rejected: { x: 1 } }
    await put(
      joe,
      { _id: 'all', n: 1, ...reserved, $shares: { [share]: true } },
      { _id: 'list', n: 2, ...reserved, $shares: { [share]: ['n'] } },
    )
    await copyBecomes(space, share, 'all', { n: 1 })
    await copyBecomes(space, share, 'list', { n: 2 })
    await space.settled()
    await objectBecomes(joe, space, 'all', { n: 1, ...reserved, $shares: { [share]: true } })
  })

  it('reaches its copy with every edit', async (space) => {
    const { joe, share } = await joeShares(space)
    for (const n of [1, 2, 3]) {
      await space.write(joe, { _id: 'a', n, [`only ${n}`]: true, $shares: { [share]: true } })
      await copyBecomes(space, share, 'a', { n, [`only ${n}`]: true })
    }
    await space.write(joe, { _id: 'a', $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', {})
    // Many at once: the last one counts.
    for (let n = 10; n < 30; n += 1) await space.write(joe, { _id: 'a', n, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 29 })
    await copyStays(space, share, 'a', { n: 29 })
  })

  const endings: [string, (share: string, doc: Doc) => Doc][] = [
    ['its key vanished', (_, doc) => ({ ...doc, $shares: {} })],
    ['all of `$shares` vanished', (_, { $shares: _gone, ...doc }) => doc],
    ['it was deleted', (_, { _id }) => ({ _id, _deleted: true })],
    ['`$shares` became invalid', (_, doc) => ({ ...doc, $shares: 'everyone' })],
    ['its value became invalid', (share, doc) => ({ ...doc, $shares: { [share]: 1 } })],
    ['it calls itself a share', (_, doc) => ({ ...doc, type: '$share' })],
  ]
  for (const [what, end] of endings)
    it(`loses its copy when ${what}, and has it again when it is shared again`, async (space) => {
      const { joe, share } = await joeShares(space)
      const shared = { _id: 'a', n: 1, $shares: { [share]: true } }
      const other = { _id: 'b', n: 2, $shares: { [share]: true } }
      await put(joe, shared, other)
      await copyBecomes(space, share, 'a', { n: 1 })
      await copyBecomes(space, share, 'b', { n: 2 })
      for (const n of [3, 4]) {
        await space.write(joe, end(share, shared))
        await copyBecomes(space, share, 'a', null)
        await copyStays(space, share, 'a', null)
        await copyBecomes(space, share, 'b', { n: 2 })
        await space.write(joe, { ...shared, n })
        await copyBecomes(space, share, 'a', { n })
        await copyStays(space, share, 'a', { n })
        await objectBecomes(joe, space, 'a', { n, $shares: { [share]: true } })
      }
    })

  it('loses only the copy whose value is invalid, and says so', async (space) => {
    const { joe, share } = await joeShares(space)
    const other = space.shareId('other')
    await put(joe, shareDoc(other), { _id: 'a', n: 1, $shares: { [share]: true, [other]: ['n'] } })
    await copyBecomes(space, share, 'a', { n: 1 })
    await copyBecomes(space, other, 'a', { n: 1 })
    await space.write(joe, { _id: 'a', n: 2, $shares: { [share]: 'yes', [other]: ['n'] } })
    await saysProblem(space, joe, 'a', 'invalid_selection')
    await copyBecomes(space, other, 'a', { n: 2 })
    assert.equal(await space.copy(share, 'a'), null)
    const $error = (await joe.get('a'))?.['$error']
    const { shares } = $error as { shares: Record<string, { code: string; reason: string }> }
    assert.deepEqual(Object.keys(shares), [share])
    assert.equal(shares[share]?.code, 'invalid_selection')

    await space.write(joe, { _id: 'a', n: 3, $error, $shares: { [share]: true, [other]: ['n'] } })
    await copyBecomes(space, share, 'a', { n: 3 })
    await objectBecomes(joe, space, 'a', { n: 3, $shares: { [share]: true, [other]: ['n'] } })
  })

  it('is in several shares with a list for each', async (space) => {
    const { joe, share } = await joeShares(space)
    const [second, third] = [space.shareId('second'), space.shareId('third')]
    await put(joe, shareDoc(second), shareDoc(third))
    const a = { _id: 'a', x: 1, y: 2, z: 3 }
    await put(joe, { ...a, $shares: { [share]: true, [second]: ['x', 'y'], [third]: ['z'] } })
    await copyBecomes(space, share, 'a', { x: 1, y: 2, z: 3 })
    await copyBecomes(space, second, 'a', { x: 1, y: 2 })
    await copyBecomes(space, third, 'a', { z: 3 })
    await space.write(joe, { ...a, x: 9, $shares: { [share]: ['x'], [second]: false, [third]: ['z', 'x'] } })
    await copyBecomes(space, third, 'a', { z: 3, x: 9 })
    await objectBecomes(joe, space, 'a', {
      x: 9,
      y: 2,
      z: 3,
      $shares: { [share]: ['x'], [third]: ['z', 'x'] },
    })
    await copyBecomes(space, share, 'a', { x: 9 })
    await copyStays(space, second, 'a', null)
    await copyStays(space, share, 'a', { x: 9 })
  })

  it('waits silently for a share that is not there yet', async (space) => {
    const [share, never] = [space.shareId(), space.shareId('never')]
    const joe = space.user('joe')
    await joe.create()
    await space.start()
    const early = { _id: 'early', n: 1, $shares: { [share]: ['n'], [never]: true } }
    await put(joe, early)
    await space.settled()
    await put(joe, ...Array.from({ length: 450 }, (_, n) => ({ _id: `private ${n}`, n })), {
      _id: 'early too',
      n: 2,
      $shares: { [share]: true },
    })
    await space.settled()
    const { _id, _rev, ...content } = (await joe.get('early')) ?? {}
    assert.match(String(_rev), /^1-/)
    assert.deepEqual(content, { n: 1, $shares: { [share]: ['n'], [never]: true } })

    await put(joe, shareDoc(share))
    await becomesActive(space, 'joe', share)
    await copyBecomes(space, share, 'early', { n: 1 })
    await copyBecomes(space, share, 'early too', { n: 2 })
    await space.settled()
    assert.deepEqual(await idsIn(space.share(share)), [`share/${share}/early`, `share/${share}/early too`])
    assert.equal(await space.share(never).info(), null)
  })

  it('is copied where the daemon first meets object and share after many others', async (space) => {
    const share = space.shareId()
    const joe = space.user('joe')
    await joe.create()
    const private500 = (from: number): Doc[] =>
      Array.from({ length: 250 }, (_, n) => ({ _id: `private ${from + n}`, n }))
    await put(joe, { _id: 'first', n: 1, $shares: { [share]: true } })
    await put(joe, ...private500(0))
    await put(joe, shareDoc(share))
    await put(joe, ...private500(250))
    await put(joe, { _id: 'last', n: 2, $shares: { [share]: true } })
    await space.start()
    await becomesActive(space, 'joe', share)
    await copyBecomes(space, share, 'first', { n: 1 })
    await copyBecomes(space, share, 'last', { n: 2 })
  })

  it('does not get into the share of somebody else', async (space) => {
    const { joe, share } = await joeShares(space)
    const eve = space.user('eve')
    const own = space.shareId('own')
    await eve.create()
    await put(eve, shareDoc(own))
    await becomesActive(space, 'eve', own)
    await put(eve, { _id: 'e', n: 1, $shares: { [share]: true, [own]: true } })
    await saysProblem(space, eve, 'e', 'not_a_participant')
    await copyBecomes(space, own, 'e', { n: 1 })
    await put(joe, { _id: 'j', n: 2, $shares: { [share]: true } })
    await copyBecomes(space, share, 'j', { n: 2 })
    await space.settled()
    assert.deepEqual(await idsIn(space.share(share)), [`share/${share}/j`])
    assert.deepEqual(
      (await idsIn(space.outbox('eve'))).filter((id) => id.startsWith('share/')),
      [`share/${own}/e`],
    )

    await space.write(eve, { ...(await eve.get('e')), _id: 'e', $shares: { [own]: true } })
    await objectBecomes(eve, space, 'e', { n: 1, $shares: { [own]: true } })
  })

  it(
    'says which share it waits for, when that has not come for long',
    async (space) => {
      const { joe } = await joeShares(space)
      const share = space.shareId('late')
      await put(joe, { _id: 'l', n: 1, $shares: { [share]: true } })
      await saysProblem(space, joe, 'l', 'no_such_share')
      await put(joe, shareDoc(share))
      await copyBecomes(space, share, 'l', { n: 1 })
      await objectBecomes(joe, space, 'l', { n: 1, $shares: { [share]: true } })
    },
    { sweepIntervalMs: 500 },
  )

  it('has an id that begins with neither `$` nor `_`', async (space) => {
    const { joe, share } = await joeShares(space)
    const $shares = { [share]: true }
    await put(
      joe,
      { _id: '$subscription/x', type: '$subscription', $shares },
      { _id: '$', n: 1, $shares },
      { _id: '$other/y', n: 1, $shares },
      { _id: '_design/mine', n: 1, views: {}, $shares },
      { _id: 'a$', n: 1, $shares },
    )
    await space.write(joe, { ...shareDoc(share), n: 1, $shares })
    await copyBecomes(space, share, 'a$', { n: 1 })
    await space.settled()
    assert.deepEqual(await idsIn(space.share(share)), [`share/${share}/a$`])
    assert.deepEqual((await joe.get('_design/mine'))?.['$shares'], $shares)
  })

  it('is copied whatever it is called', async (space) => {
    const { joe, share } = await joeShares(space)
    const write = async (n: number, wish: unknown) => {
      for (const _id of WEIRD_IDS) await space.write(joe, { _id, n, m: 0, $shares: { [share]: wish } })
    }
    await write(1, true)
    for (const id of WEIRD_IDS) await copyBecomes(space, share, id, { n: 1, m: 0 })
    await write(2, true)
    for (const id of WEIRD_IDS) await copyBecomes(space, share, id, { n: 2, m: 0 })
    await write(3, ['n'])
    for (const id of WEIRD_IDS) await copyBecomes(space, share, id, { n: 3 })
    await space.settled()
    assert.deepEqual(
      new Set(await idsIn(space.share(share))),
      new Set(WEIRD_IDS.map((id) => `share/${share}/${id}`)),
    )
    await write(4, false)
    for (const id of WEIRD_IDS) await objectBecomes(joe, space, id, { n: 4, m: 0 })
    await space.settled()
    assert.deepEqual(await idsIn(space.share(share)), [])
  })

  it('is copied whatever its attributes are called', async (space) => {
    const { joe, share } = await joeShares(space)
    const names = [
      'constructor',
      'hasOwnProperty',
      'toString',
      'valueOf',
      '',
      'a.b',
      '$',
      'ä',
      'toJSON',
      'length',
    ]
    const attributes = Object.fromEntries(names.map((name, n) => [name, n]))
    await put(
      joe,
      { _id: 'all', ...attributes, $shares: { [share]: true } },
      { _id: 'list', ...attributes, more: 1, $shares: { [share]: names } },
      { _id: 'none', more: 1, $shares: { [share]: names } },
    )
    await copyBecomes(space, share, 'all', attributes)
    await copyBecomes(space, share, 'list', attributes)
    await copyBecomes(space, share, 'none', {})
  })

  if (kind === 'couchdb')
    it('keeps every digit and every name that JavaScript would lose', async (space) => {
      const { joe, share } = await joeShares(space)
      const values =
        '"big":12345678901234567890,"float":1.0,"huge":1.0e300,"long":0.12345678901234567891,' +
        '"deep":[{"n":-98765432109876543210,"text":"1.0, 12345678901234567890"}]'
      const names = '"odd":{"__proto__":{"x":1},"constructor":2}'
      const attributes: Record<string, string> = {
        numbers: values,
        names,
        both: `${values},${names}`,
      }
      for (const [id, text] of Object.entries(attributes))
        await raw(space, 'PUT', [joe.name, id], `{${text},"$shares":{"${share}":true}}`)
      const attributesOf = async (database: Database, id: string): Promise<string> =>
        (await raw(space, 'GET', [database.name, id]))
          .trim()
          .replace(/^\{"_id":"(?:[^"\\]|\\.)*","_rev":"[^"]*",/, '')
          .replace(/,"\$shares":.*$/, '}')
      for (const id of Object.keys(attributes)) {
        const copy = `share/${share}/${id}`
        await space.until(`${copy} is there`, async () => (await space.copy(share, id)) !== null)
        assert.equal(await attributesOf(space.share(share), copy), await attributesOf(joe, id))
      }
      // What the daemon writes into the object itself goes the same way.
      await space.settled()
      for (const [id, text] of Object.entries(attributes)) {
        const before = await attributesOf(joe, id)
        const { _rev } = (await joe.get(id)) ?? {}
        const body = `{"_rev":"${String(_rev)}",${text},"$shares":{"${share}":false}}`
        await raw(space, 'PUT', [joe.name, id], body)
        await space.until(
          `${id} is settled`,
          async () => !('$shares' in ((await joe.get(id)) ?? { $shares: 1 })),
        )
        assert.equal(await attributesOf(joe, id), before)
      }
    })

  it('is not written a second time when everything is seen once more', async (space) => {
    const { joe, share } = await joeShares(space)
    const other = space.shareId('other')
    const text = { content_type: 'text/plain', data: Buffer.from('hello '.repeat(100)).toString('base64') }
    await put(
      joe,
      shareDoc(other),
      { _id: '$share/BAD', type: '$share' },
      { _id: 'all', n: 1, $shares: { [share]: true } },
      { _id: 'list', n: 2, m: 3, $shares: { [share]: ['n'], [other]: ['m'] } },
      { _id: 'bad', n: 4, $shares: { [share]: 5, [other]: true } },
      { _id: 'attached', _attachments: { 'a.txt': text }, $shares: { [share]: true } },
      { _id: 'taken back', n: 6, $shares: { [share]: true } },
      { _id: 'early', n: 7, $shares: { [space.shareId('never')]: true } },
      { _id: 'private', n: 8 },
    )
    await becomesActive(space, 'joe', other)
    await copyBecomes(space, share, 'taken back', { n: 6 })
    await space.write(joe, { _id: 'taken back', n: 6, $shares: { [share]: false } })
    await objectBecomes(joe, space, 'taken back', { n: 6 })
    await space.until('attached is there', async () => (await space.copy(share, 'attached')) !== null)
    await saysProblem(space, joe, 'bad', 'invalid_selection')
    await space.settled()
    const stand = async () => {
      const databases = [joe, space.outbox('joe'), space.share(share), space.share(other)]
      const seqs = await Promise.all(databases.map(async (one) => (await one.info())?.update_seq))
      const entries = await Promise.all([share, other].map(async (id) => (await space.entry(id))?._rev))
      const replications = await space.couch
        .database('_replicator')
        .range({ startKey: space.prefix, endKey: `${space.prefix}\ufff0` })
      return { seqs, entries, replications: replications.map(({ id, rev }) => [id, rev]) }
    }
    const before = await stand()

    await space.stop()
    await space.start()
    await space.settled()
    assert.deepEqual(await stand(), before, 'after a restart')

    await space.stop()
    const checkpoints = space.couch.database('shares/checkpoints')
    const rows = await checkpoints.range({ startKey: space.prefix, endKey: `${space.prefix}\ufff0` })
    assert.ok(rows.length >= 2, 'there were checkpoints')
    await put(checkpoints, ...rows.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
    await space.start()
    await space.settled()
    assert.deepEqual(await stand(), before, 'after all checkpoints were lost')
  })
})

onEachServer('the conflicts of a user', ({ it }) => {
  const LOW = '0'.repeat(32)
  const HIGH = 'f'.repeat(32)

  /** Adds a leaf beside those that are there, as a device does that was offline since the first revision. */
  async function addLeaf(user: Database, doc: Doc, first: string, hash: string): Promise<void> {
    const ids = [hash, first.slice('1-'.length)]
    await user.bulk([{ ...doc, _rev: `2-${hash}`, _revisions: { start: 2, ids } }], { newEdits: false })
  }

  const rivals: [string, (share: string) => Content, Content | null][] = [
    ['un-shares by `false`', (share) => ({ $shares: { [share]: false } }), null],
    ['has no key', () => ({ $shares: {} }), null],
    ['has no `$shares`', () => ({}), null],
    ['is invalid', (share) => ({ $shares: { [share]: 'no' } }), null],
    ['shares less', (share) => ({ $shares: { [share]: ['n'] } }), { n: 2 }],
  ]
  for (const [what, words, expected] of rivals)
    for (const [place, hash] of [
      ['losing', LOW],
      ['winning', HIGH],
    ] as const)
      it(`count where a ${place} leaf ${what}`, async (space) => {
        const { joe, share } = await joeShares(space)
        const consent = { $shares: { [share]: ['n', 'm'] } }
        const first = await space.write(joe, { _id: 'a', n: 1, m: 1, ...consent })
        await copyBecomes(space, share, 'a', { n: 1, m: 1 })
        const other = hash === LOW ? HIGH : LOW
        await addLeaf(joe, { _id: 'a', n: 2, m: 2, ...consent }, first, other)
        await copyBecomes(space, share, 'a', { n: 2, m: 2 })
        await addLeaf(joe, { _id: 'a', n: 2, m: 3, ...words(share) }, first, hash)
        await copyBecomes(space, share, 'a', expected)
        await copyStays(space, share, 'a', expected)

        // The user decides for the leaf that shares: what it says is in force again, unless it was said to be over.
        const leaves = await joe.leaves([{ id: 'a' }])
        const unwanted = leaves.filter((leaf) => leaf['m'] === 3 && !leaf._deleted)
        assert.equal(unwanted.length, 1, 'what the user wrote is still there')
        await put(joe, ...unwanted.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })))
        const rest = await joe.get('a')
        if (rest?.['$shares']) await copyBecomes(space, share, 'a', { n: 2, m: 2 })
        else await copyStays(space, share, 'a', null)
      })

  for (const [place, hash] of [
    ['loses', LOW],
    ['wins', HIGH],
  ] as const)
    it(`leave one leaf where the other has only the daemon's words, and the user's ${place}`, async (space) => {
      const { joe, share } = await joeShares(space)
      const first = await space.write(joe, { _id: 'a', n: 1, $shares: { [share]: 'bad' } })
      await saysProblem(space, joe, 'a', 'invalid_selection')
      await addLeaf(joe, { _id: 'a', n: 2, $shares: { [share]: true } }, first, hash)
      await copyBecomes(space, share, 'a', { n: 2 })
      await space.settled()
      const { _id, _rev, ...content } = (await joe.get('a', { conflicts: true })) ?? {}
      assert.deepEqual(content, { n: 2, $shares: { [share]: true } })
    })

  it('leave one leaf where the daemon had taken out `false`', async (space) => {
    const { joe, share } = await joeShares(space)
    const first = await space.write(joe, { _id: 'a', n: 1, $shares: { [share]: false } })
    await objectBecomes(joe, space, 'a', { n: 1 })
    await addLeaf(joe, { _id: 'a', n: 2, $shares: { [share]: false } }, first, LOW)
    await space.until('one leaf is left', async () => {
      const doc = await joe.get('a', { conflicts: true })
      return doc?.['n'] === 2 && !doc._conflicts && doc['$shares'] === undefined
    })
  })
})
