// What a new sync function would change for whom: judgements of two functions in, document by document, a report out.
import { MOST_GRANTS_IN_SECURITY } from '../model.ts'
import { ALL_DOCUMENTS, EVERYBODY, GrantUnion, sorted } from './grants.ts'
import type { Judgement } from './sync-function.ts'

/** Past these there is a warning; nothing is refused. */
export const LIMITS = {
  /** Where Sync Gateway warns: `DefaultWarnThresholdChannelsPerDoc`. https://github.com/couchbase/sync_gateway/blob/main/base/constants.go */
  channelsPerDocument: 50,
  /** Where Sync Gateway warns: `DefaultWarnThresholdGrantsPerDoc`, channels and roles together. */
  grantsPerDocument: 50,
  /** Ours: they stand in `_security` of the user's database, and CouchDB hands all of that to the function at each write. */
  grantsPerUser: MOST_GRANTS_IN_SECURITY,
} as const

/** Ids and names that are shown of each group: the first ones. */
const MOST_EXAMPLES = 5
/** A function may make a reason for each document; what is past these is only counted. */
const MOST_REASONS = 100
/** Of a reason, in characters. */
const LONGEST_REASON = 200

export interface Group {
  count: number
  /** The first ids. */
  examples: string[]
}

export interface FailedGroup extends Group {
  kind: 'failed' | 'forbidden' | 'unauthorized'
  /** In the words of the function. */
  reason: string
  /** So many of them fail, or are refused, under the function in force too. */
  already: number
}

export interface MovedGroup extends Group {
  /** Null: the function in force has nothing of them, or there is none. */
  from: string[] | null
  to: string[]
}

/** Names that are there afterwards and were not, and the other way round; sorted. */
export interface Change {
  gained: string[]
  lost: string[]
}

export interface UserChange {
  name: string
  /** By name: also those that come with a role, and also for whoever reads all documents. */
  channels: Change
  roles: Change
  /** How many documents can be read that could not, and the other way round. */
  documents: { gained: number; lost: number }
}

export interface RoleChange {
  name: string
  channels: Change
}

export interface Warning extends Group {
  limit: keyof typeof LIMITS
  most: number
}

export interface Report {
  /** Nothing fails, and nobody loses anything. */
  isSafe: boolean
  documents: number
  failed: {
    count: number
    groups: FailedGroup[]
    /** Those of reasons that are too many to list. */ unlisted: number
  }
  /** Documents that are in other channels than before. Those that fail are not among them. */
  moved: { count: number; groups: MovedGroup[] }
  /** Those for whom something changes. */
  users: UserChange[]
  roles: RoleChange[]
  /** Documents in `!`, for users to whom nothing is granted. */
  everybody: { gained: number; lost: number }
  /** Of the new function. */
  totals: { channels: number; users: number; roles: number; grants: number }
  warnings: Warning[]
}

/** Takes in judgements on all documents. What it holds grows with grants and different sets of channels, not with documents. */
export class Comparison {
  readonly #before = new GrantUnion()
  readonly #after = new GrantUnion()
  readonly #routes = new Map<string, ComparedRoute>()
  readonly #failures = new Map<string, FailedGroup>()
  readonly #warnings = new Map<keyof typeof LIMITS, Warning>()
  #documents = 0
  #failed = 0
  #unlisted = 0

  /** @param before null where no function is in force */
  add(id: string, before: Judgement | null, after: Judgement): void {
    this.#documents += 1
    const [old, next] = [routedOf(before), routedOf(after)]
    if (old !== null) this.#before.add(old)
    if (next !== null) {
      this.#after.add(next)
      this.#warn('channelsPerDocument', id, next.channels.length)
      this.#warn('grantsPerDocument', id, next.access.length + next.roles.length)
    }
    this.#route(id, old?.channels ?? null, next?.channels ?? null)
    if (after.kind !== 'accepted') this.#fail(id, after, before !== null && old === null)
  }

