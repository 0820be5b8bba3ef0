// What the daemon gives to each of its parts that has lanes of its own.
import type PQueue from 'p-queue'
import type { Meter } from './meter.ts'
import type { Pulse } from './pulse.ts'

export interface Host {
  /** Of all lanes: the limit is for all databases together. */
  queue: PQueue
  concurrency: number
  onFailure: (db: string, error: unknown, tries: number) => void
  /** Of all lanes. */
  pulse: Pulse
  /** Of all parts. */
  meter: Meter
  /** Somebody has nothing left to do. */
  onIdle: () => void
  /** Does something at intervals until the daemon stops; not while the server is away. */
  every: (ms: number, work: () => Promise<void>) => Promise<void>
  signal: AbortSignal
  sleep: (ms: number) => Promise<void>
}

/** What of it is the daemon's own doing. */
export interface HostCalls extends Pick<Host, 'onFailure' | 'onIdle' | 'every'> {
  /** Something failed that is tried again anyway. */
  onFault: (error: unknown) => void
}
