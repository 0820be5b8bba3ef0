// Whether a database is behind what was read of it, by sequences of CouchDB 3.5 with two shards.
import assert from 'node:assert/strict'
import { isBehind } from '../../../src/couch/sequence.ts'

/** As it was made, with 3 documents, and with 403; as the database said it, and as a page of its changes ended. */
const EMPTY =
  '0-g1AAAADHeJzLYWBgYMpgTmGQSc4vTc7QLc5ILEot1jUxsLQ0dTA0MtczAELDHJCqPBYgydAApP4DQVYGcyJDLlCAPdXIwtjMIJGAEcTZkciQVI9quGFiqplZKgG9WQBV1TU8'
const THREE =
  '3-g1AAAADHeJzLYWBgYMpgTmGQSc4vTc7QLc5ILEot1jUxsLQ0dTA0MtczAELDHJCqPBYgydAApP4DQVYGcyJTLlCAPdXIwtjMIJGAEcTZkciQVA81nBFiuGFiqplZKgG9WQBXFjU_'
const THREE_READ =
  '3-g1AAAADHeJzLYWBgYMpgTmGQSc4vTc7QLc5ILEot1jUxsLQ0dTA0MtczAELDHJCqRIak-v___2dlMCcy5gIF2FMNE1PNzFIJ6CXO8DwWIMnQAKT-Q-1ggthhZGFsZpBIwIgsAMbcNT8'
const MANY =
  '403-g1AAAADHeJzLYWBgYMpgTmGQSc4vTc7QLc5ILEot1jUxsLQ0dTA0MtczAELDHJCqPBYgydAApP4DQVYGc-KNXKAAe6qRhbGZQSIBI4izI5EhqR5q-G6I4YaJqWZmqQT0ZgEA6yQ2zw'
/** Three of 403 were read. */
const BEGUN =
  '3-g1AAAACaeJzLYWBgYMpgTmGQSc4vTc7QLc5ILEot1jUxsLQ0dTA0MtczAELDHJCqRIak-v___2dlMCcy5wIF2FMNE1PNzFIJ6CXO8DwWIMnQAKT-g-xIZMgCAGuVKiU'
/** Another one of the same name. */
const ANEW =
  '1-g1AAAADHeJzLYWBgYMpgTmGQSc4vTc7QLc5ILEot1jUxsLQ0dTA0MtczAELDHJCqPBYgydAApP4DQVYGcyJjLlCA3TzN3NjY1ISAEcTZkciQVA81nAFseJKFsZGJpREBvVkAL-Y0iA'

const BEHIND: [string, string | number, string | number][] = [
  ['one with fewer documents than were read', THREE, MANY],
  ['one as it was made', EMPTY, THREE_READ],
  ['one of the embedded server', 3, 4],
]

const NOT_BEHIND: [string, string | number, string | number][] = [
  ['one as it was read, in whatever order shards are told', THREE, THREE_READ],
  ['one with more documents', MANY, THREE_READ],
  ['one of which a part was read', MANY, BEGUN],
  ['one of which nothing was read', EMPTY, '0'],
  ['another one of that name, whose instance tells', ANEW, MANY],
  ['one of which the node said nothing', '3-a', MANY],
  ['one that says what nobody can read', '3-g1AAAA', MANY],
  ['one whose sequence is cut', MANY, THREE.slice(0, -9)],
  ['one of another server', 3, MANY],
]

describe('couch/sequence', () => {
  for (const [what, now, before] of BEHIND)
    it(`tells of ${what} that it is behind`, () => assert.equal(isBehind(now, before), true))
  for (const [what, now, before] of NOT_BEHIND)
    it(`does not tell so of ${what}`, () => assert.equal(isBehind(now, before), false))
})
