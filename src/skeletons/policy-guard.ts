// Looks at what a pattern of DATABASES fits before anything is written there: what is somebody's own stays as it is.
import { isDeepStrictEqual } from 'node:util'
import type { Couch } from '../couch/client.ts'
import { orNull } from '../couch/fault.ts'
import { CHECKPOINTS, OUTBOX_SUFFIX, ROUTES_SUFFIX } from '../documents/names.ts'
import type { Kinds } from './kinds.ts'
import type { SkeletonPlan, Wanted } from './plan.ts'
import { isWidening, whyWithheld, WIDENING } from './withheld.ts'
import { START } from '../engine/checkpoint.ts'

const FOLLOWER = 'follower/'

/** A database is left as it is; the message says why. */
export class Withheld extends Error {}

/** Remembers the databases that a pattern may have. */
export class PolicyGuard {
  readonly #couch: Couch
  readonly #kinds: Pick<Kinds, 'isMaster' | 'assignments'>
  /** Databases that a pattern may have: what is somebody's later was not when it came under its policy. */
  readonly #free = new Set<string>()
  #sources: Promise<Set<string>> | null = null

  constructor(couch: Couch, kinds: Pick<Kinds, 'isMaster' | 'assignments'>) {
    this.#couch = couch
    this.#kinds = kinds
  }

  /** Null where a pattern may have it, else why not. What a setting names in full is found by no pattern. @throws {CouchFault} */
  async why(db: string, wanted: Wanted): Promise<string | null> {
    if (this.#isNamed(db) || this.#free.has(db)) return null
    const names = [db + OUTBOX_SUFFIX, db + ROUTES_SUFFIX]
    const security = await this.#couch.database(db).security()
    // Whoever comes to it again finds it so: nothing is opened.
    if (wanted.security !== null && isDeepStrictEqual(security, wanted.security)) return null
    const beside = [...(await this.#couch.dbsInfo(names)).keys()]
    const why = whyWithheld({ db, beside, isFollowed: await this.#isFollowed(db), security }, wanted)
    if (why === null) this.#free.add(db)
    return why
  }

  /**
   * What may be done of a plan without being asked for: a policy lets nobody into what others have. Who has a master keeps it,
   * and its design documents are put there all the same: without them nobody is provisioned.
   * @throws {Withheld}
   */
  limit(db: string, plan: SkeletonPlan): SkeletonPlan {
    if (!isWidening(plan)) return plan
    if (this.#kinds.isMaster(db)) return { ...plan, security: null }
    throw new Withheld(WIDENING)
  }

  #isNamed(db: string): boolean {
    const { isMaster, assignments } = this.#kinds
    return isMaster(db) || assignments.some(({ pattern }) => pattern === db)
  }

  /** Checkpoints of databases are called as these are, those of masters and gateways `follower/<database> …`. */
  async #isFollowed(db: string): Promise<boolean> {
    this.#sources ??= this.#readSources().catch((error: unknown) => {
      this.#sources = null
      throw error
    })
    if ((await this.#sources).has(db)) return true
    const [own] = await this.#couch.database(CHECKPOINTS).fetchIfThere([db])
    // Upkeep notes of a policy's own how it was seen last, and reads no documents there.
    return own?.doc ? own.doc['since'] !== START.since : false
  }

  /** Of all daemons. Once: whoever takes a master or a gateway out of the settings starts the daemon again. */
  async #readSources(): Promise<Set<string>> {
    const range = { startKey: FOLLOWER, endKey: `${FOLLOWER}\ufff0` }
    const rows = (await orNull(this.#couch.database(CHECKPOINTS).range(range))) ?? []
    return new Set(rows.map(({ id }) => id.slice(FOLLOWER.length, id.indexOf(' '))))
  }
}
