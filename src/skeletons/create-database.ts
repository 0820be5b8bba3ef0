// Databases are created from skeletons: design documents first, then those who may enter, before anything is copied in.
import isEqual from 'lodash/isEqual.js'
import type { Aside, Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, Security } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { Joined } from '../couch/joined.ts'
import { isFixedKind, PERSONAL_KIND, type Kinds } from './kinds.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import type { SkeletonPlan, Wanted } from './plan.ts'
import { applySkeleton, type OnWritten } from './apply.ts'
import { ExpectedRevisions } from './expected-revisions.ts'
import { PolicyGuard, Withheld } from './policy-guard.ts'
import { letsAdminsPass, type Skeletons } from './wanted.ts'

/** The kinds of database that the daemon creates for users. */
export type CreatedKind = 'outbox' | 'share' | 'personal'

/**
 * Copies of a share and the bases of an object are written in one request; one shard makes that one commit,
 * and keeps the changes of a share in one order.
 */
const SHARDS = 1

/** Creates a database, empty and the admins' alone; false where it was there. @throws {CouchFault} */
export const createDatabase = (database: Database): Promise<boolean> => database.create(SHARDS)

export interface DatabaseCreatorOptions {
  kinds?: Pick<Kinds, 'isMaster' | 'assignments'>
  isExpecting?: boolean
  /** What is done around what several ask together. */
  aside?: Aside
}

const NO_KINDS = { isMaster: () => false, assignments: [] }

/** Creates databases, and brings those that are there up to their skeletons. */
export class DatabaseCreator {
  readonly #couch: Couch
  readonly #skeletons: Skeletons
  readonly #guard: PolicyGuard
  readonly #expected = new Map<string, ExpectedRevisions>()
  readonly #isExpecting: boolean
  /** Whether a new database is the admins' alone. */
  readonly #createdClosed: Joined<void, boolean>

