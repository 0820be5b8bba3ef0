// When a document was last written, as its author says: of two changes of the same attribute the later one wins.
import { ExactNumber } from './json.ts'
import { isReserved } from './content.ts'
import { own } from './own.ts'
import { SettingError } from './setting.ts'
import { isRecord } from './shapes.ts'

/** A clock that is ahead by more than this is not believed. */
export const MOST_AHEAD_MS = 5 * 60_000

/** The names on the way to a time in a document: `['hoodie', 'updatedAt']`. */
export type Path = readonly string[]

/** What times are read by. */
export interface Clock {
  /** Milliseconds; what counts for a time too far ahead. */
  now: number
  updatedAt: readonly Path[]
}

/** Where documents say it if no setting says otherwise; Hoodie's clients write `hoodie: { createdAt, updatedAt }`. */
export const UPDATED_AT: readonly Path[] = [['updatedAt'], ['updated_at'], ['hoodie', 'updatedAt']]

/**
 * Where documents say when they were written, as a setting: `updatedAt,hoodie.updatedAt`.
 * @throws {SettingError}
 */
export function parsePaths(text: string): Path[] {
  const paths = text.split(',').map((entry) => entry.trim().split('.'))
  for (const path of paths) {
    const [head = ''] = path
    if (path.some((name) => !/^\S+$/.test(name)) || isReserved(head))
      throw new SettingError(
        'attributes like `updatedAt` or `hoodie.updatedAt`, separated by commas, none of the daemon’s or CouchDB’s own',
        path.join('.'),
      )
  }
  return paths
}

/**
 * When a document was last written: the latest of the times that it says.
 * @returns milliseconds; null where it says none
 */
export function timeOf(
  attributes: Readonly<Record<string, unknown>>,
  { now, updatedAt }: Clock,
): number | null {
  const times = updatedAt.flatMap((path) => parseTime(valueAt(attributes, path), now) ?? [])
  return times.length === 0 ? null : Math.max(...times)
}

/** ISO 8601, or a number of milliseconds. @param now what counts for a time too far ahead */
export function parseTime(said: unknown, now: number): number | null {
  const value = said instanceof ExactNumber ? Number(said.source) : said
  const time = typeof value === 'number' ? value : typeof value === 'string' ? parseIso(value) : NaN
  if (!Number.isFinite(time)) return null
  return time > now + MOST_AHEAD_MS ? now : time
}

const valueAt = (attributes: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, name) => (isRecord(value) ? own(value, name) : undefined), attributes)

const ISO = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/** A time without a zone is taken for UTC: what is merged must not depend on where the daemon runs. */
function parseIso(text: string): number {
  const match = ISO.exec(text)
  if (!match) return NaN
  const [, zone] = match
  if (zone === undefined) return Date.parse(text.includes('T') ? `${text.replace(',', '.')}Z` : text)
  const [, sign = '', hours = '', minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  const local = text.slice(0, text.length - zone.length).replace(',', '.')
  return Date.parse(local + (sign === '' ? 'Z' : `${sign}${hours}:${minutes}`))
}
