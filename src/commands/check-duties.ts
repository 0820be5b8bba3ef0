// For `couch-shares check`: which daemon works, or which processes divide the users, by their own clocks.
import countBy from 'lodash/countBy.js'
import { CHECKPOINTS } from '../documents/names.ts'
import { SILENT_MS } from '../engine/duty.ts'
import { nameOfHolder, parseDuty, partitionDutyId, type Duty } from '../engine/duty-document.ts'
import type { Connection } from './connection.ts'
import { note, ok, type Finding } from './finding.ts'

/** @throws {CouchFault} */
export async function checkDuties({ couch, config }: Connection): Promise<Finding> {
  const { partitions: of, userDatabases } = config
  const ids = Array.from({ length: of }, (_, number) => partitionDutyId(userDatabases.template, number, of))
  const rows = await couch.database(CHECKPOINTS).fetchIfThere(ids)
  return sayDuties(
    ids.map((_, number) => parseDuty(rows[number]?.doc ?? null)),
    Date.now(),
  )
}

/**
 * @param duties of all partitions, from 0 on; null where nothing is known of one. One alone is the duty of whoever works for all
 * @param now milliseconds since the epoch
 */
export function sayDuties(duties: readonly (Duty | null)[], now: number): Finding {
  const [first = null] = duties
  const isWorked = (duty: Duty | null): duty is Duty =>
    duty?.holder != null && silentMs(duty, now) <= SILENT_MS
  if (isWorked(first) && (first.partitions ?? 1) !== duties.length)
    return note(
      `${nameOfHolder(first)} works with PARTITIONS=${first.partitions ?? 1}: one with ${duties.length} waits`,
    )
  if (duties.length === 1) return sayOne(first, now)
  const holders = countBy(duties.filter(isWorked), ({ host, pid }) => `${host} (process ${pid})`)
  const free = duties.flatMap((duty, number) => (isWorked(duty) ? [] : [number]))
  const said = Object.entries(holders).map(([name, count]) => `${name} has ${count}`)
  return free.length === 0
    ? ok(`all ${duties.length} partitions are worked on: ${said.join(', ')}`)
    : note(
        `nobody works on ${free.length} of ${duties.length} partitions, or clocks differ: ${free.join(', ')}${['', ...said].join('; ')}`,
      )
}

function sayOne(duty: Duty | null, now: number): Finding {
  if (duty?.holder == null) return note('no daemon works on this server')
  const ms = silentMs(duty, now)
  const said = `was heard of ${Math.round(ms / 1000)} s ago`
  return ms > SILENT_MS
    ? note(`${nameOfHolder(duty)} ${said}: it works no more, or its clock is another`)
    : ok(`${nameOfHolder(duty)} works, and ${said}`)
}

const silentMs = (duty: Duty, now: number): number => Math.max(0, now - Date.parse(duty.at))
