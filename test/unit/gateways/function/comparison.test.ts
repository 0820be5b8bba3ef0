// What a new function changes for whom: grants are a union, and what fails keeps nothing.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { textOf } from '../../../../src/commands/gateway-dry-run-text.ts'
import { Comparison, LIMITS, type Report } from '../../../../src/gateways/function/comparison.ts'
import { GrantUnion } from '../../../../src/gateways/function/grants.ts'
import type { Judgement } from '../../../../src/gateways/function/sync-function.ts'

interface Given {
  channels?: string[]
  /** `to -> channel` */
  access?: string[]
  /** `user -> role` */
  roles?: string[]
}

const pair = (text: string): [string, string] => text.split(' -> ') as [string, string]

const accepted = ({ channels = [], access = [], roles = [] }: Given): Judgement => ({
  kind: 'accepted',
  routed: {
    channels,
    access: access.map(pair).map(([to, channel]) => ({ to, channel })),
    roles: roles.map(pair).map(([user, role]) => ({ user, role })),
    expiry: null,
  },
})
const broken = (reason: string): Judgement => ({ kind: 'failed', reason })
const refused = (reason: string): Judgement => ({ kind: 'rejected', error: 'forbidden', reason })

type Judged = [id: string, before: Judgement | null, after: Judgement]

const report = (...all: Judged[]): Report => {
  const comparison = new Comparison()
  for (const one of all) comparison.add(...one)
  return comparison.report()
}

const none = { gained: [], lost: [] }

describe('grants', () => {
  it('are channels of one’s own and of one’s roles, each once', () => {
    const grants = new GrantUnion()
    for (const given of [
      { access: ['ann -> b', 'ann -> a', 'role:editor -> a', 'role:editor -> e', 'role:idle -> x'] },
      { access: ['ann -> a'], roles: ['ann -> editor', 'bob -> editor', 'bob -> empty'] },
    ]) {
      const verdict = accepted(given)
      if (verdict.kind === 'accepted') grants.add(verdict.routed)
    }
    assert.deepEqual(grants.ofUser('ann'), { channels: ['a', 'b', 'e'], roles: ['editor'] })
    assert.deepEqual(grants.ofUser('bob'), { channels: ['a', 'e'], roles: ['editor', 'empty'] })
    assert.deepEqual(grants.ofUser('eve'), { channels: [], roles: [] })
    assert.deepEqual(grants.users, ['ann', 'bob'])
    assert.deepEqual(grants.roles, ['editor', 'empty', 'idle'])
    assert.equal(grants.count, 8)
  })
})

