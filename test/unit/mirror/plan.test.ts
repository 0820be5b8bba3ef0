// One document of a master and of a user, by tables: what is there in, what is done out.
import assert from 'node:assert/strict'
import { problem } from '../../../src/documents/problem.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'
import type { Leaf } from '../../../src/documents/revisions.ts'
import {
  planDocument,
  planProjected,
  type DocumentEffect,
  type DocumentFacts,
  type DocumentPlan,
} from '../../../src/mirror/plan.ts'

const ID = 'number:1'

/** A leaf whose history is given as revisions without their generations, the oldest first: `leaf('a b')` is 2-b. */
const leaf = (line: string, attributes: Record<string, unknown> = {}): Leaf => {
  const hashes = line.split(' ')
  return {
    _id: ID,
    _rev: `${hashes.length}-${hashes.at(-1)}`,
    _revisions: { start: hashes.length, ids: hashes.toReversed() },
    domain: 'x',
    ...attributes,
  }
}

const gone = (line: string, attributes: Record<string, unknown> = {}): Leaf => {
  const { domain: _, ...rest } = leaf(line)
  return { ...rest, _deleted: true, ...attributes }
}

/** A user whose role is the domain x; what is not signed stays. */
const facts = (master: Leaf[], personal: Leaf[], ancestors: Record<string, Leaf> = {}): DocumentFacts => ({
  ...{ id: ID, master, personal, clock: { now: 0, updatedAt: UPDATED_AT } },
  ancestors: new Map(Object.entries(ancestors)),
  lets: ({ domain, user_access, _deleted }) => !_deleted && domain === 'x' && user_access !== false,
  refuses: ({ updated_by, $restore, $removed, domain, user_access, _deleted }) => {
    if (typeof updated_by !== 'string' || $restore !== undefined || $removed !== undefined)
      return problem('held_back')
    return _deleted || (domain === 'x' && user_access !== false) ? null : problem('outside_roles')
  },
})

/** `bring 1-a`, `carry 2-b`, `put-master over 1-a`, … */
function told(effect: DocumentEffect): string {
  switch (effect.kind) {
    case 'bring':
    case 'carry':
      return `${effect.kind} ${effect.leaf._rev}`
    case 'drop':
      return `drop ${effect.leaf._rev} at ${effect.at}`
    case 'put-master':
      return `put-master over ${effect.over._rev}`
    case 'put-personal':
      return `put-personal over ${effect.over?._rev ?? 'nothing'}`
    case 'remove':
      return `remove ${effect.leaves.map(({ _rev }) => _rev).join(' ')}`
    default:
      return effect satisfies never
  }
}

const shown = ({ effects, problem }: DocumentPlan): [string[], string | null] => [
  effects.map(told),
  problem?.code ?? null,
]

const mine = { updated_by: 'joe' }
const held = { user_access: false }
const removed = { $removed: true }

