// What changes when roles do, or what documents say of themselves: they come, go and come back, and the master loses nothing.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import { isFault } from '../../../src/couch/fault.ts'
import { read } from '../../support/people.ts'
import { complete, Ground, type User } from '../../support/provisioning.ts'
import { onEachServer } from '../../support/suites.ts'

const X = 'number_domain:x.test'
const Y = 'number_domain:y.test'
const NUMBER_X = 'number:1@x.test'
const NUMBER_Y = 'number:1@y.test'

/** A secret that stands in every version of a document that somebody is to lose. */
const SECRET = 'the code of the door'

/** All revisions of a document that a database knows of, oldest first. */
async function revisionsOf(database: Database, id: string): Promise<string[]> {
  const leaves = await database.leaves([{ id }])
  const all = leaves.flatMap(({ _revisions }) =>
    (_revisions?.ids ?? []).map((hash, age) => `${(_revisions?.start ?? 0) - age}-${hash}`),
  )
  return [...new Set(all)].sort((one, other) => Number.parseInt(one) - Number.parseInt(other))
}

/** Everything that a user still reads of a document: each of these revisions, all leaves, and the feed. */
async function readable(database: Database, id: string, revisions: readonly string[]): Promise<string> {
  const asked = await Promise.all(
    revisions.map((rev) =>
      database.leaves([{ id, rev }]).catch((error: unknown) => {
        if (isFault(error, 'not_found')) return []
        throw error
      }),
    ),
  )
  const { results } = await database.changes({
    since: '0',
    limit: 10_000,
    includeDocs: true,
    allLeaves: true,
  })
  return JSON.stringify([asked, await database.leaves([{ id }]), results.filter((row) => row.id === id)])
}

/** Ann and bob, both of the domain x.test, a number in each domain, and the daemon at work. */
async function withTwo(
  ground: Ground,
  test: (people: { ann: User; bob: User; own: Database }) => Promise<void>,
): Promise<void> {
  const [ann, bob] = [ground.user('ann'), ground.user('bob')]
  await ground.put(
    ground.master,
    { _id: NUMBER_X, label: 'one', note: SECRET },
    { _id: NUMBER_Y, label: 'two' },
  )
  await ground.space.start()
  await ann.sign({ roles: [X] })
  await bob.sign({ roles: [X] })
  await ann.has(NUMBER_X)
  await bob.has(NUMBER_X)
  await ann.stands(complete(1))
  await bob.stands(complete(1))
  await test({ ann, bob, own: ann.at(await ann.database()) })
}

