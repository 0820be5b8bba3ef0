// Databases are born from skeletons: security first, then the design documents, before anything is copied in.
import isEqual from 'lodash/isEqual.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, Security } from '../couch/document.ts'
import { SKELETON_PREFIX } from '../model/names.ts'
import { CouchFault } from '../couch/fault.ts'

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

  /** Puts security and design documents in place. Where all is in place, nothing is written. */
  async equip(name: string, kind: BornKind, security: object): Promise<void> {
    const database = this.#couch.database(name)
    await secure(database, security)
    const designs = this.#designs.get(kind) ?? []
    const rows = await database.fetch(designs.map(({ _id }) => _id))
    const there = new Map(rows.map(({ doc, id }) => [id, doc]))
    const missing = designs.filter((design) => {
      const found = there.get(design._id)
      return !found || !isEqual(withoutRevision(found), design)
    })
    const written = await database.bulk(
      missing.map((design) => {
        const found = there.get(design._id)
        return found ? { ...design, _rev: found._rev } : design
      }),
    )
    const failed = written.find((row) => !row.ok)
    if (failed && !failed.ok) throw new CouchFault('server_error', name, `${failed.id}: ${failed.reason}`)
  }
}

/** Sets `_security` where it differs: it has no revisions, and setting it anew moves `update_seq`. */
export async function secure(database: Database, security: object): Promise<void> {
  const there = await database.security()
  if (!isEqual(there, security)) await database.putSecurity(security as Security)
}

const withoutRevision = ({ _rev, ...doc }: Doc): Doc => doc
