// What a skeleton changes in a database, and in which order: by tables and properties.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { marked } from '../../../src/skeletons/design.ts'
import {
  differences,
  isEmptyPlan,
  planSkeleton,
  stepsOf,
  type FoundDesign,
  type Security,
  type SkeletonPlan,
  type Wanted,
} from '../../../src/skeletons/plan.ts'
import { WIDENING } from '../../../src/skeletons/withheld.ts'
import { linesOf } from '../../../src/skeletons/plan-report.ts'

const design = (name: string, content: object = {}) => marked({ _id: `_design/${name}`, ...content })
const stored = (document: object): FoundDesign => ({ ...document, _rev: '1-a' }) as FoundDesign
const wanted = (designs: Wanted['designs'], more: Partial<Wanted> = {}): Wanted => ({
  designs,
  security: null,
  isStrict: false,
  ...more,
})
const plan = (want: Wanted, designs: FoundDesign[], security: Security | null = null): SkeletonPlan =>
  planSkeleton(want, { designs, security })
const changes = ({ designs }: SkeletonPlan): string[] => designs.map(({ kind, id }) => `${kind} ${id}`)

const guard = design('guard', { validate_doc_update: 'function () {}' })
const foreign = stored({ _id: '_design/guard', validate_doc_update: 'mine' })
const members = (...names: string[]): Security => ({
  admins: { names: [], roles: ['_admin'] },
  members: { names, roles: [] },
})
const PUBLIC = members()

