// What a sweep finds to do for an owner, by how the user database and the outbox stand.
import assert from 'node:assert/strict'
import type { DatabaseInfo } from '../../../src/couch/document.ts'
import { START, type Checkpoint } from '../../../src/engine/checkpoint.ts'
import { compare, type Resynced } from '../../../src/engine/resync.ts'
import { missedIn } from '../../../src/shares/missed.ts'
import { infoOf, READ } from '../../support/resynced.ts'

const [PURGED, SEEN_PURGED] = [{ purge_seq: '0-a' }, { purgeSeq: '0-a' }]

/** A user database, or an outbox, as it was read but for this. */
const userWith = (info: Partial<DatabaseInfo> = {}, known: Partial<Checkpoint> | null = {}): Resynced =>
  compare(
    'user',
    infoOf('user', { ...PURGED, ...info }),
    known === null ? undefined : { ...READ, ...SEEN_PURGED, ...known },
  )
const outboxWith = (info: Partial<DatabaseInfo> | null, known: Partial<Checkpoint> | null): Resynced =>
  compare(
    'outbox',
    info === null ? undefined : infoOf('outbox', { ...PURGED, ...info }),
    known === null ? undefined : { ...READ, ...SEEN_PURGED, ...known },
  )

const AS_READ = outboxWith({}, {})
const NONE = outboxWith(null, null)

/** What is said, and whose sequences. */
const CASES: { what: string; user: Resynced; outbox: Resynced; work: string[]; seqs?: string[] }[] = [
  { what: 'all is as it was read', user: userWith(), outbox: AS_READ, work: [] },
  { what: 'the user shares nothing and has written nothing', user: userWith(), outbox: NONE, work: [] },
  { what: 'the user has written', user: userWith({ update_seq: '8-a' }), outbox: AS_READ, work: ['user'] },
  {
    what: 'the user has written, and has no outbox',
    user: userWith({ update_seq: '8-a' }),
    outbox: NONE,
    work: ['user'],
    seqs: ['user'],
  },
  {
    what: 'nothing is known of the user',
    user: userWith({}, null),
    outbox: NONE,
    work: ['user'],
    seqs: ['user'],
  },
  {
    what: 'all objects are being gone through',
    user: userWith({}, { scan: { since: '0', shares: ['milk'] } }),
    outbox: AS_READ,
    work: ['user'],
  },
  {
    what: 'another user database is in its place',
    user: userWith({ instance_start_time: '1700000001' }),
    outbox: AS_READ,
    work: ['user', 'recreated'],
  },
  {
    what: 'a database was noted by its name, and nobody has met it',
    user: userWith({}, { ...START, goneSince: 1 }),
    outbox: AS_READ,
    work: ['user', 'recreated'],
  },
  { what: 'something was purged', user: userWith({ purge_seq: '1-a' }), outbox: AS_READ, work: ['purged'] },
  {
    what: 'the outbox was written to',
    user: userWith(),
    outbox: outboxWith({ update_seq: '8-a' }, {}),
    work: ['outbox'],
  },
  {
    what: 'nothing is known of the outbox',
    user: userWith(),
    outbox: outboxWith({}, null),
    work: ['outbox'],
  },
  {
    what: 'the outbox is gone',
    user: userWith(),
    outbox: outboxWith(null, {}),
    work: ['outbox'],
    seqs: ['user'],
  },
]

describe('shares/missed', () => {
  for (const { what, user, outbox, work, seqs = ['user', 'outbox'] } of CASES)
    it(work.length === 0 ? `finds nothing where ${what}` : `finds something to do where ${what}`, () => {
      assert(user.kind !== 'gone')
      const found = missedIn(user, outbox)
      if (found === null) return assert.deepEqual(work, [])
      const { updateSeqs, ...flags } = found
      const said = Object.entries(flags).flatMap(([name, is]) => (is === true ? name : []))
      assert.deepEqual({ said, seqs: [...(updateSeqs?.keys() ?? [])] }, { said: work, seqs })
    })
})