describe('a comparison of two sync functions', () => {
  it('says who loses a channel, and how many documents with it', () => {
    const found = report(
      ['n1', accepted({ channels: ['a'], access: ['ann -> a'] }), accepted({ channels: ['a'] })],
      ['n2', accepted({ channels: ['a'] }), accepted({ channels: ['a'] })],
    )
    assert.deepEqual(found.users, [
      { name: 'ann', channels: { gained: [], lost: ['a'] }, roles: none, documents: { gained: 0, lost: 2 } },
    ])
    assert.equal(found.isSafe, false)
    assert.equal(found.moved.count, 0)
  })

  it('keeps a channel that another document grants', () => {
    const grant = accepted({ access: ['ann -> a'] })
    assert.equal(report(['n1', grant, accepted({})], ['n2', grant, grant]).isSafe, true)
  })

  it('says who loses channels with a role', () => {
    const found = report(
      ['r', accepted({ roles: ['ann -> editor'] }), accepted({})],
      ['c', accepted({ access: ['role:editor -> e'] }), accepted({ access: ['role:editor -> e'] })],
    )
    assert.deepEqual(found.users, [
      {
        name: 'ann',
        channels: { gained: [], lost: ['e'] },
        roles: { gained: [], lost: ['editor'] },
        documents: { gained: 0, lost: 0 },
      },
    ])
    assert.deepEqual(found.roles, [])
  })

  it('says of a role what it loses, also where nobody has it', () => {
    const found = report(['c', accepted({ access: ['role:editor -> e'] }), accepted({})])
    assert.deepEqual(found.roles, [{ name: 'editor', channels: { gained: [], lost: ['e'] } }])
    assert.deepEqual([found.users, found.isSafe], [[], false])
  })

  it('says who reads a document no more that moves, though all grants stay', () => {
    const access = ['ann -> a', 'bob -> b', 'eve -> a', 'eve -> b']
    const found = report(['n1', accepted({ channels: ['a'], access }), accepted({ channels: ['b'], access })])
    assert.deepEqual(found.moved, {
      count: 1,
      groups: [{ from: ['a'], to: ['b'], count: 1, examples: ['n1'] }],
    })
    assert.deepEqual(
      found.users.map(({ name, documents }) => [name, documents]),
      [
        ['ann', { gained: 0, lost: 1 }],
        ['bob', { gained: 1, lost: 0 }],
      ],
    )
    assert.equal(found.isSafe, false)
  })

  it('takes * for all documents, also those in no channel', () => {
    const found = report(
      ['n1', accepted({ channels: ['a'] }), accepted({ channels: ['a'], access: ['ann -> *'] })],
      ['n2', accepted({}), accepted({})],
      ['n3', null, broken('TypeError: x')],
    )
    assert.deepEqual(found.users, [
      { name: 'ann', channels: { gained: ['*'], lost: [] }, roles: none, documents: { gained: 2, lost: 0 } },
    ])
  })

  it('takes ! for everybody: as a grant it is nothing, and a document that leaves it is lost to all', () => {
    assert.deepEqual(report(['n', accepted({}), accepted({ access: ['ann -> !', 'role:r -> !'] })]).users, [])
    const access = ['ann -> a', 'bob -> b']
    const [open, closed] = [accepted({ channels: ['!', 'a'], access }), accepted({ channels: ['a'], access })]
    const found = report(['n', open, closed])
    assert.deepEqual(found.everybody, { gained: 0, lost: 1 })
    assert.deepEqual(
      found.users.map(({ name, documents }) => [name, documents.lost]),
      [['bob', 1]],
    )
    const back = report(['n', closed, open])
    assert.deepEqual(back.everybody, { gained: 1, lost: 0 })
    assert.deepEqual([back.users.map(({ name }) => name), back.isSafe], [['bob'], true])
  })

  it('leaves nothing of what fails, and groups it by reason', () => {
    const before = accepted({ channels: ['a'], access: ['ann -> a'] })
    const found = report(
      ['n3', before, broken('TypeError: x')],
      ['n1', before, broken('TypeError: x')],
      ['n2', broken('TypeError: x'), broken('TypeError: x')],
      ['n4', before, refused('no')],
    )
    assert.deepEqual(found.failed, {
      count: 4,
      unlisted: 0,
      groups: [
        { kind: 'failed', reason: 'TypeError: x', count: 3, already: 1, examples: ['n1', 'n2', 'n3'] },
        { kind: 'forbidden', reason: 'no', count: 1, already: 0, examples: ['n4'] },
      ],
    })
    assert.deepEqual(found.users, [
      { name: 'ann', channels: { gained: [], lost: ['a'] }, roles: none, documents: { gained: 0, lost: 3 } },
    ])
    assert.equal(found.moved.count, 0)
  })

  it('is not safe where a document fails that nobody had', () => {
    assert.equal(report(['n', null, broken('TypeError: x')]).isSafe, false)
  })

  it('says nothing of an object that was thrown: it may be the document', () => {
    const { failed } = report(
      ['n', null, broken('it threw {"secret":1}')],
      ['m', null, broken('it threw text')],
    )
    assert.deepEqual(failed.groups.map(({ reason }) => reason).sort(), [
      'it threw an object that is no refusal',
      'it threw text',
    ])
  })

  it('counts reasons past a hundred without listing them', () => {
    const all = Array.from({ length: 130 }, (_, at): Judged => [`n${at}`, null, broken(`reason ${at}`)])
    const { failed } = report(...all, ['again', null, broken('reason 0')])
    assert.deepEqual([failed.count, failed.groups.length, failed.unlisted], [131, 100, 30])
    assert.equal(failed.groups[0]?.count, 2)
  })

  it('warns past the limits, and not at them', () => {
    const names = (count: number) => Array.from({ length: count }, (_, at) => `c${at}`)
    const at = (count: number) => accepted({ channels: names(count) })
    const granting = (id: number, count: number): Judged => [
      `g${id}`,
      null,
      accepted({ access: names(count).map((name) => `ann -> ${id}${name}`) }),
    ]
    assert.deepEqual(report(['n', null, at(LIMITS.channelsPerDocument)], granting(1, 50)).warnings, [])
    const many = Array.from({ length: LIMITS.grantsPerUser / 50 }, (_, id) => granting(id, 50))
    assert.deepEqual(report(...many).warnings, [])
    const found = report(...many, granting(99, 51), ['n', null, at(51)], ['m', null, at(70)])
    assert.deepEqual(found.warnings, [
      { limit: 'channelsPerDocument', most: 70, count: 2, examples: ['m', 'n'] },
      { limit: 'grantsPerDocument', most: 51, count: 1, examples: ['g99'] },
      { limit: 'grantsPerUser', most: 1051, count: 1, examples: ['ann'] },
    ])
  })

  it('says the same when it is asked twice', () => {
    const comparison = new Comparison()
    const access = Array.from({ length: 1_001 }, (_, at) => `ann -> ${at}`)
    comparison.add('n', null, accepted({ access }))
    assert.deepEqual(comparison.report(), comparison.report())
  })
})

