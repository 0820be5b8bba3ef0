// What is to be done for an object: which copies it should have, against those that it has.
import { isDeepStrictEqual } from 'node:util'
import type { Base } from '../model/base.ts'
import {
  covers,
  holds,
  project,
  unite,
  type Consents,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../model/object.ts'
import { isOurProblem, problem, type Problem } from '../model/problem.ts'
import { jointConsents, redundantLeaves, type Rival } from './leaves.ts'

/**
 * How a share stands to the object's author. `opening`: the author's, and not in place (again) yet: what is shared
 * waits as it is · `absent`: unknown, or over.
 */
export type Standing = 'open' | 'opening' | 'ending' | 'foreign' | 'absent'

/** A copy as the outbox has it; null: there is none, or a tombstone. */
export type CopyState = ObjectDoc | null

export interface ObjectFacts {
  object: string
  /** The winning leaf, or null where the object is deleted or was never there. */
  doc: ObjectDoc | null
  rivals: readonly Rival[]
  base: Base | null
  /** For every share that the object or its base names. */
  standings: ReadonlyMap<string, Standing>
  copies: ReadonlyMap<string, CopyState>
}

/** Effects come in the order in which they must land. */
export type ObjectEffect =
  /** `rev` is that of the base as the facts had it. An empty base is deleted. */
  | {
      kind: 'put-base'
      object: string
      shares: Record<string, Selection>
      rev: string | null
      stage: 'before' | 'after'
    }
  | { kind: 'put-copy'; share: string; object: string; content: Content; over: CopyState; from: ObjectDoc }
  | { kind: 'delete-copy'; share: string; object: string; over: ObjectDoc }
  /** What the share database still holds of old revisions is to be really removed. */
  | { kind: 'withdraw'; share: string; object: string }
  | { kind: 'settle-object'; doc: ObjectDoc; strip: string[]; problems: ReportedProblem[] }
  | { kind: 'drop-leaf'; object: string; rev: string }

/** A problem of one key of `$shares`, or of all of `$shares` where `share` is null. */
export interface ReportedProblem {
  share: string | null
  problem: Problem
}

/**
 * Plans one object. Seeing the same facts again after the effects have landed plans nothing.
 *
 * A base lists for each share the widest selection whose content may still be readable there. It is widened before a
 * copy is written and narrowed after old revisions were withdrawn: a crash in between withdraws again.
 */
export function planObject(facts: ObjectFacts): ObjectEffect[] {
  const { object, doc, rivals, base } = facts
  const consents: Consents =
    doc === null ? { kind: 'none' } : jointConsents([doc, ...rivals.map(({ leaf }) => leaf)])
  const shares = new Set([
    ...(consents.kind === 'keys' ? consents.keys.keys() : []),
    ...Object.keys(base?.shares ?? {}),
    ...[...facts.copies].flatMap(([share, copy]) => (copy === null ? [] : share)),
  ])

  const before: Record<string, Selection> = { ...base?.shares }
  const after: Record<string, Selection> = { ...base?.shares }
  const copies: ObjectEffect[] = []
  const withdrawals: ObjectEffect[] = []
  const strip: string[] = []
  const problems: ReportedProblem[] =
    consents.kind === 'invalid' ? [{ share: null, problem: consents.problem }] : []

  for (const share of [...shares].sort()) {
    const consent = consents.kind === 'keys' ? consents.keys.get(share) : undefined
    const standing = facts.standings.get(share) ?? 'absent'
    const copy = facts.copies.get(share) ?? null
    // A copy that no base knows of may show, or have shown, anything.
    const unknown = copy === null ? undefined : true
    const old = base && Object.hasOwn(base.shares, share) ? base.shares[share] : unknown
    if (consent?.kind === 'unshare' || (consent && standing === 'ending')) strip.push(share)
    else if (consent?.kind === 'invalid') problems.push({ share, problem: consent.problem })
    else if (consent && standing === 'foreign')
      problems.push({ share, problem: problem('not_a_participant', share) })

    if (doc && consent?.kind === 'share' && standing === 'open') {
      const content = project(doc, consent.selection)
      before[share] = old === undefined ? consent.selection : unite(old, consent.selection)
      after[share] = consent.selection
      if (copy === null || !holds(copy, content))
        copies.push({ kind: 'put-copy', share, object, content, over: copy, from: doc })
      if (old !== undefined && !covers(consent.selection, old))
        withdrawals.push({ kind: 'withdraw', share, object })
    } else if (standing === 'opening') {
      // The base stays: once the share is open, what was un-shared meanwhile is withdrawn there.
      if (copy !== null && consent?.kind !== 'share')
        copies.push({ kind: 'delete-copy', share, object, over: copy })
    } else {
      delete after[share]
      if (copy !== null) copies.push({ kind: 'delete-copy', share, object, over: copy })
      if (old !== undefined && standing === 'open') withdrawals.push({ kind: 'withdraw', share, object })
    }
  }

  const rev = base?._rev ?? null
  const redundant = doc === null ? [] : redundantLeaves(doc, rivals)
  // Where the winner itself goes, another leaf takes its place, and is planned when that change comes by.
  const settles =
    doc !== null && !redundant.includes(doc._rev) && settledObject(doc, strip, problems) !== null
  return [
    ...(isDeepStrictEqual(before, base?.shares ?? {})
      ? []
      : [{ kind: 'put-base', object, shares: before, rev, stage: 'before' } as const]),
    ...copies,
    ...withdrawals,
    ...(isDeepStrictEqual(after, before)
      ? []
      : [{ kind: 'put-base', object, shares: after, rev, stage: 'after' } as const]),
    ...(settles ? [{ kind: 'settle-object', doc, strip, problems } as const] : []),
    ...redundant.map((rev) => ({ kind: 'drop-leaf', object, rev }) as const),
  ]
}

/** How many single problems `$error.shares` lists at the most. */
const MOST_REPORTED = 20

/**
 * The object with finished ids taken out of `$shares` and its problems in `$error`, or null where it says all that already.
 * An `$error` that is not the daemon's is left alone unless there is a problem to report.
 */
export function settledObject(
  doc: ObjectDoc,
  strip: readonly string[],
  problems: readonly ReportedProblem[],
): ObjectDoc | null {
  const { $shares, $error, ...rest } = doc
  const left =
    strip.length === 0
      ? $shares
      : Object.fromEntries(Object.entries($shares as object).filter(([id]) => !strip.includes(id)))
  const isEmpty = strip.length > 0 && Object.keys(left as object).length === 0
  const reported = problems.length > 0 ? report(problems) : isOurProblem($error) ? undefined : $error
  const settled: ObjectDoc = {
    ...rest,
    ...(isEmpty || left === undefined ? {} : { $shares: left }),
    ...(reported === undefined ? {} : { $error: reported }),
  }
  return isDeepStrictEqual(settled, doc) ? null : settled
}

function report(problems: readonly ReportedProblem[]): unknown {
  const [first] = problems
  const single = problems.filter(({ share }) => share !== null).slice(0, MOST_REPORTED)
  const shares: Record<string, Problem> = Object.fromEntries(
    single.map((one) => [one.share ?? '', one.problem]),
  )
  return { ...first?.problem, ...(single.length === 0 ? {} : { shares }) }
}
