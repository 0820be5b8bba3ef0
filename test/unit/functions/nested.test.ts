// Documents that are nested deeper than any stack: whoever writes one gets an answer, and everybody else goes on.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import { SyncFunction } from '../../../src/gateways/function/sync-function.ts'
import { accessOf } from '../skeletons/compiled.ts'

const NESTED = decodeJson(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)

describe('functions that are asked about a document that is nested too deep', () => {
  it('say of it what they say of others, in a master’s skeleton', async () => {
    const access = await accessOf('provisioning')
    const user = { name: 'ann', roles: ['number:1'] }
    const doc = { _id: 'number:1', updated_by: 'ann' }
    for (const one of [doc, { ...doc, a: NESTED }, doc])
      assert.deepEqual([access.mayWrite(one, user), access.decide(one, user)], [true, true])
  })

  it('fail on it alone, where they are a gateway’s', async () => {
    const sync = await SyncFunction.compile('function (doc) { channel(doc.c) }')
    const writer = { name: null, roles: [], channels: [], isAdmin: true }
    const kinds = [{ c: 'a' }, { c: 'a', a: NESTED }, { c: 'a' }].map(
      (doc) => sync.evaluate({ doc, oldDoc: null, writer, now: 0 }).kind,
    )
    assert.deepEqual(kinds, ['accepted', 'failed', 'accepted'])
  })
})
