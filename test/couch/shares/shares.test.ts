// A share's life, row by row of the table in docs/design.md, with the daemon running.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import type { StoredDoc } from '../../../src/couch/document.ts'
import type { Space } from '../../support/space.ts'
import { type Content, shareDoc, put, becomesActive, copyBecomes } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

/** A user with a database of their own. */
async function newUser(space: Space, owner: string): Promise<Database> {
  const user = space.user(owner)
  await user.create()
  return user
}

async function isRefused(space: Space, owner: string, share: string, code: string): Promise<void> {
  await space.until(`share ${share} of ${owner} says ${code}`, async () => {
    const doc = await space.user(owner).get(`$share/${share}`)
    return doc?.['$state'] === 'error' && codeOf(doc) === code
  })
  const { reason } = (await space.user(owner).get(`$share/${share}`))?.['$error'] as { reason: string }
  assert.match(reason, /^[A-Z].*[a-z].*\.$/, 'a sentence')
}

const codeOf = (doc: Content): unknown => (doc['$error'] as { code?: unknown } | undefined)?.code

async function hasEnded(space: Space, share: string): Promise<void> {
  await space.until(
    `share ${share} has ended`,
    async () => (await space.entry(share))?.['state'] === 'ended',
    40_000,
  )
}

async function remove(user: Database, id: string): Promise<void> {
  const doc = await user.get(id)
  assert.ok(doc)
  await put(user, { _id: id, _rev: doc._rev, _deleted: true })
}

/** The replications of this test's outboxes. */
async function replications(space: Space): Promise<StoredDoc[]> {
  const rows = await space.couch
    .database('_replicator')
    .range({ startKey: space.prefix, endKey: `${space.prefix}\ufff0`, includeDocs: true })
  return rows.flatMap(({ doc }) => doc ?? [])
}

/** The document ids of the jobs that CouchDB's scheduler has for them; the embedded server has none. */
async function jobs(space: Space): Promise<string[]> {
  if (space.server.kind === 'embedded') return []
  const found = await space.couch.request<{ jobs: { doc_id: string | null }[] }>({
    path: ['_scheduler', 'jobs'],
    query: { limit: 10_000 },
  })
  return found.jobs.flatMap(({ doc_id: id }) => (id?.startsWith(space.prefix) ? [id] : []))
}

/** The ids of a share's live copies in its owner's outbox. */
async function copiesInOutbox(space: Space, owner: string, share: string): Promise<string[]> {
  const rows = await space.outbox(owner).range({ startKey: `share/${share}/`, endKey: `share/${share}0` })
  return rows.map(({ id }) => id)
}

const replicationId = (space: Space, owner: string, share: string): string =>
  `${space.outbox(owner).name} => share/${share}`

/** All that makes a share work, and keeps others out. */
async function assertInPlace(space: Space, owner: string, share: string): Promise<void> {
  const entry = await space.entry(share)
  assert.deepEqual(
    [entry?.['type'], entry?.['owner'], entry?.['database'], entry?.['state'], entry?.['problem']],
    ['share', owner, space.user(owner).name, 'active', undefined],
  )
  const security = await space.share(share).security()
  const owners = { names: [], roles: [owner] }
  assert.deepEqual(security, {
    admins: { names: [], roles: ['_admin'] },
    members: owners,
    writers: owners,
  })
  const access = await space.share(share).get('_design/write_access')
  assert.equal(typeof access?.['validate_doc_update'], 'string')
  const filters = await space.share(share).get('_design/share_filters')
  assert.equal(typeof (filters?.['filters'] as Content | undefined)?.['share'], 'string')
  const found = (await replications(space)).filter(({ _id }) => _id.endsWith(` => share/${share}`))
  assert.deepEqual(
    found.map(({ _id }) => _id),
    [replicationId(space, owner, share)],
  )
}

