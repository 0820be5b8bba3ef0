// All that rules have at hand for one write, under the names of this language and those of the CoffeeScript that it grew from.
import { changesOf, type Changes } from './changes.ts'
import { documentTypeOf, type DocumentType } from './document-type.ts'
import { stateChangeOf, type StateChange } from './event.ts'
import { forbidden, unauthorized } from './refusal.ts'
import { databaseSecurityOf, type DatabaseSecurity } from './security.ts'
import type { Write } from './types.ts'
import { userOf, type User } from './user.ts'

interface Names extends Write, Changes, DocumentType, User, DatabaseSecurity, StateChange {
  /** The document's `_id`. */
  id: string | undefined
  /** The document's `_rev`: of the revision that is written over, or, in a replication, of the one that is written. */
  rev: string | undefined
  /** Refuses the write: 403, with this reason. */
  forbidden: (reason: string) => never
  /** Refuses the write to those who are not, or not rightly, logged in: 401, with this reason. */
  unauthorized: (reason: string) => never
}

/** The names of the CoffeeScript, for rules that were written in it. */
const FORMER_NAMES = {
  validate_fields: 'validateFields',
  restrict_adding_fields: 'restrictAddingFields',
  restrict_removing_fields: 'restrictRemovingFields',
  restrict_modifying_fields: 'restrictModifyingFields',
  is_design: 'isDesign',
  validate_type: 'validateType',
  is_logged_in: 'isLoggedIn',
  enforce_logged_in: 'enforceLoggedIn',
  enforce_updated_by: 'enforceUpdatedBy',
  is_admin: 'isAdmin',
  admins_names: 'adminsNames',
  admins_roles: 'adminsRoles',
  members_names: 'membersNames',
  members_roles: 'membersRoles',
  is_owner: 'isOwner',
  enforce_ownership: 'enforceOwnership',
  forbid_deletion: 'forbidDeletion',
  forbid_creation: 'forbidCreation',
  enforce_might: 'enforceMight',
} as const satisfies Record<string, keyof Names>

type FormerNames = { [Name in keyof typeof FORMER_NAMES]: Names[(typeof FORMER_NAMES)[Name]] }

/** What rules are called with. */
export type Context = Readonly<Names & FormerNames>

/** Getters on a prototype: nothing is copied at each write for names that few rules use. */
const formerNames = {} as FormerNames
for (const alias of Object.keys(FORMER_NAMES) as (keyof typeof FORMER_NAMES)[])
  Object.defineProperty(formerNames, alias, {
    get(this: Names): unknown {
      return this[FORMER_NAMES[alias]]
    },
  })

export function contextOf(write: Write): Context {
  const { doc } = write
  const documentType = documentTypeOf(write)
  const atHand = { id: doc._id, rev: doc._rev, forbidden, unauthorized }
  const aboutDocument = Object.assign(changesOf(write), documentType, stateChangeOf(write, documentType.type))
  const aboutWriter = Object.assign(userOf(write), databaseSecurityOf(write))
  return Object.assign(
    Object.create(formerNames) as FormerNames,
    Object.assign(atHand, write),
    aboutDocument,
    aboutWriter,
  )
}
