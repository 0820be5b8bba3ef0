// `$share` documents: which can be put in force, and what is said of the others.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { publicRight, type Access, type Right } from '../../../../src/shares/model/access.ts'
import { asksForShare, parseShareLeaves, parseShareRequest } from '../../../../src/shares/model/share.ts'

describe('shares/model/share', () => {
  const asks: [string, { _id: string; type?: unknown }, boolean][] = [
    ['by its id', { _id: '$share/a' }, true],
    ['by id and type', { _id: '$share/a', type: '$share' }, true],
    ['by its id, with another type', { _id: '$share/a', type: 'todo' }, true],
    ['by its type alone', { _id: 'todo/1', type: '$share' }, true],
    ['an object does not', { _id: 'todo/1', type: 'todo' }, false],
    ['a list that prints as $share does not', { _id: 'todo/1', type: ['$share'] }, false],
    ['a subscription does not', { _id: '$subscription/a' }, false],
  ]
  for (const [what, doc, expected] of asks)
    it(`asks for a share: ${what}`, () => assert.equal(asksForShare(doc), expected))

  const none = { kind: 'none' }
  const owner = { read: [], write: [] }
  const valid: [string, object, object, object][] = [
    ['nothing else', {}, owner, none],
    ['its type', { type: '$share' }, owner, none],
    ['access false', { access: false }, owner, none],
    ['access {}', { access: {} }, owner, none],
    ['empty lists', { access: { read: [], write: [] } }, owner, none],
    ['nobody, said twice', { access: { read: false, write: false } }, owner, none],
    ['attributes of its own', { name: 'my share', $state: 'error', $error: { code: 'x' } }, owner, none],
    ['access true', { access: true }, { read: true, write: true }, none],
    ['everybody a reader', { access: { read: true } }, { read: true, write: [] }, none],
    ['everybody a writer', { access: { write: true } }, { read: true, write: true }, none],
    ['a reader', { access: { read: ['u1'] } }, { read: ['u1'], write: [] }, none],
    ['a writer, who reads', { access: { write: ['u1'] } }, { read: ['u1'], write: ['u1'] }, none],
    ['no password', { access: {}, password: null }, owner, none],
    [
      'a password',
      { access: true, password: 'p' },
      { read: true, write: true },
      { kind: 'new', password: 'p' },
    ],
    [
      'a password that is set',
      { access: { read: true, write: ['u1'] }, password: { set: true, name: 'share-abc-1' } },
      { read: true, write: ['u1'] },
      { kind: 'kept', name: 'share-abc-1' },
    ],
  ]
  for (const [what, attributes, access, password] of valid)
    it(`is valid with ${what}`, () =>
      assert.deepEqual(parseShareRequest({ _id: '$share/abc', ...attributes }), {
        kind: 'valid',
        share: 'abc',
        access,
        password,
      }))

  const malformed: [string, { _id: string; [attribute: string]: unknown }, string][] = [
    ['type without the id', { _id: 'abc', type: '$share' }, 'wrong_type'],
    ['another type', { _id: '$share/abc', type: 'todo' }, 'wrong_type'],
    ['type null', { _id: '$share/abc', type: null }, 'wrong_type'],
    ['type as a list', { _id: '$share/abc', type: ['$share'] }, 'wrong_type'],
    ['no id', { _id: '$share/' }, 'invalid_share_id'],
    ['a long id', { _id: `$share/${'a'.repeat(300)}` }, 'invalid_share_id'],
    ['101 characters', { _id: `$share/${'a'.repeat(101)}` }, 'invalid_share_id'],
    ['a slash', { _id: '$share/a/b' }, 'invalid_share_id'],
    ['..', { _id: '$share/..' }, 'invalid_share_id'],
    ['a capital', { _id: '$share/Abc' }, 'invalid_share_id'],
    ['$', { _id: '$share/$abc' }, 'invalid_share_id'],
    ['+', { _id: '$share/a+b' }, 'invalid_share_id'],
    ['a space', { _id: '$share/a b' }, 'invalid_share_id'],
    ['ä', { _id: '$share/ä' }, 'invalid_share_id'],
    ['__proto__', { _id: '$share/__proto__' }, 'invalid_share_id'],
    ['access as text', { _id: '$share/abc', access: 'public' }, 'invalid_access'],
    ['access as a list', { _id: '$share/abc', access: [1] }, 'invalid_access'],
    ['access 0', { _id: '$share/abc', access: 0 }, 'invalid_access'],
    ['an unknown right', { _id: '$share/abc', access: { admin: [] } }, 'invalid_access'],
    ['readers as text', { _id: '$share/abc', access: { read: 'everyone' } }, 'invalid_access'],
    ['a nested list', { _id: '$share/abc', access: { read: [['u1']] } }, 'invalid_access'],
    [
      'too many names',
      { _id: '$share/abc', access: { read: Array.from({ length: 1001 }, (_, at) => `u${String(at)}`) } },
      'too_many_names',
    ],
    ['an empty password', { _id: '$share/abc', access: true, password: '' }, 'invalid_password'],
    ['a number as a password', { _id: '$share/abc', access: true, password: 1 }, 'invalid_password'],
    ['a password for nobody', { _id: '$share/abc', password: 'p' }, 'password_not_public'],
    [
      'a password for those who are named',
      { _id: '$share/abc', access: { read: ['u1'] }, password: 'p' },
      'password_not_public',
    ],
    [
      'a password that is set, for those who are named',
      { _id: '$share/abc', access: { write: ['u1'] }, password: { set: true, name: 'x' } },
      'password_not_public',
    ],
  ]
  for (const [what, doc, code] of malformed)
    it(`is malformed with ${what}`, () => {
      const request = parseShareRequest(doc)
      assert.equal(request.kind, 'malformed')
      assert.equal(request.kind === 'malformed' && request.problem.code, code)
    })

  it('says nothing of a password', () => {
    const request = parseShareRequest({ _id: '$share/abc', password: 'secret' })
    assert.ok(request.kind === 'malformed' && !JSON.stringify(request).includes('secret'))
  })

  describe('with several leaves', () => {
    const parse = (...leaves: object[]): ReturnType<typeof parseShareLeaves> => {
      const [winner = {}, ...losers] = leaves.map((leaf) => ({ _id: '$share/abc', ...leaf }))
      return parseShareLeaves(winner as { _id: string }, losers)
    }
    const accessOf = (...leaves: unknown[]): Access => {
      const request = parse(...leaves.map((access) => ({ access })))
      return request.kind === 'valid' ? request.access : assert.fail(request.problem.reason)
    }

    it('of one leaf is what it says', () =>
      assert.deepEqual(
        parse({ access: true, password: 'p' }),
        parseShareRequest({ _id: '$share/abc', access: true, password: 'p' }),
      ))

    const names = fc.subarray(['u1', 'u2', 'u3'])
    const whom = fc.oneof(fc.constant(true as const), fc.constant(undefined), names)
    const access = fc.oneof(fc.boolean(), fc.record({ read: whom, write: whom }))
    const rightIn = ({ read, write }: Access, name: string, isPublic: boolean): Right | null => {
      const may = publicRight({ read, write })
      const open = isPublic ? may : null
      if (open === 'write' || (write !== true && write.includes(name))) return 'write'
      return read !== true && read.includes(name) ? (write === true ? 'write' : 'read') : open
    }
    const lesser = (some: (Right | null)[]): Right | null =>
      some.includes(null) ? null : some.includes('read') ? 'read' : 'write'

    it('lets everybody do what all of them let him do, by name and without', () => {
      fc.assert(
        fc.property(fc.array(access, { minLength: 1, maxLength: 4 }), (leaves) => {
          const joint = accessOf(...leaves)
          const alone = leaves.map((one) => accessOf(one))
          for (const name of ['u1', 'u2', 'u3', 'stranger'])
            assert.equal(
              rightIn(joint, name, true),
              lesser(alone.map((one) => rightIn(one, name, true))),
              name,
            )
        }),
      )
    })

    it('lets nobody do more without the password where one of them has one', () => {
      const leaf = fc.record({
        access: fc.oneof(fc.constant(true), fc.record({ read: fc.constant(true), write: whom })),
        hasPassword: fc.boolean(),
      })
      fc.assert(
        fc.property(fc.array(leaf, { minLength: 1, maxLength: 4 }), (leaves) => {
          const password = { set: true, name: 'share-abc-1' }
          const request = parse(
            ...leaves.map((one) => ({ access: one.access, ...(one.hasPassword ? { password } : {}) })),
          )
          assert.ok(request.kind === 'valid')
          assert.equal(request.password.kind, leaves.some((one) => one.hasPassword) ? 'kept' : 'none')
          for (const name of ['u1', 'u2', 'u3', 'stranger'])
            for (const knows of [true, false]) {
              const isPublic = knows || request.password.kind === 'none'
              const all = leaves.map((one) => rightIn(accessOf(one.access), name, knows || !one.hasPassword))
              const most = lesser(all)
              const may = rightIn(request.access, name, isPublic)
              assert.ok(
                may === null || most === 'write' || may === most,
                `${name}: ${may} of ${String(most)}`,
              )
            }
        }),
      )
    })

    it('is malformed where one of them is', () => {
      const request = parse({ access: true }, { access: 'x' })
      assert.ok(request.kind === 'malformed' && request.problem.code === 'invalid_access')
    })

    const set = { set: true, name: 'share-abc-1' }
    const passwords: [unknown[], object][] = [
      [[undefined, null], { kind: 'none' }],
      [['p', 'p'], { kind: 'new', password: 'p' }],
      [['p', undefined], { kind: 'new', password: 'p' }],
      [[set, undefined], { kind: 'kept', name: 'share-abc-1' }],
      [[undefined, set], { kind: 'kept', name: 'share-abc-1' }],
      [[undefined, 'p'], { kind: 'undecided' }],
      [['p', 'q'], { kind: 'undecided' }],
      [['p', set], { kind: 'undecided' }],
      [[set, 'p'], { kind: 'undecided' }],
      [[set, { set: true, name: 'share-abc-2' }], { kind: 'undecided' }],
    ]
    for (const [given, expected] of passwords)
      it(`asks for ${JSON.stringify(given)}: ${JSON.stringify(expected)}`, () => {
        const request = parse(
          ...given.map((password) => ({ access: { read: true, write: ['u1'] }, password })),
        )
        assert.ok(request.kind === 'valid')
        assert.deepEqual(request.password, expected)
        const isOpen = request.password.kind !== 'undecided'
        assert.deepEqual(request.access, { read: isOpen ? true : ['u1'], write: ['u1'] })
      })
  })
})
