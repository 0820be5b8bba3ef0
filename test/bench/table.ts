// What a benchmark found, as tables for people.
import { isReached, type Findings, type Goal, type Row } from './report.ts'
import { isDaemonOnly, type StageProfile } from './stage-profile.ts'

const HEAD = [
  ...['', 'couch-shares', 'baseline', 'ratio', 'quartiles', 'p99', 'goal', ''],
  ...['pairs', 'baseline is'],
]
const TEXT_COLUMNS = [0, 7, 9]
const MOST_ENDPOINTS = 14

/** Ratios and, of daemons that were profiled, what each stage cost. */
export function toTable({ rows, profiles }: Findings): string {
  const parts = [
    align([HEAD, ...rows.map(cellsOf)], TEXT_COLUMNS),
    'Medians; the ratio is that of each pair, below 1 is less than the baseline. p99 is the ratio of both p99s; of fewer than 100 pairs it is that of the maxima (max).',
    ...profiles.map(profileTable),
  ]
  return `${parts.join('\n\n')}\n`
}

function cellsOf(row: Row): string[] {
  const { name, unit, against, pairs, ratio, tail, goal } = row
  const reached = isReached(row)
  return [
    name,
    `${format(row.subject.median)} ${unit}`.trim(),
    `${format(row.baseline.median)} ${unit}`.trim(),
    ratio ? ratio.median.toFixed(2) : '–',
    ratio && pairs > 1 ? `${ratio.q1.toFixed(2)}–${ratio.q3.toFixed(2)}` : '–',
    tail?.ratio == null ? '–' : `${tail.ratio.toFixed(2)}${tail.is === 'maximum' ? ' (max)' : ''}`,
    goalText(goal),
    reached === null ? '' : reached ? '✓' : '✗',
    String(pairs),
    against,
  ]
}

/** Such as `0.25, p99 0.50`; empty where there is none. */
export const goalText = ({ median, tail }: Goal): string =>
  [
    ...(median === undefined ? [] : [median.toFixed(2)]),
    ...(tail === undefined ? [] : [`p99 ${tail.toFixed(2)}`]),
  ].join(', ')

function profileTable({ name, ms, stages, endpoints }: StageProfile): string {
  const stageLines = stages.map((stage) => [
    stage.stage,
    ...(isDaemonOnly(stage.stage)
      ? ['', '', '', '']
      : [String(stage.requests), kilobytes(stage.sent), kilobytes(stage.received), format(stage.waitedMs)]),
    format(stage.daemonMs),
    stage.beamMs === null ? '–' : format(stage.beamMs),
    stage.javascriptMs === null ? '–' : format(stage.javascriptMs),
  ])
  const head = [
    'stage',
    'requests',
    'kB sent',
    'kB got',
    'ms waited',
    'daemon ms',
    'CouchDB ms',
    'its JavaScript ms',
  ]
  const endpointLines = endpoints
    .slice(0, MOST_ENDPOINTS)
    .map(({ endpoint, count, ms: waited }) => [
      endpoint,
      String(count),
      format(waited),
      format(waited / count),
    ])
  return [
    `${name}, ${format(ms)} ms by stage:\n${align([head, ...stageLines], [0])}`,
    `its requests:\n${align([['', 'count', 'ms', 'ms each'], ...endpointLines], [0])}`,
  ].join('\n\n')
}

const kilobytes = (bytes: number): string => format(bytes / 1000)

const format = (value: number): string =>
  Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : value === 0
      ? '0'
      : value.toFixed(Math.abs(value) < 1 ? 3 : 1)

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
