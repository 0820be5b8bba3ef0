// A user's own conflicts: which leaves go, and what is made of those in objects that others change, too.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Content, ObjectDoc } from '../../../../src/documents/content.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import {
  jointConsents,
  mergeLeaves,
  redundantLeaves,
  type Rival,
} from '../../../../src/shares/plan/leaves.ts'

type Attributes = Record<string, unknown>

const NOW = Date.parse('2024-06-01T12:00:00Z')
const CLOCK = { now: NOW, updatedAt: UPDATED_AT }
const doc = (attributes: Attributes, rev = '2-w'): ObjectDoc => ({ _id: 'o', _rev: rev, ...attributes })
const rival = (attributes: Attributes, ancestor: Attributes | null, rev = '2-r'): Rival => ({
  leaf: doc(attributes, rev),
  ancestor: ancestor && doc(ancestor, '1-a'),
})
const content = (attributes: Attributes): Content => ({ attributes, attachments: {} })
const stub = (digest: string) => ({ content_type: 'text/plain', digest, length: digest.length })

describe('shares/plan/leaves', () => {
  describe('redundant', () => {
    const rows: [string, Attributes, [Attributes, Attributes | null][], string[]][] = [
      ['the same words', { a: 1 }, [[{ a: 1 }, { a: 0 }]], ['2-r0']],
      ['the same words, and nothing is known of what was before', { a: 1 }, [[{ a: 1 }, null]], ['2-r0']],
      ['only the daemon wrote into the loser', { a: 2 }, [[{ a: 1, $error: {} }, { a: 1 }]], ['2-r0']],
      ['only the daemon wrote into the winner', { a: 1, $state: 'x' }, [[{ a: 2 }, { a: 1 }]], ['2-w']],
      [
        'a refused share left the loser',
        { a: 2, $shares: { t: true } },
        [
          [
            { a: 1, $shares: { t: true } },
            { a: 1, $shares: { s: false, t: true } },
          ],
        ],
        ['2-r0'],
      ],
      ['a share left the loser', { a: 2 }, [[{ a: 1 }, { a: 1, $shares: { s: true } }]], []],
      ['two edits', { a: 2 }, [[{ a: 3 }, { a: 1 }]], []],
      [
        'attachments differ',
        { _attachments: { f: stub('x') } },
        [[{ _attachments: { f: stub('y') } }, null]],
        [],
      ],
      [
        'never all of them',
        { a: 1 },
        [
          [{ a: 1 }, { a: 1 }],
          [{ a: 2 }, { a: 1 }],
        ],
        ['2-r0', '2-w'],
      ],
    ]
    for (const [what, winner, rivals, expected] of rows)
      it(what, () => {
        const found = redundantLeaves(
          doc(winner),
          rivals.map(([leaf, ancestor], index) => rival(leaf, ancestor, `2-r${index}`)),
        )
        assert.deepEqual(found.sort(), expected)
      })
  })

  describe('merged', () => {
    const merge = (winner: Attributes, ...rivals: Rival[]) => {
      const { doc: merged, keep, drops } = mergeLeaves(doc(winner), rivals, CLOCK)
      const { _id, _rev, ...words } = merged
      assert.deepEqual([_id, _rev], ['o', '2-w'])
      assert.deepEqual(
        drops.map(({ rev }) => rev),
        rivals.map(({ leaf }) => leaf._rev),
      )
      return { words, keep, dropped: drops.map((one) => one.content) }
    }

    it('what each of them changed', () =>
      assert.deepEqual(merge({ a: 2, b: 1 }, rival({ a: 1, b: 2 }, { a: 1, b: 1 })), {
        ...{ words: { a: 2, b: 2 }, keep: null, dropped: [null] },
      }))
    it('what one of them took out', () =>
      assert.deepEqual(merge({ a: 1, b: 2 }, rival({ b: 1 }, { a: 1, b: 1 })).words, { b: 2 }))
    it('of three', () => {
      const base = { a: 1, b: 1, c: 1 }
      const merged = merge(
        { ...base, a: 2 },
        rival({ ...base, b: 2 }, base),
        rival({ ...base, c: 2 }, base, '2-q'),
      )
      assert.deepEqual(merged, { words: { a: 2, b: 2, c: 2 }, keep: null, dropped: [null, null] })
    })
    it('in conflict: the later one, and the other is put aside', () => {
      const [old, young] = [
        { a: 'z', updatedAt: NOW - 2 },
        { a: 'b', updatedAt: NOW - 1 },
      ]
      const ancestor = { a: 'a', updatedAt: 0 }
      assert.deepEqual(merge(young, rival(old, ancestor)), {
        words: young,
        keep: null,
        dropped: [content(old)],
      })
      assert.deepEqual(merge(old, rival(young, ancestor)), {
        words: young,
        keep: content(old),
        dropped: [null],
      })
    })
    it('in conflict without times: the larger, and the other is put aside', () => {
      assert.deepEqual(merge({ a: 2 }, rival({ a: 3 }, { a: 1 })), {
        ...{ words: { a: 3 }, keep: content({ a: 2 }), dropped: [null] },
      })
      assert.deepEqual(merge({ a: 3 }, rival({ a: 2 }, { a: 1 })), {
        ...{ words: { a: 3 }, keep: null, dropped: [content({ a: 2 })] },
      })
    })
    it('of three in conflict, both that lose are put aside', () => {
      const merged = merge({ a: 2 }, rival({ a: 3 }, { a: 1 }), rival({ a: 4 }, { a: 1 }, '2-q'))
      assert.deepEqual(merged, {
        ...{ words: { a: 4 }, keep: content({ a: 2 }), dropped: [content({ a: 3 }), null] },
      })
    })
    it('where nothing is known of what was before: all of both, and what loses is put aside', () => {
      const merged = merge({ a: 1, b: 1 }, rival({ a: 2, c: 1 }, null))
      assert.deepEqual(merged, {
        ...{ words: { a: 2, b: 1, c: 1 }, keep: content({ a: 1, b: 1 }), dropped: [null] },
      })
    })
    it('the winner keeps what is the daemon’s', () =>
      assert.deepEqual(
        merge({ a: 1, $error: 'w' }, rival({ a: 2, $error: 'r', $state: 'r' }, { a: 1 })).words,
        {
          ...{ a: 2, $error: 'w' },
        },
      ))
    it('attachments, too', () => {
      const ancestor = { _attachments: { f: stub('x'), g: stub('x') } }
      const merged = merge(
        { _attachments: { f: stub('yy'), g: stub('x') } },
        rival({ _attachments: { f: stub('x'), h: stub('x') } }, ancestor),
      )
      assert.deepEqual(merged.words, { _attachments: { f: stub('yy'), h: stub('x') } })
    })

    describe('$shares', () => {
      const rows: [string, unknown, unknown, unknown, unknown][] = [
        ['the same', { s: true }, { s: true }, { s: ['a'] }, { s: true }],
        ['only the winner changed it', { s: ['a'] }, { s: true }, { s: true }, { s: ['a'] }],
        ['only the loser changed it', { s: true }, { s: ['a'] }, { s: true }, { s: ['a'] }],
        [
          'each another one',
          { s: ['a'], t: true },
          { s: true, t: ['b'] },
          { s: true, t: true },
          { s: ['a'], t: ['b'] },
        ],
        [
          'each put one in',
          { s: true, t: true },
          { s: true, u: [] },
          { s: true },
          { s: true, t: true, u: [] },
        ],
        ['one took it out', { s: true }, {}, { s: true }, {}],
        ['one took all of it out', { s: true }, undefined, { s: true }, undefined],
        ['both changed it: the narrower', { s: ['a', 'b'] }, { s: ['b', 'c'] }, { s: true }, { s: ['b'] }],
        ['both changed it, one un-shared', { s: ['a'] }, { s: false }, { s: true }, { s: false }],
        [
          'both changed it, one took it out',
          { s: ['a'], t: true },
          { t: false },
          { s: true, t: true },
          { t: false },
        ],
        ['nothing is known, and one has more', { s: true }, { s: true, t: true }, null, { s: true }],
        ['nothing is known, and one has none', { s: true }, undefined, null, undefined],
        [
          'of a share called constructor',
          { constructor: true },
          { t: true },
          {},
          { constructor: true, t: true },
        ],
        ['which is not there', { t: true }, {}, null, undefined],
        ['which is no object', 7, { s: true }, { s: true }, 7],
        ['which is no object in the loser', { s: true }, 7, { s: true }, 7],
        ['which was no object', { s: true }, { t: true }, 7, { s: true, t: true }],
      ]
      for (const [what, one, other, before, expected] of rows)
        for (const [left, right] of [
          [one, other],
          [other, one],
        ])
          it(`${what}: ${JSON.stringify(left) ?? 'nothing'}, ${JSON.stringify(right) ?? 'nothing'}`, () => {
            const shares = (value: unknown): Attributes => (value === undefined ? {} : { $shares: value })
            const merged = merge(
              { a: 1, ...shares(left) },
              rival({ a: 1, ...shares(right) }, before === null ? null : { a: 1, ...shares(before) }),
            )
            assert.deepEqual(merged.words['$shares'] ?? undefined, expected)
          })
    })

    it('loses nothing, whatever the leaves hold', () => {
      const value = fc.integer({ min: 0, max: 9 })
      const words = fc.dictionary(fc.constantFrom('a', 'b', 'constructor'), value, { noNullPrototype: true })
      const leaf = fc.record({ words, ancestor: fc.option(words, { nil: null }) }, { noNullPrototype: true })
      fc.assert(
        fc.property(words, fc.array(leaf, { minLength: 1, maxLength: 3 }), (winner, rivals) => {
          const leaves = rivals.map((one, index) => rival(one.words, one.ancestor, `2-r${index}`))
          const merged = mergeLeaves(doc(winner), leaves, CLOCK)
          const kept = [merged.keep, ...merged.drops.map((one) => one.content)].flatMap((one) => one ?? [])
          const isThere = (name: string, wanted: unknown): boolean =>
            [merged.doc, ...kept.map(({ attributes }) => attributes)].some((one) => one[name] === wanted)
          for (const { words: mine, ancestor } of rivals)
            for (const [name, wanted] of Object.entries(mine))
              if (!ancestor || !Object.hasOwn(ancestor, name) || ancestor[name] !== wanted)
                assert.ok(isThere(name, wanted), `${name}: ${wanted} of a rival`)
          for (const [name, wanted] of Object.entries(winner))
            if (
              rivals.every(
                ({ ancestor }) => !ancestor || !Object.hasOwn(ancestor, name) || ancestor[name] !== wanted,
              )
            )
              assert.ok(isThere(name, wanted), `${name}: ${wanted} of the winner`)
        }),
        { numRuns: 3000 },
      )
    })
  })

  describe('joint consents', () => {
    const joint = (...shares: unknown[]): unknown => {
      const consents = jointConsents(shares.map(($shares) => doc($shares === undefined ? {} : { $shares })))
      if (consents.kind !== 'keys') return consents.kind
      return Object.fromEntries(
        [...consents.keys].map(([id, one]) => [id, one.kind === 'share' ? one.selection : one.kind]),
      )
    }
    const rows: [string, unknown[], unknown][] = [
      ['of one leaf', [{ s: true, t: ['a'] }], { s: true, t: ['a'] }],
      ['what all allow', [{ s: true }, { s: ['a', 'b'] }, { s: ['b', 'c'] }], { s: ['b'] }],
      ['a key that one lacks', [{ s: true, t: true }, { t: true }], { t: true }],
      ['an un-sharing in any', [{ s: true }, { s: false }], { s: 'unshare' }],
      ['even where another lacks the key', [{ s: false }, {}], { s: 'unshare' }],
      ['something invalid in any', [{ s: true }, { s: 7 }], { s: 'invalid' }],
      ['one leaf without $shares', [{ s: true }, undefined], 'none'],
      ['one leaf whose $shares is no object', [{ s: true }, 7], 'invalid'],
      ['a share called constructor', [{ constructor: true }, {}], {}],
    ]
    for (const [what, shares, expected] of rows) it(what, () => assert.deepEqual(joint(...shares), expected))
  })
})
