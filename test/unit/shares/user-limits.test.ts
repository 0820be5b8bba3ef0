// What one user may have and write at the most: what is new is refused or waits, and nothing that is there is lost.
import assert from 'node:assert/strict'
import { shareDatabase } from '../../../src/documents/names.ts'
import type { MemoryDatabase } from '../../support/memory-database.ts'
import { MemoryWorld, users } from '../../support/memory-world.ts'
import type { Participants } from '../../support/participants.ts'
import { ANN, JOE, threePeople } from '../../support/three-people.ts'

const codeOf = (db: MemoryDatabase, id: string): string | undefined =>
  (db.read(id)?.['$error'] as { code?: string } | undefined)?.code

const edit = (db: MemoryDatabase, id: string, changes: Record<string, unknown>): void => {
  const rev = db.read(id)?._rev
  db.write({ ...db.read(id), _id: id, ...(rev === undefined ? {} : { _rev: rev }), ...changes })
}

const remove = (db: MemoryDatabase, id: string): void => edit(db, id, { _deleted: true })

describe('USER_MAX_BYTES', () => {
  const MOST = 1_000
  const LARGE = 'x'.repeat(MOST)
  let people: Participants
  let joe: MemoryDatabase
  let ann: MemoryDatabase

  const copyOf = (id: string): Record<string, unknown> | null =>
    people.share('x')?.read(`share/x/${id}`) ?? null
  const codesOf = (id: string): unknown => {
    const { shares = {} } = (joe.read(id)?.['$error'] ?? {}) as { shares?: Record<string, { code: string }> }
    return shares['x']?.code
  }
  const rejectedOf = (db: MemoryDatabase, id: string): unknown[] =>
    ((db.read(id)?.['$rejected'] ?? []) as { document: string; code: string }[]).map(
      ({ document, code }) => `${document} ${code}`,
    )

  async function begin(others: 'write' | null): Promise<void> {
    people = await threePeople([ANN], others)
    joe = people.database(JOE)
    ann = people.database(ANN)
    people.world.userLimits.mostBytes = MOST
    await people.world.restart()
    await people.world.settle()
  }

  async function writes(db: MemoryDatabase, id: string, changes: Record<string, unknown>): Promise<void> {
    edit(db, id, changes)
    await people.world.settle()
  }

  it('keeps what is larger from a share that is its owner’s, and says so, until it is smaller', async () => {
    people = await threePeople([], null)
    joe = people.database(JOE)
    people.world.userLimits.mostBytes = MOST
    await people.world.restart()
    edit(joe, '$share/y', { type: '$share' })
    await people.world.settle()
    const there = (): unknown => people.share('y')?.read('share/y/b')?.['text']
    const code = (): unknown =>
      (joe.read('b')?.['$error'] as { shares?: Record<string, { code: string }> } | undefined)?.shares?.['y']
        ?.code
    await writes(joe, 'b', { text: LARGE, $shares: { y: true } })
    assert.deepEqual([there(), code()], [undefined, 'too_large_to_share'])
    await writes(joe, 'b', { text: 'short' })
    assert.deepEqual([there(), code()], ['short', undefined])
    await writes(joe, 'b', { text: LARGE })
    assert.deepEqual([there(), code()], ['short', 'too_large_to_share'])
    await writes(joe, 'b', { $shares: { y: false } })
    assert.deepEqual([there(), code(), joe.read('b')?.['text']], [undefined, undefined, LARGE])
  })

  it('holds for owners and writers of a share that others write into, and what others write arrives', async () => {
    await begin('write')
    await writes(joe, 'a', { note: LARGE })
    assert.notEqual(copyOf('a')?.['note'], LARGE)
    assert.deepEqual(rejectedOf(joe, '$share/x'), ['a too_large_to_share'])
    await writes(ann, 'a', { name: 'ann’s' })
    assert.equal(joe.read('a')?.['name'], 'ann’s')
    assert.equal(joe.read('a')?.['note'], LARGE)
    await writes(joe, 'a', { note: 'short' })
    assert.equal(ann.read('a')?.['note'], 'short')
    assert.deepEqual(rejectedOf(joe, '$share/x'), [])
    await writes(ann, 'b', { text: LARGE, $shares: { x: true } })
    assert.equal(copyOf('b'), null)
    assert.deepEqual(rejectedOf(ann, '$subscription/x'), ['b too_large_to_share'])
  })

  it('leaves what is there as it is where it is lower than before, and takes edits that do not make it larger', async () => {
    people = await threePeople([ANN], 'write')
    joe = people.database(JOE)
    ann = people.database(ANN)
    await writes(joe, 'a', { name: 'n', note: LARGE })
    people.world.userLimits.mostBytes = MOST
    await people.world.restart()
    await people.world.settle()
    assert.deepEqual([copyOf('a')?.['note'], ann.read('a')?.['note']], [LARGE, LARGE])
    await writes(ann, 'a', { name: 'm' })
    assert.deepEqual([joe.read('a')?.['name'], codesOf('a')], ['m', undefined])
    await writes(ann, 'a', { name: 'longer' })
    assert.equal(joe.read('a')?.['name'], 'm')
    assert.deepEqual(rejectedOf(ann, '$subscription/x'), ['a too_large_to_share'])
  })

  it('takes what is not listed any more out of a copy, where the object itself is too large', async () => {
    await begin('write')
    await writes(joe, 'a', { name: LARGE, $shares: { x: ['name'] } })
    const { note } = copyOf('a') ?? {}
    assert.equal(note, undefined)
    await writes(joe, 'a', { $shares: { x: false } })
    assert.equal(copyOf('a'), null)
  })
})

