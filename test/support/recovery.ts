// How long it took from the end of a fault until all was caught up with: for the figures of docs/reliability.md.

/** Tells it on stderr, where RECOVERY_TIMES is set. @param since `performance.now()` at the end of the fault */
export function tellRecovery(what: string, since: number): void {
  if (process.env['RECOVERY_TIMES'])
    process.stderr.write(`recovered: ${what}: ${((performance.now() - since) / 1000).toFixed(2)} s\n`)
}