onEachServer('roles of provisioned users', ({ it, kind }) => {
  it('bring and take documents, and the master keeps all of them', (space) =>
    Ground.use(space, (ground) =>
      withTwo(ground, async ({ ann, bob, own }) => {
        const { master } = ground
        // Several revisions, two of them her own.
        await ann.write(NUMBER_X, { label: 'one of ann' })
        await ground.reads(master, NUMBER_X, { label: 'one of ann' })
        await ground.edit(NUMBER_X, { label: 'one again' })
        await ann.reads(NUMBER_X, { label: 'one again' })
        await ann.write(NUMBER_X, { label: 'one for ann' })
        await bob.reads(NUMBER_X, { label: 'one for ann' })
        const before = await master.get(NUMBER_X)
        const known = await revisionsOf(own, NUMBER_X)
        assert.equal(known.length, 4)
        assert((await readable(own, NUMBER_X, known)).includes(SECRET))

        await ann.sign({ roles: [X, Y] })
        await ann.has(NUMBER_X, NUMBER_Y)
        await ann.sign({ roles: [Y] })
        await ann.has(NUMBER_Y)
        await space.settled()
        assert.deepEqual(await master.get(NUMBER_X), before)
        await bob.has(NUMBER_X)
        const [tombstone, ...others] = await own.leaves([{ id: NUMBER_X }])
        assert.deepEqual([tombstone?._deleted, tombstone?.['$removed'], others], [true, true, []])
        if (kind === 'couchdb') assert(!(await readable(own, NUMBER_X, known)).includes(SECRET))

        // Back with the master's revision unchanged: a new revision on her side alone.
        await ann.sign({ roles: [X, Y] })
        await ann.has(NUMBER_X, NUMBER_Y)
        await space.settled()
        assert.deepEqual(await master.get(NUMBER_X), before)
        assert.deepEqual(await read(own, NUMBER_X), await read(master, NUMBER_X))
        await ground.hasNoConflicts()

        // Edits on either side, and both are alike again.
        await ann.write(NUMBER_X, { label: 'back' })
        await ground.reads(master, NUMBER_X, { label: 'back', updated_by: ann.name })
        await bob.reads(NUMBER_X, { label: 'back' })
        await ground.edit(NUMBER_X, { label: 'from above' })
        await ann.reads(NUMBER_X, { label: 'from above' })
        await bob.write(NUMBER_X, { label: 'from aside' })
        await ann.reads(NUMBER_X, { label: 'from aside', updated_by: bob.name })
        await ground.hasNoConflicts()

        // Gone, changed meanwhile, and back.
        await ann.sign({ roles: [] })
        await ann.has()
        await ground.edit(NUMBER_X, { label: 'while she was away' })
        await bob.write(NUMBER_X, { more: 'by bob' })
        await ground.reads(master, NUMBER_X, { label: 'while she was away', more: 'by bob' })
        await space.settled()
        await ann.has()
        await ann.sign({ roles: [X] })
        await ann.reads(NUMBER_X, { label: 'while she was away', more: 'by bob' })
        await ann.write(NUMBER_X, { label: 'at the end' })
        await bob.reads(NUMBER_X, { label: 'at the end', more: 'by bob' })
        await ground.reads(master, NUMBER_X, { label: 'at the end', more: 'by bob' })
        await space.settled()
        await ground.hasNoConflicts()
        for (const user of [ann, bob]) {
          assert.deepEqual(await read(user.at(await user.database()), NUMBER_X), await read(master, NUMBER_X))
          assert.deepEqual((await user.standing())?.rejected, undefined)
        }
      }),
    ))

  it('that come and go many times leave nothing behind', (space) =>
    Ground.use(space, (ground) =>
      withTwo(ground, async ({ ann, own }) => {
        const { master } = ground
        const before = await master.get(NUMBER_X)
        for (let round = 0; round < 4; round += 1) {
          await ann.sign({ roles: [] })
          await ann.has()
          await ann.sign({ roles: [X] })
          await ann.has(NUMBER_X)
        }
        // Faster than anybody looks.
        for (const roles of [[], [X], [Y], [], [X, Y]]) await ann.sign({ roles })
        await ann.has(NUMBER_X, NUMBER_Y)
        await space.settled()
        await ann.has(NUMBER_X, NUMBER_Y)
        assert.deepEqual(await master.get(NUMBER_X), before)
        assert.deepEqual(await read(own, NUMBER_X), await read(master, NUMBER_X))
        assert.deepEqual((await ann.entry())?.roles, [X, Y])
        await ground.hasNoConflicts()
      }),
    ))

  it('do not count for documents that are held back, or that move to another domain', (space) =>
    Ground.use(space, (ground) =>
      withTwo(ground, async ({ ann, bob, own }) => {
        const { master } = ground
        const cid = ground.user('cid')
        await cid.sign({ roles: [Y] })
        await cid.has(NUMBER_Y)
        await ground.put(master, { _id: 'endpoint:1', number_domain: 'x.test', note: SECRET })
        for (const user of [ann, bob]) await user.has('endpoint:1', NUMBER_X)
        const known = await revisionsOf(own, 'endpoint:1')

        await ground.edit('endpoint:1', { number_domain: 'y.test' })
        await cid.has('endpoint:1', NUMBER_Y)
        for (const user of [ann, bob]) await user.has(NUMBER_X)
        // The tombstone comes first, and then what was there is purged.
        await space.settled()
        if (kind === 'couchdb') assert(!(await readable(own, 'endpoint:1', known)).includes(SECRET))
        await ground.edit('endpoint:1', { number_domain: 'x.test' })
        for (const user of [ann, bob]) await user.has('endpoint:1', NUMBER_X)
        await cid.has(NUMBER_Y)

        await ground.edit(NUMBER_X, { user_access: false })
        for (const user of [ann, bob]) await user.has('endpoint:1')
        await ground.edit(NUMBER_X, { user_access: true })
        for (const user of [ann, bob]) await user.has('endpoint:1', NUMBER_X)
        // A real deletion at the master, and the document made anew.
        await space.write(master, { _id: NUMBER_X, _deleted: true })
        for (const user of [ann, bob]) await user.has('endpoint:1')
        await ground.put(master, { _id: NUMBER_X, label: 'anew' })
        for (const user of [ann, bob]) await user.reads(NUMBER_X, { label: 'anew' })
        await bob.write(NUMBER_X, { label: 'anew by bob' })
        await ann.reads(NUMBER_X, { label: 'anew by bob' })
        await ground.hasNoConflicts()
        await space.settled()
        assert.equal((await ann.standing())?.documents, 2)
        assert.equal((await cid.standing())?.documents, 1)
      }),
    ))

  it('hold for a lost document whatever its user writes, and the master keeps its own', (space) =>
    Ground.use(space, (ground) =>
      withTwo(ground, async ({ ann, bob, own }) => {
        const { master } = ground
        const before = await master.get(NUMBER_X)
        const old = await own.get(NUMBER_X)
        await ann.sign({ roles: [Y] })
        await ann.has(NUMBER_Y)
        // Over the tombstone, over what she knew, and as another document of that name.
        await ann.write(NUMBER_X, { label: 'mine' })
        await space.settled()
        assert.deepEqual(await master.get(NUMBER_X), before)
        const forged = { _id: NUMBER_X, _rev: `2-${'a'.repeat(32)}`, label: 'mine', updated_by: ann.name }
        const [start = '1', hash = ''] = old?._rev.split('-') ?? []
        const ids = ['a'.repeat(32), hash]
        await own.bulk([{ ...forged, _revisions: { start: Number(start) + 1, ids } }], { newEdits: false })
        await own.bulk(
          [{ _id: NUMBER_X, _rev: `1-${'b'.repeat(32)}`, label: 'mine', updated_by: ann.name }],
          {
            newEdits: false,
          },
        )
        await own.bulk(
          [
            {
              ...{ _id: NUMBER_X, _rev: `3-${'c'.repeat(32)}`, _deleted: true, updated_by: ann.name },
              _revisions: { start: 3, ids: ['c'.repeat(32), ...ids] },
            },
          ],
          { newEdits: false },
        )
        await space.settled()
        assert.deepEqual(await master.get(NUMBER_X), before)
        assert.deepEqual(await read(bob.at(await bob.database()), NUMBER_X), await read(master, NUMBER_X))
        assert((await ann.standing())?.rejected?.[NUMBER_X] !== undefined)
        // With the role, what she wrote under that name counts as a change of hers, over the master's.
        await ann.sign({ roles: [X] })
        await ann.reads(NUMBER_X, { label: 'one', note: SECRET })
        await space.settled()
        assert.deepEqual(await read(own, NUMBER_X), await read(master, NUMBER_X))
        await ground.hasNoConflicts()
      }),
    ))

  it('bring a lost document back on the master’s line, whatever line of a device was taken out with it', (space) =>
    Ground.use(space, (ground) =>
      withTwo(ground, async ({ ann, bob, own }) => {
        const { master } = ground
        const first = (await own.get(NUMBER_X))?._rev ?? ''
        await bob.write(NUMBER_X, { label: 'one of bob' })
        await ann.reads(NUMBER_X, { label: 'one of bob' })
        await ann.sign({ roles: [] })
        await ann.has()
        // A device that had edited it three times while it was offline.
        const ids = ['c', 'b', 'a'].map((letter) => letter.repeat(32))
        const late = {
          ...{ _id: NUMBER_X, _rev: `4-${ids[0] ?? ''}`, label: 'too late', updated_by: ann.name },
          _revisions: { start: 4, ids: [...ids, first.slice(2)] },
        }
        await own.bulk([late], { newEdits: false })
        await ground.eventually('what ann reads of it', async () => (await ann.standing())?.rejected, {
          [NUMBER_X]: 'no_longer_yours',
        })
        await ann.has()
        const before = await master.get(NUMBER_X)
        await ann.sign({ roles: [X] })
        await ann.reads(NUMBER_X, { label: 'one of bob' })
        await space.settled()
        const [leaf, ...others] = (await own.leaves([{ id: NUMBER_X }])).filter(({ _deleted }) => !_deleted)
        assert.deepEqual(others, [])
        assert(leaf?._revisions?.ids.includes(before?._rev.slice(2) ?? ''), 'Expected one line of revisions')
        assert.deepEqual(await master.get(NUMBER_X), before)
        await ann.write(NUMBER_X, { label: 'one of ann' })
        await bob.reads(NUMBER_X, { label: 'one of ann' })
        await space.settled()
        assert.deepEqual((await ann.standing())?.rejected, undefined)
        await ground.hasNoConflicts()
      }),
    ))

  it('are seen on a device that was offline, and what was written there arrives', (space) =>
    Ground.use(space, (ground) =>
      withTwo(ground, async ({ ann, bob }) => {
        const { master } = ground
        const device = await ann.device('phone')
        const shows = (...ids: string[]): Promise<void> =>
          ground.eventually(
            'documents on the phone',
            async () => (await device.docs()).map(({ _id }) => _id).filter((id) => !id.startsWith('$')),
            ids.sort(),
          )
        const showsLabel = (id: string, label: string): Promise<void> =>
          ground.eventually(
            `${id} on the phone`,
            async () => (await device.local.get(id).catch(() => null))?.['label'],
            label,
          )
        device.goOnline()
        await shows(NUMBER_X)
        await ann.sign({ roles: [X, Y] })
        await shows(NUMBER_X, NUMBER_Y)
        await ann.sign({ roles: [Y] })
        await shows(NUMBER_Y)
        await ann.sign({ roles: [X, Y] })
        await shows(NUMBER_X, NUMBER_Y)

        // Offline: an edit, a new document and a deletion.
        await device.goOffline()
        assert(await device.edit(NUMBER_X, { label: 'on the train', updated_by: ann.name }))
        await device.local.put({ _id: 'number:2@x.test', label: 'new on the train', updated_by: ann.name })
        const doc = await device.local.get(NUMBER_Y)
        await device.local.put({ _id: NUMBER_Y, _rev: doc._rev, _deleted: true, updated_by: ann.name })
        await bob.write(NUMBER_X, { note: 'in the office' })
        await ground.reads(master, NUMBER_X, { note: 'in the office' })
        device.goOnline()
        await ground.reads(master, NUMBER_X, { label: 'on the train', note: 'in the office' })
        await bob.reads('number:2@x.test', { label: 'new on the train' })
        await ground.eventually('the deleted one', () => master.get(NUMBER_Y), null)
        await showsLabel(NUMBER_X, 'on the train')
        await shows(NUMBER_X, 'number:2@x.test')

        // Offline while the role goes: what was changed there is told of, and reaches nobody.
        await device.goOffline()
        assert(await device.edit(NUMBER_X, { label: 'too late', updated_by: ann.name }))
        await ann.sign({ roles: [Y] })
        await ann.has()
        const before = await master.get(NUMBER_X)
        device.goOnline()
        await shows()
        await ground.eventually(
          'what ann reads of it',
          async () => (await ann.standing())?.rejected?.[NUMBER_X],
          'no_longer_yours',
        )
        await space.settled()
        assert.deepEqual(await master.get(NUMBER_X), before)
        await ann.sign({ roles: [X] })
        await shows(NUMBER_X, 'number:2@x.test')
        await showsLabel(NUMBER_X, 'on the train')
        assert(await device.edit(NUMBER_X, { label: 'home', updated_by: ann.name }))
        await bob.reads(NUMBER_X, { label: 'home' })
        await ground.hasNoConflicts()
        assert.deepEqual(device.denied, [])
        for (const one of await device.docs()) assert.equal(one._conflicts?.length ?? 0, 0, one._id)
      }),
    ))
})
