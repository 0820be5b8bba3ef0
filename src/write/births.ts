// Databases are born from skeletons: design documents first, then those who may enter, before anything is copied in.
import isEqual from 'lodash/isEqual.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Security } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { ADMIN_ONLY } from '../model/security.ts'
import type { SkeletonPlan, Wanted } from '../plan/skeleton.ts'
import { equip } from './equip.ts'
import type { Skeletons } from './skeletons.ts'

/** The kinds of database that the daemon creates for users. */
export type BornKind = 'outbox' | 'share'

/**
 * Copies of a share and the bases of an object are written in one request; one shard makes that one commit,
 * and keeps the changes of a share in one order.
 */
const SHARDS = 1

export class Births {
  readonly #couch: Couch
  readonly #skeletons: Skeletons

  constructor(couch: Couch, skeletons: Skeletons) {
    this.#couch = couch
    this.#skeletons = skeletons
  }

  /** Creates the database, empty and the admins' alone; false where it was there. */
  async create(name: string): Promise<boolean> {
    return this.#couch.database(name).create(SHARDS)
  }

  /**
   * Puts design documents and security in place, in this order: without a validation function, everybody whom
   * `_security` lets in may write. Where all is in place, nothing is written.
   * @throws {CouchFault} where something could not be put in place; then nobody was let in
   */
  async equip(name: string, kind: BornKind, security: object): Promise<void> {
    const database = this.#couch.database(name)
    const wanted = this.#wanted(kind)
    await equip(database, { ...wanted, security: null }, async ({ designs }) => {
      // A server can be set so that a new database is everybody's.
      if (designs.some((change) => change.kind === 'add')) await secure(database, ADMIN_ONLY)
    })
    await secure(database, security)
  }

  /**
   * Brings a database up to the skeleton of its kind as that is now; `_security` only where the kind has one for all.
   * @throws {CouchFault}
   */
  async refresh(name: string, kind: string): Promise<SkeletonPlan> {
    return equip(this.#couch.database(name), this.#wanted(kind))
  }

  #wanted(kind: string): Wanted {
    const wanted = this.#skeletons.of(kind)
    if (wanted === null)
      throw new CouchFault('server_error', `skeleton/${kind}`, 'the skeleton cannot be used')
    return wanted
  }
}

/** Sets `_security` where it differs: it has no revisions, and setting it anew moves `update_seq`. */
export async function secure(database: Database, security: object): Promise<void> {
  const there = await database.security()
  if (!isEqual(there, security)) await database.putSecurity(security as Security)
}
