// The three-way merge, rule by rule of docs/design.md (Both directions, 3 and 11), and by properties.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeJson } from '../../../src/documents/json.ts'
import type { Agreed } from '../../../src/shares/model/base.ts'
import { attachmentDigest, digestsOf } from '../../../src/documents/digests.ts'
import { digestOf } from '../../../src/documents/digest.ts'
import type { AttachmentStub, Content } from '../../../src/documents/content.ts'
import { MOST_AHEAD_MS, parseTime } from '../../../src/documents/time.ts'
import { givesWay, merge, type Merged, type Side } from '../../../src/documents/merge.ts'

type Attributes = Record<string, unknown>

const NOW = Date.parse('2024-06-01T12:00:00Z')
const side = (attributes: Attributes, time: number | null = null, attachments = {}): Side => ({
  ...{ attributes, attachments, time },
})
const baseOf = (attributes: Attributes, attachments: Content['attachments'] = {}) =>
  digestsOf({ attributes, attachments })
const writer = (
  base: Attributes | null,
  local: Attributes,
  home: Attributes,
  [mine, theirs]: [number | null, number | null] = [null, null],
): Merged => merge(side(local, mine), side(home, theirs), { agreed: base && baseOf(base), maySend: true })

/** Both sides get the same, and so does a merge that is seen from the other side. */
function assertMerged(merged: Merged, mirrored: Merged, expected: Attributes): void {
  for (const content of [merged.local, merged.home, mirrored.local, mirrored.home])
    assert.deepEqual(content.attributes, expected)
  assert.deepEqual(merged.agreed.attributes, baseOf(expected).attributes)
}

