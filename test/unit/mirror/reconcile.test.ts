// Documents of a master and of a personal database, where they are called as what every object has.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import type { MasterPolicy } from '../../../src/provisioning/master-policy.ts'
import { gatherFrom } from '../../../src/provisioning/gather.ts'
import { problem, type Problem } from '../../../src/documents/problem.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'
import { addProblems, Reconciliation } from '../../../src/mirror/reconcile.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { Removals } from '../../../src/mirror/removals.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const lets = (doc: Record<string, unknown>): boolean => doc['user_access'] !== false

const POLICY = {
  fields: null,
  mayRead: lets,
  decide: lets,
  decideEach: (docs: Record<string, unknown>[]) => docs.map(lets),
  mayWrite: (doc: Record<string, unknown>) => doc['updated_by'] === 'anna' && !('$restore' in doc),
} as unknown as MasterPolicy

/** A master and a personal database, and a look at some documents of both. */
function worldOf(...ids: string[]) {
  const couch = new MemoryCouch()
  const [master, personal] = [couch.create('master'), couch.create('personal')]
  couch.create('shares/provisioning')
  const ownWrites = new OwnWrites()
  const removals = new Removals({ couch: couch.asCouch(), ownWrites, canPurge: true })
  const person = { user: { name: 'anna', roles: [] }, database: couch.database('personal') as Database }
  const masters = [{ name: 'master', database: couch.database('master') as Database, policy: POLICY }]
  const reconciliation = ({ isWhole = true } = {}): Reconciliation =>
    new Reconciliation(
      { ownWrites, removals, now: () => 0, updatedAt: UPDATED_AT },
      person.database,
      gatherFrom(person, masters, { isWhole }),
    )
  const reconcile = (): Promise<boolean> => reconciliation().run(ids)
  return { couch, master, personal, reconcile, reconciliation }
}

describe('documents called as what every object has', () => {
  for (const id of ['constructor', 'toString', 'hasOwnProperty']) {
    const world = () => worldOf(id, 'another')

    it(`${id}: reaches the master, and comes from there`, async () => {
      const { master, personal, reconcile } = world()
      personal.write({ _id: id, updated_by: 'anna', a: 1 })
      master.write({ _id: 'another', a: 2 })
      assert.equal(await reconcile(), true)
      assert.equal(master.read(id)?.['a'], 1)
      assert.equal(personal.read('another')?.['a'], 2)
    })

    it(`${id}: is taken out`, async () => {
      const { master, personal, reconcile } = world()
      master.write({ _id: id, a: 1 })
      await reconcile()
      assert.equal(personal.read(id)?.['a'], 1)
      master.write({ ...master.read(id), _id: id, user_access: false })
      await reconcile()
      assert.equal(personal.read(id), null)
    })

    it(`${id}: is taken out where the master never had it`, async () => {
      const { personal, reconcile } = world()
      personal.write({ _id: id, updated_by: 'anna', $restore: true })
      await reconcile()
      assert.equal(personal.read(id), null)
    })
  }
})

describe('a document that is held back while a change of it is carried', () => {
  const ID = 'number:1'

  /** The admin holds it back between the daemon's reading and its writing. @param isWinner whether CouchDB shows that */
  async function race(isWinner: boolean) {
    const { couch, master, personal, reconcile } = worldOf(ID)
    const first = master.write({ _id: ID, a: 1 })
    assert(first.ok)
    await reconcile()
    personal.write({ ...personal.read(ID), _id: ID, a: 2, updated_by: 'anna' })
    const own = personal.read(ID)?._rev ?? ''
    couch.onWrite = (db) => {
      if (db !== 'master') return
      couch.onWrite = () => undefined
      for (let salt = 0; ; salt += 1) {
        const held = { _id: ID, _rev: first.rev, a: 1, user_access: false, salt }
        const tried = new MemoryCouch().create('tried')
        tried.merge({ ...master.leaf(ID, first.rev), _id: ID, _rev: first.rev })
        const written = tried.write(held)
        if (!written.ok || written.rev > own !== isWinner) continue
        assert(master.write(held).ok)
        return
      }
    }
    await reconcile()
    return { master, personal }
  }

  for (const isWinner of [true, false])
    it(isWinner ? 'leaves nothing of the change behind it' : 'is held back all the same', async () => {
      const { master, personal } = await race(isWinner)
      assert.equal(personal.read(ID), null)
      const there = master.read(ID)
      assert.equal(there?.['user_access'], false)
      master.write({ _id: ID, _rev: there._rev, _deleted: true })
      assert.equal(master.read(ID), null)
    })

  it('keeps a conflict at the master that the user has forged the revision of', async () => {
    const { master, personal, reconcile } = worldOf(ID)
    for (const [hash, a] of [
      ['bb', 1],
      ['aa', 2],
    ] as const)
      master.merge({ _id: ID, _rev: `1-${hash}`, a, user_access: false })
    personal.merge({ _id: ID, _rev: '1-aa', a: 3, updated_by: 'anna' })
    await reconcile()
    assert.deepEqual(
      master.leaves(ID).map(({ _rev, _deleted }) => [_rev, _deleted ?? false]),
      [
        ['1-bb', false],
        ['1-aa', false],
      ],
    )
  })
})

