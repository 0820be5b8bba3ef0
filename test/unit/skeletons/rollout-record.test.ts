// How far rollouts are is written down: by one daemon, over what an admin's hand may have left there.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { beginning, RolloutRecord, type RolloutProgress } from '../../../src/skeletons/rollout-record.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ID = 'rollout user/{id}'
const HALF: RolloutProgress = { ...beginning('hash', 10), since: 'p-5', done: 5 }

function ground() {
  const couch = new MemoryCouch()
  const database = couch.create(CHECKPOINTS)
  const open = (): RolloutRecord => new RolloutRecord(couch.asCouch(), 'user/{id}')
  return { couch, database, open }
}

describe('skeletons/rollout-record', () => {
  it('gives what was written, also to whoever comes later', async () => {
    const { open } = ground()
    const record = open()
    assert.equal(await record.of('user'), null)
    await record.save('user', HALF)
    await record.save('share', { ...HALF, isDone: true })
    await record.save('user', { ...HALF, done: 6 })
    for (const one of [record, open()]) {
      assert.deepEqual(await one.of('user'), { ...HALF, done: 6 })
      assert.deepEqual(await one.of('share'), { ...HALF, isDone: true })
    }
  })

  it('begins anew what cannot be read, and nothing else', async () => {
    const { database, open } = ground()
    database.write({ _id: ID, kinds: { user: HALF, share: { ...HALF, failed: 'p-1' }, policy: null } })
    const record = open()
    const kinds = ['user', 'share', 'policy', 'none']
    const found = await Promise.all(kinds.map((kind) => record.of(kind)))
    assert.deepEqual(found, [HALF, null, null, null])
    await record.save('share', HALF)
    assert.deepEqual(await open().of('share'), HALF)
  })

  for (const kinds of ['x', [HALF], undefined])
    it(`is written over where nothing can be read: ${JSON.stringify(kinds)}`, async () => {
      const { database, open } = ground()
      database.write({ _id: ID, kinds })
      await open().save('user', HALF)
      assert.deepEqual(await open().of('user'), HALF)
    })

  it('reads again where somebody has written meanwhile, and counts what they wrote', async () => {
    const { database, open } = ground()
    const record = open()
    await record.save('user', HALF)
    const there = database.read(ID) ?? assert.fail()
    database.write({ ...there, kinds: {} })
    await assert.rejects(record.save('user', { ...HALF, done: 6 }), (error) => isFault(error, 'conflict'))
    assert.equal(await record.of('user'), null)
  })
})
