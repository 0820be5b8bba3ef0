// Skeletons of masters and of personal databases, over `skeleton/<kind>` databases that are only documents.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import { createLogger } from '../../../src/log.ts'
import { Skeletons } from '../../../src/skeletons/wanted.ts'

type Design = { _id: string; [attribute: string]: unknown }

/** A server of skeleton databases, and what was told of it. */
class Ground {
  readonly databases = new Map<string, Design[]>([
    ['user', []],
    ['outbox', []],
    ['share', [{ _id: '_design/write_access', validate_doc_update: 'function () {}' }]],
    ['a', [{ _id: '_design/access' }]],
    ['b', [{ _id: '_design/access' }]],
  ])
  readonly changes: string[][] = []
  readonly errors: string[] = []
  readonly skeletons: Skeletons

  constructor(userKinds = ['a-user', 'b-user']) {
    const database = (name: string) => ({
      name,
      range: () => {
        const docs = this.databases.get(name.replace('skeleton/', ''))
        if (docs === undefined) return Promise.reject(new CouchFault('not_found', name, 'missing'))
        return Promise.resolve(docs.map((doc) => ({ doc: { _rev: '1-a', ...doc } })))
      },
      fetch: () => Promise.resolve([{ doc: null }]),
    })
    this.skeletons = new Skeletons({
      couch: { database } as unknown as Couch,
      log: createLogger({
        level: 'error',
        pretty: false,
        destination: { write: (line) => void this.errors.push(line) },
      }),
      policies: ['a', 'b'],
      userKinds,
      onChanged: (kinds) => void this.changes.push([...kinds]),
    })
  }
}

const idsOf = (designs: readonly { _id: string }[] | null | undefined) =>
  designs?.map(({ _id }) => _id) ?? null

describe('skeletons/wanted', () => {
  it('gives personal databases what is in all -user kinds together', async () => {
    const ground = new Ground()
    const { databases, skeletons } = ground
    assert.equal(skeletons.of('personal'), null)
    assert.equal(skeletons.designsOf('a-user'), null)
    databases.set('a-user', [{ _id: '_design/guard', validate_doc_update: 'function () {}' }])
    databases.set('b-user', [{ _id: '_design/to' }])
    await skeletons.load()
    const personal = skeletons.of('personal')
    assert.deepEqual(idsOf(personal?.designs), ['_design/guard', '_design/to'])
    assert.deepEqual([personal?.security, personal?.isStrict], [null, true])
    assert.deepEqual(idsOf(skeletons.designsOf('b-user')), ['_design/to'])
    assert.deepEqual(idsOf(skeletons.designsOf('b')), ['_design/access'])
    assert.deepEqual(skeletons.kinds, ['user', 'outbox', 'share', 'a', 'b', 'personal'])
    assert.deepEqual(ground.errors, [])
  })

  it('needs no -user kind, and knows no personal databases without masters', async () => {
    const { skeletons, errors } = new Ground()
    await skeletons.load()
    assert.deepEqual(skeletons.of('personal')?.designs, [])
    assert.deepEqual(skeletons.designsOf('a-user'), [])
    assert.deepEqual(errors, [])
    const without = new Ground([]).skeletons
    await without.load()
    assert.equal(without.of('personal'), null)
    assert.deepEqual(without.kinds, ['user', 'outbox', 'share', 'a', 'b'])
  })

  it('tells what changed, once', async () => {
    const { databases, skeletons, changes } = new Ground()
    await skeletons.load()
    assert.deepEqual(changes, [['user', 'outbox', 'share', 'a', 'b', 'a-user', 'b-user', 'personal']])
    await skeletons.load()
    assert.equal(changes.length, 1)
    const hash = skeletons.hash('personal')
    databases.set('b-user', [{ _id: '_design/to' }])
    await skeletons.load()
    assert.deepEqual(changes.slice(1), [['b-user', 'personal']])
    assert.notEqual(skeletons.hash('personal'), hash)
    databases.set('a', [{ _id: '_design/access', access: 'function () {}' }])
    await skeletons.load()
    assert.deepEqual(changes.slice(2), [['a']])
  })

  it('leaves personal databases as they were where two kinds have the same design document', async () => {
    const { databases, skeletons, errors } = new Ground()
    databases.set('a-user', [{ _id: '_design/guard' }])
    await skeletons.load()
    databases.set('b-user', [{ _id: '_design/guard', more: 1 }])
    await skeletons.load()
    assert.deepEqual(idsOf(skeletons.of('personal')?.designs), ['_design/guard'])
    assert.equal(skeletons.of('personal')?.designs[0]?.['more'], undefined)
    assert.match(errors.join(), /a-user and b-user both have _design\/guard/)
  })

  it('takes nothing from personal databases where a -user kind is dropped', async () => {
    const { databases, skeletons, errors } = new Ground()
    databases.set('a-user', [{ _id: '_design/guard' }])
    await skeletons.load()
    databases.delete('a-user')
    await skeletons.load()
    assert.deepEqual(idsOf(skeletons.of('personal')?.designs), ['_design/guard'])
    assert.match(errors.join(), /skeleton is gone/)
  })
})