describe('USER_MAX_SHARES', () => {
  let world: MemoryWorld
  let joe: MemoryDatabase

  const share = (db: MemoryDatabase, id: string, more: object = {}): void =>
    edit(db, `$share/${id}`, { type: '$share', ...more })
  const statesOf = (...ids: string[]): unknown[] =>
    ids.map((id) => codeOf(joe, `$share/${id}`) ?? joe.read(`$share/${id}`)?.['$state'])
  const isThere = (id: string): boolean => world.couch.databases.has(shareDatabase(id))

  beforeEach(async () => {
    world = await MemoryWorld.create({ userLimits: { mostShares: 2 } })
    joe = world.couch.create(users.database('joe'))
    for (const id of ['a', 'b', 'c', 'd']) {
      share(joe, id)
      joe.write({ _id: `todo/${id}`, name: id, $shares: { [id]: true } })
      await world.hear()
    }
  })

  it('refuses what is one too many, and says so, on the share alone', () => {
    assert.deepEqual(statesOf('a', 'b', 'c', 'd'), [
      'active',
      'active',
      'too_many_own_shares',
      'too_many_own_shares',
    ])
    assert.deepEqual(['a', 'b', 'c', 'd'].map(isThere), [true, true, false, false])
    assert.match((joe.read('$share/c')?.['$error'] as { reason: string }).reason, /at most 2 shares/)
    assert.equal(joe.read('todo/c')?.['$error'], undefined)
  })

  it('holds for those alone that come in one page', async () => {
    const ann = world.couch.create(users.database('ann'))
    for (const id of ['k', 'l', 'm']) share(ann, id)
    await world.hear()
    assert.deepEqual(
      ['k', 'l', 'm'].map((id) => codeOf(ann, `$share/${id}`)),
      [undefined, undefined, 'too_many_own_shares'],
    )
  })

  it('is looked at again when one of the shares has ended, and nobody has to write', async () => {
    remove(joe, '$share/a')
    await world.hear()
    assert.deepEqual(statesOf('b', 'c', 'd'), ['active', 'active', 'too_many_own_shares'])
    assert.equal(world.couch.databases.get(shareDatabase('c'))?.read('share/c/todo/c')?.['name'], 'c')
    assert(!isThere('a'))
    remove(joe, '$share/b')
    await world.hear()
    assert.deepEqual(statesOf('c', 'd'), ['active', 'active'])
    assert.equal(world.couch.databases.get(shareDatabase('d'))?.read('share/d/todo/d')?.['name'], 'd')
    const { overLimit } = (await world.deps.checkpoints.read([joe.name])).get(joe.name) ?? {}
    assert.equal(overLimit, undefined)
  })

  it('is looked at again when it is another one, after a restart', async () => {
    await world.saveCheckpoints()
    world.userLimits.mostShares = 3
    await world.restart()
    await world.settle()
    assert.deepEqual(statesOf('a', 'b', 'c', 'd'), ['active', 'active', 'active', 'too_many_own_shares'])
  })

  it('takes nothing away from shares that are there, where it is lower than before', async () => {
    world.userLimits.mostShares = 1
    await world.restart()
    edit(joe, 'todo/a', { name: 'A' })
    share(joe, 'b', { access: true })
    await world.settle()
    assert.deepEqual(statesOf('a', 'b', 'c'), ['active', 'active', 'too_many_own_shares'])
    assert.equal(world.couch.databases.get(shareDatabase('a'))?.read('share/a/todo/a')?.['name'], 'A')
    // The first end makes no room yet.
    remove(joe, '$share/a')
    await world.settle()
    assert.deepEqual(statesOf('b', 'c'), ['active', 'too_many_own_shares'])
  })

  it('counts what others own for nobody, and what has ended for nobody', async () => {
    const ann = world.couch.create(users.database('ann'))
    share(ann, 'k', { access: true })
    for (const id of ['l', 'm', 'n']) {
      share(ann, id)
      await world.hear()
      remove(ann, `$share/${id}`)
      await world.hear()
    }
    share(ann, 'l')
    await world.hear()
    assert.deepEqual(
      ['k', 'l'].map((id) => ann.read(`$share/${id}`)?.['$state']),
      ['active', 'active'],
    )
  })

  it('opens as many as there is room for, however many wait, also where the daemon is killed on the way', async () => {
    const ids = Array.from({ length: 60 }, (_, at) => `w${String(at).padStart(2, '0')}`)
    for (const id of ids) share(joe, id)
    await world.hear()
    await world.saveCheckpoints()
    world.userLimits.mostShares = 1_000
    await world.restart()
    await world.crash(400, () => world.settle())
    await world.settle()
    const { length } = ids.filter((id) => joe.read(`$share/${id}`)?.['$state'] === 'active')
    assert.equal(length, ids.length)
  })

  it('none: any number', async () => {
    world.userLimits.mostShares = Infinity
    await world.restart()
    await world.settle()
    assert.deepEqual(statesOf('a', 'b', 'c', 'd'), ['active', 'active', 'active', 'active'])
  })
})