const CASES: [name: string, facts: DocumentFacts, effects: string[], problem: string | null][] = [
  ['nothing on either side', facts([], []), [], null],
  ['the same on both', facts([leaf('a')], [leaf('a')]), [], null],
  ['the user has none yet', facts([leaf('a')], []), ['bring 1-a'], null],
  ['the master went on', facts([leaf('a b', { n: 1 })], [leaf('a')]), ['bring 2-b'], null],
  ['the user went on', facts([leaf('a')], [leaf('a b', mine)]), ['carry 2-b'], null],
  ['the user made it', facts([], [leaf('a', mine)]), ['carry 1-a'], null],
  ['unsigned, and never at the master', facts([], [leaf('a')]), [], null],
  ['unsigned, of what the master has', facts([leaf('a')], [leaf('a b', { n: 1 })]), [], 'held_back'],
  ['of another domain', facts([], [leaf('a', { ...mine, domain: 'y' })]), [], 'outside_roles'],
  [
    'moved into another domain',
    facts([leaf('a')], [leaf('a b', { ...mine, domain: 'y' })]),
    [],
    'outside_roles',
  ],
  [
    'of another domain at the master',
    facts([leaf('a', { domain: 'y' })], [leaf('a b', mine)]),
    ['remove 2-b'],
    'no_longer_yours',
  ],
  [
    'the same on a line of its own, the master’s taken out',
    facts([leaf('a b')], [leaf('a c'), gone('a b t', removed)]),
    ['put-personal over 3-t', 'drop 2-c at personal'],
    null,
  ],
  [
    'an edit that may not go, the master’s taken out',
    facts([leaf('a b', { n: 1 })], [leaf('a c', { ...mine, domain: 'y' }), gone('a b t', removed)], {
      '2-c': leaf('a'),
    }),
    ['put-personal over 3-t', 'drop 2-c at personal'],
    'overruled',
  ],
  ['withheld since', facts([leaf('a b', held)], [leaf('a')]), ['remove 1-a'], null],
  [
    'withheld, and forged over its history',
    facts([leaf('a b', held)], [leaf('a b c', mine)]),
    ['remove 3-c'],
    'no_longer_yours',
  ],
  [
    'withheld, and made without its history',
    facts([leaf('a b', held)], [leaf('z', mine)]),
    [],
    'outside_roles',
  ],
  [
    'withheld, made with a longer history',
    facts([leaf('a', held)], [leaf('u v w', mine)]),
    [],
    'outside_roles',
  ],
  [
    'withheld, asked to be taken away',
    facts([leaf('a', held)], [leaf('z', { ...mine, $restore: true })]),
    ['remove 1-z'],
    null,
  ],
  ['withheld, and not there', facts([leaf('a', held)], [gone('a b', removed)]), [], null],
  [
    'allowed again, the master as it was',
    facts([leaf('a')], [gone('a b', removed)]),
    ['put-personal over 2-b'],
    null,
  ],
  ['allowed again, the master went on', facts([leaf('a c')], [gone('a b', removed)]), ['bring 2-c'], null],
  ['brought back before, the same', facts([leaf('a')], [leaf('a b c')]), [], null],
  [
    'brought back, then the master went on',
    facts([leaf('a d', { n: 1 })], [leaf('a b c')], { '3-c': leaf('a') }),
    ['bring 2-d', 'drop 3-c at personal'],
    null,
  ],
  [
    'brought back, then changed by the user',
    facts([leaf('a')], [leaf('a b c d', mine)]),
    ['carry 4-d'],
    null,
  ],
  ['deleted by the user', facts([leaf('a')], [gone('a b', mine)]), ['carry 2-b'], null],
  ['deleted without a signature', facts([leaf('a')], [gone('a b')]), [], 'held_back'],
  ['deleted by the user, changed meanwhile', facts([leaf('a c')], [gone('a b', mine)]), ['bring 2-c'], null],
  ['deleted at the master', facts([gone('a b')], [leaf('a')]), ['bring 2-b'], null],
  [
    'deleted at the master, changed by the user',
    facts([gone('a b')], [leaf('a c', { ...mine, n: 1 })], { '2-c': leaf('a') }),
    ['bring 2-b', 'drop 2-c at personal'],
    'deleted_at_master',
  ],
  [
    'deleted at the master, brought back before',
    facts([gone('a b')], [leaf('a c d')], { '3-d': leaf('a') }),
    ['bring 2-b', 'drop 3-d at personal'],
    null,
  ],
  [
    'deleted at the master, made again by the user',
    facts([gone('a b')], [leaf('a b c', mine)]),
    ['carry 3-c'],
    null,
  ],
  [
    'deleted at the master, made without knowing',
    facts([gone('a b')], [leaf('z', mine)]),
    ['carry 1-z'],
    null,
  ],
  [
    'carried once and deleted since',
    facts([gone('a b'), gone('z y')], [leaf('z', mine)]),
    ['bring 2-y'],
    null,
  ],
  [
    'both changed, other attributes',
    facts([leaf('a b', { n: 1 })], [leaf('a c', { ...mine, m: 1 })], { '2-c': leaf('a') }),
    ['put-master over 2-b'],
    null,
  ],
  [
    'both changed, the merge is there',
    facts([leaf('a b d', { ...mine, n: 1, m: 1 })], [leaf('a c', { ...mine, m: 1 })], { '2-c': leaf('a') }),
    ['bring 3-d', 'drop 2-c at personal'],
    null,
  ],
  [
    'both changed, the user outside',
    facts([leaf('a b', { n: 1 })], [leaf('a c', { ...mine, domain: 'y' })], { '2-c': leaf('a') }),
    ['bring 2-b', 'drop 2-c at personal'],
    'overruled',
  ],
  [
    'both said the same',
    facts([leaf('a b', { n: 1 })], [leaf('a c', { n: 1 })], { '2-c': leaf('a') }),
    ['bring 2-b', 'drop 2-c at personal'],
    null,
  ],
  [
    'two live leaves at the master',
    facts([leaf('a c', { m: 1 }), leaf('a b', { n: 1 })], [leaf('a b', { n: 1 })], { '2-b': leaf('a') }),
    ['put-master over 2-c', 'drop 2-b at master'],
    null,
  ],
  [
    'restored over a change',
    facts([leaf('a')], [leaf('a b', { ...mine, $restore: true })]),
    ['put-personal over 2-b'],
    null,
  ],
  [
    'restored beside the master',
    facts([leaf('a c')], [leaf('a c'), leaf('a b', { $restore: true })]),
    ['drop 2-b at personal'],
    null,
  ],
  ['restored, where the master has none', facts([], [leaf('a', { $restore: true })]), ['remove 1-a'], null],
]

