// An object may come before its share; one that names a share which nobody has is told so in the end, once.
import assert from 'node:assert/strict'
import type { MemoryDatabase } from '../../support/memory-database.ts'
import { MemoryWorld, users } from '../../support/memory-world.ts'

const LATE_MS = 15 * 60_000

describe('an object that names a share which nobody has', () => {
  let world: MemoryWorld
  let joe: MemoryDatabase

  const errorOf = (id: string): unknown => joe.read(id)?.['$error']
  const codesOf = (id: string): Record<string, string> => {
    const { shares = {} } = (errorOf(id) ?? {}) as { shares?: Record<string, { code: string }> }
    return Object.fromEntries(Object.entries(shares).map(([share, { code }]) => [share, code]))
  }
  const edit = (id: string, changes: Record<string, unknown>): void => {
    const rev = joe.read(id)?._rev
    joe.write({ ...joe.read(id), _id: id, ...(rev === undefined ? {} : { _rev: rev }), ...changes })
  }
  const settleLater = async (): Promise<void> => {
    world.now += LATE_MS
    await world.settle()
  }

  beforeEach(async () => {
    world = await MemoryWorld.create()
    world.lateMs = LATE_MS
    joe = world.couch.create(users.database('joe'))
    joe.write({ _id: 'todo/1', name: 'Milk', $shares: { godo: true, todos: ['name'] } })
    joe.write({ _id: '$share/todos', type: '$share' })
    await world.settle()
  })

  it('says so when it has waited for long, and is written once', async () => {
    assert.equal(errorOf('todo/1'), undefined, 'it may be about to come')
    await settleLater()
    assert.deepEqual(codesOf('todo/1'), { godo: 'no_such_share' })
    assert.match((errorOf('todo/1') as { reason: string }).reason, /"godo"/)
    const { _rev } = joe.read('todo/1') ?? {}
    await settleLater()
    await settleLater()
    assert.equal(joe.read('todo/1')?._rev, _rev)
    edit('todo/1', { name: 'Oat milk' })
    await world.settle()
    assert.deepEqual(codesOf('todo/1'), { godo: 'no_such_share' })
    assert.equal(world.couch.databases.get('share/todos')?.read('share/todos/todo/1')?.['name'], 'Oat milk')
  })

  it('says it after a restart, too', async () => {
    await world.restart()
    await settleLater()
    assert.deepEqual(codesOf('todo/1'), { godo: 'no_such_share' })
  })

  it('says nothing where the share came in time', async () => {
    joe.write({ _id: '$share/godo', type: '$share' })
    await world.settle()
    await settleLater()
    assert.equal(errorOf('todo/1'), undefined)
  })

  it('says it no more once the share is there, or the id is taken out', async () => {
    joe.write({ _id: 'todo/2', $shares: { godot: true } })
    await world.settle()
    await settleLater()
    assert.deepEqual(codesOf('todo/2'), { godot: 'no_such_share' })
    joe.write({ _id: '$share/godo', type: '$share' })
    edit('todo/2', { $shares: undefined })
    await world.settle()
    assert.equal(errorOf('todo/1'), undefined)
    assert.equal(errorOf('todo/2'), undefined)
    assert.equal(world.couch.databases.get('share/godo')?.read('share/godo/todo/1')?.['name'], 'Milk')
  })

  it('says of a share that somebody else makes that one has to take part in it, and heals when one does', async () => {
    await settleLater()
    world.couch.create(users.database('ann')).write({ _id: '$share/godo', type: '$share', access: true })
    await world.settle()
    joe.write({ _id: '$subscription/godo', type: '$subscription' })
    await world.settle()
    assert.equal(errorOf('todo/1'), undefined)
    assert.equal(world.couch.databases.get('share/godo')?.read('share/godo/todo/1')?.['name'], 'Milk')
  })

  it('keeps in mind no more than it has to', async () => {
    for (let at = 0; at < 300; at += 1) joe.write({ _id: `many/${at}`, $shares: { godo: true } })
    await world.settle()
    await settleLater()
    const said = Array.from({ length: 300 }, (_, at) => codesOf(`many/${at}`)).filter(({ godo }) => godo)
    assert.equal(said.length, 199)
    const { awaiting } = (await world.deps.checkpoints.read([joe.name])).get(joe.name) ?? {}
    assert.equal(awaiting, undefined)
  })
})
