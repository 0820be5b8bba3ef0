// One object in one share that goes both ways: what docs/design.md asks for in every state, and what is special about some.
import assert from 'node:assert/strict'
import { isDeepStrictEqual as same } from 'node:util'
import { decodeJson } from '../../../../src/documents/json.ts'
import { nothingAgreed, type Agreed } from '../../../../src/shares/model/base.ts'
import { digestsOf } from '../../../../src/documents/digests.ts'
import { digestOf } from '../../../../src/documents/digest.ts'
import { heldBy } from '../../../../src/shares/model/history.ts'
import { contentOf, type Consent, type ObjectDoc, type Selection } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import { MOST_VALUES } from '../../../../src/documents/complexity.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import { planExchange } from '../../../../src/shares/plan/exchange.ts'
import type { ExchangeFacts, ExchangeOptions, HomeCopy } from '../../../../src/shares/plan/exchange-facts.ts'
import type { CopyOutcome, ExchangePlan } from '../../../../src/shares/plan/exchange-plan.ts'

type Attributes = Record<string, unknown>
type Role = ExchangeFacts['role']

const NOW = Date.parse('2024-06-01T12:00:00Z')
const SAME = { a: 1, b: 1 }
const EDITED = { a: 2, b: 1 }

const object = (attributes: Attributes, rev = '2-o'): ObjectDoc => ({ _id: 'o', _rev: rev, ...attributes })
const leaf = (attributes: Attributes, rev = '2-c'): ObjectDoc => ({
  _id: 'share/s/o',
  _rev: rev,
  ...attributes,
})
const live = (attributes: Attributes, ...rivals: Attributes[]): HomeCopy => ({
  kind: 'live',
  leaf: leaf(attributes),
  rivals: rivals.map((one, index) => leaf(one, `2-r${index}`)),
})
const agreedOn = (state: Agreed['state'], attributes: Attributes, more: Partial<Agreed> = {}): Agreed => ({
  ...{ state, attributes: digestsOf({ attributes, attachments: {} }).attributes, attachments: {} },
  ...more,
})

type Given = Partial<Omit<ExchangeOptions, 'facts'>> & { facts?: Partial<ExchangeFacts> }

function plan({ facts = {}, ...given }: Given): ExchangePlan {
  const options: ExchangeOptions = {
    ...{
      object: 'o',
      doc: null,
      consent: undefined,
      agreed: null,
      clock: { now: NOW, updatedAt: UPDATED_AT },
    },
    ...given,
    facts: {
      ...{ share: 's', role: 'writer', phase: 'active', onEnd: 'remove', home: { kind: 'none' } },
      ...{ limit: null, bounds: null, rejected: null, owner: 'joe' },
      ...facts,
    },
  }
  return planExchange(frozen(options))
}

/** Nothing that is given is changed. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value))
    for (const item of Object.values(Object.freeze(value))) frozen(item)
  return value
}

const share = (selection: Selection = true): Consent => ({ kind: 'share', selection })

/** What the copy gets; null where it gets nothing. */
const put = ({ copy }: ExchangePlan): Extract<CopyOutcome, { kind: 'put' }> | null =>
  copy.kind === 'put' ? copy : null

/** A plan in a few words, in the order in which it lands. */
function inWords(made: ExchangePlan, doc: ObjectDoc | null, agreed: Agreed | null): string {
  const named = (one: Agreed | null): string => (one ? `${one.state}${one.mine ? ' mine' : ''}` : 'nothing')
  const { copy } = made
  const id = (one: ObjectDoc | null): boolean => Object.hasOwn((one?.['$shares'] as object) ?? {}, 's')
  return [
    !made.before || same(made.before, agreed) ? '' : `first ${named(made.before)}`,
    made.keepHome.length > 0 ? 'keep theirs' : '',
    copy.kind === 'put' || copy.kind === 'delete' ? copy.kind : '',
    copy.kind === 'drop-leaves' || (copy.kind === 'delete' && copy.rivals.length > 0) ? 'drop' : '',
    made.keepLocal.length > 0 ? 'keep' : '',
    doc && !made.doc ? 'remove' : '',
    !doc && made.doc ? (id(made.doc) ? 'create' : 'create private') : '',
    doc && made.doc && !same(contentOf(doc).attributes, contentOf(made.doc).attributes) ? 'take' : '',
    doc && made.doc && id(doc) && !id(made.doc) ? 'strip' : '',
    doc && made.doc && !id(doc) && id(made.doc) ? 'join' : '',
    copy.kind === 'withdraw' || (copy.kind === 'delete' && copy.withdrawn === 'all') ? 'withdraw' : '',
    same(made.after, agreed) ? '' : `then ${named(made.after)}`,
    made.rejection ? made.rejection.code : '',
  ]
    .filter((word) => word !== '')
    .join(', ')
}

const CONSENTS: Record<string, [Consent | undefined, unknown]> = {
  share: [share(), { s: true }],
  false: [{ kind: 'unshare' }, { s: false }],
  absent: [undefined, undefined],
  invalid: [{ kind: 'invalid', problem: problem('invalid_selection', 'a number') }, { s: 7 }],
}
const AGREED: Record<string, Agreed | null> = {
  null: null,
  coming: agreedOn('coming', SAME),
  'coming mine': agreedOn('coming', SAME, { mine: true }),
  both: agreedOn('both', SAME),
  'both mine': agreedOn('both', SAME, { mine: true }),
  left: agreedOn('left', SAME),
  parted: agreedOn('parted', SAME),
  unshared: nothingAgreed('unshared', true),
  'unshared, under way': agreedOn('unshared', SAME, { mine: true }),
  unrelated: nothingAgreed('unrelated', false),
}
const HOMES: Record<string, HomeCopy> = {
  same: live(SAME),
  edited: live(EDITED),
  deleted: { kind: 'deleted' },
  none: { kind: 'none' },
}

interface Cell {
  role: Role
  object: 'there' | 'deleted' | 'missing'
  consent: string
  agreed: string
  home: string
}

/** Owners have no state `left`, the others none of un-sharing. */
const CELLS: Cell[] = (['owner', 'writer', 'reader'] as const).flatMap((role) =>
  (['there', 'deleted', 'missing'] as const).flatMap((object) =>
    Object.keys(CONSENTS)
      .filter((consent) => object === 'there' || consent === 'absent')
      .flatMap((consent) =>
        Object.keys(AGREED)
          .filter((agreed) => (role === 'owner' ? agreed !== 'left' : !agreed.startsWith('unshared')))
          .flatMap((agreed) => Object.keys(HOMES).map((home) => ({ role, object, consent, agreed, home }))),
      ),
  ),
)

const ANY = /.*/
const LIVE = /same|edited/
const OUT = /deleted|none/
const GONE = /deleted|missing/
const NO = /false|absent|invalid/
const NEW = /^(null|unrelated)$/

