// What is told of a black box: each thing that may be wrong is found, and nothing where all is right.
import assert from 'node:assert/strict'
import { faultsOf, type Left } from '../../support/black-box/verdict.ts'
import { Witness, type Write } from '../../support/black-box/witness.ts'

const JOE = '~joe-1~'
const ANN = '~ann-2~'
const EVE = '~eve-3~'

type Given = Partial<Omit<Write, 'value' | 'by'>>

function witnessOf(writes: Record<string, Given>): Witness {
  const witness = new Witness()
  for (const [value, more] of Object.entries(writes)) {
    const by = value.slice(1).split('-')[0] ?? ''
    const write: Write = {
      ...{ value, by, object: 'o', attribute: 'a', begunAt: 100, ackedAt: 110, over: null, isGiven: true },
      ...more,
    }
    witness.writes.set(value, write)
  }
  return witness
}

/** Everybody has the same object, and reads these values in some revision of their own. */
function leftWith(value: string, readable: Partial<Record<'joe' | 'ann' | 'eve', string[]>> = {}): Left {
  const object = new Map([['o', { a: value }]])
  const users = ['joe', 'ann', 'eve'] as const
  return {
    owner: 'joe',
    readable: new Map(users.map((user) => [user, new Set(readable[user] ?? [value])])),
    objects: new Map(users.map((user) => [user, object])),
    copies: object,
    participants: ['ann', 'eve'],
    readers: new Set(['eve']),
  }
}

/** The object of one user is another one. */
const but = (left: Left, user: string, value: string | null): Left => ({
  ...left,
  objects: new Map([...left.objects, [user, new Map(value === null ? [] : [['o', { a: value }]])]]),
})

describe('the verdict on a black box', () => {
  const both = { [JOE]: {}, [ANN]: { over: JOE, begunAt: 200, ackedAt: 210 } }

  it('is that all is right', () => {
    assert.deepEqual(faultsOf(witnessOf(both), leftWith(ANN)), [])
    assert.deepEqual(faultsOf(witnessOf({}), leftWith(JOE)), [])
  })

  describe('on what was written', () => {
    const apart = { [JOE]: {}, [ANN]: {} }
    it('is that it is lost, where nobody had read it who wrote over it', () => {
      assert.deepEqual(faultsOf(witnessOf(apart), leftWith(ANN)), [`${JOE} of joe is lost (o, a)`])
    })
    it('is that it gave way, where its author or the owner can read it', () => {
      const [own, owners] = [{ ann: [JOE, ANN] }, { joe: [JOE, ANN] }]
      assert.deepEqual(faultsOf(witnessOf(apart), leftWith(JOE, own)), [])
      assert.deepEqual(faultsOf(witnessOf(apart), leftWith(JOE, owners)), [])
      assert.equal(faultsOf(witnessOf(apart), leftWith(JOE, { eve: [JOE, ANN] })).length, 1)
    })
    it('is nothing, where it was not acknowledged', () => {
      assert.deepEqual(faultsOf(witnessOf({ ...apart, [JOE]: { ackedAt: null } }), leftWith(ANN)), [])
    })
    it('is that it is lost, where nobody knows whether what was to take its place has landed', () => {
      const unsure = witnessOf({ ...both, [ANN]: { over: JOE, ackedAt: null } })
      assert.deepEqual(faultsOf(unsure, leftWith(EVE)), [`${JOE} of joe is lost (o, a)`])
      assert.deepEqual(faultsOf(unsure, leftWith(ANN)), [])
      unsure.sightings.push({ value: ANN, by: 'ann', place: 'own', askedAt: 220 })
      assert.deepEqual(faultsOf(unsure, leftWith(EVE)), [], 'somebody has seen it')
      const chain = witnessOf({ ...both, [ANN]: { over: JOE, ackedAt: null }, [EVE]: { over: ANN } })
      assert.deepEqual(faultsOf(chain, leftWith(EVE)), [], 'somebody has read it, and written over it')
    })
    it('is that it is back, though somebody wrote over it who had read it', () => {
      const back = leftWith(JOE, { ann: [JOE, ANN] })
      assert.deepEqual(faultsOf(witnessOf(both), back), [`${JOE} is back in o, over ${ANN}`])
      const eves = { [JOE]: {}, [EVE]: { over: JOE } }
      assert.deepEqual(faultsOf(witnessOf(eves), leftWith(JOE, { eve: [EVE] })), [])
    })
  })

  describe('on what was read', () => {
    const seen = (value: string, place: 'share' | 'own', askedAt: number, writes = both): string[] => {
      const witness = witnessOf(writes)
      witness.exclusions.push({ who: 'eve', from: 150, to: 250 })
      witness.sightings.push({ value, by: 'eve', place, askedAt })
      return faultsOf(witness, leftWith(ANN))
    }
    it('is that nobody gave it', () => {
      const secret = { ...both, [JOE]: { isGiven: false } }
      assert.deepEqual(seen(JOE, 'own', 120, secret), [`eve read ${JOE}, which joe never gave`])
    })
    it('is that nobody wrote it', () => {
      assert.deepEqual(seen(EVE, 'own', 120), [`eve read ${EVE}, which nobody wrote`])
    })
    it('is that its reader was kept out of the share', () => {
      const words = [`eve read ${JOE} (share) while kept out`]
      for (const [askedAt, expected] of [
        [149, []],
        [150, words],
        [249, words],
        [250, []],
      ] as const)
        assert.deepEqual(seen(JOE, 'share', askedAt), expected)
    })
    it('is that it came to somebody who was kept out when it was written', () => {
      assert.deepEqual(seen(ANN, 'own', 240), [`eve read ${ANN} (own) while kept out`])
      assert.deepEqual(seen(JOE, 'own', 240), [], 'which she had before')
      assert.deepEqual(seen(ANN, 'own', 260), [], 'who is in again')
    })
  })

  describe('on what is left', () => {
    it('is that somebody has something else than the share', () => {
      const differs = but(leftWith(ANN), 'ann', JOE)
      assert.deepEqual(faultsOf(witnessOf(both), differs), [
        `o of ann is {"a":"${JOE}"}, and in the share {"a":"${ANN}"}`,
      ])
      assert.equal(faultsOf(witnessOf(both), but(leftWith(ANN), 'eve', null)).length, 1)
      assert.equal(faultsOf(witnessOf(both), { ...leftWith(ANN), copies: new Map() }).length, 3)
    })
    it('is nothing, where a reader wrote it', () => {
      const mine = { ...both, [EVE]: { over: ANN } }
      const left = but(leftWith(ANN, { eve: [EVE] }), 'eve', EVE)
      assert.deepEqual(faultsOf(witnessOf(mine), left), [])
      const anns = but(leftWith(JOE), 'ann', ANN)
      assert.equal(
        faultsOf(witnessOf({ [JOE]: {}, [ANN]: {} }), anns).length,
        2,
        'a writer’s is to go to all',
      )
    })
  })
})