  /** What all documents come to that were added, whatever their order. */
  report(): Report {
    const names = sorted([...this.#before.users, ...this.#after.users])
    const reading = this.#compareReading(names)
    const users = names
      .map((name) => this.#changeOf(name, reading.users.get(name) ?? { gained: 0, lost: 0 }))
      .filter((user) => gains(user) || loses(user))
    const roles = sorted([...this.#before.roles, ...this.#after.roles])
      .map((name) => ({ name, channels: changeOf(this.#before.ofRole(name), this.#after.ofRole(name)) }))
      .filter(({ channels }) => channels.gained.length + channels.lost.length > 0)
    const groups = [...this.#failures.values()].sort(mostFirst(({ kind, reason }) => `${kind} ${reason}`))
    return {
      isSafe: this.#failed === 0 && !somebodyLoses({ users, roles, everybody: reading.everybody }),
      documents: this.#documents,
      failed: { count: this.#failed, groups, unlisted: this.#unlisted },
      moved: this.#moved(),
      users,
      roles,
      everybody: reading.everybody,
      totals: this.#totals(),
      warnings: this.#allWarnings(),
    }
  }

  #route(id: string, before: string[] | null, after: string[] | null): void {
    const key = JSON.stringify([before, after])
    const route = this.#routes.get(key) ?? { before, after, count: 0, examples: [] }
    this.#routes.set(key, route)
    count(route, id)
  }

  #fail(id: string, judgement: Exclude<Judgement, { kind: 'accepted' }>, already: boolean): void {
    this.#failed += 1
    const kind = judgement.kind === 'failed' ? judgement.kind : judgement.error
    const reason = wordsOf(judgement.reason)
    const key = `${kind} ${reason}`
    const group = this.#failures.get(key) ?? { kind, reason, count: 0, already: 0, examples: [] }
    if (group.count === 0 && this.#failures.size >= MOST_REASONS) {
      this.#unlisted += 1
      return
    }
    this.#failures.set(key, group)
    count(group, id)
    if (already) group.already += 1
  }

  #warn(limit: keyof typeof LIMITS, name: string, found: number, warnings = this.#warnings): void {
    if (found <= LIMITS[limit]) return
    const warning = warnings.get(limit) ?? { limit, most: 0, count: 0, examples: [] }
    warnings.set(limit, warning)
    warning.most = Math.max(warning.most, found)
    count(warning, name)
  }

  #allWarnings(): Warning[] {
    const warnings = new Map(this.#warnings)
    for (const name of this.#after.users) {
      const { channels, roles } = this.#after.ofUser(name)
      this.#warn('grantsPerUser', name, channels.length + roles.length, warnings)
    }
    return [...warnings.values()].sort((one, other) => (one.limit < other.limit ? -1 : 1))
  }

  #changeOf(name: string, documents: UserChange['documents']): UserChange {
    const [before, after] = [this.#before.ofUser(name), this.#after.ofUser(name)]
    const channels = changeOf(before.channels, after.channels)
    return { name, channels, roles: changeOf(before.roles, after.roles), documents }
  }

  /** Who reads more or less: by what is granted, and by where documents are. */
  #compareReading(
    names: string[],
  ): Pick<Report, 'everybody'> & { users: Map<string, UserChange['documents']> } {
    const [readersBefore, readersAfter] = [readersIn(this.#before), readersIn(this.#after)]
    const users = new Map(names.map((name) => [name, { gained: 0, lost: 0 }]))
    const everybody = { gained: 0, lost: 0 }
    const tell = (
      some: Iterable<string>,
      others: Set<string>,
      what: 'gained' | 'lost',
      documents: number,
    ): void => {
      for (const name of some) {
        const user = users.get(name)
        if (user !== undefined && !others.has(name)) user[what] += documents
      }
    }
    for (const { before, after, count } of this.#routes.values()) {
      const [had, has] = [readersBefore(before), readersAfter(after)]
      if (had === EVERYBODY && has === EVERYBODY) continue
      if (had === EVERYBODY) everybody.lost += count
      if (has === EVERYBODY) everybody.gained += count
      if (has !== EVERYBODY) tell(had === EVERYBODY ? names : had, has, 'lost', count)
      if (had !== EVERYBODY) tell(has === EVERYBODY ? names : has, had, 'gained', count)
    }
    return { users, everybody }
  }

  #moved(): Report['moved'] {
    const groups = [...this.#routes.values()].flatMap(({ before, after, count, examples }): MovedGroup[] =>
      after === null || JSON.stringify(before ?? []) === JSON.stringify(after)
        ? []
        : [{ from: before, to: after, count, examples }],
    )
    return {
      count: groups.reduce((sum, { count }) => sum + count, 0),
      groups: groups.sort(mostFirst(({ from, to }) => JSON.stringify([from, to]))),
    }
  }

  #totals(): Report['totals'] {
    const { users, roles, count } = this.#after
    const channels = new Set([
      ...[...this.#routes.values()].flatMap(({ after }) => after ?? []),
      ...users.flatMap((name) => this.#after.ofUser(name).channels),
      ...roles.flatMap((name) => this.#after.ofRole(name)),
    ])
    return { channels: channels.size, users: users.length, roles: roles.length, grants: count }
  }
}

/** Documents that are in the same channels before, and in the same after; null where the function keeps nothing of them. */
interface ComparedRoute extends Group {
  before: string[] | null
  after: string[] | null
}

const routedOf = (judgement: Judgement | null) => (judgement?.kind === 'accepted' ? judgement.routed : null)

/** An object that is thrown may be the document. */
const wordsOf = (reason: string): string =>
  /^it threw [[{]/.test(reason)
    ? 'it threw an object that is no refusal'
    : [...reason.slice(0, 2 * LONGEST_REASON)].slice(0, LONGEST_REASON).join('')

/** The first ids, also where they come in another order. */
function count(group: Group, id: string): void {
  group.count += 1
  const last = group.examples[MOST_EXAMPLES - 1]
  if (last !== undefined && last <= id) return
  group.examples = sorted([...group.examples, id]).slice(0, MOST_EXAMPLES)
}

function mostFirst<T extends Group>(nameOf: (group: T) => string): (one: T, other: T) => number {
  return (one, other) => other.count - one.count || (nameOf(one) < nameOf(other) ? -1 : 1)
}

function changeOf(before: readonly string[], after: readonly string[]): Change {
  const [had, has] = [new Set(before), new Set(after)]
  return { gained: after.filter((name) => !had.has(name)), lost: before.filter((name) => !has.has(name)) }
}

const gains = ({ channels, roles, documents }: UserChange): boolean =>
  channels.gained.length + roles.gained.length + documents.gained > 0

const loses = ({ channels, roles, documents }: UserChange): boolean =>
  channels.lost.length + roles.lost.length + documents.lost > 0

/** Whether there is anybody who reads less, or has a channel or a role less. */
export const somebodyLoses = ({
  users,
  roles,
  everybody,
}: Pick<Report, 'users' | 'roles' | 'everybody'>): boolean =>
  everybody.lost > 0 || users.some(loses) || roles.some(({ channels }) => channels.lost.length > 0)

/** @returns for the channels of a document the users who read it; `!` for everybody */
function readersIn(grants: GrantUnion): (channels: string[] | null) => Set<string> | typeof EVERYBODY {
  const byChannel = new Map<string, string[]>()
  for (const user of grants.users)
    for (const channel of grants.ofUser(user).channels) {
      const there = byChannel.get(channel)
      if (there === undefined) byChannel.set(channel, [user])
      else there.push(user)
    }
  return (channels) => {
    if (channels === null) return new Set()
    if (channels.includes(EVERYBODY)) return EVERYBODY
    return new Set([ALL_DOCUMENTS, ...channels].flatMap((channel) => byChannel.get(channel) ?? []))
  }
}
