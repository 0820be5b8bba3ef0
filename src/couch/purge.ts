// What one `_purge` may take: CouchDB refuses more documents, or more revisions of all of them, than its settings say.

/** `[purge] max_document_id_number` as CouchDB is delivered. https://docs.couchdb.org/en/stable/config/misc.html#purge */
export const MOST_PURGED = 100
/** `[purge] max_revisions_number` as CouchDB is delivered. */
const MOST_REVISIONS = 1000

/** Revisions by the id of their document. An id may be any word, `__proto__` too: it is never looked up. */
export type Revisions = [id: string, revs: string[]][]

/** Cuts what is to be purged into requests that CouchDB takes, in order: of a document, the revision named last goes last. */
export function purgesOf(revisions: Readonly<Record<string, string[]>>): Revisions[] {
  const parts: Revisions[] = []
  let room = 0
  for (const [id, revs] of Object.entries(revisions))
    for (let at = 0; at < revs.length;) {
      const last = parts.at(-1)
      if (last === undefined || room === 0 || last.length >= MOST_PURGED) {
        parts.push([])
        room = MOST_REVISIONS
        continue
      }
      const some = revs.slice(at, at + room)
      last.push([id, some])
      room -= some.length
      at += some.length
    }
  return parts
}

/** A purge in two, where an admin has lowered the limits; null where it is a single revision. */
export function halvesOf(part: Revisions): [Revisions, Revisions] | null {
  const [first] = part
  if (first === undefined) return null
  if (part.length > 1) {
    const middle = Math.ceil(part.length / 2)
    return [part.slice(0, middle), part.slice(middle)]
  }
  const [id, revs] = first
  if (revs.length <= 1) return null
  const middle = Math.ceil(revs.length / 2)
  return [[[id, revs.slice(0, middle)]], [[id, revs.slice(middle)]]]
}
