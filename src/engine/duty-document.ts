// The documents that say which process works on a server, or for which partition of its users, and which processes there are.

/** What is known of a process, for whoever waits for it or looks after it. */
export interface Duty {
  /** Of one life of one process; null: it was given up in order, and is free. */
  holder: string | null
  host: string
  pid: number
  /** When this process began with it, ISO 8601 by its own clock. */
  since: string
  /** When it was heard of last, likewise. */
  at: string
  /** Where users are divided, how the process is called, and among how many partitions they are. */
  process?: string
  partitions?: number
}

/**
 * In `shares/checkpoints`, where it is no checkpoint: no database is called so.
 * @param template of user databases: daemons with another one work for other users
 */
export const dutyId = (template: string): string => `daemon ${template}`

/** True for each document that says who works, whatever the template. */
export const isDutyId = (id: string): boolean => id.startsWith(dutyId(''))

/**
 * The duty of one partition. The first one's is the duty of whoever works for all: so who divides the users, and who does not, or
 * divides them otherwise, never work beside each other for long.
 */
export const partitionDutyId = (template: string, number: number, of: number): string =>
  number === 0 ? dutyId(template) : `${dutyId(template)} ${number}/${of}`

/** Says that a process is there, with partitions or without. */
export const presenceId = (template: string, process: string): string =>
  `${dutyId(template)} process ${process}`

export const isPresenceId = (template: string, id: string): boolean => id.startsWith(presenceId(template, ''))

/** First and last possible id of all of them. No template has a space, so that those of longer templates are not among them. */
export const dutyRange = (template: string): { startKey: string; endKey: string } => ({
  startKey: dutyId(template),
  endKey: `${dutyId(template)}!`,
})

/** Null for no document, and for one that says nothing (somebody wrote there by hand). */
export function parseDuty(doc: Record<string, unknown> | null): Duty | null {
  if (doc === null) return null
  const { holder, host, pid, since, at, process, partitions } = doc
  if (holder !== null && typeof holder !== 'string') return null
  if (typeof host !== 'string' || typeof pid !== 'number') return null
  if (typeof since !== 'string' || typeof at !== 'string') return null
  return {
    ...{ holder, host, pid, since, at },
    ...(typeof process === 'string' ? { process } : {}),
    ...(typeof partitions === 'number' ? { partitions } : {}),
  }
}

/** For people. */
export const nameOfHolder = ({ host, pid, since }: Duty): string =>
  `the daemon on ${host} (process ${pid}, since ${since})`
