// What the daemon gives to each of its parts that has lanes of its own.
import type PQueue from 'p-queue'

export interface Host {
  /** Of all lanes: the limit is for all databases together. */
  queue: PQueue
  concurrency: number
  onFailure: (db: string, error: unknown, tries: number) => void
  /** A turn is finished. */
  onTurn: () => void
  /** Does something at intervals until the daemon stops; not while the server is away. */
  every: (ms: number, work: () => Promise<void>) => Promise<void>
  signal: AbortSignal
  sleep: (ms: number) => Promise<void>
}

/** What of it is the daemon's own doing. */
export type HostCalls = Pick<Host, 'onFailure' | 'onTurn' | 'every'>