/** The first that fits a cell says what is to happen. */
type Rule = [role: RegExp, object: RegExp, consent: RegExp, agreed: RegExp, home: RegExp, words: string]
const RULES: Rule[] = [
  // What stayed when it went out of the share: the same object, as long as it is as it was.
  [/owner/, /there/, /share/, /parted/, /same/, 'then both'],
  [/owner/, /there/, /share/, /parted/, /edited/, 'take, then both'],
  [/owner/, /there/, /share/, /parted/, OUT, 'first coming mine, put, then both mine'],
  [/owner/, /there/, /false/, /parted/, /same/, 'first unshared mine, delete, strip, then unshared mine'],
  [/owner/, /there/, /false/, /parted/, /edited/, 'take, then both'],
  [ANY, /there/, /share/, /parted/, /same/, 'then both'],
  [ANY, /there/, /share/, /parted/, /edited/, 'take, then both'],
  [/writer/, /there/, /share/, /parted/, OUT, 'first coming mine, put, then both mine'],
  [/reader/, /there/, /share/, /parted/, OUT, 'then nothing, read_only'],
  [ANY, /there/, /false/, /parted/, LIVE, 'strip, then left'],
  [ANY, /there/, /absent/, /parted/, /same/, 'join, then both'],
  [ANY, /there/, /absent/, /parted/, /edited/, 'take, join, then both'],
  [ANY, /there/, NO, /parted/, ANY, ''],
  [ANY, GONE, ANY, /parted/, LIVE, 'first coming, create, then both'],
  [ANY, GONE, ANY, /parted/, OUT, 'then nothing'],

  // The owner shares it.
  [/owner/, /there/, /share/, NEW, /same/, 'then both mine'],
  [/owner/, /there/, /share/, /null/, /edited/, 'then unrelated, unrelated_object'],
  [/owner/, /there/, /share/, /unrelated/, /edited/, 'unrelated_object'],
  [/owner/, /there/, /share/, /^coming$/, /same/, 'then both'],
  [/owner/, /there/, /share/, /^coming$/, /edited/, 'take, then both'],
  [/owner/, /there/, /share/, /coming mine/, /same/, 'then both mine'],
  [/owner/, /there/, /share/, /coming mine/, /edited/, 'keep, take, then both mine'],
  [/owner/, /there/, /share/, /^both/, /same/, ''],
  [/owner/, /there/, /share/, /^both$/, /edited/, 'take, then both'],
  [/owner/, /there/, /share/, /both mine/, /edited/, 'take, then both mine'],
  // Somebody took it out: it stays his, unshared.
  [/owner/, /there/, /share/, /^both$/, /deleted/, 'strip, then parted'],
  [/owner/, /there/, /share/, /^both|^coming$/, /deleted/, 'strip, then unshared mine'],
  // The share was made anew.
  [/owner/, /there/, /share/, /^both/, /none/, 'put'],
  // Shared again.
  [/owner/, /there/, /share/, /^unshared/, /same/, 'then both mine'],
  [/owner/, /there/, /share/, /^unshared$/, /edited/, 'keep, take, then both mine'],
  [/owner/, /there/, /share/, /under way/, /edited/, 'take, then both mine'],
  [/owner/, /there/, /share/, /^coming$/, OUT, 'put, then both'],
  [/owner/, /there/, /share/, /coming mine/, OUT, 'put, then both mine'],
  [/owner/, /there/, /share/, ANY, OUT, 'first coming mine, put, then both mine'],

  // The owner does not share it, or not any more: that is final.
  [/owner/, /there/, NO, /null/, LIVE, 'then unrelated, unrelated_object'],
  [/owner/, /there/, NO, /unrelated/, LIVE, 'unrelated_object'],
  [/owner/, /there/, NO, /null/, OUT, ''],
  [/owner/, /there/, NO, /unrelated/, OUT, 'then nothing'],
  [/owner/, /there/, /absent|invalid/, /^unshared$/, LIVE, 'delete, keep, withdraw, not_shared_by_owner'],
  [/owner/, /there/, /false/, /^unshared$/, LIVE, 'delete, keep, withdraw, not_shared_by_owner'],
  [/owner/, /there/, /absent|invalid/, /^unshared$/, OUT, ''],
  [/owner/, /there/, /false/, /^unshared$/, OUT, 'strip'],
  // What others wrote meanwhile he keeps: first that, and then the copy goes.
  [/owner/, /there/, NO, /under way/, /edited/, 'take, then unshared mine'],
  [/owner/, /there/, NO, /^both$/, /edited/, 'take, then both'],
  [/owner/, /there/, NO, /both mine/, /edited/, 'take, then both mine'],
  [/owner/, /there/, NO, /^coming$/, /edited/, 'take, then coming'],
  [/owner/, /there/, NO, /coming mine/, /edited/, 'take, then coming mine'],
  [/owner/, /there/, /false/, /under way/, /same/, 'delete, strip, then unshared mine'],
  [/owner/, /there/, /false/, ANY, /same/, 'first unshared mine, delete, strip, then unshared mine'],
  [/owner/, /there/, NO, /under way/, /same/, 'delete, then unshared mine'],
  [/owner/, /there/, NO, ANY, /same/, 'first unshared mine, delete, then unshared mine'],
  [/owner/, /there/, /false/, ANY, OUT, 'strip, then unshared mine'],
  [/owner/, /there/, NO, ANY, OUT, 'then unshared mine'],

  // The owner has deleted it.
  [/owner/, GONE, ANY, NEW, LIVE, 'first coming, create, then both'],
  [/owner/, GONE, ANY, /null/, OUT, ''],
  [/owner/, GONE, ANY, /unrelated/, OUT, 'then nothing'],
  [/owner/, GONE, ANY, /^coming$/, /same/, 'create, then both'],
  [/owner/, GONE, ANY, /^coming$/, /edited/, 'first coming, create, then both'],
  [/owner/, /deleted/, ANY, /coming mine/, /edited/, 'first coming, create, then both mine'],
  [/owner/, /missing/, ANY, /coming mine/, /edited/, 'first coming mine, create, then both mine'],
  // A deletion meets an edit: the edit wins, also where the database is another one.
  [/owner/, /missing/, ANY, /^both$/, /edited/, 'first coming, create, then both'],
  [/owner/, /missing/, ANY, /both mine/, /edited/, 'first coming mine, create, then both mine'],
  [/owner/, /deleted/, ANY, /^both$/, /edited/, 'create, then both'],
  [/owner/, /deleted/, ANY, /both mine/, /edited/, 'create, then both mine'],
  [/owner/, GONE, ANY, /^unshared$/, LIVE, 'delete, keep, withdraw, not_shared_by_owner'],
  [/owner/, GONE, ANY, /^unshared$/, OUT, ''],
  // It was un-shared before: what others wrote comes back as his own, and then the copy goes.
  [/owner/, GONE, ANY, /under way/, /edited/, 'create private, then unshared mine'],
  [/owner/, GONE, ANY, ANY, /same/, 'delete, then unshared mine'],
  [/owner/, GONE, ANY, ANY, OUT, 'then unshared mine'],

  // A participant who gives it to the share.
  [ANY, /there/, /share/, NEW, /same/, 'then both'],
  [ANY, /there/, /share/, /null/, /edited/, 'then unrelated, unrelated_object'],
  [ANY, /there/, /share/, /unrelated/, /edited/, 'unrelated_object'],
  [ANY, /there/, /share/, /^coming$/, /same/, 'then both'],
  [ANY, /there/, /share/, /^coming$/, /edited/, 'take, then both'],
  [ANY, /there/, /share/, /coming mine/, /same/, 'then both mine'],
  [/writer/, /there/, /share/, /coming mine/, /edited/, 'keep, take, then both mine'],
  // What he wrote when he might still write; nothing is known of what was sent.
  [/reader/, /there/, /share/, /coming mine/, /edited/, 'then both mine, read_only'],
  [ANY, /there/, /share/, /^both/, /same/, ''],
  [ANY, /there/, /share/, /^both$/, /edited/, 'take, then both'],
  [ANY, /there/, /share/, /both mine/, /edited/, 'take, then both mine'],
  [ANY, /there/, /share/, /left/, /same/, 'then both'],
  [ANY, /there/, /share/, /left/, /edited/, 'take, then both'],
  // It was taken out: what was received goes, what he has brought stays his.
  [ANY, /there/, /share/, /^both$|^coming$/, /deleted/, 'remove, then nothing'],
  [ANY, /there/, /share/, /both mine/, /deleted/, 'strip, then nothing'],
  [/writer/, /there/, /share/, /^both/, /none/, 'put'],
  [/writer/, /there/, /share/, /^coming$/, /none/, 'put, then both'],
  [/writer/, /there/, /share/, /coming mine/, OUT, 'put, then both mine'],
  [/writer/, /there/, /share/, ANY, OUT, 'first coming mine, put, then both mine'],
  [/reader/, /there/, /share/, /^both/, /none/, ''],
  [/reader/, /there/, /share/, /unrelated/, OUT, 'then nothing, read_only'],
  [/reader/, /there/, /share/, ANY, OUT, 'read_only'],

  // A participant who does not, or not any more.
  [ANY, /there/, /absent/, NEW, /same/, 'first coming, join, then both'],
  [ANY, /there/, NO, /null/, LIVE, 'then unrelated, unrelated_object'],
  [ANY, /there/, NO, /unrelated/, LIVE, 'unrelated_object'],
  [ANY, /there/, NO, /null/, OUT, ''],
  // Who brought it takes it out for all, where nobody has changed it meanwhile.
  [/writer/, /there/, /false/, /mine/, /same/, 'delete, strip, then nothing'],
  [/writer/, /there/, NO, /mine/, /same/, 'delete, then nothing'],
  [ANY, /there/, /false/, /mine/, LIVE, 'strip, then left mine'],
  [ANY, /there/, NO, /mine/, LIVE, 'then left mine'],
  [ANY, /there/, /false/, /left/, LIVE, 'strip'],
  [ANY, /there/, NO, /left/, LIVE, ''],
  [ANY, /there/, /false/, ANY, LIVE, 'strip, then left'],
  [ANY, /there/, NO, ANY, LIVE, 'then left'],
  [ANY, /there/, /false/, /unrelated/, OUT, 'then nothing'],
  [ANY, /there/, /false/, ANY, OUT, 'strip, then nothing'],
  [ANY, /there/, NO, ANY, OUT, 'then nothing'],

  // A participant without it.
  [ANY, GONE, ANY, /null/, OUT, ''],
  [ANY, GONE, ANY, ANY, OUT, 'then nothing'],
  [ANY, GONE, ANY, NEW, LIVE, 'first coming, create, then both'],
  [ANY, GONE, ANY, /^coming$/, /same/, 'create, then both'],
  [ANY, GONE, ANY, /^coming$/, /edited/, 'first coming, create, then both'],
  // Nobody has deleted it: the user's database is another one.
  [ANY, /missing/, ANY, /^both$/, /same/, 'first coming, create'],
  [ANY, /missing/, ANY, /^both$/, /edited/, 'first coming, create, then both'],
  [ANY, /missing/, ANY, /^both mine$/, /same/, 'first coming mine, create'],
  [ANY, /missing/, ANY, /^both mine$/, /edited/, 'first coming mine, create, then both mine'],
  [ANY, /missing/, ANY, /^coming mine$/, /same/, 'create, then both mine'],
  [ANY, /missing/, ANY, /^coming mine$/, /edited/, 'first coming mine, create, then both mine'],
  [/writer/, GONE, ANY, /coming mine/, /same/, 'delete, then nothing'],
  [ANY, GONE, ANY, /coming mine/, LIVE, 'first coming, create, then both mine'],
  // His deletion counts where the copy is as he last had it; else the edit wins.
  [/writer/, /deleted/, ANY, /^both/, /same/, 'delete, then nothing'],
  [/writer/, /deleted/, ANY, /^both$/, /edited/, 'create, then both'],
  [/writer/, /deleted/, ANY, /both mine/, /edited/, 'create, then both mine'],
  [/reader/, /deleted/, ANY, /^both$/, LIVE, 'then left, read_only'],
  [/reader/, /deleted/, ANY, /both mine/, LIVE, 'then left mine, read_only'],
  [ANY, GONE, ANY, /left/, LIVE, ''],
]

