// A reader's edit of an object that is in another share of the same owner, too.
import assert from 'node:assert/strict'
import type { Agreed } from '../../../../src/shares/model/base.ts'
import { digestsOf } from '../../../../src/documents/digests.ts'
import { digestOf } from '../../../../src/documents/digest.ts'
import type { Selection } from '../../../../src/documents/content.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import type { ExchangeFacts } from '../../../../src/shares/plan/exchange-facts.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'

const BEFORE = { name: 'milk' }
const EDITED = { name: 'oat milk' }

const agreed = (attributes: Record<string, unknown>, more: Partial<Agreed> = {}): Agreed => ({
  ...{ state: 'both', ...digestsOf({ attributes, attachments: {} }) },
  ...more,
})

const exchange = (
  share: string,
  role: ExchangeFacts['role'],
  limit: Selection | null,
  attributes: Record<string, unknown>,
): ExchangeFacts => ({
  ...{ share, role, phase: 'active', onEnd: 'remove', limit, bounds: null, rejected: null, owner: 'joe' },
  home: { kind: 'live', leaf: { _id: `share/${share}/o`, _rev: '2-c', ...attributes }, rivals: [] },
})

/** Ann reads x and writes into y, in which her edit stands. @param limit what the owner shows of the object there */
const plan = (limit: Selection | null): ObjectEffect[] =>
  planObject({
    ...{
      object: 'o',
      isMissing: false,
      rivals: [],
      standings: new Map(),
      copies: new Map(),
      clock: { now: 0, updatedAt: UPDATED_AT },
    },
    doc: { _id: 'o', _rev: '3-o', ...EDITED, $shares: { x: true, y: true } },
    base: {
      ...{ _id: 'base/o', _rev: '1-b', shares: {} },
      agreed: { x: agreed(BEFORE), y: agreed(EDITED, limit === null ? { mine: true } : {}) },
    },
    exchanges: new Map([
      ['x', exchange('x', 'reader', true, BEFORE)],
      ['y', exchange('y', 'writer', limit, EDITED)],
    ]),
  })

describe('shares/plan/object, a reader’s edit that another share of the same owner has, too', () => {
  it('is on its way where the owner shows that object there', () => {
    assert.deepEqual(plan(true), [])
  })
  it('is reported and kept where the other share has another object, which is the reader’s', () => {
    const effects = plan(null)
    const codes = effects.flatMap((one) => (one.kind === 'report' ? [[one.share, one.problem?.code]] : []))
    assert.deepEqual(codes, [['x', 'read_only']])
    const [base] = effects.flatMap((one) => (one.kind === 'put-base' && one.stage === 'after' ? [one] : []))
    assert.deepEqual(base?.agreed['x']?.kept, { name: digestOf(EDITED.name) })
  })
})
