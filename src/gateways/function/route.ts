// Where documents go that are there: the answer of a sync function that is the same whoever asks, and whenever.
import type { Call, SyncFunction, Judgement, Writer } from './sync-function.ts'
import type { Routed } from './routed.ts'

/** Documents that are judged in one go: nothing else happens meanwhile, no signal either. */
export const BATCH_DOCUMENTS = 25

/** No other document is begun after so long, however many of a batch are left: what users write may take the function long. */
export const SLICE_MS = 20

/** As whom the router evaluates: what is in the database was let in. */
export const ADMIN: Writer = Object.freeze({ name: null, roles: [], channels: [], isAdmin: true })

/** Of one that is deleted, or that the function fails or refuses: it is in no channel, and grants nothing. */
export const NOWHERE: Routed = Object.freeze({ channels: [], access: [], roles: [], expiry: null })

/**
 * Judges documents as they are, each alone: as if an admin created it; and where that is refused, as if an admin wrote it
 * once more as it is. So a function that lets nobody create a finished order still routes those that were finished since. Which
 * revisions came before does not count: CouchDB may not have them any more, as Sync Gateway, which routes without them too
 * when it evaluates all anew (`getResyncedDocument` of https://github.com/couchbase/sync_gateway/blob/main/db/database.go).
 * @param now milliseconds since the epoch: what the function takes for the time
 * @param sliceMs after so long no other one is begun
 * @returns what it says of the first ones, in their order: of one at least; of all where no time was given
 */
export function routeEach(
  sync: SyncFunction,
  docs: readonly object[],
  now: number,
  sliceMs?: number,
): Judgement[] {
  const call = (doc: object, oldDoc: object | null): Call => ({ doc, oldDoc, writer: ADMIN, now })
  const judgements = sync.evaluateMany(
    docs.map((doc) => call(doc, null)),
    sliceMs,
  )
  const refused = docs.filter((_doc, at) => judgements[at]?.kind === 'rejected')
  const again = sync.evaluateMany(
    refused.map((doc) => call(doc, doc)),
    sliceMs,
  )
  const second = new Map(refused.map((doc, at) => [doc, again[at]]))
  const known = docs.findIndex((doc) => second.has(doc) && second.get(doc) === undefined)
  return judgements.slice(0, known === -1 ? judgements.length : known).map((judgement, at) => {
    const other = second.get(docs[at] as object)
    return other?.kind === 'accepted' ? other : judgement
  })
}