/** A user of a gateway: the function lets pass what is signed; the user reads what is in the domain x. */
const judged = (master: Leaf[], personal: Leaf[], ancestors: Record<string, Leaf> = {}): DocumentFacts => ({
  ...facts(master, personal, ancestors),
  isJudged: true,
  refuses: ({ updated_by }) =>
    updated_by === 'joe' ? null : problem('refused_by_function', 'sg wrong user'),
})

const elsewhere = { domain: 'y' }
const REFUSED = 'refused_by_function'

const JUDGED: typeof CASES = [
  ['an edit that is let pass', judged([leaf('a')], [leaf('a b', mine)]), ['carry 2-b'], null],
  [
    'an edit that is refused',
    judged([leaf('a')], [leaf('a b', { n: 1 })]),
    ['put-personal over 2-b'],
    REFUSED,
  ],
  ['its return, seen again', judged([leaf('a')], [leaf('a b c')]), [], null],
  ['a new document', judged([], [leaf('a', mine)]), ['carry 1-a'], null],
  ['a new document that is refused', judged([], [leaf('a')]), ['drop 1-a at personal'], REFUSED],
  [
    'a new document that is refused, in two versions',
    judged([], [leaf('a'), leaf('b')]),
    ['drop 1-b at personal', 'drop 1-a at personal'],
    REFUSED,
  ],
  ['one of two versions is let pass', judged([], [leaf('a'), leaf('b', mine)]), ['carry 1-b'], null],
  [
    'made again over a deletion, refused',
    judged([gone('a b')], [leaf('a b c')]),
    ['drop 3-c at personal'],
    REFUSED,
  ],
  ['a deletion', judged([leaf('a')], [gone('a b', mine)]), ['carry 2-b'], null],
  ['a deletion that is refused', judged([leaf('a')], [gone('a b')]), ['put-personal over 2-b'], REFUSED],
  ['of another channel, as it was', judged([leaf('a b', elsewhere)], [leaf('a')]), ['remove 1-a'], null],
  [
    'of another channel, made from the present version',
    judged([leaf('a', elsewhere)], [leaf('a b', mine)]),
    ['carry 2-b'],
    null,
  ],
  [
    'of another channel, made from the present version and refused',
    judged([leaf('a', elsewhere)], [leaf('a b', { n: 1 })]),
    ['remove 2-b'],
    REFUSED,
  ],
  [
    'of another channel, made from an older version',
    judged([leaf('a b', elsewhere)], [leaf('a c', mine)]),
    ['remove 2-c'],
    'no_longer_yours',
  ],
  [
    'of another channel, made without knowing of it',
    judged([leaf('a', elsewhere)], [leaf('z', mine)]),
    ['drop 1-z at personal'],
    'hidden_document',
  ],
  [
    'of another channel, to be restored',
    judged([leaf('a', elsewhere)], [leaf('a b', { ...mine, $restore: true })]),
    ['remove 2-b'],
    null,
  ],
  [
    'both changed, and let pass',
    judged([leaf('a b', { n: 1 })], [leaf('a c', { ...mine, m: 1 })], { '2-c': leaf('a') }),
    ['put-master over 2-b'],
    null,
  ],
  [
    'both changed, and refused',
    judged([leaf('a b', { n: 1 })], [leaf('a c', { m: 1 })], { '2-c': leaf('a') }),
    ['bring 2-b', 'drop 2-c at personal'],
    REFUSED,
  ],
]