describe('a database that refuses what the daemon writes to mend it', () => {
  const ID = 'number:1'

  /** A turn that is not at rest is followed by another one at once. @returns what the user is told */
  async function rests({ reconciliation }: ReturnType<typeof worldOf>): Promise<string | undefined> {
    const one = reconciliation()
    assert.equal(await one.run([ID]), true)
    return one.findings.get('master')?.problems.get(ID)?.code
  }

  it('keeps nobody busy with a conflict at the master', async () => {
    const world = worldOf(ID)
    for (const hash of ['aa', 'bb']) world.master.merge({ _id: ID, _rev: `1-${hash}`, a: 1 })
    world.couch.refuses = (db, doc) => (db === 'master' && doc._deleted ? 'nothing is deleted here' : null)
    assert.equal(await rests(world), 'refused_by_master')
  })

  it('keeps nobody busy with a conflict of the user', async () => {
    const world = worldOf(ID)
    world.master.merge({ _id: ID, _rev: '1-aa', a: 1 })
    world.personal.merge({ _id: ID, _rev: '1-aa', a: 1 })
    world.personal.merge({ _id: ID, _rev: '1-bb', a: 2 })
    world.couch.refuses = (db, doc) => (db === 'personal' && doc._deleted ? 'nothing is deleted here' : null)
    assert.equal(await rests(world), 'refused_by_database')
  })

  it('keeps nobody busy with a document that is to be taken out', async () => {
    const world = worldOf(ID)
    for (const database of [world.master, world.personal])
      database.merge({ _id: ID, _rev: '1-aa', user_access: false })
    world.couch.refuses = (db, doc) => (db === 'personal' && doc._deleted ? 'nothing is deleted here' : null)
    assert.equal(await rests(world), 'refused_by_database')
  })
})

describe('a document that no master has', () => {
  const ID = 'number:1'

  it('stays where it is while one master is away: it may be that one’s', async () => {
    const { master, personal, reconciliation } = worldOf(ID)
    personal.write({ _id: ID, updated_by: 'anna', a: 1 })
    assert.equal(await reconciliation({ isWhole: false }).run([ID]), true)
    assert.equal(master.read(ID), null)
    await reconciliation({ isWhole: true }).run([ID])
    assert.equal(master.read(ID)?.['a'], 1)
  })
})

describe('what is told of a document that is looked at twice in a turn', () => {
  const told = (second: Problem | null, carried: string[] = []): string | undefined => {
    const problems = new Map<string, Problem | null>()
    addProblems(problems, { problems: new Map([['d', problem('deleted_at_master')]]), carried: new Set() })
    addProblems(problems, { problems: new Map([['d', second]]), carried: new Set(carried) })
    return problems.get('d')?.code
  }

  it('stays, though nothing is left to see of it', () => {
    assert.equal(told(null), 'deleted_at_master')
  })

  it('is what is to be said now', () => {
    assert.equal(told(problem('overruled')), 'overruled')
  })

  it('is nothing where a change was carried meanwhile', () => {
    assert.equal(told(null, ['d']), undefined)
  })
})
