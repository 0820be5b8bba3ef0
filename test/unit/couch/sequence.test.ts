// Whether a database is behind what was read of it, by sequences of CouchDB 3.5 with two shards.
import assert from 'node:assert/strict'
import { isBehind, isPurgedAs } from '../../../src/couch/sequence.ts'

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

/** What three nodes of a cluster said of one database of which nothing was purged. */
const OF_NODES = [
  '0-g1AAAABreJzLYWBgYMpgTmGQTs4vTc7QLc5ILEot1jW1tDB0MDQy1zMAQsMckKI8FiDJ0ACk_gNBViIDUboSGZLqIcqzAONwHjo',
  '0-g1AAAABreJzLYWBgYMpgTmGQTs4vTc7QLc5ILEot1jW1tDByMDQy1zMAQsMckKI8FiDJ0ACk_gNBViIDUboSGZLqIcqzAOPcHjw',
  '0-g1AAAABreJzLYWBgYMpgTmGQTs4vTc7QLc5ILEot1jW1tDB2MDQy1zMAQsMckKI8FiDJ0ACk_gNBViIDUboSGZLqIcqzAORIHj4',
] as const

const PURGED: [string, string | number | undefined, string | number | undefined, boolean][] = [
  ['what another node says', OF_NODES[0], OF_NODES[1], true],
  ['what all nodes say after a purge', '1-g1AAAA', OF_NODES[2], false],
  ['a number of the embedded server', 0, 0, true],
  ['a greater number', 1, 0, false],
  ['nothing, where the server says nothing', undefined, undefined, true],
  ['the first look', OF_NODES[0], undefined, false],
]

describe('couch/sequence', () => {
  for (const [what, now, before, isSame] of PURGED)
    it(`takes ${what} for ${isSame ? 'no purge' : 'one that may be'}`, () => {
      assert.equal(isPurgedAs(now, before), isSame)
    })
  for (const [what, now, before] of BEHIND)
    it(`tells of ${what} that it is behind`, () => assert.equal(isBehind(now, before), true))
  for (const [what, now, before] of NOT_BEHIND)
    it(`does not tell so of ${what}`, () => assert.equal(isBehind(now, before), false))
})
