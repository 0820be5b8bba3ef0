// Gives a document the attachments that it should have: those that stand there already, and those of where it comes from.
import type { Database } from '../couch/database.ts'
import type { Doc, Written } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { shareDatabase } from '../model/names.ts'
import type { Content, ObjectDoc } from '../model/object.ts'
import type { Source } from '../plan/object.ts'
import {
  attachmentsToCarry,
  bytesOf,
  fitsUrl,
  INLINE_BYTES,
  inlineAttachments,
  streamCopy,
} from './attachments.ts'
import type { Deps } from './deps.ts'

export interface Carried {
  /** The document to be written, without attachments. */
  target: Doc
  wanted: Content['attachments']
  /** What stands there. */
  over: ObjectDoc | null
  to: Database
  from: Place[]
  /** False: the target is a revision as it is, not one to be made. */
  newEdits?: boolean
}

/** Where attachments may be read. */
interface Place {
  database: Database
  leaf: ObjectDoc
}

/** A document ready to be written, or one whose attachments are too large to travel inside it. */
export type Prepared = { kind: 'ready'; doc: Doc } | { kind: 'large'; send: () => Promise<Written> }

/** @param user where the object itself is */
export const placesOf = (
  { couch }: Pick<Deps, 'couch'>,
  user: Database,
  sources: readonly Source[],
): Place[] =>
  sources.map(({ share, leaf }) => ({
    database: share === null ? user : couch.database(shareDatabase(share)),
    leaf,
  }))

/** Gives the document its attachments; null: they are gone meanwhile. */
export async function prepare({
  target,
  wanted,
  over,
  to,
  from,
  newEdits = true,
}: Carried): Promise<Prepared | null> {
  const { stubs, lacking } = attachmentsToCarry(wanted, over)
  const withStubs = Object.keys(stubs).length > 0 ? { ...target, _attachments: stubs } : target
  if (lacking.length === 0) return { kind: 'ready', doc: withStubs }
  const whole = from.find(({ leaf }) => lacking.every((name) => holdsAttachment(leaf, name, wanted)))
  const isLarge = bytesOf(wanted, lacking) > INLINE_BYTES
  if (isLarge && whole && [target._id, whole.leaf._id, ...lacking].every(fitsUrl)) {
    const copy = { ...target, _attachments: stubs }
    return { kind: 'large', send: () => send(whole, to, copy, lacking, { newEdits }) }
  }
  let attachments = { ...stubs }
  for (const { database, leaf } of from) {
    const names = lacking.filter(
      (name) => !Object.hasOwn(attachments, name) && holdsAttachment(leaf, name, wanted),
    )
    if (names.length === 0) continue
    const found = await inlineAttachments(database, leaf, names)
    attachments = { ...attachments, ...found }
  }
  return Object.keys(wanted).every((name) => Object.hasOwn(attachments, name))
    ? { kind: 'ready', doc: { ...target, _attachments: attachments } }
    : null
}

function holdsAttachment(leaf: ObjectDoc, name: string, wanted: Content['attachments']): boolean {
  const there = leaf._attachments && Object.hasOwn(leaf._attachments, name) ? leaf._attachments[name] : null
  return there?.digest === wanted[name]?.digest
}

/** A refusal is told like that of any other document. */
async function send(
  { database, leaf }: Place,
  to: Database,
  copy: Doc,
  lacking: string[],
  options: { newEdits: boolean },
): Promise<Written> {
  try {
    return { id: copy._id, ok: true, rev: await streamCopy(database, to, leaf, copy, lacking, options) }
  } catch (error) {
    if (!isFault(error) || error.retryable || error.code === 'stopped') throw error
    return { id: copy._id, ok: false, error: error.code, reason: error.reason }
  }
}