  /** @param isExpecting databases of a kind are taken for alike; false where a rollout leaves something in each database that is to be read */
  constructor(
    couch: Couch,
    skeletons: Skeletons,
    { kinds = NO_KINDS, isExpecting = true, aside }: DatabaseCreatorOptions = {},
  ) {
    this.#couch = couch
    this.#skeletons = skeletons
    this.#guard = new PolicyGuard(couch, kinds)
    this.#isExpecting = isExpecting
    this.#createdClosed = new Joined(async (all) => {
      const isClosed = await this.#areCreatedClosed()
      return all.map(() => isClosed)
    }, aside)
  }

  /** Creates the database, empty and the admins' alone; false where it was there. */
  async create(name: string): Promise<boolean> {
    return createDatabase(this.#couch.database(name))
  }

  /**
   * Creates a share's database, which the daemon fills before anybody enters: the admins' alone, and without the skeleton where that
   * refuses admins nothing. CouchDB runs validation functions for each document, whoever writes it, and they cost more than the
   * document does.
   * @throws {CouchFault}
   */
  async createToFill(name: string): Promise<void> {
    await this.create(name)
    // A server can be set so that a new database is everybody's.
    await secure(this.#couch.database(name), ADMIN_ONLY)
    if (!letsAdminsPass(this.#wanted('share'))) await this.apply(name, 'share', ADMIN_ONLY)
  }

  /**
   * Creates a database with its skeleton, and then lets in whom `security` names, in as few requests as there can be: there are many
   * such databases, and of one that people have been in before, clients take it for the end that CouchDB refuses them until
   * `_security` is set. One that is there is brought up to its skeleton.
   * @returns false where it was there
   * @throws {CouchFault}
   */
  async open(
    name: string,
    kind: CreatedKind,
    security: object,
    { onWritten }: { onWritten?: OnWritten } = {},
  ): Promise<boolean> {
    const database = this.#couch.database(name)
    const { designs } = this.#wanted(kind)
    // Asked before there is a database that might be everybody's.
    const isCreatedClosed = await this.#createdClosed.ask()
    const isNew = await createDatabase(database)
    if (isNew && isCreatedClosed) {
      const written = await database.bulk(designs.map((design): Doc => ({ ...design })))
      for (const row of written) if (row.ok) onWritten?.(row.id, row.rev)
      if (written.every(({ ok }) => ok)) {
        await database.putSecurity(security as Security)
        return true
      }
    }
    await this.apply(name, kind, security, onWritten ? { onWritten } : {})
    return isNew
  }

  /** A server can be set so that a new database is everybody's. https://docs.couchdb.org/en/stable/config/couchdb.html#couchdb/default_security */
  async #areCreatedClosed(): Promise<boolean> {
    try {
      const path = ['_node', '_local', '_config', 'couchdb', 'default_security']
      return (await this.#couch.request<unknown>({ path })) === 'admin_only'
    } catch (error) {
      // CouchDB's answer where nothing is set: then it is `admin_only`.
      return (
        error instanceof CouchFault &&
        error.code === 'not_found' &&
        error.message.includes('unknown_config_value')
      )
    }
  }

  /** Puts in place what the skeleton has of a kind, and a database's own security: see `applyWithSecurity`. @throws {CouchFault} */
  async apply(
    name: string,
    kind: CreatedKind,
    security: object,
    options: { onWritten?: OnWritten } = {},
  ): Promise<void> {
    await applyWithSecurity(this.#couch.database(name), this.#wanted(kind), security, options)
  }

  /**
   * Brings a database up to the skeleton of its kind as that is now; `_security` only where the kind has one for all.
   * @param inRollout many databases of the kind are visited one after the other, and most have the same history
   * @throws {Withheld} where a policy does not get the database; nothing was written there
   * @throws {CouchFault}
   */
  async refresh(name: string, kind: string, { inRollout = false } = {}): Promise<SkeletonPlan> {
    const wanted = this.#wanted(kind)
    const why = await this.whyWithheld(name, kind)
    if (why !== null) throw new Withheld(why)
    // Nobody looks at a share's design documents again until somebody writes one there: it is always read.
    const expected = inRollout && this.#isExpecting && !wanted.isStrict ? this.#expectedOf(kind) : null
    return applySkeleton(this.#couch.database(name), wanted, {
      expected,
      ...(isPolicy(kind) ? { limit: (plan: SkeletonPlan) => this.#guard.limit(name, plan) } : {}),
    })
  }

  /** Why a policy does not get a database that fits its pattern, or null where it may. @throws {CouchFault} */
  async whyWithheld(name: string, kind: string): Promise<string | null> {
    return isPolicy(kind) ? this.#guard.why(name, this.#wanted(kind)) : null
  }

  #expectedOf(kind: string): ExpectedRevisions {
    const expected = this.#expected.get(kind) ?? new ExpectedRevisions()
    this.#expected.set(kind, expected)
    return expected
  }

  #wanted(kind: string): Wanted {
    const wanted = this.#skeletons.of(kind)
    if (wanted === null)
      throw new CouchFault('server_error', `skeleton/${kind}`, 'the skeleton cannot be used')
    return wanted
  }
}

const isPolicy = (kind: string): boolean => !isFixedKind(kind) && kind !== PERSONAL_KIND

/**
 * Puts design documents and security in place, in this order: without a validation function, everybody whom `_security`
 * lets in may write. Where all is in place, nothing is written.
 * @throws {CouchFault} where something could not be put in place; then nobody was let in
 */
export async function applyWithSecurity(
  database: Database,
  wanted: Wanted,
  security: object,
  { onWritten }: { onWritten?: OnWritten } = {},
): Promise<void> {
  let isClosed = false
  await applySkeleton(
    database,
    { ...wanted, security: null },
    {
      ...(onWritten ? { onWritten } : {}),
      onPlan: async ({ designs }) => {
        // A server can be set so that a new database is everybody's.
        if (designs.every((change) => change.kind !== 'add')) return
        await secure(database, ADMIN_ONLY)
        isClosed = true
      },
    },
  )
  const there = isClosed ? ADMIN_ONLY : await database.security()
  if (!isEqual(there, security)) await database.putSecurity(security as Security)
}

/** Sets `_security` where it differs: it has no revisions, and setting it anew moves `update_seq`. */
export async function secure(database: Database, security: object): Promise<void> {
  const there = await database.security()
  if (!isEqual(there, security)) await database.putSecurity(security as Security)
}
