// What a benchmark found: a subject against its baseline, pair by pair, as a table for people and as JSON.
import { cpus } from 'node:os'
import type { Endpoint } from './profile.ts'

/** One measurement of the subject and the one of the baseline that was taken beside it. */
export interface Pair {
  subject: number
  baseline: number
}

export interface Spread {
  median: number
  q1: number
  q3: number
  min: number
  max: number
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
}

export interface Profile {
  name: string
  endpoints: Endpoint[]
}

export interface Findings {
  rows: Row[]
  profiles: Profile[]
}

/** The ratios are of each pair: what disturbs the machine for a while disturbs both. */
export function toRow(name: string, unit: string, against: string, pairs: readonly Pair[]): Row {
  const ratios = pairs.map(({ subject, baseline }) => subject / baseline)
  return {
    name,
    unit,
    against,
    pairs: pairs.length,
    subject: spread(pairs.map(({ subject }) => subject)),
    baseline: spread(pairs.map(({ baseline }) => baseline)),
    ratio: ratios.every(Number.isFinite) ? spread(ratios) : null,
  }
}

export function spread(values: readonly number[]): Spread {
  const at = (part: number): number => quantile(values, part)
  return { median: at(0.5), q1: at(0.25), q3: at(0.75), min: at(0), max: at(1) }
}

/** The value that a part of all, from 0 to 1, does not exceed; between two, in proportion. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const position = part * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position % 1)
}

export const median = (values: readonly number[]): number => spread(values).median

/** A table for people. */
export function toTable({ rows, profiles }: Findings): string {
  const cells = rows.map((row) => [
    row.name,
    `${format(row.subject.median)} ${row.unit}`,
    `${format(row.baseline.median)} ${row.unit}`,
    row.ratio ? row.ratio.median.toFixed(2) : '–',
    row.ratio ? `${row.ratio.q1.toFixed(2)}–${row.ratio.q3.toFixed(2)}` : '–',
    row.ratio ? `${row.ratio.min.toFixed(2)}–${row.ratio.max.toFixed(2)}` : '–',
    String(row.pairs),
    row.against,
  ])
  const head = ['', 'couch-shares', 'baseline', 'ratio', 'quartiles', 'min–max', 'pairs', 'baseline is']
  const parts = [
    align([head, ...cells], [0, 7]),
    'Medians; the ratio is that of each pair, below 1 is less than the baseline.',
  ]
  for (const { name, endpoints } of profiles) {
    const lines = endpoints
      .slice(0, 14)
      .map(({ endpoint, count, ms }) => [endpoint, String(count), format(ms), format(ms / count)])
    parts.push(`${name}, the daemon's requests:\n${align([['', 'count', 'ms', 'ms each'], ...lines], [0])}`)
  }
  return `${parts.join('\n\n')}\n`
}

/** The same for programs. */
export const toJson = (findings: Findings, about: object): string =>
  `${JSON.stringify({ at: new Date().toISOString(), node: process.version, cores: cpus().length, ...about, ...findings }, null, 2)}\n`

const format = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(Math.abs(value) < 1 ? 3 : 1)

/** Columns side by side: those of text to the left, numbers to the right. */
function align(lines: string[][], text: readonly number[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return text.includes(column) ? cell.padEnd(width) : cell.padStart(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
