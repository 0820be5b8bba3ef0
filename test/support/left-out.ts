// How many cases did not run, and why. Apart from what starts servers: a run that needs none is spared loading the daemon.

/** `absent`: there was no CouchDB for it; `spared`: on CouchDB it ran, and need not on the embedded server. */
export type Reason = 'absent' | 'spared'

export type LeftOut = Record<Reason, number>

const NONE: LeftOut = { absent: 0, spared: 0 }
let counts = NONE

/** One more case does not run. */
export function leaveOut(reason: Reason): void {
  counts = { ...counts, [reason]: counts[reason] + 1 }
}

/** Cases that were left out since this was asked last. */
export function casesLeftOut(): LeftOut {
  const leftOut = counts
  counts = NONE
  return leftOut
}
