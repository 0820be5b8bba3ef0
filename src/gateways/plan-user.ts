// What a user of a gateway is to have: the database that is called after the user's own, and what `_users` and the routes grant.
import isEqual from 'lodash/isEqual.js'
import pick from 'lodash/pick.js'
import { graceLeft } from '../documents/grace.ts'
import type { AccountMark } from '../users/account.ts'
import type { Holdings } from './function/grants.ts'
import { gatewayUserId, type GatewayUser, type GatewayUserChange } from './model.ts'

/** What a user is to have. */
export interface WantedUser {
  /** The user's database for the gateway. */
  database: string
  holdings: Holdings
  account: AccountMark
}

export interface GatewayUserFacts {
  name: string
  /** What the index has of the user; null: nothing. */
  entry: GatewayUser | null
  /** Null: there is no such user, or none with a user database, or none any more. */
  wanted: WantedUser | null
  /** Somebody else may have the name now: the account that the entry is of was deleted, as far as anybody can tell. */
  isAnother: boolean
  /** The entries of others whose database by the index is the one that this user is to have. */
  others: readonly GatewayUser[]
  /** How long the database of a user who is gone is kept, closed. */
  graceMs: number
  /** ISO 8601 */
  at: string
}

export type GatewayUserEffect =
  /** The database is dropped, and the entry deleted. */
  | { kind: 'end'; entry: GatewayUser }
  /** Where the database is there, `_security` lets in admins alone. */
  | { kind: 'close'; database: string }
  /** The same of one that was closed already: whoever opened it is told of in the log. */
  | { kind: 'keep-closed'; database: string }
  /** Has to come about: where another daemon was faster, all is gathered again. */
  | { kind: 'change'; over: GatewayUser; change: GatewayUserChange }
  /**
   * The user has just this still, else all is gathered again: who granted something to a role before the change was written may not
   * have found this user among the role's holders.
   */
  | { kind: 'confirm'; holdings: Holdings }
  /** The database is there, with its validation function, and lets the user in. */
  | { kind: 'open'; database: string; holdings: Holdings }

/** Effects are in their order; each may have been done before. */
export type GatewayUserPlan =
  /** There is no database for the user, or none any more. */
  | { kind: 'gone'; effects: GatewayUserEffect[] }
  /** The database is closed, and kept for a while. */
  | { kind: 'leaving'; effects: GatewayUserEffect[] }
  /** What the index has is another account's, or of another database: when that has ended, all is gathered again. */
  | { kind: 'replaced'; effects: GatewayUserEffect[] }
  /** Another user has the database by the index: first that one is to lose it. */
  | { kind: 'blocked'; by: string; database: string; effects: GatewayUserEffect[] }
  | { kind: 'present'; holdings: Holdings; effects: GatewayUserEffect[] }

/** Plans what a change in `_users`, or in what documents grant, means for a user (docs/gateway.md). */
export function planGatewayUser(facts: GatewayUserFacts): GatewayUserPlan {
  const { entry, wanted } = facts
  if (wanted === null) return planDeparture(facts)
  if (entry !== null && isFormer(facts, entry, wanted))
    return { kind: 'replaced', effects: [{ kind: 'end', entry }] }
  return planPresence(facts, wanted)
}

/** Under the same name it may be somebody else, and in the same database there may be what was never sent. */
const isFormer = ({ isAnother }: GatewayUserFacts, entry: GatewayUser, { database }: WantedUser): boolean =>
  entry.database !== database || entry.state !== 'active' || isAnother

/**
 * The user database may have been another account's, which is gone or has lost its role: what that one has left in the gateway's goes
 * with it. The entry comes before the database: whoever looks for readers from then on finds this user.
 */
function planPresence(
  { name, entry, others }: GatewayUserFacts,
  { database, holdings, account }: WantedUser,
): GatewayUserPlan {
  const ends: GatewayUserEffect[] = []
  for (const other of others) {
    if (other.state !== 'leaving') return { kind: 'blocked', by: other.name, database, effects: ends }
    ends.push({ kind: 'end', entry: other })
  }
  const change = { ...changeOfHoldings(entry, holdings), account }
  const changes: GatewayUserEffect[] = saysAlready(entry, change)
    ? []
    : [
        { kind: 'change', over: entry ?? newEntry(name, database), change },
        { kind: 'confirm', holdings },
      ]
  return { kind: 'present', holdings, effects: [...ends, ...changes, { kind: 'open', database, holdings }] }
}

const saysAlready = (entry: GatewayUser | null, change: GatewayUserChange): boolean =>
  entry !== null && isEqual(pick(entry, Object.keys(change)), change)

/** What the user had counts until all documents are compared. */
function changeOfHoldings(
  entry: GatewayUser | null,
  { roles, channels }: Holdings,
): Pick<GatewayUserChange, 'due' | 'roles' | 'channels'> {
  const isAsBefore = entry !== null && isEqual([roles, channels], [entry.roles, entry.channels])
  if (isAsBefore && !entry.due) return {}
  return {
    due: true,
    roles: united(entry?.roles ?? [], roles),
    channels: united(entry?.channels ?? [], channels),
  }
}

const united = (some: readonly string[], others: readonly string[]): string[] =>
  [...new Set([...some, ...others])].sort()

const newEntry = (name: string, database: string): GatewayUser => ({
  _id: gatewayUserId(name),
  type: 'user',
  name,
  database,
  state: 'active',
  roles: [],
  channels: [],
  function: '',
  documents: 0,
  updatedAt: '',
})

/** The account, or the user database, is gone: nobody enters any more, and after a while it goes for good. */
function planDeparture({ entry, graceMs, at }: GatewayUserFacts): GatewayUserPlan {
  if (entry === null) return { kind: 'gone', effects: [] }
  const { database } = entry
  if (entry.state === 'active') {
    const change: GatewayUserChange = { state: 'leaving', leftAt: at, due: undefined }
    return {
      kind: 'leaving',
      effects: [
        { kind: 'close', database },
        { kind: 'change', over: entry, change },
      ],
    }
  }
  return graceLeft(entry.leftAt, graceMs, at) === 0
    ? { kind: 'gone', effects: [{ kind: 'end', entry }] }
    : { kind: 'leaving', effects: [{ kind: 'keep-closed', database }] }
}
