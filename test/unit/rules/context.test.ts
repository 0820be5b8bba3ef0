// What rules are called with, under both families of names.
import assert from 'node:assert/strict'
import { rules, type Context } from 'couch-shares/rules'
import { verdictOf } from './write.ts'

const write = {
  doc: { _id: 'note:1', _rev: '1-a' },
  oldDoc: { _id: 'note:1', _rev: '1-a', x: 1 },
  userCtx: { db: 'db', name: 'ann', roles: ['reader'] },
  secObj: { admins: { names: ['a'], roles: ['b'] }, members: { names: ['c'], roles: ['d'] } },
}

function contextOf({ doc, oldDoc, userCtx, secObj }: typeof write): Context {
  let found: Context | undefined
  rules((context) => void (found = context))(doc, oldDoc, userCtx, secObj)
  assert(found)
  return found
}

describe('rules/context', () => {
  it('is this, and the argument', () => {
    let pair: unknown[] = []
    rules(function (context) {
      pair = [this, context]
    })(write.doc, write.oldDoc, write.userCtx, write.secObj)
    assert.equal(pair.length, 2)
    assert.equal(pair[0], pair[1])
  })

  it('has the parameters as they came', () => {
    const { doc, oldDoc, userCtx, secObj, id, rev, db, name, roles } = contextOf(write)
    assert.equal(doc, write.doc)
    assert.equal(oldDoc, write.oldDoc)
    assert.equal(userCtx, write.userCtx)
    assert.equal(secObj, write.secObj)
    assert.deepEqual([id, rev, db, name, roles], ['note:1', '1-a', 'db', 'ann', ['reader']])
  })

  it('has what _security says', () => {
    const { admins, adminsNames, adminsRoles, members, membersNames, membersRoles } = contextOf(write)
    assert.deepEqual([admins, members], [write.secObj.admins, write.secObj.members])
    assert.deepEqual([adminsNames, adminsRoles, membersNames, membersRoles], [['a'], ['b'], ['c'], ['d']])
  })

  it('knows roles by may and is', () => {
    const { may, is } = contextOf(write)
    assert.deepEqual([may('reader'), is('reader'), may('writer'), is('writer')], [true, true, false, false])
  })

  it("has the CoffeeScript's names too", () => {
    const context = contextOf(write)
    const pairs: [unknown, unknown][] = [
      [context.validate_fields, context.validateFields],
      [context.restrict_adding_fields, context.restrictAddingFields],
      [context.restrict_removing_fields, context.restrictRemovingFields],
      [context.restrict_modifying_fields, context.restrictModifyingFields],
      [context.is_design, context.isDesign],
      [context.validate_type, context.validateType],
      [context.is_logged_in, context.isLoggedIn],
      [context.enforce_logged_in, context.enforceLoggedIn],
      [context.enforce_updated_by, context.enforceUpdatedBy],
      [context.is_admin, context.isAdmin],
      [context.admins_names, context.adminsNames],
      [context.admins_roles, context.adminsRoles],
      [context.members_names, context.membersNames],
      [context.members_roles, context.membersRoles],
      [context.is_owner, context.isOwner],
      [context.enforce_ownership, context.enforceOwnership],
      [context.forbid_deletion, context.forbidDeletion],
      [context.forbid_creation, context.forbidCreation],
      [context.enforce_might, context.enforceMight],
    ]
    for (const [alias, own] of pairs) {
      assert.equal(alias, own)
      assert.notEqual(own, undefined)
    }
    const taken = verdictOf({ name: null }, ({ enforce_logged_in }) => enforce_logged_in())
    assert.equal(taken, 'unauthorized: Not logged in.')
  })

  it('lets a write pass whatever rules return', () =>
    assert.equal(
      verdictOf({}, () => false),
      'ok',
    ))

  it('refuses rules that are async, for CouchDB would not wait', () => {
    const late = (async () => Promise.resolve()) as unknown as () => void
    assert.throws(() => verdictOf({}, late), { message: 'Expected rules to be a function that is not async' })
  })
})
