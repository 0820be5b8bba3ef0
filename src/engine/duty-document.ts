// The document that says which daemon works on a server: the others stand by.

/** What is known of the daemon that works, for whoever waits for it or looks after it. */
export interface Duty {
  /** Of one life of one process; null: it was given up in order, and is free. */
  holder: string | null
  host: string
  pid: number
  /** When this daemon began to work, ISO 8601 by its own clock. */
  since: string
  /** When it was heard of last, likewise. */
  at: string
}

/**
 * In `shares/checkpoints`, where it is no checkpoint: no database is called so.
 * @param template of user databases: daemons with another one work for other users
 */
export const dutyId = (template: string): string => `daemon ${template}`

/** Null for no document, and for one that says nothing (somebody wrote there by hand). */
export function parseDuty(doc: Record<string, unknown> | null): Duty | null {
  if (doc === null) return null
  const { holder, host, pid, since, at } = doc
  if (holder !== null && typeof holder !== 'string') return null
  if (typeof host !== 'string' || typeof pid !== 'number') return null
  if (typeof since !== 'string' || typeof at !== 'string') return null
  return { holder, host, pid, since, at }
}

/** For people. */
export const nameOfHolder = ({ host, pid, since }: Duty): string =>
  `the daemon on ${host} (process ${pid}, since ${since})`
