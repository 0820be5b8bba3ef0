// An object as the daemon leaves it: without what is over in `$shares`, and with its problems in `$error`.
import type { ObjectDoc } from '../../documents/content.ts'
import { isOurProblem, type Problem } from '../../documents/problem.ts'
import { isSameJson } from '../../documents/same-json.ts'
import type { ReportedProblem } from './object-facts.ts'

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
  return isSameJson(settled, doc) ? null : settled
}

function report(problems: readonly ReportedProblem[]): unknown {
  const [first] = problems
  const single = problems.filter(({ share }) => share !== null).slice(0, MOST_REPORTED)
  const shares: Record<string, Problem> = Object.fromEntries(
    single.map((one) => [one.share ?? '', one.problem]),
  )
  return { ...first?.problem, ...(single.length === 0 ? {} : { shares }) }
}
