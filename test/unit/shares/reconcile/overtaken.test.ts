// Turns that another daemon overtakes, in which something is just coming to its end: what began anew meanwhile goes on.
import assert from 'node:assert/strict'
import type { Couch } from '../../../../src/couch/client.ts'
import type { Database } from '../../../../src/couch/database.ts'
import type { Doc } from '../../../../src/couch/document.ts'
import { REGISTRY } from '../../../../src/documents/names.ts'
import { problem } from '../../../../src/documents/problem.ts'
import { planHalted } from '../../../../src/shares/plan/share.ts'
import { gatherShare } from '../../../../src/shares/gather/share.ts'
import { readUserDocs } from '../../../../src/shares/gather/user-docs.ts'
import { reconcileOwner } from '../../../../src/shares/reconciler.ts'
import type { OwnerWork } from '../../../../src/shares/work.ts'
import type { Deps } from '../../../../src/shares/deps.ts'
import { Registry } from '../../../../src/shares/registry.ts'
import { performShare } from '../../../../src/shares/perform/share.ts'
import { beginScan } from '../../../../src/shares/scans.ts'
import { GRACE_MS } from '../../../support/memory-world.ts'
import type { Participants } from '../../../support/participants.ts'
import { joeShowsAnn, ANN, JOE } from '../../../support/planned-share.ts'
import { threePeople } from '../../../support/three-people.ts'

/** A daemon on a server where something happens once, just before such a document is written into the registry. */
function overtaken(
  { world }: Participants,
  isSuch: (doc: Doc) => boolean,
  happens: () => Promise<void>,
): { deps: Deps; isOver: () => boolean } {
  const { deps } = world
  const there = deps.couch.database(REGISTRY)
  let isToCome = true
  const bulk: Database['bulk'] = async (docs, options) => {
    if (isToCome && docs.some(isSuch)) {
      isToCome = false
      await happens()
    }
    return there.bulk(docs, options)
  }
  const registry = Object.assign(Object.create(there) as Database, { bulk })
  const database = (asked: string): Database => (asked === REGISTRY ? registry : deps.couch.database(asked))
  const couch = Object.create(deps.couch, { database: { value: database } }) as Couch
  return {
    deps: { ...deps, couch, registry: new Registry(couch, deps.ownWrites, deps.now) },
    isOver: () => !isToCome,
  }
}

const turn = (deps: Deps, people: Participants, user: number, work: OwnerWork) =>
  reconcileOwner({ deps, owner: people.hash(user), work, outboxAlways: true })

const stateOf = async ({ world }: Participants): Promise<unknown[]> => [
  (await world.deps.registry.entry('x'))?.state,
  world.couch.databases.has('share/x'),
]
const share = (people: Participants) => people.database(JOE).read('$share/x')

