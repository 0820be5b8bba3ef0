// Gives a document the attachments that it should have: those that stand there already, and those of where it comes from.
import type { Database } from './database.ts'
import type { Attachment, Doc, StoredDoc, Written } from './document.ts'
import { isFault } from './fault.ts'
import { relatedFlow } from './multipart.ts'
import type { Content, ObjectDoc } from '../documents/content.ts'
import { attachedBytes, attachmentsToCarry, hasAttachment, isPlain, type Room } from './attachments.ts'

export interface Carried {
  /** The document to be written, without attachments. */
  target: Doc
  wanted: Content['attachments']
  /** What stands there. */
  over: ObjectDoc | null
  to: Database
  from: Place[]
  /** Shared by all documents that are written in one request. */
  room: Room
  /** False: the target is a revision as it is, not one to be made. */
  newEdits?: boolean
}

/** Where attachments may be read. */
export interface Place {
  database: Database
  leaf: ObjectDoc
}

/** A document ready to be written, or one whose attachments are too large to travel inside it. */
export type Prepared = { kind: 'ready'; doc: Doc } | { kind: 'large'; send: () => Promise<Written> }

/** Gives the document its attachments; null: they are gone meanwhile. */
export async function prepare(carried: Carried): Promise<Prepared | null> {
  const { target, wanted, over, from, room } = carried
  const { stubs, lacking } = attachmentsToCarry(wanted, over)
  const doc = Object.keys(stubs).length > 0 ? { ...target, _attachments: stubs } : target
  if (lacking.length === 0) return { kind: 'ready', doc }
  const origins = await originsOf(from, lacking, wanted)
  if (origins === null) return null
  const leaves = [...new Set(origins.values())]
  const bytes = leaves.reduce((sum, { stored }) => sum + attachedBytes(stored), 0)
  if (!leaves.every(({ stored }) => isPlain(stored)) || !room.take(bytes))
    return { kind: 'large', send: () => send(carried, doc, origins) }
  const inside = await readInside(origins)
  return inside && { kind: 'ready', doc: { ...target, _attachments: { ...stubs, ...inside } } }
}

/** A leaf that is to be read, with how its attachments are stored. */
interface Origin {
  database: Database
  stored: StoredDoc
}

/** By name, where each of these attachments is to be had. */
async function originsOf(
  from: Place[],
  lacking: readonly string[],
  wanted: Content['attachments'],
): Promise<Map<string, Origin> | null> {
  const origins = new Map<string, Origin>()
  for (const { database, leaf } of from) {
    const names = lacking.filter((name) => !origins.has(name) && hasAttachment(leaf, name, wanted))
    if (names.length === 0) continue
    const [stored] = await database.leaves([{ id: leaf._id, rev: leaf._rev }], { encodings: true })
    const origin = stored && { database, stored }
    if (origin) for (const name of names) origins.set(name, origin)
  }
  return origins.size === lacking.length ? origins : null
}

/** The contents of small attachments; null where a revision is no longer there. */
async function readInside(origins: Map<string, Origin>): Promise<Record<string, Attachment> | null> {
  const inside: [string, Attachment][] = []
  for (const origin of new Set(origins.values())) {
    const { database, stored } = origin
    const [leaf] = await database.leaves([{ id: stored._id, rev: stored._rev }], { attachments: true })
    for (const [name, one] of origins) {
      if (one !== origin) continue
      const { content_type = '', data } = leaf?._attachments?.[name] ?? {}
      if (data === undefined) return null
      inside.push([name, { content_type, data }])
    }
  }
  return Object.fromEntries(inside)
}

/** The attachments come after the document, one by one, as they are stored. A refusal is told like that of any other. */
async function send(
  { to, newEdits = true }: Carried,
  doc: Doc,
  origins: ReadonlyMap<string, Origin>,
): Promise<Written> {
  const follows = [...origins].map(([name, { stored }]): [string, Attachment] => {
    const { revpos: _, stub: __, ...stub } = stored._attachments?.[name] ?? {}
    return [name, { ...stub, follows: true }]
  })
  const whole = { ...doc, _attachments: { ...doc._attachments, ...Object.fromEntries(follows) } }
  let isGone = false
  const open = async (name: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> => {
    const { database, stored } = origins.get(name) as Origin
    try {
      return await database.attachment(stored._id, name, stored._rev, { signal })
    } catch (error) {
      isGone = isFault(error, 'not_found')
      throw error
    }
  }
  return refusalAsRow(doc._id, async () => {
    try {
      return await to.putFlow(doc._id, (signal) => relatedFlow(whole, (name) => open(name, signal)), {
        newEdits,
      })
    } catch (error) {
      if (isGone) return null
      throw error
    }
  })
}

/**
 * Tells a refusal like that of any other document.
 * @param write gives the new revision, or null where what was to be written is gone: it is to be read again
 * @throws {CouchFault} where the server or the database is not there
 */
export async function refusalAsRow(id: string, write: () => Promise<string | null>): Promise<Written> {
  try {
    const rev = await write()
    return rev === null
      ? { id, ok: false, error: 'conflict', reason: 'an attachment is gone meanwhile' }
      : { id, ok: true, rev }
  } catch (error) {
    const isRefusal =
      isFault(error) && !error.retryable && error.code !== 'stopped' && error.code !== 'not_found'
    if (!isRefusal) throw error
    return { id, ok: false, error: error.code, reason: error.reason }
  }
}
