// The registry of shares and subscriptions, which an admin edits by hand, and another daemon at the same time.
import assert from 'node:assert/strict'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { Registry } from '../../../src/shares/registry.ts'
import { newSubscriptionEntry } from '../../../src/shares/model/subscription.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ID = 'subscription/x/ann'

class Ground {
  readonly couch = new MemoryCouch()
  readonly database = this.couch.create('shares')
  readonly registry = new Registry(this.couch.asCouch(), new OwnWrites(), () => 0)

  /** As an admin does, by hand. */
  edit(id: string, change: object): void {
    const there = this.database.read(id)
    assert.ok(this.database.write({ ...there, _id: id, ...change }).ok)
  }

  /** Ends with the tenth write: something is tried again and again. */
  bound(): void {
    let writes = 0
    this.couch.onWrite = () => assert.ok((writes += 1) < 10, 'Expected few writes')
  }
}

const databaseOf = (subscriber: string): string => `user/${subscriber}`

describe('shares/registry', () => {
  const broken: Record<string, object> = {
    'a state that is none': { ...newSubscriptionEntry('x', 'ann', 'user/ann', ''), state: 'Active' },
    'no subscriber': { type: 'subscription', share: 'x', state: 'active' },
    'another type': { type: 'note' },
  }
  for (const [what, doc] of Object.entries(broken)) {
    it(`gives somebody a right whose entry has ${what}`, async () => {
      const ground = new Ground()
      ground.edit(ID, doc)
      ground.bound()
      assert.deepEqual(await ground.registry.enlist('x', { ann: 'read' }, databaseOf), ['ann'])
      const entry = await ground.registry.subscription('x', 'ann')
      assert.deepEqual([entry?.granted, entry?.due, entry?.state], ['read', true, 'ended'])
    })

    it(`has somebody take part whose entry has ${what}`, async () => {
      const ground = new Ground()
      ground.edit(ID, doc)
      ground.bound()
      await ground.registry.changeSubscription('x', 'ann', 'user/ann', { state: 'active' }, null)
      assert.equal((await ground.registry.subscription('x', 'ann'))?.state, 'active')
    })
  }

  it('says of all who were given a right that they were, though another daemon was faster with one', async () => {
    const { couch, registry, ...ground } = new Ground()
    await registry.enlist('x', { ann: 'read', tom: 'read' }, databaseOf)
    couch.onWrite = () => {
      couch.onWrite = () => undefined
      const there = ground.database.read('subscription/x/tom') ?? assert.fail()
      assert.ok(ground.database.write({ ...there, invited: 'read' }).ok)
    }
    assert.deepEqual((await registry.enlist('x', { ann: 'write', tom: 'write' }, databaseOf)).sort(), [
      'ann',
      'tom',
    ])
    const parts = await registry.participants('x')
    assert.deepEqual(
      parts.map(({ subscriber, granted, invited }) => [subscriber, granted, invited]),
      [
        ['ann', 'write', undefined],
        ['tom', 'write', 'read'],
      ],
    )
  })

  it('says nothing new of a share whose entry says all that already', async () => {
    const { couch, registry } = new Ground()
    await registry.claim('x', 'joe', 'user/joe')
    assert.ok(await registry.change('x', { access: { read: true, write: ['ann'] } }))
    const { length } = couch.writes
    assert.ok(await registry.change('x', { access: { write: ['ann'], read: true }, rotate: undefined }))
    await registry.reject('x', null, new Map([['todo/1', null]]))
    assert.equal(couch.writes.length, length)
  })
})
