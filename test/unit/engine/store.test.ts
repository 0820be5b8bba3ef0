// Entries that are changed over the revision that was read, whoever else writes them, by hand or as another daemon.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { Store, type Entry } from '../../../src/engine/store.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

interface Count extends Entry {
  count: number
  tags?: string[]
  updatedAt?: string
}

const parseCount = (doc: Record<string, unknown> | null): Count | null =>
  typeof doc?.['count'] === 'number' ? (doc as unknown as Count) : null

const RANGE = { startKey: 'count/', endKey: 'count0' }
const NOW = '1970-01-01T00:00:00.007Z'

class Ground {
  readonly couch = new MemoryCouch()
  readonly database = this.couch.create('db')
  readonly ownWrites = new OwnWrites()
  readonly store = new Store<Count>({
    ...{ database: this.couch.asCouch().database('db'), parse: parseCount },
    ...{ ownWrites: this.ownWrites, now: () => 7 },
  })

  /** As somebody else does. */
  write(id: string, attributes: object): void {
    const there = this.database.read(id)
    assert.ok(this.database.write({ _id: id, ...(there ? { _rev: there._rev } : {}), ...attributes }).ok)
  }

  /** What stands there, without its revision. */
  read(id: string): unknown {
    const { _rev, ...doc } = this.database.read(id) ?? assert.fail(`no ${id}`)
    return doc
  }

  /** Has somebody else write just before the next write. */
  before(write: () => void): void {
    this.couch.onWrite = () => {
      this.couch.onWrite = () => undefined
      write()
    }
  }
}

const counted = (there: Count | null): Count => ({ ...there, _id: 'count/a', count: (there?.count ?? 0) + 1 })

