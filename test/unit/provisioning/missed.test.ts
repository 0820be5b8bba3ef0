// What a sweep finds to do for a provisioned user, by the entry and by how the databases stand.
import assert from 'node:assert/strict'
import { problem } from '../../../src/documents/problem.ts'
import { START, type Checkpoint } from '../../../src/engine/checkpoint.ts'
import { compare, type Resynced } from '../../../src/engine/resync.ts'
import { missedBy } from '../../../src/provisioning/missed.ts'
import type { MasterStatus, ProvisionedUser } from '../../../src/provisioning/provisioned-user.ts'
import { infoOf, INSTANCE, READ } from '../../support/resynced.ts'

const PERSONAL = 'u0c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
const OTHER = 'u1c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
const NOTED: Checkpoint = { ...START, updateSeq: '7-a' }

/** How all stands, but for what is said here. */
const AS_READ: readonly Resynced[] = [
  compare(PERSONAL, infoOf(PERSONAL), READ),
  compare(OTHER, infoOf(OTHER), NOTED),
  compare('news', infoOf('news'), undefined),
]

const NEWS: MasterStatus = {
  state: 'paused',
  times: {},
  documents: 3,
  access: 'access-1',
  instance: INSTANCE,
}
const JOE: ProvisionedUser = {
  ...({ _id: 'person/joe', type: 'person', name: 'joe', database: PERSONAL, state: 'active' } as const),
  ...{ roles: ['reader'], others: { archive: OTHER }, masters: { news: NEWS } },
  updatedAt: '2026-01-01T00:00:00.000Z',
}

const ALL = ['user', 'all']

const CASES: { what: string; entry?: Partial<ProvisionedUser>; found?: Resynced; work: string[] }[] = [
  { what: 'all is as it was', work: [] },
  {
    what: 'the personal database was written to',
    found: compare(PERSONAL, infoOf(PERSONAL, { update_seq: '8-a' }), READ),
    work: ['personal', '8-a'],
  },
  {
    what: 'another personal database is in its place, written to as often',
    found: compare(PERSONAL, infoOf(PERSONAL, { instance_start_time: '1700000001' }), READ),
    work: ['personal', '7-a'],
  },
  { what: 'the personal database is gone', found: compare(PERSONAL, undefined, READ), work: ['user'] },
  { what: 'there could be no personal database', entry: { database: null }, work: ['user'] },
  {
    what: 'another database of the user was written to',
    found: compare(OTHER, infoOf(OTHER, { update_seq: '8-a' }), NOTED),
    work: ['user', `${OTHER} 8-a`],
  },
  { what: 'another database of the user is gone', found: compare(OTHER, undefined, NOTED), work: [] },
  { what: 'the user was refused', entry: { state: 'refused' }, work: ['user'] },
  { what: 'documents are to be compared', entry: { due: true }, work: ['user'] },
  { what: 'there was a problem', entry: { problem: problem('database_taken', 'archive') }, work: ['user'] },
  {
    what: 'a master was away',
    entry: { masters: { news: { ...NEWS, problem: problem('master_unavailable', 'news') } } },
    work: ['user'],
  },
  {
    what: 'a master is not configured any more',
    entry: { masters: { news: NEWS, places: NEWS } },
    work: ['user'],
  },
  {
    what: 'a master was not configured before, and nothing of it is left',
    entry: { masters: { news: NEWS, places: { ...NEWS, state: 'canceled' } } },
    work: [],
  },
  { what: 'a master is new', entry: { masters: {} }, work: ALL },
  {
    what: 'the functions of a master are others',
    entry: { masters: { news: { ...NEWS, access: 'access-0' } } },
    work: ALL,
  },
  {
    what: 'a master was made again',
    found: compare('news', infoOf('news', { instance_start_time: '1700000001' }), undefined),
    work: ALL,
  },
  { what: 'a master is gone', found: compare('news', undefined, undefined), work: [] },
]

describe('provisioning/missed', () => {
  for (const { what, entry, found, work } of CASES)
    it(`${work.length === 0 ? 'finds nothing' : 'finds something to do'} where ${what}`, () => {
      const all = [...AS_READ, ...(found ? [found] : [])]
      const missed = missedBy(
        { ...JOE, ...entry },
        {
          found: new Map(all.map((one) => [one.name, one])),
          databases: [PERSONAL, OTHER],
          masters: [{ name: 'news', policy: { hash: 'access-1' } }],
          configured: ['news'],
        },
      )
      const { updateSeq, others, ...flags } = missed ?? {}
      assert.deepEqual(
        [
          ...Object.entries(flags).flatMap(([name, is]) => (is === true ? name : [])),
          ...(updateSeq === undefined ? [] : [updateSeq]),
          ...[...(others ?? [])].map((other) => other.join(' ')),
        ],
        work,
      )
    })
})
