// Recorded changes and what has to come of them: one folder a case, read as data.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Doc } from '../../src/couch/document.ts'
import { decodeJson } from '../../src/couch/json.ts'

/** What a user did, as `_changes` of the user's database told it, or a pause in which the daemon catches up. */
export type Recorded = { db: string; id: string; deleted?: boolean; doc: Doc } | { settle: true }

export interface Fixture {
  name: string
  recorded: Recorded[]
  /** By database: documents by id without `_rev`, or null where the database must not be there. */
  databases: Map<string, Record<string, unknown> | null>
  /** The state of each share in the registry, and its owner. */
  registry: Record<string, { owner: string; state: string }>
}

const FOLDER = fileURLToPath(new URL('./fixtures', import.meta.url))

/** All fixtures, sorted by name. @param rename what to put in place of the names in the recording, so that runs do not meet */
export function readFixtures(rename: (text: string) => string = (text) => text): Fixture[] {
  return readdirSync(FOLDER)
    .sort()
    .map((name) => readFixture(name, rename))
}

function readFixture(name: string, rename: (text: string) => string): Fixture {
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

/** A document as fixtures hold it: no revision, attachments by content type and length. */
export function essence({ _id, _rev, _conflicts, _attachments, ...content }: Doc): unknown {
  if (!_attachments) return content
  const attachments = Object.entries(_attachments).map(([name, { content_type, length }]) => [
    name,
    { content_type, length },
  ])
  return { ...content, _attachments: Object.fromEntries(attachments) as unknown }
}
