// Compares what stands on a server with what has to come of a recording, without times and random names.
import assert from 'node:assert/strict'
import pick from 'lodash/pick.js'
import sortBy from 'lodash/sortBy.js'
import type { Database } from '../../src/couch/database.ts'
import type { Doc } from '../../src/couch/document.ts'
import { decodeJson, encodeJson } from '../../src/documents/json.ts'
import { REGISTRY } from '../../src/documents/names.ts'
import type { Fixture } from './fixture.ts'
import type { Open } from './player.ts'

/** What of an entry is the same whenever, and on whichever server, a recording is played. */
const STABLE = [
  ...['owner', 'state', 'order', 'access', 'home', 'problem'],
  ...['granted', 'invited', 'admitted', 'onEnd', 'reason', 'paused', 'due'],
]

export async function assertOutcome({ databases, registry }: Fixture, open: Open): Promise<void> {
  for (const [name, expected] of databases) {
    if ((await open(name).info()) === null) assert.equal(expected, null, `${name} is not there`)
    else assert.deepEqual(await contentOf(open(name), expected), expected, name)
  }
  for (const [key, expected] of Object.entries(registry)) {
    const entry = await open(REGISTRY).get(`${key.includes('/') ? 'subscription' : 'share'}/${key}`)
    assert.deepEqual(entry && pick(entry, STABLE), expected, `registry entry of ${key}`)
  }
}

/** All documents but the daemon's bases; none of them may have a conflict. */
async function contentOf(database: Database, expected: object | null): Promise<unknown> {
  const ids = (await database.range({}))
    .map(({ id }) => id)
    .filter((id) => !id.startsWith('_design/') && !id.startsWith('base/'))
  const documents = await database.fetch(ids, { conflicts: true })
  const found = Object.fromEntries(documents.map(({ id, doc }) => [id, doc && essence(doc)]))
  if (!expected || !('_security' in expected)) return found
  const { admins: _, ...security } = await database.security()
  return { ...found, _security: withoutChance(security) }
}

/** A document as fixtures hold it: no revision, attachments by content type and length, rejections without their times. */
function essence({ _id, _rev, _attachments, $rejected, ...content }: Doc): unknown {
  const attachments = Object.entries(_attachments ?? {}).map(([name, { content_type, length }]) => [
    name,
    { content_type, length },
  ])
  return withoutChance({
    ...content,
    ...($rejected === undefined
      ? {}
      : { $rejected: Array.isArray($rejected) ? sortBy($rejected.map(timeless), 'document') : $rejected }),
    ...(_attachments ? { _attachments: Object.fromEntries(attachments) as unknown } : {}),
  })
}

function timeless(rejection: unknown): unknown {
  if (typeof rejection !== 'object' || rejection === null) return rejection
  const { at: _, ...rest } = rejection as { at?: unknown }
  return rest
}

/** The account of a password has a random name. */
const withoutChance = (value: unknown): unknown =>
  decodeJson(encodeJson(value).replaceAll(/\b[0-9a-f]{32}\b/g, '…'))
