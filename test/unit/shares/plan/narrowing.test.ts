// What is taken away at once: never more than both allow, and as soon as anybody loses anything.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseAccess } from '../../../../src/shares/model/access.ts'
import { ADMIN_ONLY, narrowsReading } from '../../../../src/documents/security.ts'
import { asksForMore, planNarrowing, type SecurityInForce } from '../../../../src/shares/plan/narrowing.ts'
import { ACCOUNT, docOf, entryOf, factsOf, inPlace, MOST_BYTES, NAMED, OWNER, SHOWN } from './share-facts.ts'
import type { ShareFacts } from '../../../../src/shares/plan/share-facts.ts'
import { narrower, shareSecurity, type ShareSecurity } from '../../../../src/shares/model/security.ts'

function securityOf(access: unknown, passwordRole: string | null = null): ShareSecurity {
  const request = parseAccess(access)
  assert.ok(request.kind === 'valid')
  return shareSecurity({
    owner: OWNER,
    access: request.access,
    users: new Map([...NAMED].map(([name, { grants }]) => [name, grants])),
    passwordRole,
    publicMostBytes: MOST_BYTES,
  })
}

const accessOf = (access: unknown) => {
  const request = parseAccess(access)
  assert.ok(request.kind === 'valid')
  return request.access
}

/** What is put in force where `before` is, and `given` is asked for. */
const narrowed = (before: unknown, given: Partial<ShareFacts>): SecurityInForce | null =>
  planNarrowing(
    factsOf({
      entry: inPlace(accessOf(before)),
      databaseExists: true,
      security: securityOf(before),
      named: NAMED,
      owner: OWNER,
      ownerExists: true,
      ...given,
    }),
  )

describe('shares/plan/narrowing', () => {
  const both = { read: ['u1', 'u2'] }

  it('takes out who is not named any more, and lets nobody in', () => {
    const asked = { doc: docOf({ access: { read: ['u2', 'n'] } }) }
    assert.deepEqual(narrowed(both, asked)?.members, { names: [], roles: ['me', 'u2'] })
  })

  it('takes the right to write away, and leaves that to read', () => {
    const found = narrowed({ write: ['u1'] }, { doc: docOf({ access: { read: ['u1'] } }) })
    assert.deepEqual(found?.writers, { names: [], roles: ['me'] })
    assert.deepEqual(found?.members, { names: [], roles: ['me', 'u1'] })
  })

  it('leaves a named user the right to write that everybody had', () => {
    const found = narrowed({ write: true }, { doc: docOf({ access: { read: true, write: ['u1'] } }) })
    assert.deepEqual(found?.writers, { names: [], roles: ['me', 'u1'] })
  })

  for (const [what, given] of [
    ['widened', { doc: docOf({ access: { read: ['u1', 'u2', 'n'] } }) }],
    ['as it is', { doc: docOf({ access: both }) }],
    ['malformed', { doc: docOf({ access: 3 }) }],
    ['missing', { isMissing: true }],
    ['somebody else’s', { doc: docOf({}), entry: entryOf('active', 'user/them') }],
  ] satisfies [string, Partial<ShareFacts>][])
    it(`does nothing where the share is ${what}`, () => assert.equal(narrowed(both, given), null))

  for (const [what, given] of [
    ['deleted', {}],
    ['suspended', { doc: docOf({ access: both }), entry: inPlace(accessOf(both), { order: 'suspend' }) }],
    ['ended', { doc: docOf({ access: both }), entry: inPlace(accessOf(both), { order: 'end' }) }],
  ] satisfies [string, Partial<ShareFacts>][])
    it(`closes what is ${what}`, () => {
      assert.deepEqual(narrowed(both, given)?.members, ADMIN_ONLY.members)
    })

  it('takes out a user who is gone from `_users`', () => {
    const found = narrowed(both, {
      doc: docOf({ access: both }),
      named: new Map([...NAMED].filter(([name]) => name !== 'u1')),
    })
    assert.deepEqual(found?.members?.roles, ['me', 'u2'])
  })

  it('takes out who knows the old password where a new one is written', () => {
    const entry = inPlace(accessOf({ read: true }), { password: ACCOUNT })
    const found = narrowed(
      { read: true },
      {
        entry,
        security: securityOf({ read: true }, ACCOUNT.role),
        doc: docOf({ access: { read: true }, password: 'new' }),
      },
    )
    assert.deepEqual(found?.members, { names: [], roles: ['me'] })
  })

  it('asks for more only where something may have changed', () => {
    const entry = inPlace(accessOf(both))
    const asks = (doc: object | null, more: object = {}): boolean =>
      asksForMore({ ...entry, ...more }, { doc: doc && docOf({ ...doc }), rivals: [] })
    assert.equal(asks({ access: both }), false)
    assert.equal(asks({ access: 3 }), false)
    assert.equal(asks({ access: true }), true)
    assert.equal(asks(null), true)
    assert.equal(asks({ access: both }, { order: 'suspend' }), true)
    assert.equal(
      asks({ access: { read: true }, password: SHOWN }, { access: accessOf({ read: true }) }),
      true,
    )
  })

  it('is never wider than either', () => {
    const whom = fc.oneof(fc.constant(true), fc.constant(undefined), fc.subarray(['u1', 'u2', 'n']))
    const access = fc.record({ read: whom, write: whom })
    const role = fc.constantFrom(null, ACCOUNT.role)
    fc.assert(
      fc.property(access, role, access, role, (one, oneRole, other, otherRole) => {
        const [before, after] = [securityOf(one, oneRole), securityOf(other, otherRole)]
        const found = narrower(before, after)
        assert.equal(narrowsReading(found, before), false, 'nobody reads who did not before')
        assert.equal(narrowsReading(found, after), false, 'nobody reads who may not after')
        assert.ok(found.writers.everyone !== true || (before.writers.everyone && after.writers.everyone))
        assert.deepEqual(narrower(found, after), found, 'twice is once')
      }),
    )
  })
})
