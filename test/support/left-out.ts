// How many cases did not run for want of a server. Apart from what starts servers: a run that needs none is spared loading the daemon.
let count = 0

/** A case would have run against a CouchDB. */
export function leaveOut(): void {
  count += 1
}

/** Cases that were left out since this was asked last. */
export function casesLeftOut(): number {
  const leftOut = count
  count = 0
  return leftOut
}
