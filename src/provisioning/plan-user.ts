// What a user of `_users` is to have: a personal database of the user's own, and no other's, whatever `_users` says.
import { isDeepStrictEqual } from 'node:util'
import type { KnownUser } from '../users/known-user.ts'
import { graceLeft } from '../documents/grace.ts'
import {
  personalSecurity,
  type Claim,
  type MasterStatus,
  type ProvisionedUserChange,
  type ProvisionedUser,
  type ProvisionedUserState,
} from './provisioned-user.ts'
import { isPersonalName } from '../documents/names.ts'
import { kindOf, problem, quote, type Problem } from '../documents/problem.ts'
import { ADMIN_ONLY, type FoundSecurity } from '../documents/security.ts'

export interface ProvisionedUserFacts {
  name: string
  /** Which of `_users` names the personal database. */
  attribute: string
  /** Null: there is no such user, or none any more. */
  user: KnownUser | null
  entry: ProvisionedUser | null
  /** Somebody else may have the name now: the account that the entry is of was deleted, as far as anybody can tell. */
  isAnother: boolean
  /** Whose the databases are that user and entry name. */
  claims: ReadonlyMap<string, Claim>
  /** The `_security` of those of them that exist. */
  securities: ReadonlyMap<string, FoundSecurity>
  /** A name that no database has, for the case that one is needed. */
  fresh: string
  onDeparture: 'keep' | 'drop'
  /** How long a user who is gone may come back to the same database. */
  graceMs: number
  /** ISO 8601 */
  at: string
}

export type ProvisionedUserEffect =
  /** Has to come about: where somebody else was faster, all is planned again. */
  | { kind: 'claim'; database: string; attribute: string }
  | { kind: 'change'; change: ProvisionedUserChange }
  /** Into the `_users` document, so that the user's applications find it. */
  | { kind: 'record'; database: string }
  /** The personal database is there, with its design documents, and lets the user in. */
  | { kind: 'open'; database: string }
  | { kind: 'secure'; database: string; security: object }
  | { kind: 'end-leases'; database: string }
  | { kind: 'end-claim'; database: string }
  | { kind: 'drop'; database: string }

/** Plans what a change in `_users` means (docs/provisioning.md). Effects are in their order; each may have been done before. */
export function planProvisionedUser(facts: ProvisionedUserFacts): ProvisionedUserEffect[] {
  return facts.user === null ? planDeparture(facts) : planPresence(facts, facts.user)
}

function planPresence(facts: ProvisionedUserFacts, user: KnownUser): ProvisionedUserEffect[] {
  const { entry, claims } = facts
  // Only whoever made the account again as it was knows the name of its database.
  if (entry && user.recorded !== entry.database && (entry.state === 'leaving' || facts.isAnother))
    return [
      ...(entry.state === 'leaving' ? [] : planClosing(entry)),
      ...planEnd(entry, facts.onDeparture),
      ...planPresence({ ...facts, entry: null, isAnother: false, claims: withEnded(claims, entry) }, user),
    ]
  const roles = sortedRoles(user.roles)
  const chosen = chooseDatabase(facts, user)
  if (typeof chosen !== 'string') {
    const masters = entry?.masters ?? {}
    return [
      {
        kind: 'change',
        change: {
          ...{ database: null, state: 'refused', roles: [], masters, problem: chosen },
          account: user.account,
        },
      },
    ]
  }
  const { others, effects, found } = planOthers(facts, user)
  const former = formerOf(entry, chosen, others)
  const isNew = entry?.database !== chosen || entry.state !== 'active'
  // Whoever looks for people by a role that was gained finds this one before the comparison begins.
  const hasChanged = isNew || !isDeepStrictEqual(entry.roles, roles)
  const isDue = hasChanged || entry.due === true
  return [
    ...(claims.has(chosen) ? [] : [{ kind: 'claim', database: chosen, attribute: facts.attribute } as const]),
    {
      kind: 'change',
      change: {
        database: chosen,
        state: 'active',
        roles: isNew ? roles : sortedRoles([...entry.roles, ...roles]),
        due: isDue ? true : undefined,
        ...(hasChanged ? { again: undefined } : {}),
        others,
        former,
        // Where somebody else of the same name has asked is none of this one's.
        ...(entry?.database === chosen ? {} : { asked: undefined }),
        ...(isNew ? { masters: {} } : {}),
        account: user.account,
        problem: found ?? undefined,
        leftAt: undefined,
      },
    },
    ...(user.recorded === chosen ? [] : [{ kind: 'record', database: chosen } as const]),
    { kind: 'open', database: chosen },
    ...effects,
    ...(former ?? []).map((database): ProvisionedUserEffect => ({
      kind: 'secure',
      database,
      security: personalSecurity(facts.name, database),
    })),
  ]
}

/** What the user's attributes named before, and do not any more; undefined for nothing. */
function formerOf(
  entry: ProvisionedUser | null,
  database: string,
  others: Readonly<Record<string, string>>,
): string[] | undefined {
  if (entry?.database !== database) return undefined
  const left = [...(entry.former ?? []), ...Object.values(entry.others)]
  const former = [...new Set(left)].filter((one) => !Object.values(others).includes(one)).sort()
  return former.length > 0 ? former : undefined
}

/** Roles as the registry has them. */
export const sortedRoles = (roles: readonly string[]): string[] => [...new Set(roles)].sort()

