// How long the daemon waits for what is gone, or was made again, before it gives up what is left of it.

/**
 * What is left of a grace time, in milliseconds; 0 where it is over. A clock that was set back makes nobody wait for longer than the
 * whole time.
 */
export const graceLeft = (since: number, graceMs: number, now: number): number =>
  Math.min(graceMs, Math.max(0, since + graceMs - now))

/** How long somebody who is leaving may still come back, in milliseconds. */
export const remainingGrace = ({ leftAt = '' }: { leftAt?: string }, graceMs: number, at: string): number =>
  Math.max(0, Date.parse(leftAt) + graceMs - Date.parse(at)) || 0
