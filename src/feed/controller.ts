// What the daemon asks each of its parts: shares, the upkeep of skeletons, provisioning, gateways.

/** The answer to one question; `reason` is for people, without secrets. */
export interface Verdict {
  ok: boolean
  reason?: string
}

export interface Controller {
  /** Whether it has gone once through what it found at the start. */
  ready(): Verdict
  /** Whether its turns go on. */
  healthy(): Verdict
}

export const FINE: Verdict = { ok: true }

/** How a part stands that has a queue of turns. @param left how many of those it found at the start are left; null before the first sweep */
export function readiness(left: number | null, say: (left: number) => string): Verdict {
  if (left === null) return { ok: false, reason: 'the first sweep is not finished' }
  return left === 0 ? FINE : { ok: false, reason: `${say(left)} to catch up with` }
}

/** @param isStuck somebody waits, and for five minutes no turn was finished */
export const health = (isStuck: boolean): Verdict =>
  isStuck ? { ok: false, reason: 'no turn was finished for five minutes' } : FINE

/** Fine where all are; otherwise what the first of them that is not says. */
export const firstFault = (verdicts: readonly Verdict[]): Verdict => verdicts.find(({ ok }) => !ok) ?? FINE
