// Databases are born from skeletons: design documents first, then those who may enter, before anything is copied in.
import isEqual from 'lodash/isEqual.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, Security } from '../couch/document.ts'
import { SKELETON_PREFIX } from '../model/names.ts'
import { CouchFault } from '../couch/fault.ts'
import { ADMIN_ONLY } from '../model/security.ts'

/** The kinds of database that the daemon creates for users. */
export type BornKind = 'outbox' | 'share'

/**
 * Copies of a share and the bases of an object are written in one request; one shard makes that one commit,
 * and keeps the changes of a share in one order.
 */
const SHARDS = 1

export class Births {
  readonly #couch: Couch
  readonly #designs = new Map<BornKind, Doc[]>()

  constructor(couch: Couch) {
    this.#couch = couch
  }

  /** Reads the design documents that databases of each kind are born with from `skeleton/<kind>`. */
  async load(): Promise<void> {
    for (const kind of ['outbox', 'share'] as const) {
      const rows = await this.#couch
        .database(SKELETON_PREFIX + kind)
        .range({ startKey: '_design/', endKey: '_design0', includeDocs: true })
      this.#designs.set(
        kind,
        rows.flatMap(({ doc }) => (doc === null ? [] : [withoutRevision(doc)])),
      )
    }
  }

  /** Creates the database, empty and the admins' alone; false where it was there. */
  async create(name: string): Promise<boolean> {
    return this.#couch.database(name).create(SHARDS)
  }

  /**
   * Puts design documents and security in place, in this order: without a validation function, everybody whom
   * `_security` lets in may write. Where all is in place, nothing is written.
   */
  async equip(name: string, kind: BornKind, security: object): Promise<void> {
    const database = this.#couch.database(name)
    const designs = this.#designs.get(kind) ?? []
    const rows = await database.fetch(designs.map(({ _id }) => _id))
    const there = new Map(rows.map(({ doc, id }) => [id, doc]))
    const missing = designs.filter((design) => {
      const found = there.get(design._id)
      return !found || !isEqual(withoutRevision(found), design)
    })
    // A server can be set so that a new database is everybody's.
    if (missing.some(({ _id }) => !there.get(_id))) await secure(database, ADMIN_ONLY)
    const written = await database.bulk(
      missing.map((design) => {
        const found = there.get(design._id)
        return found ? { ...design, _rev: found._rev } : design
      }),
    )
    const failed = written.find((row) => !row.ok)
    if (failed && !failed.ok) throw new CouchFault('server_error', name, `${failed.id}: ${failed.reason}`)
    await secure(database, security)
  }
}

/** Sets `_security` where it differs: it has no revisions, and setting it anew moves `update_seq`. */
export async function secure(database: Database, security: object): Promise<void> {
  const there = await database.security()
  if (!isEqual(there, security)) await database.putSecurity(security as Security)
}

const withoutRevision = ({ _rev, ...doc }: Doc): Doc => doc