const ruleOf = ({ role, object: kind, consent, agreed, home }: Cell): Rule | undefined =>
  RULES.find((rule) =>
    [role, kind, consent, agreed, home].every((text, index) => (rule[index] as RegExp).test(text)),
  )

function given({ role, object: kind, consent, agreed, home }: Cell): Given & { doc: ObjectDoc | null } {
  const [wish, $shares] = CONSENTS[consent] ?? assert.fail()
  const doc = kind === 'there' ? object({ ...SAME, ...($shares ? { $shares } : {}) }) : null
  return {
    ...{ doc, isMissing: kind === 'missing', consent: doc ? wish : undefined },
    agreed: AGREED[agreed] ?? null,
    facts: { role, home: HOMES[home] ?? assert.fail() },
  }
}

describe('shares/plan/exchange', () => {
  describe('in every state', () => {
    for (const role of ['owner', 'writer', 'reader'] as const)
      for (const kind of ['there', 'deleted', 'missing'] as const)
        it(`${role}, object ${kind}`, () => {
          const wrong = CELLS.filter((one) => one.role === role && one.object === kind).flatMap((cell) => {
            const options = given(cell)
            const found = inWords(plan(options), options.doc, options.agreed ?? null)
            const expected = ruleOf(cell)?.[5]
            return found === expected ? [] : [{ ...cell, found, expected }]
          })
          assert.deepEqual(wrong, [])
        })

    it('has a rule for each, and no rule for nothing', () => {
      const used = CELLS.map(ruleOf)
      assert.deepEqual(
        RULES.flatMap((rule) => (used.includes(rule) ? [] : [rule.join(' · ')])),
        [],
      )
      assert.ok(!used.includes(undefined))
    })

    it('waits while the share is not in place', () => {
      for (const cell of CELLS) {
        const { facts, ...options } = given(cell)
        const made = plan({ ...options, facts: { ...facts, phase: 'waiting' } })
        assert.equal(inWords(made, options.doc, options.agreed ?? null), '')
      }
    })
  })

  describe('edits', () => {
    const both = agreedOn('both', SAME)
    const doc = (attributes: Attributes): ObjectDoc => object({ ...attributes, $shares: { s: true } })
    const words = (attributes: Attributes): ObjectDoc => doc(attributes)

    it('go out', () => {
      const made = plan({ doc: doc(EDITED), consent: share(), agreed: both, facts: { home: live(SAME) } })
      assert.deepEqual(put(made)?.content, contentOf(object(EDITED)))
      assert.deepEqual(made.after, agreedOn('both', EDITED))
      assert.deepEqual(made.doc, doc(EDITED))
    })
    it('come in', () => {
      const made = plan({ doc: doc(SAME), consent: share(), agreed: both, facts: { home: live(EDITED) } })
      assert.deepEqual(
        [made.copy.kind, made.doc, made.after],
        ['stay', words(EDITED), agreedOn('both', EDITED)],
      )
    })
    it('go both ways; what only went out is what both have, until the rest has come in', () => {
      const [mine, theirs] = [
        { a: 5, b: 1 },
        { a: 1, b: 6 },
      ]
      const made = plan({ doc: doc(mine), consent: share(), agreed: both, facts: { home: live(theirs) } })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 5, b: 6 })))
      assert.deepEqual(made.doc, words({ a: 5, b: 6 }))
      assert.deepEqual(made.after, agreedOn('both', { a: 5, b: 6 }))
      assert.deepEqual(put(made)?.sent, agreedOn('both', { a: 5, b: 1 }))
      assert.deepEqual(put(made)?.otherwise, both)
      assert.deepEqual([made.keepLocal, made.keepHome], [[], []])
    })
    it('in conflict: who loses is put aside, with his author where he is a participant', () => {
      const [less, more] = [
        { a: 5, b: 1 },
        { a: 6, b: 1 },
      ]
      const lost = plan({ doc: doc(less), consent: share(), agreed: both, facts: { home: live(more) } })
      assert.deepEqual([lost.doc, lost.copy.kind], [words(more), 'stay'])
      assert.deepEqual(lost.keepLocal, [contentOf(object(less))])
      const won = plan({ doc: doc(more), consent: share(), agreed: both, facts: { home: live(less) } })
      assert.deepEqual(put(won)?.content, contentOf(object(more)))
      // In the share it might come to stand where it was taken out a moment ago.
      assert.deepEqual([won.keepHome, won.keepLocal], [[], [contentOf(object(less))]])
      const owner = plan({
        doc: doc(more),
        consent: share(),
        agreed: both,
        facts: { role: 'owner', home: live(less) },
      })
      // For its author in the share, and where no narrowing reaches.
      const lostThere = [contentOf(object(less))]
      assert.deepEqual([owner.keepHome, owner.keepLocal], [lostThere, lostThere])
    })
    it('keep all digits of a number', () => {
      const number = (text: string): Attributes => decodeJson(`{"a":${text},"b":1}`) as Attributes
      const made = plan({
        ...{ doc: doc(number('12345678901234567891')), consent: share() },
        ...{ agreed: agreedOn('both', number('12345678901234567890')) },
        facts: { home: live(number('12345678901234567890')) },
      })
      assert.deepEqual(put(made)?.content, contentOf(object(number('12345678901234567891'))))
    })
    it('of a reader stay with him, and are reported', () => {
      const made = plan({
        ...{ doc: doc({ a: 5, b: 1 }), consent: share(), agreed: both },
        facts: { role: 'reader', home: live({ a: 6, b: 7 }) },
      })
      assert.deepEqual([made.copy.kind, made.keepHome, made.keepLocal], ['stay', [], []])
      assert.deepEqual(made.doc, words({ a: 5, b: 7 }))
      assert.equal(made.rejection?.code, 'read_only')
      assert.deepEqual(made.after, agreedOn('both', { a: 1, b: 7 }, { kept: { a: digestOf(5) } }))
    })
    it('of somebody who was a reader stay with him, too', () => {
      const kept = agreedOn('both', SAME, { kept: { a: digestOf(5) } })
      const made = plan({
        doc: doc({ a: 5, b: 2 }),
        consent: share(),
        agreed: kept,
        facts: { home: live(SAME) },
      })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 1, b: 2 })))
      assert.deepEqual(made.after?.kept, { a: digestOf(5) })
      // Nor are they sent where the share has lost the copy.
      const none = plan({ doc: doc({ a: 5, b: 1 }), consent: share(), agreed: kept })
      assert.equal(none.copy.kind, 'stay')
    })
    it('are not what another share of the same owner brought', () => {
      const made = plan({
        ...{ doc: doc(EDITED), consent: share(), agreed: both },
        elsewhere: [digestsOf(contentOf(object(EDITED)))],
        facts: { role: 'reader', home: live(SAME) },
      })
      assert.deepEqual([made.rejection, made.after, made.doc], [null, both, doc(EDITED)])
    })
  })

  describe('a list of attributes', () => {
    const $shares = { s: ['a'] }
    const both = agreedOn('both', { a: 1 }, { mine: true })
    const owner = (
      attributes: Attributes,
      home: HomeCopy,
      more: Partial<ExchangeFacts> = {},
      agreed = both,
    ) =>
      plan({
        ...{ doc: object({ ...attributes, $shares }), consent: share(['a']), agreed },
        facts: { role: 'owner', limit: ['a'], home, ...more },
      })

    it('is all that goes out', () => {
      const made = owner({ a: 2, secret: 3 }, live({ a: 1 }))
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 2 })))
      assert.deepEqual(made.after, agreedOn('both', { a: 2 }, { mine: true }))
    })
    it('is all that comes in', () => {
      const made = owner({ a: 1, secret: 3 }, live({ a: 2, secret: 9, other: 8 }))
      assert.deepEqual(made.doc, object({ a: 2, secret: 3, $shares }))
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 2 })))
      assert.equal(made.rejection?.code, 'unshared_attributes')
      assert.match(made.rejection.reason, /other, secret/)
      // Nothing vanishes: it is put aside for the owner.
      assert.deepEqual(made.keepLocal, [contentOf(object({ secret: 9, other: 8 }))])
    })
    it('made shorter: the copy loses what is out, the owner nothing', () => {
      const known = agreedOn('both', SAME, { mine: true })
      const made = owner({ a: 1, b: 1 }, live(SAME), { limit: true }, known)
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 1 })))
      assert.deepEqual(made.doc, object({ a: 1, b: 1, $shares }))
      assert.deepEqual(made.after, both)
    })
    it('made shorter: what others wrote last is taken in first', () => {
      const known = agreedOn('both', SAME, { mine: true })
      const first = owner({ a: 1, b: 1 }, live({ a: 1, b: 5, c: 6 }), { limit: true }, known)
      assert.equal(first.copy.kind, 'wait')
      assert.deepEqual(first.doc, object({ a: 1, b: 5, c: 6, $shares }))
      const agreed = first.after ?? assert.fail()
      const second = owner({ a: 1, b: 5, c: 6 }, live({ a: 1, b: 5, c: 6 }), { limit: true }, agreed)
      assert.deepEqual(put(second)?.content, contentOf(object({ a: 1 })))
      assert.deepEqual(second.after, both)
    })
    it('made shorter, and the copy was made so already: nothing is taken for a deletion', () => {
      const known = agreedOn('both', SAME, { mine: true })
      const made = owner({ a: 1, b: 1 }, live({ a: 1 }), { limit: true }, known)
      assert.deepEqual([made.copy.kind, made.doc], ['stay', object({ a: 1, b: 1, $shares })])
    })
    it('made shorter: what loses is put aside with the owner, for the share keeps nothing old', () => {
      const known = agreedOn('both', SAME, { mine: true })
      const made = owner({ a: 9, b: 1 }, live({ a: 5, b: 1 }), { limit: true }, known)
      assert.deepEqual([made.keepHome, made.keepLocal], [[], [contentOf(object({ a: 5, b: 1 }))]])
    })
    it('made longer: the copy gets more', () => {
      const made = plan({
        ...{
          doc: object({ a: 1, b: 2, $shares: { s: ['a', 'b'] } }),
          consent: share(['a', 'b']),
          agreed: both,
        },
        facts: { role: 'owner', limit: ['a'], home: live({ a: 1 }) },
      })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 1, b: 2 })))
    })
    it('without attachments leaves them alone', () => {
      const stub = { content_type: 'text/plain', digest: 'md5-a', length: 1 }
      const made = owner({ a: 2, _attachments: { f: stub } }, live({ a: 1, _attachments: { g: stub } }))
      assert.deepEqual(made.doc?._attachments, { f: stub })
      assert.deepEqual(put(made)?.content.attachments, {})
      assert.match(made.rejection?.reason ?? '', /_attachments/)
    })

    const writer = (attributes: Attributes, home: HomeCopy, agreed: Agreed, more: Given = {}): ExchangePlan =>
      plan({
        ...{ doc: object({ ...attributes, $shares: { s: true } }), consent: share(), agreed, ...more },
        facts: { limit: ['a'], home, ...more.facts },
      })
    const listed = agreedOn('both', { a: 1 }, { listed: true, seen: ['a'] })

    it('is the limit for a writer: his other attributes stay with him', () => {
      const made = writer({ a: 2, mine: 3 }, live({ a: 1 }), listed)
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 2 })))
      assert.deepEqual(made.after, { ...listed, ...digestsOf(contentOf(object({ a: 2 }))) })
      assert.equal(made.rejection, null)
    })
    it('is none in a share of whole objects: he may add attributes', () => {
      const made = writer({ a: 1, more: 3 }, live({ a: 1 }), agreedOn('both', { a: 1 }), {
        facts: { limit: true },
      })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 1, more: 3 })))
    })
    it('made shorter: what is not his own leaves his object', () => {
      const made = writer({ a: 1, b: 1, mine: 3 }, live({ a: 1 }), agreedOn('both', SAME))
      assert.deepEqual(made.doc, object({ a: 1, mine: 3, $shares: { s: true } }))
      assert.deepEqual(made.after, listed)
    })
    it('made shorter: what he has changed stays with him', () => {
      const made = writer({ a: 1, b: 5 }, live({ a: 1 }), agreedOn('both', SAME))
      assert.deepEqual([made.copy.kind, made.doc], ['stay', object({ a: 1, b: 5, $shares: { s: true } })])
    })
    it('made shorter, but not in the copy yet: he waits', () => {
      const made = writer({ a: 1, b: 1 }, live(SAME), agreedOn('both', SAME))
      assert.deepEqual([made.copy.kind, made.doc], ['stay', object({ ...SAME, $shares: { s: true } })])
    })
    for (const [what, staying] of [
      ['is in a share of his own', 'all' as const],
      ['another share shows', new Set(['b'])],
    ] as const)
      it(`made shorter: what ${what} stays`, () => {
        const made = writer({ a: 1, b: 1 }, live({ a: 1 }), agreedOn('both', SAME), { staying })
        assert.deepEqual(made.doc, object({ a: 1, b: 1, $shares: { s: true } }))
      })
    it('of a writer’s own: what he leaves out stays as it is in the share', () => {
      const doc = object({ a: 2, b: 5, $shares: { s: ['a'] } })
      const home = live({ a: 1, b: 6 })
      const made = plan({
        doc,
        consent: share(['a']),
        agreed: agreedOn('both', SAME),
        facts: { limit: true, home },
      })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 2, b: 6 })))
      assert.deepEqual(made.doc, doc)
      // Taken in again, what he has not changed is the share's.
      assert.deepEqual(made.after, agreedOn('both', { a: 2, b: 1 }, { listed: true, seen: true }))
    })
    it('of who brought the object: what is left out stays in the share, and that is said', () => {
      const look_ = (selection: Selection, agreed: Agreed | null, home = live({ a: 1, b: 6, c: 7 })) =>
        plan({
          doc: object({ a: 1, b: 1, $shares: { s: selection } }),
          ...{ consent: share(selection), agreed, facts: { limit: true, home } },
        })
      const first = look_(['a'], agreedOn('both', SAME, { mine: true }))
      assert.deepEqual([first.copy.kind, first.rejection?.code], ['stay', 'rest_stays_shared'])
      // What others have put there is not.
      assert.match(first.rejection?.reason ?? '', /: b\./)
      assert.equal(look_(['a'], first.after).rejection?.code, 'rest_stays_shared')
      assert.equal(look_(['a'], first.after, live({ a: 1, c: 7 })).rejection, null)
      assert.equal(look_(['a'], agreedOn('both', SAME)).rejection, null)
      assert.equal(look_(true, first.after).rejection, null)
    })
    it('made shorter: who brought the object keeps what is out, as a private part of it', () => {
      const mine = agreedOn('both', SAME, { mine: true })
      const made = writer({ a: 1, b: 1 }, live({ a: 1 }), mine)
      assert.deepEqual([made.copy.kind, made.doc], ['stay', object({ a: 1, b: 1, $shares: { s: true } })])
      const back = writer({ a: 1, b: 1 }, live(SAME), made.after ?? assert.fail(), { facts: { limit: true } })
      assert.deepEqual([back.copy.kind, back.after], ['stay', mine])
    })
    it('of an object that others bring back is the owner’s', () => {
      const made = plan({ agreed: both, facts: { role: 'owner', limit: ['a'], home: live({ a: 2 }) } })
      assert.deepEqual(made.doc, { _id: 'o', _rev: '', a: 2, $shares: { s: ['a'] } })
    })
  })

  describe('what a participant has beside what the owner shows', () => {
    const $shares = { s: true }
    const secret = { a: 1, mine: 3 }
    /** As both had it, when the owner showed no more than that. */
    const listed = agreedOn('both', { a: 1 }, { listed: true, seen: ['a'] })
    const look = (
      attributes: Attributes,
      agreed: Agreed | null,
      limit: Selection | null,
      home = live({ a: 1 }),
      { role = 'writer', selection = true }: { role?: Role; selection?: Selection } = {},
    ): ExchangePlan =>
      plan({
        ...{ doc: object({ ...attributes, $shares }), consent: share(selection), agreed },
        facts: { role, limit, home },
      })
    const sent = (made: ExchangePlan): unknown =>
      put(made)?.content.attributes ?? (made.copy.kind === 'delete' ? made.copy : null)

    for (const wide of [true, ['a', 'mine']] as const)
      it(`stays private when the owner shows ${String(wide)}, and that is said`, () => {
        const made = look(secret, listed, wide)
        assert.deepEqual([sent(made), made.doc], [null, object({ ...secret, $shares })])
        assert.equal(made.rejection?.code, 'stays_private')
        assert.match(made.rejection.reason, /: mine\./)
        // However often it is looked at, whatever comes in.
        const known = made.after ?? assert.fail()
        const again = look(secret, known, wide, live({ a: 2 }))
        assert.deepEqual([sent(again), again.doc], [null, object({ a: 2, mine: 3, $shares })])
        assert.deepEqual(again.after?.own, { mine: digestOf(3) })
        const theirs = look(secret, known, wide, live({ a: 1, mine: 7 }))
        assert.deepEqual([sent(theirs), theirs.doc], [null, object({ ...secret, $shares })])
      })
    it('is not sent with what is sent', () => {
      const made = look({ a: 2, mine: 3 }, listed, true)
      assert.deepEqual(sent(made), { a: 2 })
      for (const agreed of [made.after, put(made)?.sent ?? null, put(made)?.otherwise ?? null])
        assert.deepEqual(agreed?.own, { mine: digestOf(3) })
    })
    it('is sent when its author writes another value, who can see now that it is shared', () => {
      const known = look(secret, listed, true).after
      const made = look({ a: 1, mine: 4 }, known, true)
      assert.deepEqual([sent(made), made.rejection], [{ a: 1, mine: 4 }, null])
      assert.equal(made.after?.own, undefined)
    })
    it('is what it is when the wider list is seen, not when it was noted last', () => {
      const made = look({ a: 1, mine: 4 }, listed, true)
      assert.deepEqual([sent(made), made.after?.own], [null, { mine: digestOf(4) }])
    })
    it('is sent where its author lists it', () => {
      const known = look(secret, listed, true).after
      for (const agreed of [listed, known]) {
        const made = look(secret, agreed, true, live({ a: 1 }), { selection: ['a', 'mine'] })
        assert.deepEqual([sent(made), made.after?.own, made.rejection], [secret, undefined, null])
      }
    })
    it('is no more than that where the share comes to have the same', () => {
      const known = look(secret, listed, true).after
      const made = look(secret, known, true, live(secret))
      assert.deepEqual([made.after, made.rejection], [agreedOn('both', secret), null])
    })
    it('stays private when the owner shows less and then more again', () => {
      const narrowed = look({ a: 1, mine: 4 }, agreedOn('both', secret), ['a'])
      assert.deepEqual([narrowed.doc, narrowed.rejection], [object({ a: 1, mine: 4, $shares }), null])
      const widened = look({ a: 1, mine: 4 }, narrowed.after, true)
      assert.deepEqual([sent(widened), widened.rejection?.code], [null, 'stays_private'])
      const again = look({ a: 1, mine: 4 }, look({ a: 1, mine: 4 }, widened.after, ['a']).after, true)
      assert.equal(sent(again), null)
    })
    it('stays private when a reader becomes a writer', () => {
      const read = look(secret, listed, ['a'], live({ a: 1 }), { role: 'reader' })
      assert.equal(sent(look(secret, read.after, true)), null)
      const seen = look(secret, read.after, true, live({ a: 1 }), { role: 'reader' })
      assert.equal(seen.rejection?.code, 'read_only')
      assert.equal(sent(look(secret, seen.after, true)), null)
    })
    it('are attachments, too', () => {
      const stub = { content_type: 'text/plain', digest: 'md5-a', length: 1 }
      const doc = { a: 1, _attachments: { f: stub } }
      const made = look(doc, listed, true)
      assert.deepEqual([sent(made), made.rejection?.code], [null, 'stays_private'])
      assert.equal(sent(look(doc, made.after, true)), null)
      const changed = look({ a: 1, _attachments: { f: { ...stub, digest: 'md5-b' } } }, made.after, true)
      assert.equal(changed.copy.kind, 'put')
    })
    it('is taken for private where an older daemon did not note what was shown', () => {
      const old = agreedOn('both', { a: 1 }, { listed: true })
      assert.equal(sent(look(secret, old, true)), null)
      assert.deepEqual(sent(look(secret, agreedOn('both', { a: 1 }), true)), secret)
    })
    it('is not sent while nobody knows what the owner shows', () => {
      assert.equal(sent(look(secret, listed, null)), null)
      assert.equal(sent(look(secret, look(secret, listed, null).after, true)), null)
    })
    it('is a time that is not up to date, and gives way', () => {
      const made = look({ a: 1, updatedAt: 5 }, listed, true, live({ a: 1, updatedAt: 3 }))
      assert.deepEqual([made.doc, made.rejection], [object({ a: 1, updatedAt: 3, $shares }), null])
      const none = look({ a: 1, updatedAt: 5 }, listed, true)
      assert.deepEqual([sent(none), none.rejection], [null, null])
    })
    it('is what was brought by the object’s author as far as that was asked for', () => {
      const doc = object({ ...secret, $shares })
      const made = plan({ doc, consent: share() })
      assert.deepEqual(sent(made), secret)
      // The owner has met it, and shows less; what is written then is the author's own.
      const narrowed = look({ a: 1, mine: 3, more: 1 }, made.after, ['a'])
      assert.equal(sent(look({ a: 1, mine: 3, more: 1 }, narrowed.after, true)), null)
    })
    it('stays when the object goes, and the rest goes', () => {
      const known = look(secret, listed, true).after
      const made = plan({
        ...{ doc: object({ ...secret, $shares }), consent: share(), agreed: known },
        facts: { limit: true, home: { kind: 'deleted' } },
      })
      assert.deepEqual([made.doc, made.rejection], [object({ mine: 3 }), null])
    })
  })

  describe('further live leaves', () => {
    const both = agreedOn('both', SAME, { mine: true })
    const owner = (
      attributes: Attributes,
      home: HomeCopy,
      { consent = share(), agreed = both }: { consent?: Consent | undefined; agreed?: Agreed } = {},
    ): ExchangePlan =>
      plan({
        ...{ doc: object({ ...attributes, $shares: { s: true } }), consent, agreed },
        facts: { role: 'owner', limit: true, home },
      })
    const pushed = (first: Attributes, ...others: [Attributes, Attributes | null][]): HomeCopy => ({
      ...{ kind: 'live', leaf: leaf(first), rivals: others.map(([one], index) => leaf(one, `2-r${index}`)) },
      ancestors: others.map(([, ancestor]) => ancestor && heldBy(leaf(ancestor, '1-a'))),
    })

    it('are merged against what they have in common, and go when that has landed', () => {
      const made = owner(SAME, pushed({ a: 2, b: 1 }, [{ a: 1, b: 3 }, SAME]))
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 2, b: 3 })))
      const next = owner({ a: 2, b: 3 }, pushed({ a: 2, b: 3 }, [{ a: 1, b: 3 }, SAME]))
      assert.deepEqual(next.copy, { kind: 'drop-leaves', drops: [{ rev: '2-r0', content: null }] })
    })
    it('do not bring back what one of them has replaced, though the owner has that already', () => {
      // The owner knows the winner; somebody who was offline pushes an edit of what was before.
      const agreed = agreedOn('both', { a: 2, b: 1 }, { mine: true })
      const made = owner({ a: 2, b: 1 }, pushed({ a: 2, b: 1 }, [{ a: 1, b: 3 }, SAME]), { agreed })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 2, b: 3 })))
      const turned = owner({ a: 2, b: 1 }, pushed({ a: 1, b: 3 }, [{ a: 2, b: 1 }, SAME]), { agreed })
      assert.deepEqual(put(turned)?.content, contentOf(object({ a: 2, b: 3 })))
    })
    it('that lose are put aside', () => {
      const home = pushed({ a: 5, b: 1 }, [{ a: 4, b: 1 }, SAME], [{ a: 6, b: 1 }, SAME])
      const made = owner({ a: 3, b: 1 }, home)
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 6, b: 1 })))
      assert.deepEqual(
        made.keepLocal,
        [3, 5].map((a) => contentOf(object({ a, b: 1 }))),
      )
      assert.deepEqual(made.keepHome, [contentOf(object({ a: 5, b: 1 }))])
      const { copy } = owner({ a: 6, b: 1 }, { ...home, leaf: leaf({ a: 6, b: 1 }) } as HomeCopy)
      assert.deepEqual(copy, {
        kind: 'drop-leaves',
        drops: [
          { rev: '2-r0', content: contentOf(leaf({ a: 4, b: 1 })) },
          { rev: '2-r1', content: null },
        ],
      })
    })
    it('of which nothing is known any more keep all of both, and what loses is put aside', () => {
      const made = owner({ a: 5, b: 1 }, live({ a: 5, b: 1 }, { a: 6, c: 1 }), {
        agreed: agreedOn('both', { a: 5, b: 1 }, { mine: true }),
      })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 6, b: 1, c: 1 })))
      assert.deepEqual(made.keepHome, [contentOf(object({ a: 5, b: 1 }))])
    })
    it('are taken in, and go with the copy, when the owner takes it out', () => {
      const home = pushed({ a: 2, b: 1 }, [{ a: 1, b: 3 }, SAME])
      const first = plan({ doc: object(SAME), agreed: both, facts: { role: 'owner', limit: true, home } })
      assert.deepEqual([first.doc, first.copy.kind], [object({ a: 2, b: 3 }), 'wait'])
      const agreed = first.after ?? assert.fail()
      const second = plan({
        doc: object({ a: 2, b: 3 }),
        agreed,
        facts: { role: 'owner', limit: true, home },
      })
      assert.deepEqual(second.copy, { kind: 'delete', rivals: ['2-r0'], withdrawn: 'known' })
    })
    it('are an edit, where the owner or a writer has deleted it', () => {
      const made = plan({ agreed: both, facts: { role: 'owner', limit: true, home: live(SAME, EDITED) } })
      assert.equal(made.doc?.['a'], 1)
    })
  })

  describe('somebody who writes only because everybody may', () => {
    const bounds = { mostBytes: 50, mostObjects: 3, mostChanges: 60, objects: 2, isTooFast: false }
    const doc = object({ ...EDITED, $shares: { s: true } })
    const both = agreedOn('both', SAME)
    const code = (given: Given): unknown => {
      const made = plan(given)
      assert.equal(made.copy.kind, 'stay')
      return made.rejection?.code
    }

    it('within the bounds writes like anybody', () => {
      assert.ok(put(plan({ doc, consent: share(), facts: { bounds } })))
      assert.ok(put(plan({ doc, consent: share(), agreed: both, facts: { bounds, home: live(SAME) } })))
    })
    it('waits where he is too fast, and gets what others write all the same', () => {
      const facts = { bounds: { ...bounds, isTooFast: true }, home: live({ a: 1, b: 7 }) }
      const made = plan({ doc, consent: share(), agreed: both, facts })
      assert.deepEqual([made.copy.kind, made.rejection?.code], ['stay', 'too_many_changes'])
      assert.deepEqual(made.doc, object({ a: 2, b: 7, $shares: { s: true } }))
      // What waits is not taken for what both have.
      assert.deepEqual(made.after, both)
      assert.equal(code({ doc, consent: share(), facts: { bounds: facts.bounds } }), 'too_many_changes')
    })
    it('waits with a deletion, too', () => {
      const facts = { bounds: { ...bounds, isTooFast: true }, home: live(SAME) }
      assert.equal(code({ agreed: both, facts }), 'too_many_changes')
      assert.deepEqual(plan({ agreed: both, facts }).after, both)
    })
    it('brings so many objects and no more', () => {
      const full = { ...bounds, objects: 3 }
      assert.equal(code({ doc, consent: share(), facts: { bounds: full } }), 'too_many_objects')
      assert.ok(put(plan({ doc, consent: share(), agreed: both, facts: { bounds: full, home: live(SAME) } })))
    })
    it('brings so many bytes and no more, with attachments', () => {
      const large = object({ a: 'x'.repeat(50), $shares: { s: true } })
      assert.equal(code({ doc: large, consent: share(), facts: { bounds } }), 'too_large_for_public')
      const file = object({ $shares: { s: true }, _attachments: { f: { digest: 'md5-a', length: 51 } } })
      assert.equal(code({ doc: file, consent: share(), facts: { bounds } }), 'too_large_for_public')
      const wide = object({ a: 'ä'.repeat(24), $shares: { s: true } })
      assert.equal(code({ doc: wide, consent: share(), facts: { bounds } }), 'too_large_for_public')
    })
    it('may write numbers of any length', () => {
      const long = object({
        ...(decodeJson('{"a":12345678901234567890}') as Attributes),
        $shares: { s: true },
      })
      assert.ok(put(plan({ doc: long, consent: share(), facts: { bounds } })))
    })
    it('is told by the owner’s lane when the share is full', () => {
      const made = plan({ facts: { role: 'owner', home: live(SAME), isFull: true } })
      assert.equal(inWords(made, null, null), 'delete, withdraw, too_many_in_share')
    })
  })

  describe('what is larger than any user may share', () => {
    const text = (bytes: number): string => 'x'.repeat(bytes - '{"a":""}'.length)
    const doc = (bytes: number): ObjectDoc => object({ a: text(bytes), $shares: { s: true } })
    const both = agreedOn('both', { a: 'y' })
    const rows: [row: string, given: Given, copy: string, code: string | undefined][] = [
      ['a new copy of as much', { doc: doc(50) }, 'put', undefined],
      ['a new copy of more', { doc: doc(51) }, 'stay', 'too_large_to_share'],
      [
        'an edit that makes it too large',
        { doc: doc(51), agreed: both, facts: { home: live({ a: 'y' }) } },
        'stay',
        'too_large_to_share',
      ],
      [
        'an edit of what is too large, which does not grow',
        {
          doc: doc(90),
          agreed: agreedOn('both', { a: 'z'.repeat(82) }),
          facts: { home: live({ a: 'z'.repeat(82) }) },
        },
        'put',
        undefined,
      ],
      [
        'an edit with which that grows',
        {
          doc: doc(91),
          agreed: agreedOn('both', { a: 'z'.repeat(82) }),
          facts: { home: live({ a: 'z'.repeat(82) }) },
        },
        'stay',
        'too_large_to_share',
      ],
    ]
    for (const role of ['owner', 'writer'] as const)
      for (const [row, given, copy, code] of rows)
        it(`${row}, of ${role === 'owner' ? 'the owner' : 'a writer'}`, () => {
          const facts = { role, limit: true as const, mostBytes: 50, ...given.facts }
          const made = plan({ consent: share(), ...given, facts })
          assert.deepEqual([made.copy.kind, made.rejection?.code], [copy, code])
        })
    it('is taken out like anything else', () => {
      const facts = { role: 'owner' as const, limit: true as const, mostBytes: 5, home: live({ a: 'y' }) }
      assert.equal(plan({ doc: object({ a: 'y' }), agreed: both, facts }).copy.kind, 'delete')
    })
  })

  describe('what is nested too deep, or has too much in it', () => {
    const doc = object({ ...SAME, a: Array(MOST_VALUES).fill(0), $shares: { s: true } })
    it('is brought to nobody, and its author is told', () => {
      const made = plan({ doc, consent: share() })
      assert.deepEqual([made.copy.kind, made.rejection?.code], ['stay', 'too_complex'])
    })
    it('keeps nothing in the share that its owner lists no more', () => {
      const facts = { role: 'owner', limit: true, home: live({ a: 1, b: 1 }) } as const
      const made = plan({ doc, consent: share(['a']), agreed: agreedOn('both', { a: 1, b: 1 }), facts })
      assert.deepEqual(put(made)?.content, { attributes: { a: 1 }, attachments: {} })
      assert.equal(made.rejection?.code, 'too_complex')
    })
    it('comes into nobody’s database, where an admin has put it into the share', () => {
      const content = contentOf(doc)
      const isOwner = { role: 'owner', home: live(content.attributes) } as const
      for (const facts of [
        isOwner,
        { ...isOwner, role: 'writer' },
        { ...isOwner, role: 'reader' },
      ] as const) {
        const isNew = plan({ facts })
        assert.deepEqual([isNew.doc, isNew.after, isNew.rejection?.code], [null, null, 'too_complex'])
        const there = object({ ...SAME, $shares: { s: true } })
        const agreed = agreedOn('both', SAME)
        const isChanged = plan({ doc: there, consent: share(), agreed, facts })
        assert.deepEqual(
          [isChanged.doc, isChanged.after, isChanged.rejection?.code],
          [there, agreed, 'too_complex'],
        )
      }
    })
    it('waits, while what others write comes in', () => {
      const facts = { home: live({ a: 1, b: 2 }) }
      const made = plan({ doc, consent: share(), agreed: agreedOn('both', SAME), facts })
      assert.deepEqual([made.copy.kind, made.rejection?.code, made.doc?.['b']], ['stay', 'too_complex', 2])
    })
  })

  describe('what the owner has taken out', () => {
    const facts = { isUnshared: true } as const
    const doc = object({ ...SAME, $shares: { s: true } })
    it('is his lane’s to remove', () => {
      for (const agreed of [null, agreedOn('both', SAME), agreedOn('coming', SAME)]) {
        const made = plan({ doc, consent: share(), agreed, facts: { ...facts, home: live(EDITED) } })
        assert.equal(inWords(made, doc, agreed), '')
      }
    })
    it('goes from who received it, without a tombstone, too', () => {
      const made = plan({ doc, consent: share(), agreed: agreedOn('both', SAME), facts })
      assert.equal(inWords(made, doc, agreedOn('both', SAME)), 'remove, then nothing')
    })
    it('does not come back by others', () => {
      const made = plan({ doc, consent: share(), facts })
      assert.equal(inWords(made, doc, null), 'strip, not_shared_by_owner')
    })
  })

  describe('when the copy goes', () => {
    const gone = { home: { kind: 'deleted' } } as const
    const both = agreedOn('both', SAME)
    const doc = (attributes: Attributes): ObjectDoc => object({ ...attributes, $shares: { s: true } })
    const go = (attributes: Attributes, agreed: Agreed = both, more: Given = {}): string => {
      const made = plan({
        doc: doc(attributes),
        consent: share(),
        agreed,
        ...more,
        facts: { ...gone, ...more.facts },
      })
      return inWords(made, doc(attributes), agreed)
    }

    it('what was not sent yet stays, as an object of his own', () => {
      assert.equal(go(EDITED), 'strip, then nothing, no_longer_shared')
      assert.equal(go({ a: 1 }), 'strip, then nothing, no_longer_shared')
      assert.equal(go({ ...SAME, c: 1 }), 'strip, then nothing, no_longer_shared')
    })
    it('so does what a reader has changed', () => {
      const agreed = agreedOn('both', SAME, { kept: { a: digestOf(2) } })
      assert.equal(go(EDITED, agreed, { facts: { role: 'reader' } }), 'strip, then nothing, no_longer_shared')
    })
    it('what he had beside the owner’s list stays, and the rest goes', () => {
      const agreed = agreedOn('both', SAME, { listed: true })
      const made = plan({ doc: doc({ ...SAME, mine: 1 }), consent: share(), agreed, facts: gone })
      assert.deepEqual([made.doc, made.rejection], [object({ mine: 1 }), null])
    })
    for (const signature of [
      { updatedAt: '2024-05-01T12:00:00Z' },
      { updatedAt: 1, updatedBy: 'ann', createdAt: 1, createdBy: 'ann' },
      { updated_at: 1, created_by: 'ann' },
      { hoodie: { createdAt: 1, updatedAt: 2 } },
    ]) {
      it(`${Object.keys(signature).join(' and ')} is nothing that was left behind`, () => {
        const listed = agreedOn('both', SAME, { listed: true })
        assert.equal(go({ ...SAME, ...signature }, listed), 'remove, then nothing')
        assert.equal(go({ ...SAME, ...signature }), 'remove, then nothing')
        const [name = ''] = Object.keys(signature)
        const before = agreedOn('both', { ...SAME, [name]: 0 })
        assert.equal(go({ ...SAME, ...signature }, before), 'remove, then nothing')
        for (const phase of ['active', 'ending'] as const)
          assert.equal(go({ ...SAME, ...signature }, listed, { facts: { phase } }), 'remove, then nothing')
      })
      it(`${Object.keys(signature).join(' and ')} stays with what its user wrote`, () => {
        const listed = agreedOn('both', SAME, { listed: true })
        const made = plan({
          doc: doc({ ...SAME, ...signature, mine: 1 }),
          consent: share(),
          agreed: listed,
          facts: gone,
        })
        assert.deepEqual([made.doc, made.rejection], [object({ ...signature, mine: 1 }), null])
        assert.equal(go({ ...EDITED, ...signature }, listed), 'strip, then nothing, no_longer_shared')
      })
    }
    it('what only holds what looks so stays', () => {
      const listed = agreedOn('both', SAME, { listed: true })
      for (const mine of [
        { hoodie: {} },
        { hoodie: { updatedAt: 1, tags: [] } },
        { hoodie: ['updatedAt'] },
      ]) {
        const made = plan({ doc: doc({ ...SAME, ...mine }), consent: share(), agreed: listed, facts: gone })
        assert.deepEqual(made.doc, object(mine))
      }
    })
    it('what he has brought stays, and he is told of what was not sent', () => {
      const mine = agreedOn('both', SAME, { mine: true })
      assert.equal(go(SAME, mine), 'strip, then nothing')
      assert.equal(go(EDITED, mine), 'strip, then nothing, no_longer_shared')
    })
    it('what other shares show stays', () => {
      const both_ = object({ a: 1, b: 1, $shares: { s: true, t: true } })
      const left = (staying: 'all' | Set<string>): ObjectDoc | null =>
        plan({ doc: both_, consent: share(), agreed: both, staying, facts: gone }).doc
      assert.deepEqual(left(new Set(['b'])), object({ b: 1, $shares: { t: true } }))
      assert.deepEqual(left('all'), object({ a: 1, b: 1, $shares: { t: true } }))
    })
    it('what other shares have changed is no edit of his', () => {
      const newer = object({ a: 1, b: 7, $shares: { s: true, t: true } })
      const made = plan({ doc: newer, consent: share(), agreed: both, staying: new Set(['b']), facts: gone })
      assert.deepEqual([made.doc, made.rejection], [object({ b: 7, $shares: { t: true } }), null])
    })
  })

  describe('a subscription that ends', () => {
    const ENDS: [agreed: string, onEnd: 'keep' | 'remove', edited: boolean, words: string][] = [
      ['both', 'remove', false, 'remove, then nothing'],
      ['both', 'remove', true, 'strip, then nothing, no_longer_shared'],
      ['both', 'keep', false, 'strip, then parted'],
      ['both', 'keep', true, 'strip, then parted'],
      ['both mine', 'remove', false, 'strip, then parted mine'],
      ['both mine', 'remove', true, 'strip, then parted mine'],
      ['both mine', 'keep', false, 'strip, then parted mine'],
      ['coming', 'remove', false, 'remove, then nothing'],
      ['coming', 'remove', true, 'strip, then nothing, no_longer_shared'],
      ['coming', 'keep', false, 'strip, then nothing'],
      ['coming mine', 'remove', false, 'strip, then nothing'],
      ['left', 'remove', false, 'strip, then nothing'],
      ['parted', 'remove', false, 'strip'],
      ['unrelated', 'remove', false, 'strip, then nothing'],
      ['null', 'remove', false, 'strip'],
    ]
    for (const [agreed, onEnd, isEdited, words] of ENDS)
      for (const home of Object.keys(HOMES))
        for (const role of ['writer', 'reader'] as const)
          it(`${role}, ${agreed}, ${onEnd}, ${isEdited ? 'edited' : 'as it came'}, copy ${home}`, () => {
            const doc = object({ ...(isEdited ? { a: 9, b: 1 } : SAME), $shares: { s: true } })
            const known = AGREED[agreed] ?? null
            const facts = { role, onEnd, phase: 'ending', home: HOMES[home] ?? assert.fail() } as const
            assert.equal(inWords(plan({ doc, consent: share(), agreed: known, facts }), doc, known), words)
          })
    describe('what came from the share, or went into it, and was not noted yet, is no edit', () => {
      const both = agreedOn('both', SAME)
      const end = (here: Attributes, there: Attributes, more: Given = {}): string => {
        const doc = object({ ...here, $shares: { s: true } })
        const facts = { phase: 'ending', home: live(there), ...more.facts } as const
        const agreed = more.agreed ?? both
        return inWords(plan({ doc, consent: share(), ...more, agreed, facts }), doc, agreed)
      }
      for (const role of ['writer', 'reader'] as const) {
        const facts = { role }
        it(`${role}, changed`, () => {
          assert.equal(end(EDITED, EDITED, { facts }), 'remove, then nothing')
          assert.equal(end({ ...EDITED, b: 2 }, EDITED, { facts }), 'strip, then nothing, no_longer_shared')
        })
        it(`${role}, taken back`, () => {
          assert.equal(end({ a: 1 }, { a: 1 }, { facts }), 'remove, then nothing')
          assert.equal(end({ a: 1 }, SAME, { facts }), 'strip, then nothing, no_longer_shared')
        })
        it(`${role}, shown`, () => {
          const shown = { ...SAME, c: 3 }
          assert.equal(end(shown, shown, { facts }), 'remove, then nothing')
          assert.equal(end(shown, { ...SAME, c: 4 }, { facts }), 'strip, then nothing, no_longer_shared')
        })
      }
      it('what is private, or not given, stays, whatever the share has', () => {
        const shown = { ...SAME, c: 3 }
        const doc = object({ ...shown, $shares: { s: true } })
        const facts = { phase: 'ending', home: live(shown) } as const
        const marked = agreedOn('both', SAME, { own: { c: digestOf(3) } })
        const listed = agreedOn('both', SAME, { listed: true })
        assert.deepEqual(plan({ doc, consent: share(), agreed: marked, facts }).doc, object({ c: 3 }))
        assert.deepEqual(plan({ doc, consent: share(['a']), agreed: listed, facts }).doc, object({ c: 3 }))
      })
    })
    for (const agreed of Object.keys(AGREED))
      it(`without the object, ${agreed}: only the base goes`, () => {
        const known = AGREED[agreed] ?? null
        const made = plan({ agreed: known, facts: { phase: 'ending', home: live(EDITED) } })
        assert.equal(inWords(made, null, known), known ? 'then nothing' : '')
      })
  })

  describe('a share of one’s own that ends', () => {
    const CLOSES: [agreed: RegExp, object: string, home: RegExp, words: string][] = [
      [/null|unrelated/, 'there', ANY, 'strip, then nothing'],
      [/^unshared$/, 'there', ANY, 'strip, then nothing'],
      [ANY, 'there', /edited/, 'take, strip, then nothing'],
      [ANY, 'there', ANY, 'strip, then nothing'],
      [/^unshared$/, 'deleted', ANY, 'then nothing'],
      [/null|unrelated/, 'deleted', LIVE, 'create private, then nothing'],
      [ANY, 'deleted', /edited/, 'create private, then nothing'],
      [/parted/, 'deleted', LIVE, 'create private, then nothing'],
      [ANY, 'deleted', ANY, 'then nothing'],
    ]
    for (const agreed of Object.keys(AGREED).filter((one) => one !== 'left'))
      for (const kind of ['there', 'deleted'])
        for (const home of Object.keys(HOMES))
          it(`object ${kind}, ${agreed}, copy ${home}`, () => {
            const doc = kind === 'there' ? object({ ...SAME, $shares: { s: true } }) : null
            const known = AGREED[agreed] ?? null
            const [, , , words = ''] =
              CLOSES.find(([a, o, h]) => a.test(agreed) && o === kind && h.test(home)) ?? assert.fail()
            const facts = {
              role: 'owner',
              phase: 'closing',
              limit: true,
              home: HOMES[home] ?? assert.fail(),
            } as const
            const made = plan({ doc, consent: doc ? share() : undefined, agreed: known, facts })
            const expected = known ? words : words.replace(/(, )?then nothing/, '')
            assert.equal(inWords(made, doc, known), expected)
          })
  })

  describe('an object from another share of the same owner', () => {
    const doc = object({ ...SAME, $shares: { t: true } })
    const related = { doc, isRelated: true, ownersElsewhere: [digestsOf(contentOf(doc))] }
    it('is the same object', () => {
      const made = plan({ ...related, facts: { limit: true, home: live({ ...EDITED, c: 3 }) } })
      assert.equal(inWords(made, doc, null), 'first coming, keep, take, join, then both')
      assert.deepEqual(made.doc, object({ a: 2, b: 1, c: 3, $shares: { t: true, s: true } }))
    })
    it('for a reader, too, who has written nothing', () => {
      const made = plan({ ...related, facts: { role: 'reader', limit: true, home: live({ ...SAME, c: 3 }) } })
      assert.deepEqual([made.copy.kind, made.rejection], ['stay', null])
      assert.deepEqual(made.doc, object({ ...SAME, c: 3, $shares: { t: true, s: true } }))
    })
    it('is another, where the owner has not met it in this share, and it looks another', () => {
      const made = plan({ ...related, facts: { home: live(EDITED) } })
      assert.equal(made.rejection?.code, 'unrelated_object')
      assert.equal(plan({ ...related, facts: { home: live(SAME) } }).rejection, null)
    })
    it('goes there without what nobody else has of it', () => {
      const more = object({ ...SAME, mine: 5, updatedAt: 1, $shares: { t: true } })
      const facts = { limit: true, home: live({ ...SAME, c: 3 }) } as const
      const made = plan({ ...related, doc: more, facts })
      assert.deepEqual([made.copy.kind, made.rejection?.code], ['stay', 'stays_private'])
      const doc_ = made.doc ?? assert.fail()
      assert.deepEqual(doc_, object({ ...SAME, mine: 5, updatedAt: 1, c: 3, $shares: { t: true, s: true } }))
      for (const agreed of [made.after, made.before]) {
        const again = plan({ ...related, doc: doc_, consent: share(), agreed, facts })
        assert.deepEqual([again.copy.kind, again.rejection?.code], ['stay', 'stays_private'])
        assert.deepEqual(again.doc, doc_)
      }
    })
    it('is left alone where the user says no', () => {
      const no = object({ ...SAME, $shares: { t: true, s: false } })
      const made = plan({
        ...related,
        doc: no,
        consent: { kind: 'unshare' },
        facts: { limit: true, home: live(EDITED) },
      })
      assert.equal(inWords(made, no, null), 'strip, then left')
    })
    it('comes in once more where the daemon was stopped before it said so in the object', () => {
      const agreed = agreedOn('coming', SAME, { seen: [] })
      const begun = { ...related, agreed, facts: { limit: true, home: live(SAME) } } as const
      assert.equal(inWords(plan(begun), doc, agreed), 'join, then both')
      // Of an object that nobody else brought, the user has taken the id out.
      assert.equal(inWords(plan({ ...begun, isRelated: false }), doc, agreed), 'then left')
    })
    it('is the owner’s own only where it looks the same', () => {
      const facts = { role: 'owner', home: live(EDITED) } as const
      assert.equal(plan({ ...related, facts }).rejection?.code, 'unrelated_object')
      const made = plan({ ...related, facts: { ...facts, home: live(SAME) } })
      assert.equal(inWords(made, doc, null), 'first coming, join, then both')
    })
    it('without that, is unrelated whatever it looks like', () => {
      for (const role of ['owner', 'writer', 'reader'] as const) {
        const made = plan({ doc, facts: { role, limit: true, home: live(SAME) } })
        assert.equal(made.rejection?.code, 'unrelated_object', role)
        assert.deepEqual([made.doc, made.copy.kind], [doc, 'stay'])
      }
    })
    it('has its leaves in the share brought together by the owner of that, be it his own or not', () => {
      const doc = object(SAME)
      const [one, other] = [leaf({ a: 2, b: 1 }, '2-c'), leaf({ a: 1, b: 3 }, '2-r')]
      const facts = (leaves: ObjectDoc[]): { home: HomeCopy } => ({
        home: {
          kind: 'live',
          leaf: leaves[0]!,
          rivals: leaves.slice(1),
          ancestors: [heldBy(leaf(SAME, '1-c'))],
        },
      })
      const first = plan({ doc, facts: { role: 'owner', ...facts([one, other]) } })
      assert.equal(inWords(first, doc, null), 'put, then unrelated, unrelated_object')
      assert.deepEqual(put(first)?.content, contentOf(leaf({ a: 2, b: 3 }, '2-c')))
      const merged = leaf({ a: 2, b: 3 }, '3-c')
      const then = plan({ doc, facts: { role: 'owner', ...facts([merged, other]) } })
      assert.equal(inWords(then, doc, null), 'drop, then unrelated, unrelated_object')
      assert.deepEqual(then.copy, { kind: 'drop-leaves', drops: [{ rev: '2-r', content: null }] })
      const writers = plan({ doc, facts: { role: 'writer', ...facts([one, other]) } })
      assert.equal(writers.copy.kind, 'stay')
    })
    it('that comes back by one share comes back by the other where that was changed, too', () => {
      const agreed = agreedOn('both', SAME)
      const back = { doc, isBack: true, agreed }
      const changed = plan({ ...back, facts: { limit: true, home: live(EDITED) } })
      assert.deepEqual(changed.doc?.['$shares'], { t: true, s: true })
      const same = plan({ ...back, facts: { limit: true, home: live(SAME) } })
      assert.deepEqual([same.copy.kind, same.doc], ['delete', doc])
    })
  })

  describe('what was begun and not finished', () => {
    const doc = object({ a: 7, $shares: { s: true } }, '1-o')
    it('an object of the user’s own that was written meanwhile is not overwritten', () => {
      for (const role of ['owner', 'writer', 'reader'] as const)
        for (const agreed of [agreedOn('coming', SAME), agreedOn('coming', EDITED)]) {
          const made = plan({
            doc,
            consent: share(),
            agreed,
            facts: { role, limit: true, home: live(EDITED) },
          })
          assert.equal(made.rejection?.code, 'unrelated_object')
          assert.deepEqual([made.doc, made.copy.kind], [doc, 'stay'])
        }
    })
    it('nor is a copy that somebody else made meanwhile', () => {
      const home: HomeCopy = { kind: 'live', leaf: leaf({ a: 8 }, '1-c'), rivals: [] }
      for (const role of ['owner', 'writer'] as const) {
        const agreed = agreedOn('coming', { a: 7 }, { mine: true })
        const made = plan({ doc, consent: share(), agreed, facts: { role, home } })
        assert.equal(made.rejection?.code, 'unrelated_object')
        assert.deepEqual([made.doc, made.copy.kind], [doc, 'stay'])
      }
    })
    it('what was made and changed since is merged from what was sent', () => {
      const made = plan({
        ...{ doc: object({ a: 1, b: 5, $shares: { s: true } }), consent: share() },
        ...{ agreed: agreedOn('coming', SAME, { mine: true }), facts: { home: live(SAME) } },
      })
      assert.deepEqual(put(made)?.content, contentOf(object({ a: 1, b: 5 })))
      assert.deepEqual(made.keepLocal, [])
    })
  })

  it('carries no digest of an attachment that a reader could not give back', () => {
    const stub = { content_type: 'text/plain', digest: 'md5-a', length: 1 }
    const home = live({ a: 1, _attachments: { f: stub } })
    assert.deepEqual(plan({ facts: { role: 'reader', home } }).after?.attachments, {})
    assert.deepEqual(Object.keys(plan({ facts: { home } }).after?.attachments ?? {}), ['f'])
  })

  for (const $shares of [7, null, ['s'], 'all'])
    it(`leaves a $shares of ${JSON.stringify($shares)} as it is`, () => {
      const doc = object({ ...SAME, $shares })
      const consent: Consent = { kind: 'invalid', problem: problem('invalid_shares', 'x') }
      for (const home of Object.values(HOMES))
        for (const agreed of Object.values(AGREED))
          for (const phase of ['active', 'ending'] as const) {
            const made = plan({ doc, consent, agreed, facts: { home, phase, onEnd: 'keep' } })
            assert.deepEqual(made.doc?.['$shares'], $shares)
          }
    })
})

