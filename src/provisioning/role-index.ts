// Which roles the documents of a master ever gave access to: a change that takes a document away from somebody concerns
// those who had it, and the document does not tell any more who that was. And in which revision the master had it last: where
// the master is made anew without it, nobody else knows that it was there.
import type { Databases } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { PROVISIONING } from '../documents/names.ts'
import { isText } from '../documents/shapes.ts'
import { writeBulk } from '../couch/bulk.ts'

/** The document that remembers the roles of one. */
export const roleEntryId = (master: string, id: string): string => `roles ${master} ${id}`

/** A document's roles as they are now. */
export interface DocumentRoles {
  id: string
  roles: readonly string[]
  /** Its revision; absent where it is gone: the last one stays known. */
  rev?: string | undefined
}

/** The documents `roles <master> <document>`. */
export class RoleIndex {
  readonly #database: Database

  constructor(couch: Databases) {
    this.#database = couch.database(PROVISIONING)
  }

  /**
   * Adds to what is known of these documents, which only grows: whoever is told once too often finds nothing to do.
   * @returns by document, all roles that it ever had; written before anybody is told
   * @throws {CouchFault}
   */
  async note(master: string, documents: readonly DocumentRoles[]): Promise<Map<string, string[]>> {
    const all = new Map<string, string[]>()
    const rows = await this.#database.fetch(documents.map(({ id }) => roleEntryId(master, id)))
    const changed: Doc[] = []
    documents.forEach(({ id, roles, rev }, at) => {
      const there = rows[at]?.doc ?? null
      const known = (there?.['roles'] ?? []) as string[]
      const united = [...new Set([...known, ...roles])].sort()
      all.set(id, united)
      const isOther = united.length > 0 && rev !== undefined && there?.['rev'] !== rev
      if (united.length === known.length && !isOther) return
      const revisions = isOther ? { rev, former: there?.['rev'] } : {}
      changed.push({ ...there, ...revisions, _id: roleEntryId(master, id), roles: united })
    })
    const written = await writeBulk(this.#database, changed)
    // Another daemon notes the same: what both know is there with the next look.
    // What is too large to be noted keeps nobody from hearing of the rest: those who lose it hear with the next comparison.
    const refused = written.find((row) => !row.ok && row.error !== 'conflict' && row.error !== 'too_large')
    if (refused && !refused.ok) throw new CouchFault('server_error', PROVISIONING, refused.reason)
    if (written.some((row) => !row.ok && row.error === 'conflict')) return this.note(master, documents)
    return all
  }

  /**
   * By document, the last two revisions in which a master was seen to have it, the latest first; without those that it never had.
   * @throws {CouchFault}
   */
  async revisions(master: string, ids: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.#database.fetch(ids.map((id) => roleEntryId(master, id)))
    return new Map(
      ids.flatMap((id, at): [string, string[]][] => {
        const doc = rows[at]?.doc
        const known = [doc?.['rev'], doc?.['former']].filter(isText)
        return known.length > 0 ? [[id, known]] : []
      }),
    )
  }
}
