// What a sync function says of a document, as Sync Gateway would take it.
import assert from 'node:assert/strict'
import { SyncFunction, type Verdict, type Writer } from '../../../src/gateway/sync-function.ts'

const ANN: Writer = { name: 'ann', roles: ['driver'], channels: ['news'], isAdmin: false }
const NOW = Date.UTC(2020, 8, 13, 12, 26, 40)

async function judge(source: string, doc: object = {}, writer: Writer = ANN, oldDoc: object | null = null) {
  const sync = await SyncFunction.compile(source)
  return sync.evaluate({ doc: { _id: 'a', ...doc }, oldDoc, writer, now: NOW })
}

const accepted = (routed: object = {}): Verdict => ({
  kind: 'accepted',
  routed: { channels: [], access: [], roles: [], expiry: null, ...routed },
})

describe('a sync function', () => {
  it('says where a document goes, and what it grants', async () => {
    const source = `function (doc) {
      channel('b', ['a', 'b', null, 5], null, undefined)
      access(['tom', 'role:x'], doc.names)
      role('tom', 'role:y')
    }`
    assert.deepEqual(
      await judge(source, { names: ['n', 'm'] }),
      accepted({
        channels: ['a', 'b'],
        access: [
          { to: 'role:x', channel: 'm' },
          { to: 'role:x', channel: 'n' },
          { to: 'tom', channel: 'm' },
          { to: 'tom', channel: 'n' },
        ],
        roles: [{ user: 'tom', role: 'y' }],
      }),
    )
  })
})
