// Recorded changes and what has to come of them: one folder a case, read as data.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Doc } from '../../src/couch/document.ts'
import { decodeJson } from '../../src/documents/json.ts'

/**
 * What somebody wrote, as `_changes` of the database told it: a user into the own database or straight into a share, an
 * admin into `_users` or the registry. Who writes has read what is there, and writes `doc` in its place, or changes
 * some attributes of it; null takes one out.
 */
export interface RecordedWrite {
  db: string
  id: string
  changes: { rev: string }[]
  deleted?: true
  doc?: Doc
  change?: Record<string, unknown>
  /** Written on a device that was last in touch so many pauses ago: it arrives beside what came there since. */
  offline?: number
}

/** What somebody did, a user database that was made, or a pause in which the daemon catches up. */
export type Recorded = RecordedWrite | { db: string; created: true } | { settle: true }

export interface Fixture {
  name: string
  recorded: Recorded[]
  /**
   * By database: documents by id without `_rev`, or null where the database must not be there. What is under
   * `_security` is the database's, without `admins`.
   */
  databases: Map<string, Record<string, unknown> | null>
  /** What the registry says of shares, by their ids, and of subscriptions, by `<share>/<subscriber>`. */
  registry: Record<string, unknown>
}

const FOLDER = fileURLToPath(new URL('./fixtures', import.meta.url))

/** The names of all fixtures, sorted. */
export const fixtureNames = (): string[] => readdirSync(FOLDER).sort()

/** @param rename what to put in place of the names in the recording, so that runs do not meet */
export function readFixture(name: string, rename: (text: string) => string = (text) => text): Fixture {
  const read = (...path: string[]): string => rename(readFileSync(join(FOLDER, name, ...path), 'utf8'))
  const expected = readdirSync(join(FOLDER, name, 'expected')).filter((file) => file !== 'registry.json')
  return {
    name,
    recorded: read('changes.ndjson')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => decodeJson(line) as Recorded),
    databases: new Map(
      expected.map((file) => [
        rename(decodeURIComponent(file.replace(/\.json$/, ''))),
        decodeJson(read('expected', file)) as Record<string, unknown> | null,
      ]),
    ),
    registry: JSON.parse(read('expected', 'registry.json')) as Fixture['registry'],
  }
}