describe('planDocument, judged by a function', () => {
  for (const [name, given, effects, found] of JUDGED)
    it(name, () => {
      assert.deepEqual(shown(planDocument(given)), [effects, found])
    })
})

describe('planDocument', () => {
  for (const [name, given, effects, problem] of CASES)
    it(name, () => {
      assert.deepEqual(shown(planDocument(given)), [effects, problem])
    })

  it('moves nothing where it cannot be told who may have the document', () => {
    const unknown = { ...facts([leaf('a b')], [leaf('a c', mine)]), lets: () => null }
    assert.deepEqual(shown(planDocument(unknown)), [[], 'failed'])
    const { effects } = planProjected({ ...unknown, lets: () => null }, ['n'])
    assert.deepEqual(effects, [])
  })

  it('merges attribute by attribute', () => {
    const base = leaf('a', { name: 'old', note: 'old' })
    const { effects } = planDocument(
      facts(
        [leaf('a b', { name: 'old', note: 'new' })],
        [leaf('a c', { ...mine, name: 'new', note: 'old' })],
        { '2-c': base },
      ),
    )
    const [put] = effects
    assert(put?.kind === 'put-master')
    assert.deepEqual(put.content.attributes, { domain: 'x', name: 'new', note: 'new', updated_by: 'joe' })
  })

  it('takes nobody’s word for another’s: an unsigned leaf is not merged under a signature', () => {
    const { effects, problem } = planDocument(
      facts([leaf('a b', { n: 1 })], [leaf('a c', { ...mine, m: 1 }), leaf('a d', { evil: 1 })], {
        '2-c': leaf('a'),
        '2-d': leaf('a'),
      }),
    )
    const [put] = effects
    assert(put?.kind === 'put-master')
    assert.equal(problem, null)
    assert.deepEqual(put.content.attributes, { domain: 'x', n: 1, m: 1, updated_by: 'joe' })
  })
})

/**
 * Documents of a gateway: whom `reader` names reads it, whom `writer` names writes it; only an admin changes the price.
 */
const priced = (master: Leaf[], personal: Leaf[], ancestors: Record<string, Leaf> = {}): DocumentFacts => ({
  ...facts(master, personal, ancestors),
  isJudged: true,
  lets: ({ reader, _deleted }) => !_deleted && reader === 'joe',
  refuses: (doc) => {
    const [over] = master.filter(({ _deleted }) => !_deleted)
    if ((over ?? doc)['writer'] !== 'joe') return problem('refused_by_function', 'sg wrong user')
    return over === undefined || doc._deleted || doc['price'] === over['price']
      ? null
      : problem('refused_by_function', 'sg missing role')
  },
})

