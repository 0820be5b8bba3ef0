// An object that several shares of one owner's show, where the bases went with a lost outbox.
import assert from 'node:assert/strict'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import type { ExchangeFacts, Forgotten } from '../../../../src/shares/plan/exchange-facts.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'

const SHOWN = { name: 'milk' }
/** What Ann has beside it stays private. */
const MORE = { ...SHOWN, note: 'mine' }

interface Case {
  /** The share that Ann's object names, and another one that shows it. */
  one: string
  other: string
  /** What the object holds. */
  held?: Record<string, unknown>
  /** Whether the object named the other share before, as far as that can be read. */
  wasNamed: Forgotten['isNamed']
  /** Whose the other share is. */
  owner?: string
}

function plan({ one, other, held = SHOWN, wasNamed, owner = 'joe' }: Case): ObjectEffect[] {
  const exchange = (share: string): ExchangeFacts => ({
    ...{ share, role: 'writer', phase: 'active', onEnd: 'remove', limit: true, bounds: null, rejected: null },
    owner: share === other ? owner : 'joe',
    home: { kind: 'live', leaf: { _id: `share/${share}/o`, _rev: '2-c', ...SHOWN }, rivals: [] },
    forgotten: { here: [], there: [], isNamed: share === other ? wasNamed : true },
  })
  return planObject({
    ...{ object: 'o', isMissing: false, rivals: [], standings: new Map(), copies: new Map() },
    clock: { now: 0, updatedAt: UPDATED_AT },
    doc: { _id: 'o', _rev: '3-o', ...held, $shares: { [one]: true } },
    base: null,
    exchanges: new Map([one, other].map((share) => [share, exchange(share)])),
  })
}

const reported = (effects: ObjectEffect[]): unknown[][] =>
  effects.flatMap((effect) => (effect.kind === 'report' ? [[effect.share, effect.problem?.code]] : []))

const stateIn = (effects: ObjectEffect[], share: string): string | undefined =>
  effects.flatMap((one) => (one.kind === 'put-base' && one.stage === 'after' ? [one] : [])).at(-1)?.agreed[
    share
  ]?.state

describe('shares/plan/forgotten, an object that several shares of one owner show,', () => {
  for (const [one, other] of [
    ['x', 'y'],
    ['y', 'x'],
  ] as const)
    describe(`is in ${one}, and`, () => {
      it(`comes into ${other}, where it never was, as the same one`, () => {
        const effects = plan({ one, other, wasNamed: false })
        assert.deepEqual(reported(effects), [])
        const [object] = effects.flatMap((effect) => (effect.kind === 'put-object' ? [effect.doc] : []))
        assert.deepEqual(object?.['$shares'], { [one]: true, [other]: true })
        assert.equal(stateIn(effects, other), 'both')
      })

      it(`is another one in ${other} where that share is somebody else's`, () => {
        const effects = plan({ one, other, wasNamed: false, owner: 'eve' })
        assert.deepEqual(reported(effects), [[other, 'unrelated_object']])
      })

      for (const held of [SHOWN, MORE])
        it(`stays out of ${other} where it may have been taken out there, and has ${held === MORE ? 'more' : 'no more'} than the copy`, () => {
          const effects = plan({ one, other, held, wasNamed: null })
          assert.deepEqual(
            reported(effects).filter(([share]) => share === other),
            [],
          )
          assert.equal(stateIn(effects, other), 'left')
        })
    })
})
