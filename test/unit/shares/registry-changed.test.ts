// Where several processes divide the users, what one of them writes into the registry is heard of by whoever it concerns.
import assert from 'node:assert/strict'
import type { Change } from '../../../src/couch/document.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { partitionOf, portionOf } from '../../../src/engine/portion.ts'
import { createLogger } from '../../../src/log.ts'
import { registryChanged } from '../../../src/shares/affected-owners.ts'
import { Registry } from '../../../src/shares/registry.ts'
import type { OwnerWork } from '../../../src/shares/work.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { users } from '../../support/memory-world.ts'

/** The registry, as two processes have it: one has the owner's lane, the other one the subscriber's. */
class Ground {
  readonly couch = new MemoryCouch()
  readonly owner = 'joe'
  readonly subscriber: string
  readonly ownersOf: number
  #now = 0

  constructor() {
    this.couch.create(REGISTRY)
    this.ownersOf = partitionOf(this.owner, 2)
    this.subscriber =
      ['ann', 'bob', 'cid', 'dot', 'eve', 'fay'].find((name) => partitionOf(name, 2) !== this.ownersOf) ?? ''
  }

  /** @param of how many partitions there are */
  process(number: number, of = 2) {
    const couch = this.couch.asCouch()
    const ownWrites = new OwnWrites()
    const registry = new Registry(couch, ownWrites, () => (this.#now += 1))
    const portion = portionOf([number], of)
    const seen = new Map<string, number>()
    let since: Change['seq'] = '0'
    const look = async (): Promise<[string, OwnerWork][]> => {
      const marked: [string, OwnerWork][] = []
      const page = await couch.database(REGISTRY).changes({ since, limit: 100, includeDocs: true })
      since = page.last_seq
      const mark = (owner: string, work: OwnerWork): void => {
        if (portion.has(owner)) marked.push([owner, work])
      }
      const deps = { couch, users, registry, ownWrites, portion, mark, accounts: new AccountIndex(couch) }
      await registryChanged(
        { ...deps, log: createLogger({ level: 'silent', pretty: false }) },
        page.results,
        seen,
      )
      return marked
    }
    return { registry, look }
  }
}

const share = new Set(['x'])

describe('shares/affected-owners where users are divided', () => {
  it('tells an owner also of what the owner’s own process has written over, not knowing of it', async () => {
    const ground = new Ground()
    const [own, other] = [ground.process(ground.ownersOf), ground.process(1 - ground.ownersOf)]
    await own.registry.claim('x', ground.owner, users.database(ground.owner))
    assert.deepEqual(await own.look(), [])
    await own.registry.change('x', { state: 'active' })
    assert.deepEqual(await own.look(), [], 'what it writes itself is known')

    await other.registry.tell('x')
    await own.registry.change('x', { due: undefined })
    assert.deepEqual(await own.look(), [[ground.owner, { shares: share }]])
    await other.registry.tell('x')
    assert.deepEqual(await own.look(), [[ground.owner, { shares: share }]])
    await other.registry.tell('x')
    assert.deepEqual(await own.look(), [[ground.owner, { shares: share }]], 'also where it is due already')
    await own.registry.change('x', { due: undefined })
    assert.deepEqual(await own.look(), [], 'what is written over what was told is its own')
  })

  it('tells an owner of an admin’s order that one process has written over, not knowing of it', async () => {
    const ground = new Ground()
    const one = ground.process(ground.ownersOf, 1)
    await one.registry.claim('x', ground.owner, users.database(ground.owner))
    await one.look()
    const registry = ground.couch.asCouch().database(REGISTRY)
    const entry = await registry.get('share/x')
    assert.ok(entry)
    await registry.put({ ...entry, order: 'suspend' })
    await one.registry.change('x', { state: 'active' })
    assert.deepEqual(await one.look(), [[ground.owner, { shares: share }]])
    await one.registry.change('x', { due: true })
    assert.deepEqual(await one.look(), [], 'what is written over what was told is its own')
  })

  it('asks nothing more where nothing is divided', async () => {
    const ground = new Ground()
    const one = ground.process(0, 1)
    await one.registry.claim('x', ground.owner, users.database(ground.owner))
    await one.registry.change('x', { state: 'active', rotations: 1 })
    await ground.process(0, 1).registry.change('x', { rotations: 2 })
    const { requests } = ground.couch
    assert.deepEqual(await one.look(), [[ground.owner, { shares: share }]])
    assert.equal(ground.couch.requests - requests, 1, 'the page of changes')
  })

  it('tells those who take part, though they are told already, and once of a share that was made anew', async () => {
    const ground = new Ground()
    const [own, other] = [ground.process(ground.ownersOf), ground.process(1 - ground.ownersOf)]
    const { subscriber } = ground
    await own.registry.claim('x', ground.owner, users.database(ground.owner))
    await own.registry.change('x', { state: 'active' })
    await own.registry.enlist('x', { [subscriber]: 'write' }, (one) => users.database(one))
    assert.deepEqual(await other.look(), [[subscriber, { subscriptions: share }]])
    await other.registry.changeSubscription('x', subscriber, users.database(subscriber), {
      state: 'active',
      due: undefined,
    })
    for (let times = 0; times < 2; times += 1) {
      await own.registry.tellParticipants('x', (one) => one === subscriber)
      assert.deepEqual(await other.look(), [[subscriber, { subscriptions: share }]])
    }
    await own.registry.change('x', { rotate: true })
    assert.deepEqual(await other.look(), [], 'it is not in place yet')
    await own.registry.change('x', { rotate: undefined, rotations: 1 })
    assert.deepEqual(await other.look(), [[subscriber, { feeds: share }]])
    await own.registry.change('x', { counts: { objects: 1, subscribers: 1 } })
    assert.deepEqual(await other.look(), [])
  })
})
