// A provisioned user: the registry's documents for the user and for each database of the user's, and what both may say.
import { parseAccountMark, type AccountMark } from '../users/account.ts'
import { isPersonalName } from '../documents/names.ts'
import type { Problem } from '../documents/problem.ts'
import type { Rejection } from '../documents/rejected.ts'
import type { Grants } from '../documents/security.ts'
import { isRecord, isText } from '../documents/shapes.ts'

const USER_PREFIX = 'person/'
const CLAIM_PREFIX = 'database/'

/** The registry's document for a provisioned user. */
export const provisionedUserId = (name: string): string => USER_PREFIX + name

/** The registry's document that says whose a personal database is. */
export const claimId = (database: string): string => CLAIM_PREFIX + database

/** First and last possible id of the registry's documents for provisioned users. */
export const PROVISIONED_USER_RANGE = { startKey: USER_PREFIX, endKey: 'person0' } as const

const PROVISION_DOCUMENT_PREFIX = '$provision/'

/** `$provision/<master>`: how far a user's documents of a master are, and by which the user asks for them. */
export const provisionDocumentId = (master: string): string => PROVISION_DOCUMENT_PREFIX + master

/** The master in `$provision/<master>`, unchecked, or null where the document is none. */
export const masterOfProvision = (documentId: string): string | null =>
  documentId.startsWith(PROVISION_DOCUMENT_PREFIX) ? documentId.slice(PROVISION_DOCUMENT_PREFIX.length) : null

/** First and last possible id of them. */
export const PROVISION_DOCUMENT_RANGE = {
  startKey: PROVISION_DOCUMENT_PREFIX,
  endKey: '$provision0',
} as const

/** See docs/provisioning.md. */
export type ProvisionState = 'active' | 'paused' | 'denied' | 'error' | 'complete' | 'canceled'

/** How one master stands with one user. */
export interface MasterStatus {
  state: ProvisionState
  /** When each state was entered last, and when the first run was complete; ISO 8601. */
  times: Partial<Record<ProvisionState | 'ready', string>>
  /** Live documents of the master in the personal database. */
  documents: number
  /** The latest changes of the user that did not reach the master. */
  rejected?: Rejection[]
  problem?: Problem
  /** Why no replication runs where one should. All is compared as ever: the daemon brings documents itself. */
  leaseProblem?: Problem
  /** Equal where the master's functions were the same when all documents were compared last. */
  access: string
  /** `instance_start_time` of the master as it was then. */
  instance?: string
}

/** True where a master was dropped and made again since all documents were compared with it. */
export const isRenewed = (
  standing: MasterStatus | undefined,
  info: { instance_start_time: string } | undefined,
): boolean =>
  standing?.instance !== undefined && info !== undefined && standing.instance !== info.instance_start_time

/**
 * `active` · `refused`: see `problem` · `leaving`: the user is gone, and may come back for a while · `kept`: for good, the
 * database is the admins' · `dropped`: it is gone, too.
 */
export type ProvisionedUserState = 'active' | 'refused' | 'leaving' | 'kept' | 'dropped'

/** What the registry holds of a provisioned user. */
export interface ProvisionedUser {
  _id: string
  _rev?: string
  type: 'person'
  /** As in `_users.name`. */
  name: string
  /** The personal database; null where there could be none. */
  database: string | null
  state: ProvisionedUserState
  /** The roles, sorted, whose documents the database may have. */
  roles: string[]
  /** All documents are to be compared: what the roles say has changed, and may not be carried out yet. */
  due?: true
  /** Beside `due`: what says what the user has is as it was, and all is only looked at once more. */
  again?: true
  /** Databases that other attributes of the `_users` document name, by attribute. */
  others: Record<string, string>
  /** Databases that attributes named before: they are the user's still. */
  former?: string[]
  /** By the names of masters. */
  masters: Record<string, MasterStatus>
  /** Live documents in the database that are no master's: design documents, standings, and what is the user's own. */
  otherDocuments?: number
  /** User databases in which the user asked: what `$provision/<master>` says is said there, too. */
  asked?: string[]
  problem?: Problem
  /** Whose the name was when `_users` was read last: absent where an older daemon wrote this. */
  account?: AccountMark
  /** When the user was found to be gone; ISO 8601. */
  leftAt?: string
  updatedAt: string
}

/** What may change of an entry; `undefined` takes an attribute out. */
export type ProvisionedUserChange = {
  [Key in keyof Omit<ProvisionedUser, '_id' | '_rev' | 'type' | 'name' | 'updatedAt'>]?:
    ProvisionedUser[Key] | undefined
}

/** Whose a personal database is, for good. */
export interface Claim {
  _id: string
  type: 'claim'
  database: string
  name: string
  /** The attribute of the `_users` document that it was claimed by: `database`, or another. */
  attribute: string
  /** The user is gone: nobody else gets it, under the same name either. */
  ended?: true
}

/** Reads a document of the registry, or null where it is no provisioned user. What an admin's hand left of it counts. */
export function parseProvisionedUser(doc: Record<string, unknown> | null): ProvisionedUser | null {
  if (doc?.['type'] !== 'person' || typeof doc['name'] !== 'string') return null
  if (doc['database'] !== null && !isPersonalName(doc['database'])) return null
  const { state, roles, others, masters, asked, account, ...rest } = doc
  const mark = parseAccountMark(account)
  return {
    ...(rest as unknown as ProvisionedUser),
    ...(mark === undefined ? {} : { account: mark }),
    state: isState(state) ? state : 'refused',
    roles: textsOf(roles),
    others: pick(others, isText),
    masters: pick(masters, isStatus),
    ...(asked === undefined ? {} : { asked: textsOf(asked) }),
  }
}

/** A record, so that the compiler misses the state that is missing here. */
const STATES: Record<ProvisionedUserState, true> = {
  active: true,
  refused: true,
  leaving: true,
  kept: true,
  dropped: true,
}

const isState = (value: unknown): value is ProvisionedUserState =>
  typeof value === 'string' && Object.hasOwn(STATES, value)

const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.filter(isText) : [])

/** What is left out is made anew by the next comparison. */
const isStatus = (value: unknown): value is MasterStatus =>
  isRecord(value) && isRecord(value['times']) && Array.isArray(value['rejected'] ?? [])

const pick = <Value>(values: unknown, isOne: (value: unknown) => value is Value): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(isRecord(values) ? values : {}).filter((pair): pair is [string, Value] => isOne(pair[1])),
  )

/** Reads a document of the registry, or null where it is no claim. */
export function parseClaim(doc: Record<string, unknown> | null): Claim | null {
  if (doc?.['type'] !== 'claim' || typeof doc['name'] !== 'string' || !isPersonalName(doc['database']))
    return null
  return doc as unknown as Claim
}

/**
 * Who may enter a personal database: the user, whoever has its role, and services that tend all such databases. Seed
 * 000 and its `set_security`: the user is no admin of the database.
 */
export function personalSecurity(name: string, database: string): { admins: Grants; members: Grants } {
  return {
    admins: { names: [], roles: ['_admin'] },
    members: { names: [name], roles: [`user_database:${database}`, 'update:user_db:'] },
  }
}
