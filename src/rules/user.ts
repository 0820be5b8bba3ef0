// Who writes, and what this person may do by login and by role.
import { hasOwn, own } from './own.ts'
import { forbidden, unauthorized } from './refusal.ts'
import type { Write } from './types.ts'

export interface User {
  /** The database that is written to. */
  db: string
  /** The writer's name, null for anonymous. */
  name: string | null
  roles: readonly string[]
  isLoggedIn: boolean
  /** Refuses anonymous. 401 "Not logged in." */
  enforceLoggedIn: () => void
  /**
   * Refuses a document whose `updated_by` is not the writer's name; anonymous has none, and `null` there is no way in.
   * "Field `updated_by` is required.", "Not logged in.", "Field `updated_by` must contain `name`."
   */
  enforceUpdatedBy: () => void
  /** Whether the writer has the role. */
  may: (role: string) => boolean
  /** The same as `may`. */
  is: (role: string) => boolean
  /** Whether the writer is an admin of the server, as the replicator is. */
  isAdmin: () => boolean
  /**
   * Whether the writer has a role that is the document's `_id`; for `number:<digits>@<domain>` and `endpoint:…` also the
   * role `number_domain:<domain>`.
   */
  might: () => boolean
  /** Refuses whom `might` does not admit. "Not permitted to modify this record." */
  enforceMight: () => void
}

export function userOf({ doc, userCtx }: Write): User {
  // Absent counts as null: a name that is undefined is nobody's.
  const name = userCtx.name ?? null
  const roles = userCtx.roles ?? []
  const isLoggedIn = name !== null
  const may = (role: string): boolean => roles.includes(role)
  const enforceLoggedIn = (): void => {
    if (!isLoggedIn) unauthorized('Not logged in.')
  }
  const might = (): boolean => {
    const id = doc._id
    if (id === undefined) return false
    const domain = /^(?:number|endpoint):\d+@(\S+)$/.exec(id)?.[1]
    return may(id) || (domain !== undefined && may(`number_domain:${domain}`))
  }
  return {
    db: userCtx.db,
    name,
    roles,
    isLoggedIn,
    enforceLoggedIn,
    enforceUpdatedBy: () => {
      if (!hasOwn(doc, 'updated_by')) forbidden('Field `updated_by` is required.')
      enforceLoggedIn()
      if (own(doc, 'updated_by') !== name) forbidden(`Field \`updated_by\` must contain \`${name}\`.`)
    },
    may,
    is: may,
    isAdmin: () => may('_admin'),
    might,
    enforceMight: () => {
      if (!might()) forbidden('Not permitted to modify this record.')
    },
  }
}
