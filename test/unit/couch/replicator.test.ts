// What is made of CouchDB's own account of a replication.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { Replicator, type ReplicationStatus } from '../../../src/couch/replicator.ts'

/** How a replication stands of which the scheduler says this. */
async function statusOf(state: string | null, info: object | null): Promise<ReplicationStatus | undefined> {
  const couch = {
    database: () => ({}),
    request: () => Promise.resolve({ docs: [{ doc_id: 'x', id: 'job', state, info }] }),
  } as unknown as Couch
  const replicator = new Replicator(couch, { hasScheduler: true, sleep: () => Promise.resolve() })
  return (await replicator.statuses()).get('x')
}

const INFO = {
  revisions_checked: 2,
  docs_read: 2,
  changes_pending: 0,
  doc_write_failures: 0,
  checkpointed_source_seq: '1-a',
  source_seq: '2-a',
  through_seq: '2-a',
}
const UNCOUNTED = { ...INFO, changes_pending: null }

describe('couch/replicator', () => {
  const cases: [string, object | null, { caughtUp: boolean; isCounted: boolean }][] = [
    ['has just begun', null, { caughtUp: false, isCounted: true }],
    ['has nothing left', INFO, { caughtUp: true, isCounted: true }],
    ['has changes left', { ...INFO, changes_pending: 7 }, { caughtUp: false, isCounted: true }],
    ['is in a batch', { ...INFO, through_seq: '1-b' }, { caughtUp: false, isCounted: true }],
    ['was not counted yet', UNCOUNTED, { caughtUp: true, isCounted: false }],
    [
      'went on where an earlier one ended, with nothing to carry since',
      { ...UNCOUNTED, source_seq: '0', checkpointed_source_seq: '2-a' },
      { caughtUp: true, isCounted: false },
    ],
  ]
  for (const [what, info, expected] of cases)
    it(`knows how far a job is that ${what}`, async () => {
      const status = await statusOf('running', info)
      assert(status?.kind === 'accepted')
      assert.deepEqual({ caughtUp: status.caughtUp, isCounted: status.uncounted === undefined }, expected)
    })

  it('tells one that was not counted, and gets further, from one that does not', async () => {
    const uncounted = async (info: object): Promise<unknown> => {
      const status = await statusOf('running', info)
      return status?.kind === 'accepted' && status.uncounted
    }
    assert.equal(await uncounted(UNCOUNTED), await uncounted({ ...UNCOUNTED }))
    for (const further of [{ through_seq: '3-a' }, { revisions_checked: 3 }, { docs_read: 3 }])
      assert.notEqual(await uncounted(UNCOUNTED), await uncounted({ ...UNCOUNTED, ...further }))
  })

  it('knows trouble, and documents that were refused', async () => {
    assert.deepEqual(await statusOf('failed', { error: 'no' }), { kind: 'failed', reason: 'no' })
    for (const state of ['crashing', 'error'])
      assert.deepEqual(await statusOf(state, { error: 'no' }), { kind: 'crashing', reason: 'no' })
    assert.deepEqual(await statusOf('initializing', null), { kind: 'waiting' })
    const refused = await statusOf('running', { ...INFO, doc_write_failures: 3 })
    assert.deepEqual(refused, { kind: 'accepted', caughtUp: true, refused: 3 })
  })
})
