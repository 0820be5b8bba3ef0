// What there is to do can be said twice: it is united, part by part.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  defineWork,
  flag,
  last,
  lastOfEach,
  latest,
  set,
  setMap,
  type WorkOf,
} from '../../../src/engine/work.ts'

const parts = {
  all: flag,
  owner: flag,
  shares: set(),
  ids: set({ most: 3, instead: 'all' }),
  documents: setMap({ most: 3, instead: 'all' }),
  seqs: lastOfEach<number>(),
  seq: last<number>(),
  since: latest,
}
type Work = WorkOf<typeof parts>
const merge = defineWork(parts)

const name = fc.constantFrom('a', 'b', 'c', 'd')
const names = fc.uniqueArray(name).map((all) => new Set(all))
const anyWork: fc.Arbitrary<Work> = fc.record(
  {
    ...{ all: fc.boolean(), owner: fc.boolean(), shares: names, ids: names },
    documents: fc.array(fc.tuple(name, names)).map((all) => new Map(all)),
    seqs: fc.array(fc.tuple(name, fc.nat(9))).map((all) => new Map(all)),
    ...{ seq: fc.nat(9), since: fc.nat(9) },
  },
  { requiredKeys: [], noNullPrototype: true },
)

describe('engine/work', () => {
  it('unites each part as its kind says', () => {
    const one: Work = {
      ...{ owner: true, shares: new Set(['s']), ids: new Set(['1']), since: 7, seq: 1 },
      documents: new Map([['m', new Set(['1'])]]),
      seqs: new Map([
        ['x', 1],
        ['y', 1],
      ]),
    }
    const other: Work = {
      ...{ shares: new Set(['t']), ids: new Set(['1', '2']), since: 5, seq: 2 },
      documents: new Map([
        ['m', new Set(['2'])],
        ['n', new Set(['1'])],
      ]),
      seqs: new Map([['y', 2]]),
    }
    assert.deepEqual(merge(one, other), {
      ...{ all: false, owner: true, shares: new Set(['s', 't']), ids: new Set(['1', '2']), since: 7, seq: 2 },
      documents: new Map([
        ['m', new Set(['1', '2'])],
        ['n', new Set(['1'])],
      ]),
      seqs: new Map([
        ['x', 1],
        ['y', 2],
      ]),
    })
  })

  it('keeps the last value where the later says nothing of it, and leaves out what neither names', () => {
    assert.equal(merge({ seq: 4 }, {}).seq, 4)
    assert.equal(merge({ since: 4 }, {}).since, 4)
    assert.ok(!('seq' in merge({}, {})))
    assert.ok(!('since' in merge({}, {})))
  })

  for (const [what, work] of Object.entries({
    ids: { ids: new Set(['1', '2', '3', '4']) },
    documents: {
      documents: new Map([
        ['m', new Set(['1', '2'])],
        ['n', new Set(['1', '2'])],
      ]),
    },
  }))
    it(`asks for all rather than name more ${what} than the limit`, () => {
      const united = merge({}, work)
      assert.equal(united.all, true)
      assert.deepEqual([united.ids, united.documents], [new Set(), new Map()])
    })

  it('names nothing where all is asked for anyway', () => {
    const united = merge({ all: true, shares: new Set(['s']) }, { ids: new Set(['1']) })
    assert.deepEqual([united.ids, united.shares], [new Set(), new Set(['s'])])
  })

  it('is the same whichever way three are united, and changes none of them', () => {
    fc.assert(
      fc.property(anyWork, anyWork, anyWork, (a, b, c) => {
        const before = structuredClone([a, b, c])
        assert.deepEqual(merge(merge(a, b), c), merge(a, merge(b, c)))
        assert.deepEqual([a, b, c], before)
      }),
    )
  })
})
