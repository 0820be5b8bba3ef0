// How long the daemon waits for what is gone, or was made again, before it gives up what is left of it.

/** A moment: milliseconds since the epoch, or ISO 8601. */
type Moment = number | string

/**
 * What is left of a grace time, in milliseconds; 0 where it is over, and where nobody knows when it began. A clock that was set back
 * makes nobody wait for longer than the whole time.
 * @param since when it began
 */
export const graceLeft = (since: Moment | undefined, graceMs: number, now: Moment): number =>
  Math.min(graceMs, Math.max(0, msOf(since) + graceMs - msOf(now))) || 0

const msOf = (moment: Moment | undefined): number =>
  typeof moment === 'number' ? moment : Date.parse(moment ?? '')
