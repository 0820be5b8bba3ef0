// What is known to leave nothing to do when it has landed, and what has to be read again.
import assert from 'node:assert/strict'
import { digestsOf } from '../../../../src/documents/digests.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import type { ExchangeFacts } from '../../../../src/shares/plan/exchange-facts.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectFacts } from '../../../../src/shares/plan/object-facts.ts'
import { isSettledBy } from '../../../../src/shares/plan/settled.ts'

const OLD = { name: 'old' }
const NEW = { name: 'new' }

const copyOf = (attributes: object): ObjectDoc => ({ _id: 'share/x/o', _rev: '2-c', ...attributes })

const exchangeOf = (attributes: object, more: Partial<ExchangeFacts> = {}): ExchangeFacts => ({
  ...{ share: 'x', role: 'writer', phase: 'active', onEnd: 'remove', limit: true, bounds: null },
  ...{ rejected: null, owner: 'joe', home: { kind: 'live', leaf: copyOf(attributes), rivals: [] } },
  ...more,
})

interface Given {
  mine?: object
  exchange?: ExchangeFacts
  shares?: Record<string, true>
  more?: Partial<ObjectFacts>
}

/** An object that both sides had as it was, and that one of them has changed. */
const factsOf = ({
  mine = OLD,
  exchange = exchangeOf(NEW),
  shares = { x: true },
  more,
}: Given): ObjectFacts => ({
  ...{ object: 'o', isMissing: false, rivals: [], copies: new Map(), exchanges: new Map([['x', exchange]]) },
  doc: { _id: 'o', _rev: '2-o', ...mine, $shares: shares },
  base: {
    ...{ _id: 'base/o', _rev: '1-b', shares: {} },
    agreed: { x: { state: 'both', ...digestsOf({ attributes: OLD, attachments: {} }) } },
  },
  standings: new Map(Object.keys(shares).flatMap((share) => (share === 'x' ? [] : [[share, 'open']]))),
  clock: { now: 0, updatedAt: UPDATED_AT },
  ...more,
})

const isSettled = (given: Given, revisionOf = (): string | null => '3-z'): boolean => {
  const facts = factsOf(given)
  const effects = planObject(facts)
  assert.notDeepEqual(effects, [])
  return isSettledBy(facts, effects, revisionOf)
}

describe('shares/plan/settled', () => {
  it('is an object that took in what others wrote, and a copy that took what its author did', () => {
    assert(isSettled({}))
    assert(isSettled({ mine: NEW, exchange: exchangeOf(OLD) }))
  })

  it('is none before both have what the other one wrote', () => {
    const exchange = exchangeOf({ ...OLD, note: 'theirs' })
    assert(!isSettled({ mine: { ...OLD, text: 'mine' }, exchange }))
  })

  it('is not an object that is to be passed on', () => {
    assert(!isSettled({ shares: { x: true, y: true } }))
  })

  const unknown: Record<string, Given> = {
    'an object of which there are several leaves': {
      exchange: exchangeOf(NEW, { home: { kind: 'live', leaf: copyOf(NEW), rivals: [copyOf(OLD)] } }),
    },
    'an object that names a share of which nothing was read': {
      shares: { x: true, y: true },
      more: { standings: new Map() },
    },
    'an object that comes with attachments': {
      exchange: exchangeOf({ ...NEW, _attachments: { file: { stub: true, digest: 'md5-a', length: 1 } } }),
    },
    'an object that waits for long': { more: { isLate: true } },
    'an object of which the copy is new': { mine: NEW, exchange: exchangeOf({}, { home: { kind: 'none' } }) },
    'one in a share into which everybody may write': {
      exchange: exchangeOf(NEW, {
        bounds: { mostBytes: 1000, mostObjects: 10, mostChanges: 10, objects: 0, isTooFast: false },
      }),
    },
  }
  for (const [what, given] of Object.entries(unknown))
    it(`is nothing that cannot be told without reading: ${what}`, () => assert(!isSettled(given)))

  it('is nothing that has not landed', () => {
    assert(!isSettled({}, () => null))
    assert(!isSettled({ mine: NEW, exchange: exchangeOf(OLD) }, () => null))
  })
})
