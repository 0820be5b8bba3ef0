// What `_security` of the database says of the writer.
import { unauthorized } from './refusal.ts'
import type { Group, Write } from './types.ts'

export interface DatabaseSecurity {
  admins: Group | undefined
  adminsNames: string[] | undefined
  adminsRoles: string[] | undefined
  members: Group | undefined
  membersNames: string[] | undefined
  membersRoles: string[] | undefined
  /** Whether the writer stands in `members.names`; false where there are none, and for anonymous. */
  isOwner: boolean
  /** Refuses everyone who is no owner. 401 "Not owner." */
  enforceOwnership: () => void
  /** Whether the writer is an admin of the server, or stands in `admins` by name or by role. */
  isDatabaseAdmin: () => boolean
}

export function databaseSecurityOf({ userCtx, secObj }: Write): DatabaseSecurity {
  const { admins, members } = secObj
  const name = userCtx.name ?? null
  const roles = userCtx.roles ?? []
  const isNamedIn = (group: Group | undefined): boolean =>
    name !== null && group?.names?.includes(name) === true
  const isOwner = isNamedIn(members)
  return {
    admins,
    adminsNames: admins?.names,
    adminsRoles: admins?.roles,
    members,
    membersNames: members?.names,
    membersRoles: members?.roles,
    isOwner,
    enforceOwnership: () => {
      if (!isOwner) unauthorized('Not owner.')
    },
    isDatabaseAdmin: () =>
      roles.includes('_admin') ||
      isNamedIn(admins) ||
      roles.some((role) => admins?.roles?.includes(role) === true),
  }
}