/** The database that the user has, the one that `_users` records, or a new one; or why there can be none. */
function chooseDatabase(facts: ProvisionedUserFacts, { recorded }: KnownUser): string | Problem {
  const { entry, fresh } = facts
  if (entry?.state === 'active' && entry.database !== null) return entry.database
  if (recorded === undefined || recorded === null) return fresh
  return mayHave(facts, recorded, facts.attribute) ?? (recorded as string)
}

/** Why a database that an attribute names is not to be the user's, or null. */
function mayHave(
  { name, claims, securities }: ProvisionedUserFacts,
  database: unknown,
  attribute: string,
): Problem | null {
  if (!isPersonalName(database))
    return problem(
      'illegal_database',
      attribute,
      typeof database === 'string' ? quote(database) : kindOf(database),
    )
  const claim = claims.get(database)
  if (claim) return claim.name === name && claim.ended !== true ? null : problem('database_taken', attribute)
  const security = securities.get(database)
  return security === undefined || isFreeFor(name, database, security)
    ? null
    : problem('database_taken', attribute)
}

/** A database that nobody has claimed and that is there already: it is not to let in anybody else. */
function isFreeFor(name: string, database: string, { admins, members, readers }: FoundSecurity): boolean {
  const own = personalSecurity(name, database).members.roles
  const named = [admins, members ?? readers]
  return (
    named.every((grants) => (grants?.names ?? []).every((other) => other === name)) &&
    named.every((grants) => (grants?.roles ?? []).every((role) => role === '_admin' || own.includes(role)))
  )
}

/** Databases that other attributes name get the same security; they are made by somebody else. */
function planOthers(
  facts: ProvisionedUserFacts,
  user: KnownUser,
): { others: Record<string, string>; effects: ProvisionedUserEffect[]; found: Problem | null } {
  const { name, claims, securities } = facts
  const others: Record<string, string> = {}
  const effects: ProvisionedUserEffect[] = []
  let found: Problem | null = null
  for (const [attribute, database] of Object.entries(user.others)) {
    if (database === undefined || database === null) continue
    const refusal = mayHave(facts, database, attribute)
    if (refusal) {
      found ??= refusal
      continue
    }
    const own = database as string
    others[attribute] = own
    if (!claims.has(own)) effects.push({ kind: 'claim', database: own, attribute })
    if (securities.has(own))
      effects.push({ kind: 'secure', database: own, security: personalSecurity(name, own) })
  }
  return { others, effects, found }
}

/** The user is gone: access goes at once, the rest after a while; `_users` may be on its way back from a backup. */
function planDeparture({ entry, onDeparture, graceMs, at }: ProvisionedUserFacts): ProvisionedUserEffect[] {
  if (entry === null || isGone(entry.state)) return []
  const masters = canceled(entry.masters, at)
  const left = { due: undefined, again: undefined, masters, problem: undefined }
  // Also where somebody has opened one meanwhile.
  if (entry.state === 'leaving' && graceLeft(entry.leftAt, graceMs, at) > 0) return planShut(entry)
  const closing = entry.state === 'leaving' ? [] : planClosing(entry)
  if (entry.state !== 'leaving' && graceMs > 0)
    return [...closing, { kind: 'change', change: { ...left, state: 'leaving', leftAt: at } }]
  const state = onDeparture === 'drop' ? 'dropped' : 'kept'
  return [
    ...closing,
    ...planEnd(entry, onDeparture),
    { kind: 'change', change: { ...left, state, leftAt: undefined } },
  ]
}

/** All databases of a user's that the daemon keeps closed to others. */
export const databasesOf = ({ database, others, former = [] }: ProvisionedUser): string[] =>
  database === null ? [] : [database, ...Object.values(others), ...former]

const planShut = (entry: ProvisionedUser): ProvisionedUserEffect[] =>
  databasesOf(entry).map((database) => ({ kind: 'secure', database, security: ADMIN_ONLY }))

function planClosing(entry: ProvisionedUser): ProvisionedUserEffect[] {
  return [
    ...planShut(entry),
    ...(entry.database === null ? [] : [{ kind: 'end-leases', database: entry.database } as const]),
  ]
}

/** Nobody gets these databases any more, somebody who comes under the same name neither. */
function planEnd(entry: ProvisionedUser, onDeparture: 'keep' | 'drop'): ProvisionedUserEffect[] {
  return [
    ...databasesOf(entry).map((database): ProvisionedUserEffect => ({ kind: 'end-claim', database })),
    ...(onDeparture === 'drop' && entry.database !== null
      ? [{ kind: 'drop', database: entry.database } as const]
      : []),
  ]
}

/** The claims as they are when all of an entry have ended. */
const withEnded = (claims: ReadonlyMap<string, Claim>, entry: ProvisionedUser): Map<string, Claim> =>
  new Map(
    [...claims].map(([database, claim]) => [
      database,
      databasesOf(entry).includes(database) ? { ...claim, ended: true } : claim,
    ]),
  )

const isGone = (state: ProvisionedUserState): boolean => state === 'kept' || state === 'dropped'

/** Of masters that give nothing any more; of those that say so already, as they are. */
export const canceled = (
  masters: Readonly<Record<string, MasterStatus>>,
  at: string,
): Record<string, MasterStatus> =>
  Object.fromEntries(
    Object.entries(masters).map(([master, standing]) => [
      master,
      standing.state === 'canceled'
        ? standing
        : { ...standing, state: 'canceled', times: { ...standing.times, canceled: at } },
    ]),
  )
