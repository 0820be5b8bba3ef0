// Objects with more attributes than can be compared in time: their authors are told, and nothing of them is compared.
import assert from 'node:assert/strict'
import { nothingAgreed } from '../../../../src/shares/model/base.ts'
import { MOST_MERGED, type ObjectDoc } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import type { ExchangeFacts } from '../../../../src/shares/plan/exchange-facts.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'

const wide = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${String(at)}`, at]))

const object = (attributes: Record<string, unknown>): ObjectDoc => ({
  ...{ _id: 'o', _rev: '2-o', $shares: { s: true } },
  ...attributes,
})
const copy = (attributes: Record<string, unknown>): ObjectDoc => ({
  ...{ _id: 'share/s/o', _rev: '1-c' },
  ...attributes,
})

function plan(
  role: ExchangeFacts['role'],
  doc: ObjectDoc,
  leaf: ObjectDoc,
  rejected: ExchangeFacts['rejected'] = null,
): ObjectEffect[] {
  const exchange: ExchangeFacts = {
    ...{
      share: 's',
      role,
      phase: 'active',
      onEnd: 'remove',
      limit: true,
      bounds: null,
      rejected,
      owner: 'joe',
    },
    home: { kind: 'live', leaf, rivals: [] },
  }
  return planObject({
    ...{ object: 'o', doc, isMissing: false, rivals: [], clock: { now: 0, updatedAt: UPDATED_AT } },
    base: {
      ...{ _id: 'base/o', _rev: '1-b' },
      shares: role === 'owner' ? { s: true } : {},
      agreed: { s: nothingAgreed('both', role === 'owner') },
    },
    ...{ exchanges: new Map([['s', exchange]]), standings: new Map(), copies: new Map() },
  })
}

const refusal: ObjectEffect[] = [{ kind: 'report', share: 's', object: 'o', problem: problem('too_large') }]

describe('an object with very many attributes', () => {
  for (const role of ['owner', 'writer', 'reader'] as const) {
    it(`of the ${role} stays where it is, and its author is told`, () => {
      assert.deepEqual(plan(role, object(wide(MOST_MERGED)), copy({})), refusal)
    })

    it(`is not brought to the ${role} from the share`, () => {
      assert.deepEqual(plan(role, object({}), copy(wide(MOST_MERGED))), refusal)
    })
  }

  it('is told once', () => {
    assert.deepEqual(plan('writer', object(wide(MOST_MERGED)), copy({}), 'too_large'), [])
  })

  it('goes on when it has fewer', () => {
    const effects = plan('writer', object({ name: 'x' }), copy({}), 'too_large')
    assert.ok(effects.some(({ kind }) => kind === 'put-copy'))
    assert.ok(effects.some((effect) => effect.kind === 'report' && effect.problem === null))
  })
})
