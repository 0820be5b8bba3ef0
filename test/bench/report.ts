// What a benchmark found: a subject against its baseline, pair by pair, and what is to be reached.
import type { StageProfile } from './stage-profile.ts'
import { hasEnough, spread, tail, type Spread } from './statistics.ts'

/** One measurement of the subject and the one of the baseline that was taken beside it. */
export interface Pair {
  subject: number
  baseline: number
}

/** Ratios that are not to be exceeded. */
export interface Goal {
  median?: number
  tail?: number
}

/** The worst of both, and what the one is of the other. */
export interface TailRatio {
  is: 'p99' | 'maximum'
  subject: number
  baseline: number
  /** Null where the baseline is 0. */
  ratio: number | null
}

export interface Row {
  name: string
  unit: string
  /** What the baseline is. */
  against: string
  pairs: number
  subject: Spread
  baseline: Spread
  /** Of the ratios subject : baseline of each pair; null where the baseline is 0. */
  ratio: Spread | null
  /** Null for a single pair. */
  tail: TailRatio | null
  goal: Goal
}

export interface Findings {
  rows: Row[]
  profiles: StageProfile[]
}

/** The ratios are of each pair: what disturbs the machine for a while disturbs both. */
export function toRow(
  name: string,
  unit: string,
  against: string,
  pairs: readonly Pair[],
  goal: Goal = {},
): Row {
  const subjects = pairs.map(({ subject }) => subject)
  const baselines = pairs.map(({ baseline }) => baseline)
  return rowOf({ name, unit, against, subjects, baselines, goal })
}

export interface Measured extends Pick<Row, 'name' | 'unit' | 'against'> {
  subjects: readonly number[]
  baselines: readonly number[]
  goal?: Goal
}

/** Of measurements that need not be as many on both sides: the first is paired with the first, and the tail is of all. */
export function rowOf({ name, unit, against, subjects, baselines, goal = {} }: Measured): Row {
  const pairs = Math.min(subjects.length, baselines.length)
  const ratios = subjects.slice(0, pairs).map((subject, at) => subject / (baselines[at] ?? NaN))
  return {
    ...{ name, unit, against, pairs, goal },
    subject: spread(subjects),
    baseline: spread(baselines),
    ratio: pairs > 0 && ratios.every(Number.isFinite) ? spread(ratios) : null,
    tail: pairs > 1 ? tailRatio(subjects, baselines) : null,
  }
}

function tailRatio(subjects: readonly number[], baselines: readonly number[]): TailRatio {
  const enough = hasEnough(subjects) && hasEnough(baselines)
  const [subject, baseline] = [tail(subjects, enough), tail(baselines, enough)]
  const ratio = subject.value / baseline.value
  return {
    is: subject.is,
    subject: subject.value,
    baseline: baseline.value,
    ratio: Number.isFinite(ratio) ? ratio : null,
  }
}

/** Whether a row keeps to its goal; null where it has none, or where there is no ratio. */
export function isReached({ ratio, tail, goal }: Row): boolean | null {
  const judged = [
    [ratio?.median, goal.median],
    [tail?.ratio ?? undefined, goal.tail],
  ].flatMap(([value, most]) => (value === undefined || most === undefined ? [] : [value <= most]))
  return judged.length === 0 ? null : judged.every(Boolean)
}

/** For programs. */
export const toJson = (findings: Findings, about: object): string =>
  `${JSON.stringify({ at: new Date().toISOString(), ...about, ...findings }, null, 2)}\n`