describe('engine/store', () => {
  it('makes an entry, changes it, and gives it as it stands', async () => {
    const ground = new Ground()
    const { store, ownWrites } = ground
    const made = await store.change('count/a', counted)
    assert.deepEqual(ground.read('count/a'), { _id: 'count/a', count: 1, updatedAt: NOW })
    const changed = await store.change('count/a', counted)
    assert.equal(changed.count, 2)
    assert.notEqual(changed._rev, made._rev)
    assert.deepEqual(await store.get('count/a'), changed)
    assert.ok(ownWrites.includes('db', 'count/a', changed._rev ?? ''))
  })

  it('reads again where somebody else was faster', async () => {
    const ground = new Ground()
    ground.write('count/a', { count: 5 })
    ground.before(() => ground.write('count/a', { count: 7, theirs: true }))
    assert.equal((await ground.store.change('count/a', counted)).count, 8)
    assert.deepEqual(ground.read('count/a'), { _id: 'count/a', count: 8, theirs: true, updatedAt: NOW })
  })

  it('reads nothing where the entry is known, but once somebody else has written', async () => {
    const ground = new Ground()
    const known = await ground.store.change('count/a', counted)
    const { requests } = ground.couch
    const changed = await ground.store.change('count/a', counted, { known })
    assert.deepEqual([changed.count, ground.couch.requests - requests], [2, 1])
    assert.equal((await ground.store.change('count/a', counted, { known })).count, 3)
  })

  const same: Record<string, [there: Partial<Count>, wanted: object]> = {
    'what is there': [{ count: 1 }, { count: 1 }],
    'the same in another order': [
      { count: 1, tags: ['a'] },
      { tags: ['a'], count: 1 },
    ],
    'nothing of an attribute that is not there': [{ count: 1 }, { count: 1, tags: undefined }],
  }
  for (const [what, [there, wanted]] of Object.entries(same))
    it(`writes nothing for ${what}`, async () => {
      const ground = new Ground()
      ground.write('count/a', there)
      const before = await ground.store.get('count/a')
      const after = await ground.store.change('count/a', () => wanted, { known: before })
      assert.equal(after, before)
      assert.deepEqual(ground.couch.writes, ['db count/a'])
    })

  const other: Record<string, [there: Partial<Count>, wanted: object, after: object]> = {
    'another value': [{ count: 1 }, { count: 2 }, { count: 2 }],
    'another order in a list': [
      { count: 1, tags: ['a', 'b'] },
      { count: 1, tags: ['b', 'a'] },
      { count: 1, tags: ['b', 'a'] },
    ],
    'an attribute less': [{ count: 1, tags: ['a'] }, { count: 1, tags: undefined }, { count: 1 }],
  }
  for (const [what, [there, wanted, after]] of Object.entries(other))
    it(`writes ${what}`, async () => {
      const ground = new Ground()
      ground.write('count/a', there)
      await ground.store.change('count/a', () => wanted)
      assert.deepEqual(ground.read('count/a'), { _id: 'count/a', ...after, updatedAt: NOW })
    })

  it('writes nothing where the change says so', async () => {
    const ground = new Ground()
    assert.equal(await ground.store.change('count/a', () => null), null)
    assert.deepEqual(ground.couch.writes, [])
  })

  it('has no entry in what it cannot read, and writes over it', async () => {
    const ground = new Ground()
    ground.write('count/a', { count: 'many' })
    assert.equal(await ground.store.get('count/a'), null)
    assert.deepEqual([await ground.store.many(['count/a']), await ground.store.range(RANGE)], [[], []])
    assert.equal((await ground.store.change('count/a', counted, { known: null })).count, 1)
    assert.deepEqual(ground.read('count/a'), { _id: 'count/a', count: 1, updatedAt: NOW })
  })

  it('makes an entry only where nothing is', async () => {
    const ground = new Ground()
    assert.ok(await ground.store.create({ _id: 'count/a', count: 1 }))
    assert.ok(!(await ground.store.create({ _id: 'count/a', count: 2 })))
    assert.equal((await ground.store.get('count/a'))?.count, 1)
  })

  it('changes what was read before, and nothing else', async () => {
    const ground = new Ground()
    const made = await ground.store.changeOver('count/a', null, { count: 1 })
    const again = ground.store.changeOver('count/a', null, { count: 9 })
    await assert.rejects(again, (error) => isFault(error, 'conflict'))
    assert.equal((await ground.store.changeOver('count/a', made, { ...made, count: 2 })).count, 2)
    const late = ground.store.changeOver('count/a', made, { ...made, count: 9 })
    await assert.rejects(late, (error) => isFault(error, 'conflict'))
    assert.equal((await ground.store.get('count/a'))?.count, 2)
  })

  it('changes a range together, and again where somebody else was faster with one', async () => {
    const ground = new Ground()
    ground.write('count/a', { count: 1 })
    ground.write('count/b', { count: 2 })
    ground.write('count/c', { count: 'many' })
    ground.write('other', { count: 3 })
    ground.before(() => ground.write('count/b', { count: 20 }))
    const seen: number[][] = []
    const changed = await ground.store.changeRange(RANGE, (there) => {
      seen.push(there.map(({ count }) => count))
      const bounded = there.map((one) => ({ ...one, count: Math.max(one.count, 10) }))
      return [...bounded, { _id: 'count/c', count: 30 }, { _id: 'count/d', count: 40 }]
    })
    assert.deepEqual(seen, [
      [1, 2],
      [10, 20, 30, 40],
    ])
    assert.deepEqual(
      changed.map(({ _id, count }) => [_id, count]),
      [
        ['count/a', 10],
        ['count/c', 30],
        ['count/d', 40],
      ],
    )
    assert.deepEqual(ground.read('count/b'), { _id: 'count/b', count: 20 })
  })

  it('gives all of a range by pages', async () => {
    const ground = new Ground()
    for (let at = 0; at < 501; at += 1) ground.write(`count/${String(at).padStart(3, '0')}`, { count: at })
    const pages: number[] = []
    for await (const page of ground.store.pages(RANGE)) pages.push(page.length)
    assert.deepEqual(pages, [500, 1])
  })

  it('fails where the database refuses an entry, and does not try for ever', async () => {
    const ground = new Ground()
    ground.couch.refuses = () => 'no'
    const isRefused = (error: unknown): boolean => isFault(error, 'forbidden') && error.reason === 'no'
    await assert.rejects(ground.store.change('count/a', counted), isRefused)
    await assert.rejects(ground.store.create({ _id: 'count/a', count: 1 }), isRefused)
  })
})