const ours = { reader: 'joe', writer: 'joe' }
const readOnly = { reader: 'joe', writer: 'ann' }
const unseen = { reader: 'ann', writer: 'joe' }
const foreign = { reader: 'ann', writer: 'ann' }

const PRICED: [name: string, facts: DocumentFacts, effects: string[], problem: string | null][] = [
  [
    'lost with the gateway’s database',
    { ...priced([], [leaf('a b', ours)]), lost: '2-b' },
    ['remove 2-b'],
    null,
  ],
  [
    'lost, and changed',
    { ...priced([], [leaf('a b', { ...ours, n: 1 })]), lost: '1-a' },
    ['drop 2-b at personal'],
    'deleted_at_master',
  ],
  [
    'lost, and taken from the user before',
    { ...priced([], [gone('a b'), leaf('a', ours)]), lost: '2-b' },
    ['remove 1-a'],
    null,
  ],
  ['lost, and another one made', { ...priced([], [leaf('c', ours)]), lost: '1-a' }, ['carry 1-c'], null],
  ['deleted, and not known here yet', priced([gone('a b')], [leaf('a', ours)]), ['bring 2-b'], null],
  [
    'deleted before, and made anew with the same content',
    { ...priced([gone('a b')], [leaf('a', ours)]), isLongGone: true },
    ['bring 2-b'],
    'deleted_before',
  ],
  ['made', priced([], [leaf('a', ours)]), ['carry 1-a'], null],
  ['made, and refused', priced([], [leaf('a', readOnly)]), ['drop 1-a at personal'], 'refused_by_function'],
  ['changed', priced([leaf('a', ours)], [leaf('a b', { ...ours, n: 1 })]), ['carry 2-b'], null],
  [
    'changed, and refused',
    priced([leaf('a', readOnly)], [leaf('a b', { ...readOnly, n: 1 })]),
    ['put-personal over 2-b'],
    'refused_by_function',
  ],
  ['deleted', priced([leaf('a', ours)], [gone('a b')]), ['carry 2-b'], null],
  [
    'deleted, and refused',
    priced([leaf('a', readOnly)], [gone('a b')]),
    ['put-personal over 2-b'],
    'refused_by_function',
  ],
  [
    'both changed: what an admin may change stays as it is',
    priced([leaf('a b', { ...ours, price: 7 })], [leaf('a c', { ...ours, n: 1 })], {
      '2-c': leaf('a', ours),
    }),
    ['put-master over 2-b'],
    null,
  ],
  [
    'both changed, and the merge is refused',
    priced([leaf('a b', { ...ours, n: 1 })], [leaf('a c', { ...ours, price: 7 })], {
      '2-c': leaf('a', ours),
    }),
    ['bring 2-b', 'drop 2-c at personal'],
    'refused_by_function',
  ],
  [
    'two devices, of which one did what is refused',
    priced([leaf('a b', ours)], [leaf('a c', { ...ours, n: 1 }), leaf('a d', { ...ours, price: 7 })], {
      '2-c': leaf('a', ours),
      '2-d': leaf('a', ours),
    }),
    ['put-master over 2-b'],
    null,
  ],
  [
    'two devices, both refused',
    priced([leaf('a', readOnly)], [leaf('a b', { ...readOnly, n: 1 }), leaf('a c', { ...readOnly, n: 2 })]),
    ['drop 2-b at personal'],
    'refused_by_function',
  ],
  [
    'two devices, one refused and one that says what the master says',
    priced([leaf('a', readOnly)], [leaf('a b', { ...readOnly, n: 1 }), leaf('a c', readOnly)]),
    ['drop 2-b at personal'],
    'refused_by_function',
  ],
  ['hidden, and there is none', priced([leaf('a', unseen)], [gone('a t', removed)]), [], null],
  ['hidden, and there still', priced([leaf('a', foreign)], [leaf('a')]), ['remove 1-a'], null],
  ['hidden, and changed', priced([leaf('a', unseen)], [leaf('a b', { n: 1 })]), ['carry 2-b'], null],
  [
    'hidden, changed and refused',
    priced([leaf('a', foreign)], [leaf('a b', { n: 1 })]),
    ['remove 2-b'],
    'refused_by_function',
  ],
  ['hidden, and deleted', priced([leaf('a', unseen)], [gone('a b')]), ['carry 2-b'], null],
  [
    'hidden, deleted and refused',
    priced([leaf('a', foreign)], [gone('a b')]),
    ['remove 2-b'],
    'refused_by_function',
  ],
  [
    'hidden, and made without knowing',
    priced([leaf('a', unseen)], [leaf('z', ours)]),
    ['drop 1-z at personal'],
    'hidden_document',
  ],
  [
    'hidden, and asked to be restored',
    priced([leaf('a', unseen)], [leaf('a b', { $restore: true })]),
    ['remove 2-b'],
    null,
  ],
  [
    'hidden, asked to be restored and made without knowing',
    priced([leaf('a', unseen)], [leaf('z', { $restore: true })]),
    ['remove 1-z'],
    null,
  ],
  [
    'the gateway’s own says $restore',
    priced([leaf('a', { ...ours, $restore: true })], [leaf('a', { ...ours, $restore: true })]),
    [],
    null,
  ],
]