describe('skeletons/plan', () => {
  const table: [string, SkeletonPlan, string[]][] = [
    ['nothing wanted, nothing there', plan(wanted([]), []), []],
    ['as it should be', plan(wanted([guard]), [stored(guard)]), []],
    ['missing', plan(wanted([guard]), []), ['add _design/guard']],
    [
      'of another version',
      plan(wanted([guard]), [stored(design('guard', { a: 1 }))]),
      ['replace _design/guard'],
    ],
    ['changed by hand', plan(wanted([guard]), [stored({ ...guard, a: 1 })]), ['replace _design/guard']],
    [
      'the mark of another version, the content of this one',
      plan(wanted([guard]), [stored({ ...guard, couch_shares: { hash: 'x' } })]),
      ['replace _design/guard'],
    ],
    ['no more in the skeleton', plan(wanted([]), [stored(guard)]), ['remove _design/guard']],
    ['somebody else’s', plan(wanted([guard]), [stored({ _id: '_design/x' }), stored(guard)]), []],
    ['somebody else’s in the place', plan(wanted([guard]), [foreign]), ['foreign _design/guard']],
    [
      'somebody else’s in the place of what protects a share',
      plan(wanted([guard], { isStrict: true }), [foreign]),
      ['replace _design/guard'],
    ],
    [
      'somebody else’s in another place of a share',
      plan(wanted([design('x', { filters: {} })], { isStrict: true }), [stored({ _id: '_design/x' })]),
      ['foreign _design/x'],
    ],
  ]
  for (const [name, found, expected] of table)
    it(`${name}: ${expected.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(changes(found), expected)
      assert.equal(
        isEmptyPlan(found),
        expected.every((change) => change.startsWith('foreign')),
      )
    })

  it('never touches _security where the kind has none', () =>
    assert.equal(plan(wanted([guard]), [stored(guard)], PUBLIC).security, null))

  it('tells people what differs', () => {
    const found = [
      stored({ ...design('a', { views: { v: { map: '1' }, w: { map: '1' } } }), language: 'query' }),
      stored(design('gone')),
      stored({ _id: '_design/c' }),
    ]
    const want = [design('a', { views: { v: { map: '2' }, w: { map: '1' } } }), design('b'), design('c')]
    assert.deepEqual(linesOf(plan(wanted(want, { security: PUBLIC }), found, members('joe'))), [
      '~ _design/a: language, views.v.map (changed by hand)',
      '+ _design/b',
      '! _design/c was not written by couch-shares: left alone',
      '- _design/gone',
      `? left out: ${WIDENING}`,
      '~ _security: members.names',
    ])
  })

  it('names paths, sorted', () =>
    assert.deepEqual(differences({ a: 1, b: { c: 1 }, _rev: '1' }, { b: { c: 2, d: 1 }, _rev: '2' }), [
      'a',
      'b.c',
      'b.d',
    ]))

  describe('order', () => {
    const steps = (before: Security, after: Security, isSame = false): string[] =>
      stepsOf(
        plan(
          wanted([guard], { security: after }),
          isSame ? [stored(guard)] : [stored(design('guard'))],
          before,
        ),
      ).map((step) => (step.kind === 'security' ? JSON.stringify(step.security.members?.names) : 'designs'))

    it('opening: design documents first', () =>
      assert.deepEqual(steps(members('joe'), PUBLIC), ['designs', '[]']))
    it('narrowing: who is shut out first', () =>
      assert.deepEqual(steps(PUBLIC, members('joe')), ['["joe"]', 'designs']))
    it('one for another: both shut out meanwhile', () =>
      assert.deepEqual(steps(members('joe', 'ann'), members('ann', 'tom')), [
        '["ann"]',
        'designs',
        '["ann","tom"]',
      ]))
    it('security alone: one step', () =>
      assert.deepEqual(steps(members('joe'), members('tom'), true), ['["tom"]']))
    it('removes behind what comes', () => {
      const found = stepsOf(plan(wanted([guard]), [stored(design('old'))]))
      assert.deepEqual(
        found.map(
          (step) => step.kind === 'designs' && step.docs.map(({ _id, _deleted }) => [_id, _deleted === true]),
        ),
        [[['_design/guard', false]], [['_design/old', true]]],
      )
    })

    const names = fc.subarray(['joe', 'ann', 'tom'])
    const roles = fc.subarray(['x', 'y'])
    const grants = fc.record({ names, roles })
    const security = fc.record({ admins: grants, members: grants })

    /** As CouchDB does: without any member, everybody reads. */
    const lets = ({ admins, members: who }: Security, name: string, role: string): boolean => {
      const isIn = (list: typeof who): boolean =>
        list?.names?.includes(name) === true || list?.roles?.includes(role) === true
      const isPublic = (who?.names ?? []).length + (who?.roles ?? []).length === 0
      return isPublic || isIn(who) || isIn(admins)
    }

    it('lets in nobody whom neither end lets in, nor while validation changes whom either does not', () =>
      fc.assert(
        fc.property(security, security, (before, after) => {
          const change = plan(wanted([guard], { security: after }), [], before).security
          if (change === null) return
          for (const name of ['joe', 'ann', 'tom', 'nobody'])
            for (const role of ['x', 'y', 'none'])
              if (lets(change.between, name, role))
                assert(lets(before, name, role) && lets(after, name, role), `${name} ${role}`)
        }),
        { numRuns: 1000 },
      ))
  })

  it('is settled after one performance, whatever was there', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const content = fc.record({ validate_doc_update: fc.constantFrom('1', '2') })
    const ours = fc.tuple(name, content).map(([id, body]) => design(id, body))
    const any = fc.oneof(
      ours,
      ours.map((document) => ({ ...document, edited: true })),
      ours.map(({ couch_shares: _, ...document }) => document),
    )
    const unique = <T extends { _id: string }>(of: fc.Arbitrary<T>) =>
      fc.uniqueArray(of, { selector: ({ _id }) => _id, maxLength: 3 })
    fc.assert(
      fc.property(unique(ours), unique(any), fc.boolean(), (designs, there, isStrict) => {
        const want = wanted(designs, { isStrict, security: PUBLIC })
        const found = new Map(there.map((document) => [document._id, stored(document)]))
        let security = members('joe')
        for (const step of stepsOf(plan(want, [...found.values()], security)))
          if (step.kind === 'security') security = step.security
          else
            for (const { _deleted, ...document } of step.docs)
              if (_deleted) found.delete(document._id)
              else found.set(document._id, stored(document))
        const again = plan(want, [...found.values()], security)
        assert(isEmptyPlan(again), JSON.stringify(again))
        assert.deepEqual(stepsOf(again), [])
        for (const document of there)
          if (!('couch_shares' in document) && !isStrict)
            assert.deepEqual(found.get(document._id), stored(document))
      }),
    )
  })
})
