// Gateway databases: what the databases are called that the daemon keeps for them, and what is in those.
import { EVERYBODY } from './function/grants.ts'
import type { AccountMark } from '../users/account.ts'
import type { Problem } from '../documents/problem.ts'
import type { Rejection } from '../documents/rejected.ts'
import { ADMIN_ONLY, type Grants } from '../documents/security.ts'
import type { Routed } from './function/routed.ts'

/** The document in which a user reads how a gateway stands; no document of the application is called so. */
export const GATEWAY_DOCUMENT = '$gateway'

const ROUTE_PREFIX = 'document/'
const USER_PREFIX = 'user/'

/** The route of a document. */
export const routeId = (document: string): string => ROUTE_PREFIX + document

/** The document that a route is of, or null where it is none. */
export const documentOfRoute = (id: string): string | null =>
  id.startsWith(ROUTE_PREFIX) ? id.slice(ROUTE_PREFIX.length) : null

/** First and last possible id of routes. */
export const ROUTE_RANGE = { startKey: ROUTE_PREFIX, endKey: 'document0' } as const

/** The entry of a user. */
export const gatewayUserId = (name: string): string => USER_PREFIX + name

/** First and last possible id of the entries of users. */
export const GATEWAY_USER_RANGE = { startKey: USER_PREFIX, endKey: 'user0' } as const

/** How far all documents were evaluated by a function. */
export const EVALUATION_ID = 'evaluation'

/** What a document says of who sees it, and of who sees what by it; lists as in `Routed`. */
export type Reach = Pick<Routed, 'channels' | 'access' | 'roles'>

/** Where a document goes, as the index has it. */
export interface Route extends Routed {
  _id: string
  _rev?: string
  type: 'route'
  /** The gateway's revision that was judged; null: the document is gone. */
  rev: string | null
  /**
   * The revision that was judged before this one: a user may have it, and the gateway, dropped and made again, know nothing of it, not
   * even a tombstone.
   */
  last?: string
  /** Why it is in no channel: the function broke, or refused it. */
  problem?: Problem
  /**
   * What it reached before, as long as not everybody was seen to who is concerned: all channels, and those grants by which
   * what it grants now differs from all that it granted meanwhile.
   */
  before?: Reach
}

/** `active` · `leaving`: the account is gone, the database closed and about to be dropped. */
export type GatewayUserState = 'active' | 'leaving'

/** What the index holds of a user. */
export interface GatewayUser {
  _id: string
  _rev?: string
  type: 'user'
  /** As in `_users.name`. */
  name: string
  /** `user/<hash>/<gateway>` */
  database: string
  state: GatewayUserState
  /**
   * What the user has, each sorted: granted by documents, and the roles of `_users`; while it changes, what they were before,
   * too. `*` may be among the channels, `!` never is.
   */
  roles: string[]
  channels: string[]
  /** All documents are to be compared: what the user has was changed, and may not be carried out yet. */
  due?: true
  /** `instance_start_time` of the database for which all were compared last: another one of the same name is filled anew. */
  instance?: string
  /** Of the function that the database was given as a validation function. */
  function: string
  /** Live documents of the gateway in the database. */
  documents: number
  /** When all of them were there first; ISO 8601. */
  readyAt?: string
  /** The latest changes of the user that did not reach the gateway. */
  rejected?: Rejection[]
  /** Whose the name was when `_users` was read last: absent where an older daemon wrote this. */
  account?: AccountMark
  /** When the account was found to be gone; ISO 8601. */
  leftAt?: string
  updatedAt: string
}

/** What may change of a user's entry; `undefined` takes an attribute out. */
export type GatewayUserChange = {
  [Key in keyof Omit<GatewayUser, '_id' | '_rev' | 'type' | 'name' | 'updatedAt'>]?:
    GatewayUser[Key] | undefined
}

/** The run of a function over all documents. */
export interface Evaluation {
  _id: typeof EVALUATION_ID
  _rev?: string
  type: 'evaluation'
  /** Of the function. */
  hash: string
  /** Of the gateway's database: another one of the same name is evaluated anew. */
  instance: string
  state: 'running' | 'done'
  /** Where it goes on: the first documents, in order of their ids, are evaluated; absent at the beginning. */
  after?: string
  /** Documents that were evaluated, and those of them that go nowhere because the function failed or refused them. */
  documents: number
  failed: number
  /**
   * Channels that documents behind `after` come into, or leave, without their routes remembering it: nobody had any of these. Whoever
   * has one when an evaluation goes on came to it meanwhile, and may have been told nothing.
   */
  crossed?: string[]
  /** ISO 8601 */
  startedAt: string
  finishedAt?: string
}

/** Past so many channels and roles the user's `_security` names none, and the validation function lets pass what asks for them. */
export const MOST_GRANTS_IN_SECURITY = 1_000

/** Past so many databases of gateways' users there is a warning: CouchDB holds each that is in use open, and shards cost files. */
export const MOST_DATABASES = 10_000

/** `_security` of a user's database: `gateway` is what the validation function goes by. */
export interface GatewaySecurity {
  admins: Grants
  members: Grants
  /** Null: more than are named, and only the router knows them. */
  gateway: { roles: string[]; channels: string[] } | { roles: null; channels: null }
}

/** Lets in the user alone. Every write pays for the length of what is named: see docs/design.md, Access. */
export function gatewaySecurity(
  name: string,
  { roles, channels }: Pick<GatewayUser, 'roles' | 'channels'>,
): GatewaySecurity {
  const isNamed = roles.length + channels.length <= MOST_GRANTS_IN_SECURITY
  return {
    admins: ADMIN_ONLY.admins,
    members: { names: [name], roles: [] },
    gateway: isNamed
      ? { roles: [...roles], channels: [...channels, EVERYBODY] }
      : { roles: null, channels: null },
  }
}

/** What somebody has who has nothing. */
export const NO_REACH: Reach = Object.freeze({ channels: [], access: [], roles: [] })