onEachServer('the life of a share', ({ it, kind }) => {
  it('becomes active when all is in place', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(joe, shareDoc(share, { title: 'Groceries' }))
    await becomesActive(space, 'joe', share)

    await assertInPlace(space, 'joe', share)
    const { _rev, ...doc } = (await joe.get(`$share/${share}`)) ?? {}
    assert.deepEqual(doc, { _id: `$share/${share}`, type: '$share', title: 'Groceries', $state: 'active' })

    const [replication] = await replications(space)
    assert.ok(replication)
    const { source, target } = replication as unknown as Record<'source' | 'target', { url: string }>
    assert.deepEqual(
      [source.url, target.url],
      [
        `${space.server.url}/${encodeURIComponent(space.outbox('joe').name)}`,
        `${space.server.url}/${encodeURIComponent(`share/${share}`)}`,
      ],
    )
    assert.equal(replication['continuous'], true)
    assert.deepEqual(replication['selector'], { _id: { $gte: `share/${share}/`, $lt: `share/${share}0` } })
    // Any of these would carry more, or less, than the copies of this share.
    for (const surplus of ['filter', 'doc_ids', 'create_target', 'cancel', 'user_ctx', 'since_seq'])
      assert.ok(!(surplus in replication), surplus)
    if (kind === 'couchdb') {
      const { state } = await space.couch.request<{ state: string }>({
        path: ['_scheduler', 'docs', '_replicator', replication._id],
      })
      assert.ok(['running', 'pending'].includes(state), state)
    }
    assert.deepEqual(await space.outbox('joe').security(), {
      admins: { names: [], roles: ['_admin'] },
      members: { names: [], roles: ['_admin'] },
    })
  })

  it('leaves a share alone whose id another user has', async (space) => {
    const share = space.shareId()
    const [joe, eve] = [await newUser(space, 'joe'), await newUser(space, 'eve')]
    await space.start()
    await put(joe, shareDoc(share), { _id: 'a', n: 1, $shares: { [share]: true } })
    await becomesActive(space, 'joe', share)
    await copyBecomes(space, share, 'a', { n: 1 })
    const entry = await space.entry(share)

    await put(eve, shareDoc(share), { _id: 'e', n: 6, $shares: { [share]: true } })
    await isRefused(space, 'eve', share, 'id_taken')
    await put(joe, { _id: 'b', n: 2, $shares: { [share]: true } })
    await copyBecomes(space, share, 'b', { n: 2 })
    await space.settled()
    assert.equal(await space.copy(share, 'e'), null)
    assert.deepEqual(await space.entry(share), entry)
    assert.equal((await joe.get(`$share/${share}`))?.['$state'], 'active')
    await assertInPlace(space, 'joe', share)

    // The end of the refused document is not the end of the share.
    await remove(eve, `$share/${share}`)
    await space.settled()
    await put(joe, { _id: 'c', n: 3, $shares: { [share]: true } })
    await copyBecomes(space, share, 'c', { n: 3 })
  })

  it('keeps an ended id for its owner, who may use it again', async (space) => {
    const share = space.shareId()
    const [joe, eve] = [await newUser(space, 'joe'), await newUser(space, 'eve')]
    await space.start()
    await put(joe, shareDoc(share), { _id: 'a', n: 1, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 1 })
    await becomesActive(space, 'joe', share)
    await remove(joe, `$share/${share}`)
    await hasEnded(space, share)

    await put(eve, shareDoc(share))
    await isRefused(space, 'eve', share, 'id_taken')
    assert.equal(await space.share(share).info(), null)

    await put(joe, { _id: 'early', n: 2, $shares: { [share]: true } })
    await space.settled()
    await space.write(joe, shareDoc(share))
    await becomesActive(space, 'joe', share)
    await assertInPlace(space, 'joe', share)
    await copyBecomes(space, share, 'early', { n: 2 })
    await space.write(joe, { _id: 'a', n: 3, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 3 })
    assert.equal(codeOf((await eve.get(`$share/${share}`)) ?? {}), 'id_taken')
  })

  it('keeps in force what was before a document became malformed, and heals', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(joe, shareDoc(share))
    await becomesActive(space, 'joe', share)

    for (const [bad, code] of [
      [{ type: 'todo' }, 'wrong_type'],
      [{ access: 'everybody' }, 'invalid_access'],
    ] as const) {
      await space.write(joe, shareDoc(share, { $state: 'active', ...bad }))
      await isRefused(space, 'joe', share, code)
      await put(joe, { _id: `while ${code}`, n: 1, $shares: { [share]: true } })
      await copyBecomes(space, share, `while ${code}`, { n: 1 })
      await assertInPlace(space, 'joe', share)
      const { access: _, ...refused }: Content = (await joe.get(`$share/${share}`)) ?? {}
      await space.write(joe, { ...refused, ...shareDoc(share) })
      await becomesActive(space, 'joe', share)
    }
  })

  it('opens nothing while its access is malformed, until it is corrected', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(joe, shareDoc(share, { access: { read: 'everyone' } }), {
      _id: 'a',
      n: 1,
      $shares: { [share]: true },
    })
    await isRefused(space, 'joe', share, 'invalid_access')
    await space.settled()
    assert.deepEqual([await space.entry(share), await space.share(share).info()], [null, null])
    assert.deepEqual(await replications(space), [])

    await space.write(joe, shareDoc(share, { access: { read: [], write: [] } }))
    await becomesActive(space, 'joe', share)
    await copyBecomes(space, share, 'a', { n: 1 })
  })

  it('ends with its document, and leaves nothing behind', async (space) => {
    const [share, other] = [space.shareId(), space.shareId('other')]
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(
      joe,
      shareDoc(share),
      shareDoc(other),
      { _id: 'plain', n: 1, $shares: { [share]: true } },
      { _id: 'both', n: 2, $shares: { [share]: ['n'], [other]: true } },
      { _id: 'no copy', n: 3, $shares: { [share]: 'please' } },
      { _id: 'private', n: 4 },
    )
    await copyBecomes(space, share, 'plain', { n: 1 })
    await copyBecomes(space, share, 'both', { n: 2 })
    await copyBecomes(space, other, 'both', { n: 2 })
    await becomesActive(space, 'joe', share)
    await becomesActive(space, 'joe', other)

    await remove(joe, `$share/${share}`)
    await hasEnded(space, share)
    assert.equal(await space.share(share).info(), null)
    assert.deepEqual(
      (await replications(space)).map(({ _id }) => _id),
      [replicationId(space, 'joe', other)],
    )
    assert.ok(!(await jobs(space)).includes(replicationId(space, 'joe', share)))
    assert.deepEqual(await copiesInOutbox(space, 'joe', share), [])
    await space.settled()
    assert.equal(await space.share(share).info(), null)
    const left = await Promise.all(
      ['plain', 'both', 'no copy', 'private'].map(async (id) => {
        const { _id, _rev, ...content } = (await joe.get(id)) ?? {}
        return content
      }),
    )
    assert.deepEqual(left, [{ n: 1 }, { n: 2, $shares: { [other]: true } }, { n: 3 }, { n: 4 }])
    await space.write(joe, { _id: 'both', n: 5, $shares: { [other]: true } })
    await copyBecomes(space, other, 'both', { n: 5 })
    await assertInPlace(space, 'joe', other)
  })

  it('ends a share that was deleted while the daemon did not run', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(joe, shareDoc(share), { _id: 'a', n: 1, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 1 })
    await becomesActive(space, 'joe', share)
    await space.stop()
    await remove(joe, `$share/${share}`)
    await space.start()
    await hasEnded(space, share)
    assert.equal(await space.share(share).info(), null)
    assert.deepEqual([await replications(space), await jobs(space)], [[], []])
  })

  it(
    'ends all shares of a user whose database is gone, after the grace time',
    async (space) => {
      const shares = [space.shareId(), space.shareId('other')]
      const joe = await newUser(space, 'joe')
      await space.start()
      for (const share of shares)
        await put(joe, shareDoc(share), { _id: `in ${share}`, n: 1, $shares: { [share]: true } })
      for (const share of shares) await becomesActive(space, 'joe', share)
      await joe.drop()
      for (const share of shares) await hasEnded(space, share)
      await space.until('the outbox is gone', async () => (await space.outbox('joe').info()) === null)
      for (const share of shares) assert.equal(await space.share(share).info(), null)
      assert.deepEqual([await replications(space), await jobs(space)], [[], []])
      await space.settled()
      const left = await space.couch.allDbs({ startKey: space.prefix, endKey: `${space.prefix}\ufff0` })
      assert.deepEqual(left, [])
    },
    { deletionGraceMs: 300 },
  )

  it('ends the shares of a user whose database went while the daemon did not run', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(joe, shareDoc(share))
    await becomesActive(space, 'joe', share)
    await space.stop()
    await joe.drop()
    await space.start({ deletionGraceMs: 300 })
    await hasEnded(space, share)
    await space.until('the outbox is gone', async () => (await space.outbox('joe').info()) === null)
    assert.equal(await space.share(share).info(), null)
  })

  /** Where a daemon runs while there is no database, all that is looked at has to come within the grace time. */
  const LONG_GRACE_MS = 8_000
  const GRACE_MS = 2_000
  const recreations: [
    string,
    number,
    (space: Space, joe: Database, fill: () => Promise<void>) => Promise<void>,
  ][] = [
    [
      'a while after it was deleted',
      LONG_GRACE_MS,
      async (space, joe, fill) => {
        await joe.drop()
        await space.settled()
        assert.notEqual(await space.outbox('joe').info(), null, 'nothing goes within the grace time')
        await joe.create()
        await fill()
      },
    ],
    [
      'at once',
      GRACE_MS,
      async (_, joe, fill) => {
        await joe.drop()
        await joe.create()
        await fill()
      },
    ],
    [
      'while the daemon did not run',
      GRACE_MS,
      async (space, joe, fill) => {
        await space.stop()
        await joe.drop()
        await joe.create()
        await fill()
        await space.start()
      },
    ],
    [
      'before the daemon was restarted',
      GRACE_MS,
      async (space, joe, fill) => {
        await joe.drop()
        await joe.create()
        await fill()
        await space.settled()
        await space.stop()
        await space.start()
      },
    ],
  ]
  for (const [when, deletionGraceMs, recreate] of recreations)
    it(
      `goes by the new content of a database that was created again ${when}`,
      async (space) => {
        const [kept, lost] = [space.shareId(), space.shareId('lost')]
        const joe = await newUser(space, 'joe')
        await space.start()
        await put(
          joe,
          shareDoc(kept),
          shareDoc(lost),
          { _id: 'gone', n: 1, $shares: { [kept]: true } },
          { _id: 'private now', n: 2, $shares: { [kept]: true } },
          { _id: 'changed', n: 3, $shares: { [kept]: true } },
          { _id: 'of lost', n: 4, $shares: { [lost]: true } },
        )
        for (const share of [kept, lost]) await becomesActive(space, 'joe', share)
        for (const [n, object] of ['gone', 'private now', 'changed'].entries())
          await copyBecomes(space, kept, object, { n: n + 1 })

        const changed = { _id: 'changed', n: 5, $shares: { [kept]: true } }
        await recreate(space, joe, () => put(joe, shareDoc(kept), changed, { _id: 'private now', n: 6 }))
        await becomesActive(space, 'joe', kept)
        await copyBecomes(space, kept, 'changed', { n: 5 })
        await copyBecomes(space, kept, 'gone', null)
        await copyBecomes(space, kept, 'private now', null)
        await hasEnded(space, lost)
        await space.settled()
        assert.deepEqual(await copiesInOutbox(space, 'joe', kept), [`share/${kept}/changed`])
        assert.deepEqual(await copiesInOutbox(space, 'joe', lost), [])
        assert.equal(await space.share(lost).info(), null)
        await assertInPlace(space, 'joe', kept)
      },
      { deletionGraceMs },
    )

  it('fills a share database again that somebody dropped', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    await space.start()
    await put(joe, shareDoc(share), { _id: 'a', n: 1, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 1 })
    await space.write(joe, { _id: 'a', n: 2, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 2 })
    await becomesActive(space, 'joe', share)
    await space.settled()

    await space.share(share).drop()
    await copyBecomes(space, share, 'a', { n: 2 })
    await space.settled()
    await assertInPlace(space, 'joe', share)
    await space.write(joe, { _id: 'a', n: 3, $shares: { [share]: true } })
    await copyBecomes(space, share, 'a', { n: 3 })
  })

  for (const [when, drop] of [
    ['', async (space: Space) => void (await space.outbox('joe').drop())],
    [
      ' while the daemon did not run',
      async (space: Space) => {
        await space.stop()
        await space.outbox('joe').drop()
        await space.start()
      },
    ],
  ] as const)
    it(`fills an outbox again that somebody dropped${when}, and goes on from there`, async (space) => {
      const share = space.shareId()
      const joe = await newUser(space, 'joe')
      await space.start()
      await put(
        joe,
        shareDoc(share),
        { _id: 'a', n: 1, $shares: { [share]: true } },
        { _id: 'b', n: 1, $shares: { [share]: true } },
      )
      await copyBecomes(space, share, 'a', { n: 1 })
      for (const n of [2, 3, 4]) {
        await space.write(joe, { _id: 'a', n, $shares: { [share]: true } })
        await copyBecomes(space, share, 'a', { n })
      }
      await becomesActive(space, 'joe', share)
      await space.settled()

      await drop(space)
      await space.until('the outbox is filled', async () => {
        const rows = await space.outbox('joe').fetchIfThere([`share/${share}/a`, `share/${share}/b`])
        return rows.length === 2 && rows.every(({ doc }) => doc !== null)
      })
      await space.settled()
      await assertInPlace(space, 'joe', share)
      // The share had newer revisions than the new outbox begins with.
      assert.deepEqual(await space.copy(share, 'a'), { n: 4 })
      await space.write(joe, { _id: 'a', n: 5, $shares: { [share]: true } })
      await copyBecomes(space, share, 'a', { n: 5 })
      await space.write(joe, { _id: 'c', n: 1, $shares: { [share]: true } })
      await copyBecomes(space, share, 'c', { n: 1 })
      for (const id of ['a', 'b']) {
        await remove(joe, id)
        await copyBecomes(space, share, id, null)
      }
      await space.settled()
      assert.deepEqual([await space.copy(share, 'a'), await space.copy(share, 'b')], [null, null])
    })

  it('leaves a database alone that is no share of a user', async (space) => {
    const share = space.shareId()
    const joe = await newUser(space, 'joe')
    const found = space.share(share)
    const security = { admins: { names: ['ann'], roles: [] }, members: { names: ['ann'], roles: [] } }
    await found.create()
    await found.putSecurity(security)
    await put(found, { _id: 'precious', n: 1 })
    await space.start()
    await put(joe, shareDoc(share), { _id: 'a', n: 1, $shares: { [share]: true } })
    await isRefused(space, 'joe', share, 'database_exists')
    await space.settled()
    assert.equal(await space.entry(share), null)
    const there = (await found.range({})).map(({ id }) => id)
    assert.deepEqual([there, await found.security()], [['precious'], security])

    // The admin makes room, and the user tries again.
    await found.drop()
    await space.write(joe, shareDoc(share, { again: true }))
    await becomesActive(space, 'joe', share)
    await copyBecomes(space, share, 'a', { n: 1 })
    await assertInPlace(space, 'joe', share)
  })

  for (const [place, hash] of [
    ['loses', '0'.repeat(32)],
    ['wins', 'f'.repeat(32)],
  ] as const)
    it(`folds its state into what the user wrote offline, where that ${place}`, async (space) => {
      const share = space.shareId()
      const joe = await newUser(space, 'joe')
      await space.start()
      await put(joe, shareDoc(share))
      await becomesActive(space, 'joe', share)
      const [leaf] = await joe.leaves([{ id: `$share/${share}` }])
      const first = leaf?._revisions?.ids.at(-1)
      assert.ok(first)
      // A device that has not seen `$state` yet.
      const offline = shareDoc(share, {
        title: 'offline',
        _rev: `2-${hash}`,
        _revisions: { start: 2, ids: [hash, first] },
      })
      await joe.bulk([offline], { newEdits: false })
      await space.until('one leaf is left, with both', async () => {
        const doc = await joe.get(`$share/${share}`, { conflicts: true })
        return doc?.['title'] === 'offline' && doc['$state'] === 'active' && !doc._conflicts
      })
      await assertInPlace(space, 'joe', share)
    })
})
