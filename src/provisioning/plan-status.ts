// How a user's documents of a master stand, and the document in which the user reads it.
import {
  provisionDocumentId,
  type MasterStatus,
  type ProvisionedUser,
  type ProvisionState,
} from './provisioned-user.ts'
import { problem, type Problem } from '../documents/problem.ts'
import type { Rejection } from '../documents/rejected.ts'

/** How the replication of a master into a personal database is doing. */
export type LeaseState =
  { kind: 'none' } | { kind: 'starting' | 'behind' | 'caught-up' } | { kind: 'failing'; reason: string }

/** What a turn found out about one master. */
export interface StatusFacts {
  lease: LeaseState
  problem: Problem | null
  rejected: readonly Rejection[]
  documents: number
  /** Documents are being compared: what the roles say is not carried out yet. */
  isComparing: boolean
  /** Only once more: what the roles say, and everything else, is as it was when all was there. */
  isAgain?: boolean
  /** Of the functions that documents were compared with. */
  access: string
  /** Of the master that they were compared with; undefined where it is not known. */
  instance: string | undefined
  /** ISO 8601 */
  at: string
}

/** The first that is true. */
function stateOf({ problem, lease, rejected, isComparing }: StatusFacts): ProvisionState {
  if (problem !== null || lease.kind === 'failing') return 'error'
  if (isComparing) return 'active'
  if (rejected.length > 0) return 'denied'
  if (lease.kind === 'none') return 'complete'
  return lease.kind === 'caught-up' ? 'paused' : 'active'
}

/** The standing after a turn; a time is that at which its state was entered last. */
export function statusAfter(before: MasterStatus | undefined, facts: StatusFacts): MasterStatus {
  const state = stateOf(facts)
  const { ready, ...times } = before?.times ?? {}
  const isReady = (!facts.isComparing || facts.isAgain === true) && facts.problem === null
  const since = isReady ? (ready ?? (facts.isComparing ? undefined : facts.at)) : undefined
  return {
    state,
    times: {
      ...times,
      ...(before?.state === state ? {} : { [state]: facts.at }),
      ...(since === undefined ? {} : { ready: since }),
    },
    documents: facts.documents,
    ...(facts.rejected.length > 0 ? { rejected: [...facts.rejected] } : {}),
    ...(facts.problem === null ? {} : { problem: facts.problem }),
    ...(facts.lease.kind === 'failing' ? { leaseProblem: problem('master_replication_failed') } : {}),
    access: facts.access,
    ...(facts.instance === undefined ? {} : { instance: facts.instance }),
  }
}

/** What `$provision/<master>` says, without `_rev`. */
export function provisionDocument(
  entry: ProvisionedUser,
  master: string,
): { _id: string } & Record<string, unknown> {
  const standing = Object.hasOwn(entry.masters, master) ? entry.masters[master] : undefined
  const { ready, ...times } = standing?.times ?? {}
  const found =
    entry.problem ??
    (standing ? (standing.problem ?? standing.leaseProblem) : problem('unknown_master', master))
  return {
    _id: provisionDocumentId(master),
    type: '$provision',
    database: entry.database,
    $state: standing?.state ?? 'error',
    ready: ready ?? false,
    documents: standing?.documents ?? 0,
    times,
    ...(standing?.rejected ? { $rejected: standing.rejected } : {}),
    ...(found ? { $error: found } : {}),
  }
}
