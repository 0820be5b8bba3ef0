// How one share stands: whose it is, who takes part, what it holds, and what keeps it from working.
import { orNull } from '../couch/fault.ts'
import { Replicator, type ReplicationStatus } from '../couch/replicator.ts'
import { counted } from '../documents/counted.ts'
import { shareDatabase } from '../documents/names.ts'
import type { Problem } from '../documents/problem.ts'
import type { Rejection } from '../documents/rejected.ts'
import type { Access, Right } from '../shares/model/access.ts'
import type { ShareEntry } from '../shares/model/entry.ts'
import { replicationId } from '../shares/model/ids.ts'
import { rightOf, type SubscriptionEntry } from '../shares/model/subscription.ts'
import type { Connection } from './connection.ts'
import { scrub } from '../scrub.ts'
import { shown } from './shown.ts'

/** What `--json` prints. */
export interface ShareStatus {
  share: string
  /** The `{id}` of the owner's user database, and that database. */
  owner: string
  database: string
  state: ShareEntry['state']
  /** What an admin has ordered. */
  order?: ShareEntry['order']
  access?: Access
  hasPassword: boolean
  createdAt: string
  updatedAt: string
  /** Where copies are written first. */
  home: 'outbox' | 'share'
  /** How often its database was made anew. */
  rotations: number
  counts?: ShareEntry['counts']
  problem?: Problem
  /** What its owner's share did not take. */
  rejected: Rejection[]
  /** Documents of `share/<id>`, design documents too; null: there is none. */
  documents: number | null
  /** CouchDB's own; the daemon runs it where something is large or is written directly. */
  replication: ReplicationStatus
  participants: ParticipantStatus[]
}

export interface ParticipantStatus {
  subscriber: string
  state: SubscriptionEntry['state']
  /** What this user may do; null: nothing. */
  right: Right | null
  joinedAt?: string
  reason?: string
  rejected: Rejection[]
}

/** Null for an id that nobody has had. @throws {CouchFault} */
export async function shareStatus(
  { registry, couch, users, isEmbedded }: Connection,
  share: string,
): Promise<ShareStatus | null> {
  const entry = await orNull(registry.entry(share))
  if (entry === null) return null
  const { owner, database, state, order, access, password, createdAt, updatedAt } = entry
  const { home = 'outbox', rotations = 0, counts, problem, rejected = [] } = entry
  const replicator = new Replicator(couch, { hasScheduler: !isEmbedded, sleep: () => Promise.resolve() })
  const participants = await registry.participants(share)
  return {
    ...{ share, owner, database, state, createdAt, updatedAt, home, rotations, rejected },
    ...(order === undefined ? {} : { order }),
    ...(access === undefined ? {} : { access }),
    ...(counts === undefined ? {} : { counts }),
    ...(problem === undefined ? {} : { problem }),
    hasPassword: password !== undefined,
    documents: (await couch.database(shareDatabase(share)).info())?.doc_count ?? null,
    replication: await replicator.status(replicationId(users.outbox(owner), share, home)),
    participants: participants.map((part) => participantOf(entry, part)),
  }
}

const participantOf = (entry: ShareEntry, part: SubscriptionEntry): ParticipantStatus => ({
  subscriber: part.subscriber,
  state: part.state,
  right: rightOf(entry, part),
  ...(part.joinedAt === undefined ? {} : { joinedAt: part.joinedAt }),
  ...(part.reason === undefined ? {} : { reason: part.reason }),
  rejected: part.rejected ?? [],
})

export function shareText(found: ShareStatus): string {
  const { share, state, order, owner, database, createdAt, updatedAt, counts, problem } = found
  const lines: [string, string][] = [
    ['share', `${shown(share)}: ${state}${order === undefined ? '' : `, by an admin's order (${order})`}`],
    ['owner', `${shown(owner)}, in ${shown(database)}`],
    ['since', `${createdAt}, changed ${updatedAt}`],
    ['access', accessText(found)],
    ['holds', holdsText(found.documents, counts)],
    [
      'written into',
      `${found.home === 'share' ? 'the share itself' : 'the outbox'}; made anew ${counted(found.rotations, 'time')}`,
    ],
    ['replication', replicationText(found.replication)],
    ...(problem === undefined
      ? []
      : [['problem', `✗ ${problem.code}, ${shown(problem.reason)}`] as [string, string]]),
    ...rejectedLines(found.rejected),
    ...(found.participants.length === 0 ? [['participants', 'none'] as [string, string]] : []),
    ...found.participants.flatMap((part, at): [string, string][] => [
      [at === 0 ? 'participants' : '', participantText(part)],
      ...rejectedLines(part.rejected),
    ]),
  ]
  return lines.map(([name, text]) => `${name.padEnd(14)}${text}\n`).join('')
}

const whomText = (whom: Access['read']): string =>
  whom === true ? 'everyone' : whom.length === 0 ? 'nobody else' : whom.map(shown).join(', ')

function accessText({ access, hasPassword }: ShareStatus): string {
  if (access === undefined) return 'not known yet'
  const { read, write } = access
  return `read: ${whomText(read)}; write: ${whomText(write)}${hasPassword ? '; with a password' : ''}`
}

function holdsText(documents: number | null, counts: ShareStatus['counts']): string {
  if (documents === null) return 'there is no database of it'
  const inside = `${counted(documents, 'document')} with those of its design`
  return counts === undefined
    ? inside
    : `${counted(counts.objects, 'object')}, ${counted(counts.subscribers, 'subscriber')}; ${inside}`
}

function replicationText(status: ReplicationStatus): string {
  switch (status.kind) {
    case 'absent':
      return 'none is needed now'
    case 'waiting':
      return 'CouchDB has not looked at it yet'
    case 'accepted':
      return status.caughtUp ? 'has carried all' : 'runs'
    case 'crashing':
      return `✗ CouchDB tries again: ${shown(scrub(status.reason))}`
    case 'failed':
      return `✗ CouchDB has given it up: ${shown(scrub(status.reason))}`
    default:
      return status satisfies never
  }
}

const participantText = ({ subscriber, state, right, joinedAt, reason }: ParticipantStatus): string =>
  [
    `${shown(subscriber)}: ${state}`,
    right === null ? 'may nothing' : `may ${right}`,
    ...(joinedAt === undefined ? [] : [`since ${joinedAt}`]),
    ...(reason === undefined ? [] : [`because of ${shown(reason)}`]),
  ].join(', ')

export const rejectedLines = (rejected: readonly Rejection[]): [string, string][] =>
  rejected.map(({ document, code, at, reason }) => [
    '',
    `✗ rejected ${shown(document)} at ${at}: ${code}, ${shown(reason)}`,
  ])
