// Who may do what with a share, as its `_security` says it: CouchDB's keys, and `writers`, which is ours.
import type { Access, Whom } from './access.ts'
import {
  type Grants,
  SERVER_ADMINS,
  type FoundSecurity,
  orAdmins,
  unite,
  bothAllow,
  common,
} from '../../documents/security.ts'

/** Keys of ours that CouchDB keeps and hands to `_design/write_access`. */
export interface Writers extends Grants {
  /** Everybody who is a member. */
  everyone?: true
  /** The most bytes of a document that somebody may write who is in neither list. */
  mostBytes?: number
  /** The database is being made anew: who may write is to try again in a moment. */
  closed?: true
}

export interface ShareSecurity {
  admins: Grants
  members: Grants
  writers: Writers
}

/** What a share's `_security` is made of. */
export interface ShareGrants {
  /** The owner: the hash as a role, and user names that the owner's database is named after (couch_peruser). */
  owner: Grants
  access: Access
  /** How named users stand in CouchDB, by their names in `access`; those that nobody has are left out. */
  users: ReadonlyMap<string, Grants>
  /** The role of those who know the password, where a public share has one; lets nobody into a share that is not public. */
  passwordRole: string | null
  /** The most bytes of a document that somebody may write who is not named. */
  publicMostBytes: number
}

/**
 * The security of a share (docs/design.md, Access). `members` without any name or role means *public*, and comes of nothing
 * but `read: true` or `write: true` without a password. Lists are sorted, so that equal access is equal security.
 */
export function shareSecurity({
  owner,
  access: { read, write },
  users,
  passwordRole,
  publicMostBytes,
}: ShareGrants): ShareSecurity {
  const named = (whom: Whom): Grants[] => (whom === true ? [] : whom.flatMap((name) => users.get(name) ?? []))
  const writers = unite([owner, ...named(write)])
  const isForAll = read === true || write === true
  const withPassword = isForAll && passwordRole !== null ? [{ names: [], roles: [passwordRole] }] : []
  const isPublic = isForAll && passwordRole === null
  return {
    admins: SERVER_ADMINS,
    members: isPublic
      ? { names: [], roles: [] }
      : orAdmins(unite([owner, ...named(read), ...named(write), ...withPassword])),
    writers: write === true ? { ...writers, everyone: true, mostBytes: publicMostBytes } : writers,
  }
}

/**
 * Lets nobody read or write whom `before` did not let, and nobody whom `after` does not: what may be put in force at any
 * time, whatever else is under way.
 */
export function narrower<Found extends FoundSecurity & { writers?: Partial<Writers> }>(
  before: Found,
  after: FoundSecurity & { writers?: Partial<Writers> },
): Found {
  const between = bothAllow(before, after)
  if (before.writers === undefined) return between
  return { ...between, writers: bothMayWrite(before.writers, after.writers ?? {}) }
}

/** Who writes because everybody may, and is named in the other, may write before and after. */
function bothMayWrite(one: Partial<Writers>, other: Partial<Writers>): Writers {
  const named =
    one.everyone === true && other.everyone !== true
      ? unite([other])
      : other.everyone === true && one.everyone !== true
        ? unite([one])
        : common(one, other)
  const limits = [one.mostBytes, other.mostBytes].filter((limit) => limit !== undefined)
  const isForAll = one.everyone === true && other.everyone === true
  return {
    ...named,
    ...(isForAll ? { everyone: true } : {}),
    ...(isForAll && limits.length > 0 ? { mostBytes: Math.min(...limits) } : {}),
    ...(one.closed === true || other.closed === true ? { closed: true } : {}),
  }
}

/**
 * The security of a share while its database is made anew: those who may read before and after go on reading, and
 * whoever may write is told to try again, so that nothing is written between the last look and the drop.
 */
export const closedToWriters = <Found extends FoundSecurity>(
  security: Found & { writers?: object },
): Found => ({ ...security, writers: { ...security.writers, closed: true } })