describe('The later of two changes', () => {
  const [id, before] = [{ s: true }, { name: 'base' }]
  const meet = (mine: Attributes, theirs: Attributes, limit: Selection = true): unknown => {
    const made = plan({
      doc: object({ ...mine, $shares: id }),
      consent: share(),
      agreed: agreedOn('both', before),
      facts: { limit, home: live(theirs) },
    })
    return made.doc?.['name'] ?? mine['name']
  }
  const at = (updatedAt: number): Attributes => ({ hoodie: { createdAt: 1, updatedAt } })

  it('is told by what Hoodie’s client writes', () => {
    assert.equal(meet({ name: 'a', ...at(3) }, { name: 'z', ...at(2) }), 'a')
    assert.equal(meet({ name: 'a', ...at(2) }, { name: 'z', ...at(3) }), 'z')
  })
  it('is told where only one of two clients writes it so', () => {
    assert.equal(meet({ name: 'a', ...at(4), updatedAt: 1 }, { name: 'z', ...at(2), updatedAt: 3 }), 'a')
    assert.equal(meet({ name: 'a', ...at(2), updatedAt: 3 }, { name: 'z', ...at(4), updatedAt: 1 }), 'z')
  })
  it('is the larger where the list does not show the time', () => {
    assert.equal(meet({ name: 'a', ...at(3) }, { name: 'z' }, ['name']), 'z')
    assert.equal(meet({ name: 'z', ...at(2) }, { name: 'a' }, ['name']), 'z')
  })
  it('is told by what both show, whatever else the object says', () => {
    const shown: Selection = ['name', 'hoodie']
    assert.equal(meet({ name: 'a', ...at(2), updatedAt: 9 }, { name: 'z', ...at(3) }, shown), 'z')
  })
})
