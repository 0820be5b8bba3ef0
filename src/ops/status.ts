// What the daemon is doing, for an admin who asks this process: what is in its queues, and for whom its turns fail.
import { isFault } from '../couch/fault.ts'
import type { Failing, Part, Standing } from '../engine/meter.ts'
import { isRecord, isText } from '../documents/shapes.ts'
import { scrub } from '../scrub.ts'
import { VERSION } from '../version.ts'
import type { Watched } from './watched.ts'

/** What `GET /status` answers. Whoever reads it learns how databases and users are called: it is for this machine alone. */
export interface DaemonStatus {
  version: string
  pid: number
  /** When the process began; ISO 8601. */
  startedAt: string
  ready: boolean
  /** Why it is not ready, or not well. */
  reason?: string
  healthy: boolean
  /** Whether this process works, and waits for no other. */
  atWork: boolean
  /** By part of the daemon; those that run. */
  parts: Partial<Record<Part, PartStatus>>
}

export interface PartStatus {
  /** Users, or databases, that have something to do. */
  busy: number
  /** For how long the oldest change has waited that no turn has begun with. */
  oldestChangeSeconds: number
  /** Those whose last turn failed, and is tried again. */
  failing: number
  /** The ones of them that have failed for longest. */
  failures: FailureStatus[]
}

export interface FailureStatus {
  /** The user, or the database. */
  key: string
  /** ISO 8601. */
  since: string
  /** Turns that failed one after the other. */
  tries: number
  /** A word for what is wrong, where CouchDB gave one. */
  code?: string
  reason: string
}

/** @param now milliseconds since the epoch */
export function daemonStatus(watched: Watched, now: number): DaemonStatus {
  const [ready, health] = [watched.ready(), watched.health()]
  const reason = health.reason ?? ready.reason
  return {
    version: VERSION,
    pid: process.pid,
    startedAt: new Date(now - process.uptime() * 1000).toISOString(),
    ready: ready.ok,
    ...(reason === undefined ? {} : { reason }),
    healthy: health.ok,
    atWork: watched.isAtWork,
    parts: Object.fromEntries(
      [...watched.standings].map(([part, standing]) => [part, partOf(standing, now)]),
    ),
  }
}

const partOf = ({ busy, failing, failures, oldestMs }: Standing, now: number): PartStatus => ({
  ...{ busy, failing },
  oldestChangeSeconds: Math.round(oldestMs / 100) / 10,
  failures: failures.map((failure) => failureOf(failure, now)),
})

function failureOf({ key, sinceMs, tries, fault }: Failing, now: number): FailureStatus {
  const since = new Date(now - sinceMs).toISOString()
  const told = { key, since, tries }
  if (isFault(fault)) return { ...told, code: fault.code, reason: scrub(fault.message) }
  return { ...told, reason: fault instanceof Error ? scrub(fault.message) : 'see the log' }
}

/** What `GET /status` answered, or null where that is of something else; parts that cannot be read are left out. */
export function parseDaemonStatus(value: unknown): DaemonStatus | null {
  if (!isRecord(value)) return null
  const { version, pid, startedAt, ready, healthy, atWork, parts, reason } = value
  if (typeof version !== 'string' || typeof pid !== 'number' || typeof startedAt !== 'string') return null
  if (![ready, healthy, atWork].every((flag) => typeof flag === 'boolean') || !isRecord(parts)) return null
  const { reason: _, ...rest } = value as unknown as DaemonStatus
  return {
    ...rest,
    parts: Object.fromEntries(Object.entries(parts).filter(([, part]) => isPart(part))),
    ...(isText(reason) ? { reason } : {}),
  }
}

const isPart = (value: unknown): value is PartStatus =>
  isRecord(value) &&
  [value['busy'], value['failing'], value['oldestChangeSeconds']].every(Number.isFinite) &&
  Array.isArray(value['failures']) &&
  value['failures'].every(
    (one) =>
      isRecord(one) &&
      [one['key'], one['since'], one['reason']].every(isText) &&
      typeof one['tries'] === 'number',
  )
