// The ratios of a run as a picture: a bar a row, from the baseline to the left where the daemon is ahead, to the right where it is behind.
import { isReached, type Row } from './report.ts'
import { goalText } from './table.ts'

const WIDTH = 1000
const ROW_HEIGHT = 26
const BAR_HEIGHT = 12
const HEAD_HEIGHT = 64
const FOOT_HEIGHT = 46
/** Between names on the left and figures on the right. */
const BARS = { from: 400, to: 790 }
/** Half a decade to either side, at the least. */
const LEAST_REACH = Math.sqrt(10)
const TICKS = [0.001, 0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 100, 1000]

/** Text is dark on light or light on dark, as whoever looks at it has it; a ground of its own keeps it so on any page. */
const STYLE = `
  svg { color-scheme: light dark; }
  .ground { fill: #ffffff; } text { fill: #1f2328; font: 13px system-ui, sans-serif; }
  .faint { fill: #59636e; } .title { font-size: 16px; font-weight: 600; }
  .grid { stroke: #d1d9e0; } .baseline { stroke: #59636e; } .spread { stroke: #1f2328; } .goal { stroke: #8250df; stroke-width: 3; }
  .reached { fill: #2da44e; } .missed { fill: #cf222e; } .free { fill: #6e7781; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } text { fill: #f0f6fc; } .faint { fill: #9198a1; }
    .grid { stroke: #3d444d; } .baseline { stroke: #9198a1; } .spread { stroke: #f0f6fc; } .goal { stroke: #d2a8ff; }
    .reached { fill: #3fb950; } .missed { fill: #f85149; } .free { fill: #848d97; }
  }`

export interface ChartOptions {
  title: string
  /** What the figures were measured on. */
  note: string
}

/**
 * An SVG of the rows that have a ratio. The scale is logarithmic, so that twice and half as long are equally far from the
 * baseline. A thin line spans the quartiles; a thick mark is the goal of the median.
 */
export function toSvg(rows: readonly Row[], { title, note }: ChartOptions): string {
  const shown = rows.flatMap((row) => (row.ratio && row.ratio.median > 0 ? [{ row, ratio: row.ratio }] : []))
  const place = scaleFor(
    shown.flatMap(({ row, ratio }) => [ratio.median, ratio.q1, ratio.q3, row.goal.median ?? 1]),
  )
  const bottom = HEAD_HEIGHT + shown.length * ROW_HEIGHT
  const height = bottom + FOOT_HEIGHT
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    text(16, 26, title, 'title'),
    text(BARS.from, 46, '← ahead of the baseline', 'faint'),
    text(BARS.to, 46, 'behind →', 'faint', 'end'),
    ...grid(place, bottom),
    ...shown.flatMap(({ row, ratio }, at) => bar(row, ratio, HEAD_HEIGHT + at * ROW_HEIGHT, place)),
    text(16, height - 10, note, 'faint'),
    '</svg>',
    '',
  ].join('\n')
}

type Place = (ratio: number) => number

/** As far to the left of the baseline as to the right. */
function scaleFor(ratios: readonly number[]): Place {
  const reach =
    Math.max(LEAST_REACH, ...ratios.flatMap((ratio) => (ratio > 0 ? [ratio, 1 / ratio] : []))) * 1.1
  const middle = (BARS.from + BARS.to) / 2
  const half = (BARS.to - BARS.from) / 2
  return (ratio) => {
    const offset = Math.max(-1, Math.min(1, Math.log(ratio) / Math.log(reach)))
    return Math.round((middle + half * offset) * 10) / 10
  }
}

function grid(place: Place, bottom: number): string[] {
  return TICKS.filter((tick) => place(tick) > BARS.from && place(tick) < BARS.to).flatMap((tick) => [
    line(place(tick), HEAD_HEIGHT - 4, place(tick), bottom, tick === 1 ? 'baseline' : 'grid'),
    text(place(tick), bottom + 14, String(tick), 'faint', 'middle'),
  ])
}

function bar(row: Row, ratio: NonNullable<Row['ratio']>, top: number, place: Place): string[] {
  const middle = top + ROW_HEIGHT / 2
  const [from, to] = [place(Math.min(1, ratio.median)), place(Math.max(1, ratio.median))]
  const reached = isReached(row)
  const kind = reached === null ? 'free' : reached ? 'reached' : 'missed'
  const goal = goalText(row.goal)
  return [
    '<g>',
    `<title>${escapeXml(`${row.name}: ${ratio.median.toFixed(2)} of ${row.against}`)}</title>`,
    text(BARS.from - 12, middle + 4, shortened(row.name), undefined, 'end'),
    `<rect class="${kind}" x="${from}" y="${middle - BAR_HEIGHT / 2}" width="${Math.max(1, Math.round((to - from) * 10) / 10)}" height="${BAR_HEIGHT}"/>`,
    line(place(ratio.q1), middle, place(ratio.q3), middle, 'spread'),
    ...(row.goal.median === undefined
      ? []
      : [line(place(row.goal.median), middle - 9, place(row.goal.median), middle + 9, 'goal')]),
    text(BARS.to + 12, middle + 4, `${ratio.median.toFixed(2)}${goal === '' ? '' : `  (goal ${goal})`}`),
    '</g>',
  ]
}

const MOST_LETTERS = 54
const shortened = (name: string): string =>
  name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS - 1)}…` : name

const line = (x1: number, y1: number, x2: number, y2: number, kind: string): string =>
  `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`

function text(x: number, y: number, words: string, kind?: string, anchor?: 'middle' | 'end'): string {
  const attributes = [...(kind ? [`class="${kind}"`] : []), ...(anchor ? [`text-anchor="${anchor}"`] : [])]
  return `<text ${[`x="${x}"`, `y="${y}"`, ...attributes].join(' ')}>${escapeXml(words)}</text>`
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Also without what XML has no way to write. */
const escapeXml = (words: string): string =>
  words
    .replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\ufffe\uffff]/gu, '')
    .replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter)
