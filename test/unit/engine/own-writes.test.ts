// Own writes: what the daemon wrote is passed over when it comes by, and nothing else is.
import assert from 'node:assert/strict'
import { OwnWrites } from '../../../src/engine/own-writes.ts'

const change = (id: string, ...revs: string[]): { id: string; changes: { rev: string }[] } => ({
  id,
  changes: revs.map((rev) => ({ rev })),
})

describe('engine/own-writes', () => {
  const cases: Record<string, [ReturnType<typeof change>, isForeign: boolean]> = {
    'what the daemon wrote': [change('a', '1-own'), false],
    'what somebody else wrote': [change('a', '2-other'), true],
    'what somebody else wrote beside it, in whatever order': [change('a', '2-other', '1-own'), true],
    'another document under a revision of the same name': [change('b', '1-own'), true],
    'a leaf that the daemon wrote before its last one': [change('c', '2-own', '1-own'), true],
  }
  for (const [what, [one, isForeign]] of Object.entries(cases))
    it(`${isForeign ? 'gives' : 'passes over'} ${what}`, () => {
      const ownWrites = new OwnWrites()
      ownWrites.add('db', 'a', '1-own')
      ownWrites.add('db', 'c', '1-own')
      ownWrites.add('db', 'c', '2-own')
      assert.deepEqual(ownWrites.foreign('db', [one]), isForeign ? [one] : [])
    })

  it('gives all of another database, in order, and all of one that is to be looked at again', () => {
    const ownWrites = new OwnWrites()
    ownWrites.add('db', 'a', '1-own')
    const changes = [change('b', '1-other'), change('a', '1-own')]
    assert.deepEqual(ownWrites.foreign('another', changes), changes)
    assert.deepEqual(ownWrites.foreign('db', changes), changes.slice(0, 1))
    ownWrites.forget('db')
    assert.deepEqual(ownWrites.foreign('db', changes), changes)
  })
})
