// What a write does to a document, told from what was there and what comes.
import { forbidden } from './refusal.ts'
import type { Write } from './types.ts'

/**
 * - `create`: something alive where nothing was, or over a tombstone
 * - `modify`: something alive over something alive
 * - `delete`: a tombstone over something alive
 * - `tombstone`: a tombstone where nothing alive was, which replication brings
 */
export type Event = 'create' | 'modify' | 'delete' | 'tombstone'

/** CouchDB shows a tombstone as `oldDoc` only to writes that name its revision. */
export function eventOf({ doc, oldDoc }: Pick<Write, 'doc' | 'oldDoc'>): Event {
  const wasAlive = oldDoc !== null && oldDoc._deleted !== true
  if (doc._deleted === true) return wasAlive ? 'delete' : 'tombstone'
  return wasAlive ? 'modify' : 'create'
}

export interface StateChange {
  /** What the write does: `create`, `modify`, `delete` or `tombstone`. */
  event: Event
  /** Refuses a tombstone, whatever was there before. "You may not delete `type` documents.", or "… this document." without a type */
  forbidDeletion: () => void
  /** Refuses what comes where nothing alive was. "You may not create `type` documents.", or "… this document." without a type */
  forbidCreation: () => void
  /** Whether the write brings a history of its own (`new_edits: false`), as a replication does; see `enforceDirectWrite`. */
  isReplicated: boolean
  /**
   * Refuses a write with a history of its own. "Write this document directly, not by replication."
   *
   * An ordinary write names the leaf that it follows, or none, and CouchDB has compared that with what is there. A pushed
   * history may begin anew beside a document (`oldDoc` is then null, and it looks like a creation), or branch off an old
   * revision (`oldDoc` is then that one), and may win over the document. Seen on CouchDB 3.5: rules that decide by `oldDoc`
   * hold for direct writes only.
   */
  enforceDirectWrite: () => void
}

export function stateChangeOf({ doc, oldDoc }: Write, type: string | undefined): StateChange {
  const event = eventOf({ doc, oldDoc })
  const kind = type === undefined ? 'this document' : `\`${type}\` documents`
  // A direct write carries the revision that it follows, a pushed one the revision that it becomes.
  const isReplicated = doc._rev !== oldDoc?._rev
  return {
    event,
    forbidDeletion: () => {
      if (event === 'delete' || event === 'tombstone') forbidden(`You may not delete ${kind}.`)
    },
    forbidCreation: () => {
      if (event === 'create' || event === 'tombstone') forbidden(`You may not create ${kind}.`)
    },
    isReplicated,
    enforceDirectWrite: () => {
      if (isReplicated) forbidden('Write this document directly, not by replication.')
    },
  }
}