describe('documents/merge', () => {
  describe('of attributes', () => {
    const rows: [
      rule: string,
      base: Attributes | null,
      local: Attributes,
      home: Attributes,
      expected: Attributes,
    ][] = [
      ['equal: keep', { a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }],
      ['both changed it to the same', { a: 1 }, { a: 2 }, { a: 2 }, { a: 2 }],
      ['both took it out', { a: 1 }, {}, {}, {}],
      ['one side changed it', { a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }],
      ['one side took it out', { a: 9 }, {}, { a: 9 }, {}],
      ['one side put it in', {}, { a: 1 }, {}, { a: 1 }],
      ['each side another one', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 }],
      ['to null', { a: 1 }, { a: null }, { a: 1 }, { a: null }],
      ['to the empty text', { a: 1 }, { a: '' }, { a: 1 }, { a: '' }],
      ['to zero', { a: 1 }, { a: 0 }, { a: 1 }, { a: 0 }],
      ['to false', { a: true }, { a: false }, { a: true }, { a: false }],
      ['both differ: the larger JSON', { a: 1 }, { a: 2 }, { a: 3 }, { a: 3 }],
      ['JSON, not the value: "9" is larger than "10"', { a: 1 }, { a: 9 }, { a: 10 }, { a: 9 }],
      [
        'canonical: the order of keys does not matter',
        { a: 1 },
        { a: { x: 1, y: 2 } },
        { a: { y: 2, x: 1 } },
        { a: { x: 1, y: 2 } },
      ],
      [
        'canonical: of keys that are sorted',
        { a: 1 },
        { a: { z: 0, b: 1 } },
        { a: { b: 2, a: 0 } },
        { a: { z: 0, b: 1 } },
      ],
      ['absence is the smallest', { a: 1 }, {}, { a: 2 }, { a: 2 }],
      ['even against null', { a: 1 }, {}, { a: null }, { a: null }],
      ['nothing is known: what one side has is new', null, { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
      ['nothing is known, and both have it: the larger', null, { a: 1 }, { a: 2 }, { a: 2 }],
      [
        'names that JavaScript knows',
        {},
        { constructor: 1, toString: 2 },
        { hasOwnProperty: 3 },
        { constructor: 1, toString: 2, hasOwnProperty: 3 },
      ],
      ['which nobody has', { constructor: 1 }, {}, { constructor: 1 }, {}],
      ['the empty name', { '': 1 }, { '': 2 }, { '': 1 }, { '': 2 }],
    ]
    for (const [rule, base, local, home, expected] of rows)
      it(rule, () => assertMerged(writer(base, local, home), writer(base, home, local), expected))

    it('reads __proto__ inside as JSON has it', () => {
      const read = (text: string): Attributes => JSON.parse(text) as Attributes
      const [base, changed] = [read('{"a":{"__proto__":{"b":1}}}'), read('{"a":{"__proto__":{"b":2}}}')]
      const merged = writer(base, changed, base)
      assert.equal(JSON.stringify(merged.home.attributes), '{"a":{"__proto__":{"b":2}}}')
      const attribute = writer({}, read('{"__proto__":1}'), {})
      assert.equal(JSON.stringify(attribute.home.attributes), '{"__proto__":1}')
    })

    it('tells numbers apart that JavaScript takes for the same', () => {
      const of = (number: string): Attributes => decodeJson(`{"a":${number}}`) as Attributes
      const [base, changed] = [of('12345678901234567890'), of('12345678901234567891')]
      for (const merged of [writer(base, changed, base), writer(base, base, changed)])
        assert.deepEqual(merged.home.attributes, changed)
      assertMerged(writer(base, of('1.0'), of('1')), writer(base, of('1'), of('1.0')), of('1.0'))
      assertMerged(
        writer(of('1.0'), of('1.0'), of('1.0')),
        writer(of('1.0'), of('1.0'), of('1.0')),
        of('1.0'),
      )
    })
  })

  describe('where both differ', () => {
    const later: [string, unknown, unknown][] = [
      ['ISO 8601', '2024-06-01T11:00:00Z', '2024-06-01T10:59:59.999Z'],
      ['ISO 8601 in another zone', '2024-06-01T12:30:00+02:00', '2024-06-01T10:29:59Z'],
      ['ISO 8601 with a short zone', '2024-06-01T12:30:00+02', '2024-06-01T10:29:59Z'],
      ['a day alone', '2024-06-01', '2024-05-31T23:59:59Z'],
      ['milliseconds', NOW - 1, NOW - 2],
      ['milliseconds and ISO 8601', NOW - 1, '2024-06-01T11:59:59.998Z'],
      ['milliseconds that JavaScript would print in another way', decodeJson('1717243199999.0'), NOW - 2],
      ['five minutes ahead', NOW + MOST_AHEAD_MS, NOW + MOST_AHEAD_MS - 1],
      ['more than five minutes ahead counts as now', NOW + 1, NOW + MOST_AHEAD_MS + 1],
      ['seconds, which are read as milliseconds, are long ago', NOW - 1, Math.round(NOW / 1000)],
    ]
    for (const [what, one, other] of later)
      it(`the later \`updatedAt\` wins: ${what}`, () => {
        const [winner, loser] = [
          side({ a: 'a', b: 'b', updatedAt: one }, parseTime(one, NOW)),
          side({ a: 'z', updatedAt: other }, parseTime(other, NOW)),
        ]
        const agreed = baseOf({ a: 'base', b: 'base', updatedAt: 0 })
        for (const merged of [
          merge(winner, loser, { agreed, maySend: true }),
          merge(loser, winner, { agreed, maySend: true }),
        ])
          assert.deepEqual(merged.home.attributes, winner.attributes)
      })

    it('the later one wins with an attribute that it took out', () => {
      const merged = writer({ a: 1 }, {}, { a: 2 }, [NOW, NOW - 1])
      assertMerged(merged, writer({ a: 1 }, { a: 2 }, {}, [NOW - 1, NOW]), {})
    })

    it('what only one side changed does not ask for the time', () =>
      assert.deepEqual(writer({ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 3, b: 1 }, [NOW, 0]).home.attributes, {
        ...{ a: 3, b: 2 },
      }))

    const untold: [string, number | null, number | null][] = [
      ['neither says when', null, null],
      ['only one says when', NOW, null],
      ['only the other says when', null, NOW],
      ['both at the same time', NOW, NOW],
    ]
    for (const [what, mine, theirs] of untold)
      it(`the larger JSON, where ${what}`, () =>
        assertMerged(
          writer({ a: 1 }, { a: 2 }, { a: 3 }, [mine, theirs]),
          writer({ a: 1 }, { a: 3 }, { a: 2 }, [theirs, mine]),
          { a: 3 },
        ))
  })

  describe('of who wrote', () => {
    const at = (updatedAt: number, updatedBy: string, a: string): Attributes => ({ updatedAt, updatedBy, a })
    it('goes with when that was', () => {
      const [base, mine, theirs] = [at(1, 'z', 'a'), at(2, 'b', 'b'), at(3, 'a', 'c')]
      assertMerged(writer(base, mine, theirs, [2, 3]), writer(base, theirs, mine, [3, 2]), theirs)
    })
    it('even where it is again who it was before', () => {
      const [base, mine, theirs] = [at(1, 'a', 'a'), at(2, 'b', 'b'), at(3, 'a', 'c')]
      assertMerged(writer(base, mine, theirs, [2, 3]), writer(base, theirs, mine, [3, 2]), theirs)
    })
  })

  describe('of attachments', () => {
    const stub = (digest: string, length = digest.length): AttachmentStub => ({
      content_type: 'text/plain',
      digest,
      length,
    })
    const of = (attachments: Record<string, AttachmentStub>): Side => side({}, null, attachments)
    const files = (
      base: Record<string, AttachmentStub>,
      local: Record<string, AttachmentStub>,
      home: Record<string, AttachmentStub>,
      maySend = true,
    ): Merged => merge(of(local), of(home), { agreed: baseOf({}, base), maySend })
    const [old, mine, theirs] = [stub('a'), stub('bb'), stub('ccc')]

    it('one side differs: that side', () => {
      for (const { local, home } of [
        files({ f: old }, { f: mine }, { f: old }),
        files({ f: old }, { f: old }, { f: mine }),
      ])
        for (const content of [local, home]) assert.deepEqual(content.attachments, { f: mine })
    })
    it('put in on one side, taken out on the other', () => {
      const { home } = files({ f: old }, { f: old, g: mine }, {})
      assert.deepEqual(home.attachments, { g: mine })
    })
    it('both differ: the larger digest', () => {
      for (const { home } of [
        files({ f: old }, { f: mine }, { f: theirs }),
        files({ f: old }, { f: theirs }, { f: mine }),
      ])
        assert.deepEqual(home.attachments, { f: theirs })
    })
    it('another type is another attachment', () => {
      const typed = { ...old, content_type: 'image/png' }
      assert.deepEqual(files({ f: old }, { f: typed }, { f: old }).home.attachments, { f: typed })
    })
    it('that differ in their digests alone are the share’s', () => {
      const { local } = files({}, { f: stub('z', 7) }, { f: stub('a', 7) })
      assert.deepEqual(local.attachments, { f: stub('a', 7) })
    })
    it('with a base, an edit of the same length is an edit', () => {
      const { home } = files({ f: stub('a', 7) }, { f: stub('z', 7) }, { f: stub('a', 7) })
      assert.deepEqual(home.attachments, { f: stub('z', 7) })
    })
    it('a reader has what he was given, whatever digest it got on the way', () => {
      const given = { f: stub('carried', 7) }
      const merged = files({}, given, { f: stub('home', 7) }, false)
      assert.deepEqual(merged.local.attachments, given)
      assert.deepEqual(merged.agreed.kept, {})
      const again = merge(of(given), of({ f: stub('home', 7) }), { agreed: merged.agreed, maySend: false })
      assert.deepEqual(again.agreed, merged.agreed)
      // What others change later reaches him, and what he changes stays with him.
      const later = merge(of(given), of({ f: theirs }), { agreed: merged.agreed, maySend: false })
      assert.deepEqual(later.local.attachments, { f: theirs })
      const edited = merge(of({ f: mine }), of({ f: stub('home', 7) }), {
        agreed: merged.agreed,
        maySend: false,
      })
      assert.deepEqual(edited.local.attachments, { f: mine })
      assert.deepEqual(edited.agreed.kept, { '_attachments/f': attachmentDigest(mine) })
    })
    it('an attachment called like an attribute is another thing', () => {
      const merged = merge(side({ f: 1 }, null, { f: mine }), side({ f: 1 }, null, { f: old }), {
        agreed: { ...baseOf({ f: 1 }, { f: old }), kept: { f: attachmentDigest(mine) } },
        maySend: true,
      })
      assert.deepEqual(merged.home.attachments, { f: mine })
    })
  })

  describe('for a reader', () => {
    const reader = (
      agreed: Pick<Agreed, 'attributes' | 'attachments' | 'kept'>,
      local: Attributes,
      home: Attributes,
      maySend = false,
    ): Merged => merge(side(local), side(home), { agreed, maySend })
    const base = baseOf({ a: 1, b: 1 })

    it('an edit stays with him, and the others go on', () => {
      const { local, home, agreed } = reader(base, { a: 2, b: 1 }, { a: 1, b: 3 })
      assert.deepEqual(local.attributes, { a: 2, b: 3 })
      assert.deepEqual(home.attributes, { a: 1, b: 3 })
      assert.deepEqual(agreed, { ...baseOf({ a: 1, b: 3 }), kept: { a: digestOf(2) } })
    })
    it('stays with him when the share changes the same', () => {
      const { local, home } = reader({ ...base, kept: { a: digestOf(2) } }, { a: 2, b: 1 }, { a: 9, b: 1 })
      assert.deepEqual(
        [local.attributes, home.attributes],
        [
          { a: 2, b: 1 },
          { a: 9, b: 1 },
        ],
      )
    })
    it('what he took out stays out', () => {
      const { local, home, agreed } = reader(base, { b: 1 }, { a: 1, b: 1 })
      assert.deepEqual([local.attributes, home.attributes], [{ b: 1 }, { a: 1, b: 1 }])
      assert.deepEqual(agreed.kept, { a: '' })
    })
    it('what he put in stays in', () => {
      const { local, home } = reader(base, { a: 1, b: 1, c: 1 }, { a: 1, b: 1 })
      assert.deepEqual(
        [local.attributes, home.attributes],
        [
          { a: 1, b: 1, c: 1 },
          { a: 1, b: 1 },
        ],
      )
    })
    it('taken back, it is as if it had not been', () => {
      const { local, agreed } = reader({ ...base, kept: { a: digestOf(2) } }, { a: 1, b: 1 }, { a: 9, b: 1 })
      assert.deepEqual(local.attributes, { a: 9, b: 1 })
      assert.deepEqual(agreed.kept, {})
    })
    it('is not sent when he may write later', () => {
      const { local, home, agreed } = reader(
        { ...base, kept: { a: digestOf(2), b: '' } },
        { a: 2 },
        { a: 1, b: 1 },
        true,
      )
      assert.deepEqual([local.attributes, home.attributes], [{ a: 2 }, { a: 1, b: 1 }])
      assert.deepEqual(agreed.kept, { a: digestOf(2), b: '' })
    })
    it('what he writes then is sent', () => {
      const { home, agreed } = reader(
        { ...base, kept: { a: digestOf(2) } },
        { a: 3, b: 1 },
        { a: 1, b: 1 },
        true,
      )
      assert.deepEqual(home.attributes, { a: 3, b: 1 })
      assert.deepEqual(agreed.kept, {})
    })
    it('what another share of the same owner shows is not his', () => {
      const elsewhere = [baseOf({ a: 2 })]
      const merged = merge(side({ a: 2, b: 1 }), side({ a: 1, b: 1 }), {
        agreed: base,
        maySend: false,
        elsewhere,
      })
      assert.deepEqual(merged.agreed.kept, {})
      assert.deepEqual(merged.local.attributes, { a: 2, b: 1 })
      assert.deepEqual(merged.home.attributes, { a: 1, b: 1 })
    })
  })

  describe('for any content', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom(null, '', 'x', true, [1], { k: 1 }),
    )
    const attributes = fc.dictionary(fc.constantFrom('a', 'b', 'constructor', '', 'updatedBy'), value, {
      noNullPrototype: true,
    })
    const attachments = fc.dictionary(
      fc.constantFrom('f', 'toString'),
      fc.constantFrom<AttachmentStub>({ digest: 'x', length: 1 }, { digest: 'y', length: 2 }),
      { noNullPrototype: true },
    )
    const time = fc.option(fc.integer({ min: 0, max: 2 }), { nil: null })
    const someone = fc.record({ attributes, attachments, time }, { noNullPrototype: true })
    const known = fc.option(fc.record({ attributes, attachments }, { noNullPrototype: true }), { nil: null })
    const of = (base: Content | null) => base && digestsOf(base)
    const check = (test: (base: Content | null, local: Side, home: Side) => void): void =>
      fc.assert(fc.property(known, someone, someone, test), { numRuns: 3000 })

    it('gives both sides the same', () =>
      check((base, local, home) => {
        const merged = merge(local, home, { agreed: of(base), maySend: true })
        assert.deepEqual(merged.local, merged.home)
        assert.deepEqual(digestsOf(merged.home), {
          attributes: merged.agreed.attributes,
          attachments: merged.agreed.attachments,
        })
      }))

    it('gives the same from the other side', () =>
      check((base, local, home) => {
        const agreed = of(base)
        assert.deepEqual(
          merge(local, home, { agreed, maySend: true }).local,
          merge(home, local, { agreed, maySend: true }).local,
        )
      }))

    it('has nothing left to do after that', () =>
      check((base, local, home) => {
        const { local: left, home: right, agreed } = merge(local, home, { agreed: of(base), maySend: true })
        const again = merge({ ...left, time: 0 }, { ...right, time: 1 }, { agreed, maySend: true })
        assert.deepEqual([again.local, again.home, again.agreed], [left, right, agreed])
      }))

    it('ends in the same, where only the share could be written', () =>
      check((base, local, home) => {
        const merged = merge(local, home, { agreed: of(base), maySend: true })
        const time = Math.max(local.time ?? -1, home.time ?? -1)
        const again = merge(
          local,
          { ...merged.home, time: time < 0 ? null : time },
          { agreed: merged.sent, maySend: true },
        )
        assert.deepEqual(again.home, merged.home)
      }))

    it('ends in the same, where neither could be written', () =>
      check((base, local, home) => {
        const merged = merge(local, home, { agreed: of(base), maySend: true })
        const again = merge(local, home, { agreed: merged.found, maySend: true })
        assert.deepEqual(again, merged)
      }))

    it('sends nothing for a reader, and overwrites nothing of his', () =>
      check((base, local, home) => {
        const merged = merge(local, home, { agreed: of(base), maySend: false })
        const { attributes: right, attachments: files } = merged.home
        assert.deepEqual([right, files], [home.attributes, home.attachments])
        for (const name of Object.keys(local.attributes)) {
          const isOwn = digestOf(local.attributes[name]) !== of(base)?.attributes[name]
          if (isOwn) assert.deepEqual(merged.local.attributes[name], local.attributes[name])
        }
      }))

    it('changes nothing that it was given', () =>
      check((base, local, home) => {
        const before = structuredClone([base, local, home])
        merge(local, home, { agreed: of(base), maySend: true })
        assert.deepEqual([base, local, home], before)
      }))
  })

  describe('givesWay', () => {
    const content = (attributes: Attributes): Content => ({ attributes, attachments: {} })
    const rows: [string, Attributes, Attributes, Attributes | null, boolean][] = [
      ['what is in the result', { a: 2 }, { a: 2, b: 1 }, { a: 1 }, false],
      ['what was written over', { a: 2 }, { a: 3 }, { a: 1 }, true],
      ['what was taken out', { a: 2 }, {}, { a: 1 }, true],
      ['what both had', { a: 1 }, { a: 3 }, { a: 1 }, false],
      ['anything, where nothing is known', { a: 1 }, { a: 3 }, null, true],
      ['when it was written', { updatedAt: 2 }, { updatedAt: 3 }, { updatedAt: 1 }, false],
      ['the same with a line', { updated_at: 2 }, { updated_at: 3 }, { updated_at: 1 }, false],
      ['the same in `hoodie`', { hoodie: { updatedAt: 2 } }, { hoodie: { updatedAt: 3 } }, {}, false],
      ['more in `hoodie`', { hoodie: { updatedAt: 2, by: 1 } }, { hoodie: { updatedAt: 3 } }, {}, true],
      ['who wrote it', { updatedBy: 'a' }, { updatedBy: 'b' }, {}, false],
      ['what was taken out by its author', {}, { a: 3 }, { a: 1 }, false],
      ['a name that JavaScript knows', { constructor: 1 }, {}, {}, true],
    ]
    for (const [what, here, result, base, expected] of rows)
      it(`${expected ? 'yes' : 'no'}: ${what}`, () =>
        assert.equal(givesWay(content(here), content(result), base && baseOf(base)), expected))
  })
})