describe('a comparison, whatever the documents', () => {
  const name = fc.constantFrom('ann', 'bob', 'eve')
  const role = fc.constantFrom('r', 's')
  const channel = fc.constantFrom('a', 'b', 'c', '*', '!')
  const to = fc.oneof(
    name,
    role.map((one) => `role:${one}`),
  )
  const some = <T>(of: fc.Arbitrary<T>) => fc.uniqueArray(of, { maxLength: 3 })
  const link = (from: fc.Arbitrary<string>, end: fc.Arbitrary<string>) =>
    some(fc.tuple(from, end).map(([one, other]) => `${one} -> ${other}`))
  const verdict: fc.Arbitrary<Judgement> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .record({
          channels: some(channel).map((all) => all.sort()),
          access: link(to, channel),
          roles: link(name, role),
        })
        .map(accepted),
    },
    fc.constantFrom(broken('x'), broken('y'), refused('x')),
  )
  const documents = fc
    .array(fc.tuple(verdict, verdict), { maxLength: 8 })
    .map((all) => all.map(([before, after], at): Judged => [`n${at}`, before, after]))

  it('is the same in any order', () =>
    fc.assert(
      fc.property(
        documents.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => assert.deepEqual(report(...shuffled), report(...all)),
      ),
    ))

  it('changes nothing against itself', () =>
    fc.assert(
      fc.property(documents, (all) => {
        const found = report(...all.map(([id, , after]): Judged => [id, after, after]))
        assert.deepEqual(
          [found.users, found.roles, found.moved.count, found.everybody],
          [[], [], 0, { gained: 0, lost: 0 }],
        )
        assert.equal(found.isSafe, found.failed.count === 0)
      }),
    ))

  it('turns gains into losses the other way round', () =>
    fc.assert(
      fc.property(documents, (all) => {
        const there = report(...all)
        const back = report(...all.map(([id, before, after]): Judged => [id, after, before as Judgement]))
        const turned = <T extends { gained: unknown; lost: unknown }>({ gained, lost }: T) => ({
          gained: lost,
          lost: gained,
        })
        assert.deepEqual(
          back.users.map(({ name: user, channels, roles, documents: read }) => [
            user,
            ...[channels, roles, read].map(turned),
          ]),
          there.users.map(({ name: user, channels, roles, documents: read }) => [
            user,
            channels,
            roles,
            read,
          ]),
        )
        assert.deepEqual(turned(back.everybody), there.everybody)
      }),
    ))

  it('counts for each user the documents that a reader of that name sees', () =>
    fc.assert(
      fc.property(documents, (all) => {
        const reads = (which: 1 | 2, user: string): Set<string> => {
          const routed = all.flatMap((one) => {
            const judged = one[which]
            return judged?.kind === 'accepted' ? [{ id: one[0], ...judged.routed }] : []
          })
          const roles = routed.flatMap((one) =>
            one.roles.filter((grant) => grant.user === user).map((grant) => `role:${grant.role}`),
          )
          const who = [user, ...roles]
          const has = [
            '!',
            ...routed.flatMap((one) =>
              one.access.filter((grant) => who.includes(grant.to)).map((grant) => grant.channel),
            ),
          ]
          return new Set(
            routed
              .filter((one) => has.includes('*') || one.channels.some((each) => has.includes(each)))
              .map(({ id }) => id),
          )
        }
        const found = report(...all)
        for (const user of ['ann', 'bob', 'eve', 'nobody']) {
          const [had, has] = [reads(1, user), reads(2, user)]
          const expected = {
            gained: [...has].filter((id) => !had.has(id)).length,
            lost: [...had].filter((id) => !has.has(id)).length,
          }
          const isKnown = all.some((one) =>
            [one[1], one[2]].some(
              (judged) =>
                judged?.kind === 'accepted' &&
                (judged.routed.access.some((grant) => grant.to === user) ||
                  judged.routed.roles.some((grant) => grant.user === user)),
            ),
          )
          const told = found.users.find(({ name: one }) => one === user)?.documents
          assert.deepEqual(isKnown ? (told ?? { gained: 0, lost: 0 }) : found.everybody, expected)
        }
      }),
    ))
})

