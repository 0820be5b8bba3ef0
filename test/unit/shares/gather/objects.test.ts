// What is gathered of an object was all there at one time, though another daemon writes meanwhile.
import assert from 'node:assert/strict'
import { changedMeanwhile } from '../../../../src/shares/gather/changed-meanwhile.ts'
import { gatherObjects } from '../../../../src/shares/gather/objects.ts'
import { readUserDocs, type UserDoc } from '../../../../src/shares/gather/user-docs.ts'
import type { Deps } from '../../../../src/shares/deps.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import { performObjects } from '../../../../src/shares/perform/objects.ts'
import { drainShare } from '../../../../src/shares/reconcile/share-feed.ts'
import { Context } from '../../../../src/shares/reconcile/context.ts'
import { reconcileObjects } from '../../../../src/shares/reconcile/objects.ts'
import { Participants, valuesOf } from '../../../support/participants.ts'

const [JOE, ANN] = [0, 1]

/** Joe shares an object with Ann, who writes too; two daemons work. */
async function begun(): Promise<Participants> {
  const people = await Participants.create({ users: 2, daemons: 2 })
  people.act({ kind: 'access', share: 'x', access: { write: [ANN] } })
  people.act({ kind: 'subscribe', user: ANN, share: 'x' })
  edit(people, JOE)
  people.act({ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: true })
  await people.world.settle()
  return people
}

const edit = (people: Participants, user: number): void =>
  people.act({ kind: 'edit', user, object: 'a', set: ['name'], drop: [], clock: { kind: 'none' } })

const readObject = (people: Participants, user: number): Promise<UserDoc[]> =>
  readUserDocs(people.world.deps.couch.database(people.database(user).name), ['a'])

/** The objects that are found to be others when all of it is read once more. */
async function changedSince(deps: Deps, owner: string, docs: readonly UserDoc[]): Promise<string[]> {
  const { couch, users } = deps
  const { read } = await gatherObjects(deps, owner, docs)
  return [
    ...(await changedMeanwhile(
      couch.database(users.database(owner)),
      couch.database(users.outbox(owner)),
      read,
    )),
  ]
}

describe('shares/gather/objects', () => {
  it('sees that an object was read before its base was written', async () => {
    const people = await begun()
    const { deps } = people.world
    const owner = people.hash(ANN)
    const before = await readObject(people, ANN)
    edit(people, JOE)
    await people.world.settle()
    assert.deepEqual(await changedSince(deps, owner, before), ['a'])
    assert.deepEqual(await changedSince(deps, owner, await readObject(people, ANN)), [])
  })

  it('sees that what was read is gone with its database, and that nothing is still nothing', async () => {
    const { couch } = (await begun()).world.deps
    const gone = couch.database('gone')
    const read = [
      { id: 'a', doc: '1-a', base: null },
      { id: 'b', doc: null, base: '1-b' },
      { id: 'c', doc: null, base: null },
    ]
    assert.deepEqual([...(await changedMeanwhile(gone, gone, read))], ['a', 'b'])
  })

  it('sees that the base of an object was written while it was read', async () => {
    const people = await begun()
    const { world } = people
    const docs = await readObject(people, ANN)
    const database = people.outbox(ANN)
    const there = database?.read('base/a')
    assert(there && database)
    let looks = 0
    const outbox = world.deps.couch.database(database.name)
    const couch = Object.create(world.deps.couch, {
      database: {
        value: (name: string) => {
          if (name !== database.name) return world.deps.couch.database(name)
          return Object.assign(Object.create(outbox) as object, {
            fetchIfThere: async (...args: Parameters<typeof outbox.fetchIfThere>) => {
              const rows = await outbox.fetchIfThere(...args)
              if ((looks += 1) === 1) database.write({ ...there })
              return rows
            },
          })
        },
      },
    }) as typeof world.deps.couch
    assert.deepEqual(await changedSince({ ...world.deps, couch }, people.hash(ANN), docs), ['a'])
  })

  it('lets no daemon that read an object early send an old value out', async () => {
    const people = await begun()
    const { world } = people
    const before = await readObject(people, ANN)
    edit(people, JOE)
    await world.settle()
    const written = valuesOf(people.database(JOE).read('a'))
    await reconcileObjects(new Context(world.deps, people.hash(ANN), {}, drainShare), before)
    await world.settle()
    for (const user of [JOE, ANN]) assert.deepEqual(valuesOf(people.database(user).read('a')), written)
  })
})

describe('shares/closings', () => {
  it('agrees on nothing that was written into a database that another daemon had saved already', async () => {
    const people = await begun()
    const { world } = people
    const { deps } = world
    const [ann, id] = [people.hash(ANN), 'share/x/a']
    edit(people, ANN)
    const written = valuesOf(people.database(ANN).read('a'))
    const { facts, footing } = await gatherObjects(deps, ann, await readObject(people, ANN))
    // Another daemon begins to make the share anew, and has saved what is there.
    await deps.registry.change('x', { rotate: true, closing: 'another' })
    const old = people.share('x')
    const saved = old?.leaves(id) ?? []
    assert(old && saved.length > 0)
    await performObjects(deps, ann, facts.flatMap(planObject), footing)
    assert.deepEqual(valuesOf(old.read(id)), written)
    world.couch.databases.delete('share/x')
    const made = world.couch.create('share/x')
    made.secure(old.security)
    for (const leaf of saved) made.merge(leaf)
    await world.settle()
    for (const user of [JOE, ANN]) assert.deepEqual(valuesOf(people.database(user).read('a')), written)
  })
})
