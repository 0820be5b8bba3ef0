// What a sweep finds to do for a user of a gateway, by the entry and by how the database stands.
import assert from 'node:assert/strict'
import { compare, type Resynced } from '../../../src/engine/resync.ts'
import { missedBy } from '../../../src/gateways/missed.ts'
import type { GatewayUser } from '../../../src/gateways/model.ts'
import type { GatewayWork } from '../../../src/gateways/work.ts'
import { infoOf, READ } from '../../support/resynced.ts'

const DATABASE = 'user/hash-ann/fleet'
const HASH = 'guard-1'

const INFO = infoOf(DATABASE)

const ANN: GatewayUser = {
  ...({ _id: 'user/ann', type: 'user', name: 'ann', database: DATABASE, state: 'active' } as const),
  ...{ roles: [], channels: ['north'], function: HASH, documents: 7, instance: '1700000000' },
  updatedAt: '2026-01-01T00:00:00.000Z',
}

const AS_READ = compare(DATABASE, INFO, READ)
const { instance: _, ...neverCompared } = ANN

const CASES: { what: string; entry?: GatewayUser; found?: Resynced | undefined; work: GatewayWork | null }[] =
  [
    { what: 'all is as it was', work: null },
    { what: 'all was compared before instances were noted', entry: neverCompared, work: null },
    {
      what: 'the database was written to',
      found: compare(DATABASE, { ...INFO, update_seq: '8-a' }, READ),
      work: { user: false, all: false, personal: true, updateSeq: '8-a' },
    },
    {
      what: 'nothing is known of the database',
      found: compare(DATABASE, INFO, undefined),
      work: { user: false, all: false, personal: true, updateSeq: '7-a' },
    },
    {
      what: 'the database is gone',
      found: compare(DATABASE, undefined, READ),
      work: { user: true, all: true, personal: false, updateSeq: undefined },
    },
    {
      what: 'another database is in its place',
      found: compare(DATABASE, { ...INFO, instance_start_time: '1700000001' }, READ),
      work: { user: true, all: true, personal: true, updateSeq: '7-a' },
    },
    {
      what: 'what the user has was changed',
      entry: { ...ANN, due: true },
      work: { user: true, all: false, personal: false, updateSeq: undefined },
    },
    {
      what: 'the validation function is another one',
      entry: { ...ANN, function: 'guard-0' },
      work: { user: true, all: false, personal: false, updateSeq: undefined },
    },
    {
      what: 'the user was leaving',
      entry: { ...ANN, state: 'leaving' },
      work: { user: true, all: false, personal: false, updateSeq: undefined },
    },
  ]

describe('gateways/missed', () => {
  for (const { what, entry = ANN, found = AS_READ, work } of CASES)
    it(`${work === null ? 'finds nothing' : 'finds something to do'} where ${what}`, () => {
      assert.deepEqual(missedBy(entry, found, HASH), work)
    })
})