describe('turns that are overtaken', () => {
  it('do not end a share that has ended and was opened again', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    people.act({ kind: 'close', share: 'x' })
    const { deps, isOver } = overtaken(
      people,
      ({ _id, state }) => _id === 'share/x' && state === 'ended',
      async () => {
        await world.settle()
        people.act({ kind: 'access', share: 'x', access: { read: [ANN] } })
        await world.settle()
      },
    )
    await turn(deps, people, JOE, { user: true, outbox: true })
    assert.ok(isOver())
    assert.deepEqual(await stateOf(people), ['active', true])
    await world.settle()
    assert.deepEqual([share(people)?.['$state'], share(people)?.['$error']], ['active', undefined])
  })

  it('tell nothing of a share on which something else was decided', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    const { deps } = world
    const owner = people.hash(JOE)
    const [doc = assert.fail()] = await readUserDocs(deps.couch.database(people.database(JOE).name), [
      '$share/x',
    ])
    const facts = await gatherShare(deps, owner, doc, { scanning: false, fromStart: false })
    const registry = world.couch.databases.get(REGISTRY) ?? assert.fail()
    registry.write({ ...(registry.read('share/x') ?? assert.fail()), order: 'suspend' })
    const halted = planHalted(facts, problem('replication_failed'))
    assert.deepEqual(
      halted.map(({ kind }) => kind),
      ['put-document'],
    )
    assert.deepEqual(await performShare(deps, owner, halted, facts.entry), { kind: 'again' })
    assert.equal(share(people)?.['$error'], undefined)
  })

  it('do not go on opening what another daemon has opened and ended', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    people.act({ kind: 'access', share: 'y', access: { read: true } })
    const { deps, isOver } = overtaken(
      people,
      ({ _id, access }) => _id === 'share/y' && access !== undefined,
      async () => {
        await world.settle()
        people.act({ kind: 'close', share: 'y' })
        await world.settle()
      },
    )
    await turn(deps, people, JOE, { user: true })
    assert.ok(isOver())
    assert.equal((await deps.registry.entry('y'))?.state, 'ended')
    assert.equal(world.couch.databases.has('share/y'), false)
  })

  it('end nothing of a user whose database is there again', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    people.act({ kind: 'subscribe', user: ANN, share: 'x' })
    people.act({ kind: 'access', share: 'y', access: { read: [ANN] } })
    await world.settle()
    people.act({ kind: 'pull', user: JOE, share: null })
    world.couch.drop(people.database(JOE).name)
    const { deps, isOver } = overtaken(
      people,
      ({ _id, state }) => _id === 'share/x' && state === 'ended',
      async () => {
        world.couch.create('user/joe0')
        people.act({ kind: 'push', user: JOE, share: null, all: true })
        await Promise.resolve()
      },
    )
    await world.turn(people.hash(JOE))
    world.now += GRACE_MS
    const { next } = await turn(deps, people, JOE, { departed: true })
    assert.ok(isOver())
    assert.equal(next?.user, true)
    assert.ok(people.outbox(JOE))
    assert.equal((await deps.registry.entry('y'))?.state, 'active')
  })

  it('take nobody out of a share who has left and joined again', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    people.act({ kind: 'subscribe', user: ANN, share: 'x' })
    await world.settle()
    people.act({ kind: 'leave', user: ANN, share: 'x' })
    let tried = 0
    const { deps, isOver } = overtaken(
      people,
      ({ _id, state }) => _id.startsWith('subscription/x/') && state === 'invited',
      async () => {
        await world.settle()
        people.act({ kind: 'subscribe', user: ANN, share: 'x' })
        await world.settle()
        world.couch.refuses = (_db, { _id, state }) => {
          if (_id.startsWith('subscription/x/') && state !== 'active') tried += 1
          return null
        }
      },
    )
    await turn(deps, people, ANN, { user: true })
    assert.ok(isOver())
    assert.equal(tried, 1, 'what was under way when it happened, and came too late')
    assert.equal((await deps.registry.subscription('x', people.hash(ANN)))?.state, 'active')
  })

  it('do not end a part that came to its end after the objects were gone through for its beginning', async () => {
    const people = await threePeople([ANN], null)
    const { world } = people
    const { registry } = world.deps
    const ann = people.hash(ANN)
    const read = registry.subscription.bind(registry)
    let times = 0
    registry.subscription = async (...args) => {
      const there = await read(...args)
      // The first look is before the objects, the second one after them.
      if ((times += 1) === 2) {
        people.act({ kind: 'leave', user: ANN, share: 'x' })
        await registry.changeSubscription('x', ann, `user/${ann}`, { state: 'ending' })
      }
      return there
    }
    await beginScan(world.deps, ann, ['x'])
    await world.turn(ann, {})
    assert.ok(times >= 2)
    registry.subscription = read
    await world.settle()
    assert.equal((await registry.subscription('x', ann))?.state, 'invited')
    assert.equal(people.database(ANN).read('a'), null)
    assert.equal(people.outbox(ANN)?.read('base/a'), null)
  })
})