describe('what a dry-run says', () => {
  const said = (...all: Judged[]): string =>
    textOf({ database: 'fleet', file: 'new.js', against: 'sync.js', missing: null, ...report(...all) })

  it('has the failures, the moves, the people, and a summary', () => {
    const before = accepted({ channels: ['a', 'b'], access: ['ann -> a', 'role:r -> a'] })
    assert.equal(
      said(
        ['n1', before, broken('TypeError: x')],
        ['n2', before, accepted({ channels: ['b'], access: ['ann -> b'] })],
      ),
      `fleet: new.js against sync.js

1 of 2 documents fails
  1 × failed: TypeError: x
      n1

1 document changes channels
  1 × a, b → b
      n2

users
  ann
      - channels a
      + channels b
      - reads 1 document no more

roles
  r
      - channels a

documents 2, failed 1, channels 1, users 1, roles 0, grants 1: something fails; somebody loses something
`,
    )
  })

  it('says where there is nothing to compare with, and then not that nobody loses anything', () => {
    const nothing = { database: 'fleet', file: 'new.js', against: null }
    const gains = report(['n', null, accepted({ channels: ['a'], access: ['ann -> a'] })])
    assert.equal(gains.isSafe, true)
    const unset = textOf({ ...nothing, missing: null, ...gains })
    assert.match(unset, /^fleet: new\.js against nothing, as SKELETON names no folder\n/)
    assert.match(unset, /: nothing fails; there is no function in force to compare with\n$/)
    const fails = report(['n', null, broken('TypeError: x')])
    const gone = textOf({ ...nothing, missing: 'sk/gateway/fleet/sync.js', ...fails })
    assert.match(gone, /^fleet: new\.js against nothing, as there is no sk\/gateway\/fleet\/sync\.js\n/)
    assert.match(gone, /: something fails; there is no function in force to compare with\n$/)
  })

  it('lets no name speak to the terminal', () => {
    const text = said(['\u001b[2Jn\u202e', null, broken('bad\nline \u009b1m')])
    assert.match(text, /\\u\{1b\}\[2Jn\\u\{202e\}/)
    assert.match(text, /bad\\u\{a\}line \\u\{9b\}1m/)
    assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}|\p{Cf}/u)
  })

  it('counts what is too much to be shown', () => {
    const access = Array.from({ length: 30 }, (_, at) => `u${at} -> a`)
    const text = said(['n', accepted({}), accepted({ access })])
    assert.match(text, /and 10 more, with --json/)
  })
})
