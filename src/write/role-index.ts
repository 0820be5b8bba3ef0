// Which roles the documents of a master ever gave access to: a change that takes a document away from somebody concerns
// those who had it, and the document does not tell any more who that was.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { PROVISIONING } from '../model/names.ts'
import { writeBulk } from './bulk.ts'

/** The document that remembers the roles of one. */
export const roleEntryId = (master: string, id: string): string => `roles ${master} ${id}`

/** A document's roles as they are now. */
export interface DocumentRoles {
  id: string
  roles: readonly string[]
}

export class RoleIndex {
  readonly #database: Database

  constructor(couch: Couch) {
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
    documents.forEach(({ id, roles }, at) => {
      const there = rows[at]?.doc ?? null
      const known = (there?.['roles'] ?? []) as string[]
      const united = [...new Set([...known, ...roles])].sort()
      all.set(id, united)
      if (united.length > known.length)
        changed.push({ _id: roleEntryId(master, id), ...(there ? { _rev: there._rev } : {}), roles: united })
    })
    const written = await writeBulk(this.#database, changed)
    // Another daemon notes the same: what both know is there with the next look.
    // What is too large to be noted keeps nobody from hearing of the rest: those who lose it hear with the next comparison.
    const refused = written.find((row) => !row.ok && row.error !== 'conflict' && row.error !== 'too_large')
    if (refused && !refused.ok) throw new CouchFault('server_error', PROVISIONING, refused.reason)
    if (written.some((row) => !row.ok && row.error === 'conflict')) return this.note(master, documents)
    return all
  }
}