describe('planDocument, where a function says what may be written', () => {
  for (const [name, given, effects, problem] of PRICED)
    it(name, () => {
      assert.deepEqual(shown(planDocument(given)), [effects, problem])
    })

  it('judges of two devices each over what the other did', () => {
    const master = [leaf('a b', ours)]
    const { effects } = planDocument(
      priced(master, [leaf('a c', { ...ours, n: 1 }), leaf('a d', { ...ours, price: 7 })], {
        '2-c': leaf('a', ours),
        '2-d': leaf('a', ours),
      }),
    )
    const [put] = effects
    assert(put?.kind === 'put-master')
    assert.deepEqual(put.content.attributes, { domain: 'x', ...ours, n: 1 })
  })
})

describe('planProjected', () => {
  const lets = ({ domain }: Leaf): boolean => domain === 'x'
  const fields = ['duration']
  const record = leaf('a', { duration: 3, secret: 1 })
  const project = (master: Leaf[], personal: Leaf[]): string[] =>
    planProjected({ id: ID, master, personal, lets }, fields).effects.map(told)

  it('gives the fields and nothing else, under revisions of its own', () => {
    const [put] = planProjected({ id: ID, master: [record], personal: [], lets }, fields).effects
    assert(put?.kind === 'put-personal')
    assert.deepEqual(put.content, { attributes: { duration: 3 }, attachments: {} })
    assert.equal(put.over, null)
  })

  const own = (line: string, duration: number): Leaf => {
    const { domain: _, ...rest } = leaf(line, { duration })
    return rest
  }
  it('writes nothing where they are there', () => assert.deepEqual(project([record], [own('q', 3)]), []))
  it('writes over what differs', () =>
    assert.deepEqual(project([record], [own('q', 4)]), ['put-personal over 1-q']))
  it('takes out what the user may not have', () =>
    assert.deepEqual(project([leaf('a', { domain: 'y' })], [own('q', 3)]), ['remove 1-q']))
  it('takes out what the master has deleted', () =>
    assert.deepEqual(project([gone('a b')], [own('q', 3)]), ['remove 1-q']))
  it('brings back over its tombstone', () =>
    assert.deepEqual(project([record], [gone('q r', removed)]), ['put-personal over 2-r']))
  it('leaves alone what the master never had', () => assert.deepEqual(project([], [own('q', 3)]), []))
})
