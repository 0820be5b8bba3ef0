// Who has which role, as `_users` says. No view can tell: users may write their own documents there, and CouchDB's
// JavaScript ends with one that is nested too deep, for everybody and for good. So the daemon keeps an index itself.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Change, Seq } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { isPurgedAs } from '../couch/sequence.ts'
import { isText } from '../documents/shapes.ts'
import { USER_DOCUMENT_PREFIX } from './user-document.ts'

const PAGE = 500

/** Before all changes. */
const START: Seq = '0'

/** Which database was read, and how far it was purged then. */
interface ReadOf {
  instance: string
  purgeSeq: Seq | undefined
}

/**
 * All accounts with their roles, in memory: some hundred bytes each. The first question reads `_users` whole, each further one
 * what has changed since. Every answer knows what was written before it was asked for.
 */
export class AccountIndex {
  readonly #users: Database
  readonly #roles = new Map<string, readonly string[]>()
  readonly #names = new Map<string, Set<string>>()
  #of: ReadOf | null = null
  #since: Seq = START
  /** `update_seq` of `_users` before it was read to its end last; null where it was not. */
  #updateSeq: Seq | null = null
  #reading: Promise<unknown> = Promise.resolve()
  #next: Promise<void> | null = null

  constructor(couch: Couch) {
    this.#users = couch.database('_users')
  }

  /** The roles of those of these names that are accounts. @throws {CouchFault} */
  async rolesOf(names: Iterable<string>): Promise<Map<string, readonly string[]>> {
    await this.#catchUp()
    return pickKeys(this.#roles, names)
  }

  /** By role, the names of all accounts that have it. @throws {CouchFault} */
  async namesWith(roles: Iterable<string>): Promise<Map<string, ReadonlySet<string>>> {
    await this.#catchUp()
    return pickKeys(this.#names, roles)
  }

  /** Whoever asks while something is being read waits for the next time: that began too early. */
  #catchUp(): Promise<void> {
    if (this.#next) return this.#next
    const next = this.#reading.then(() => {
      this.#next = null
      const reading = this.#read()
      this.#reading = reading.catch(() => undefined)
      return reading
    })
    this.#next = next
    return next
  }

  async #read(): Promise<void> {
    const info = await this.#users.info()
    if (info === null) throw new CouchFault('not_found', '_users', 'Database does not exist.', 404)
    // Another database of that name, and purges, take accounts away of which `_changes` says nothing.
    const { instance_start_time: instance, purge_seq: purgeSeq } = info
    if (this.#of?.instance !== instance || !isPurgedAs(purgeSeq, this.#of.purgeSeq))
      this.#beginAnew({ instance, purgeSeq })
    if (this.#updateSeq === info.update_seq) return
    for (let pending = 1; pending > 0;) {
      const page = await this.#users.changes({ since: this.#since, limit: PAGE, includeDocs: true })
      for (const change of page.results) this.#note(change)
      this.#since = page.last_seq
      pending = page.pending
    }
    this.#updateSeq = info.update_seq
  }

  #beginAnew(of: ReadOf): void {
    this.#roles.clear()
    this.#names.clear()
    this.#of = of
    this.#since = START
    this.#updateSeq = null
  }

  /** CouchDB logs users in by the `_id`. Only `name` and `roles` count: users may write the rest of their document themselves. */
  #note({ id, doc }: Change): void {
    if (!id.startsWith(USER_DOCUMENT_PREFIX)) return
    const name = id.slice(USER_DOCUMENT_PREFIX.length)
    for (const role of this.#roles.get(name) ?? []) this.#take(role, name)
    this.#roles.delete(name)
    if (!doc || doc._deleted || doc['type'] !== 'user' || doc['name'] !== name) return
    const { roles } = doc
    const given = Array.isArray(roles) ? roles.filter(isText) : []
    this.#roles.set(name, given)
    for (const role of given) {
      const names = this.#names.get(role)
      if (names) names.add(name)
      else this.#names.set(role, new Set([name]))
    }
  }

  #take(role: string, name: string): void {
    const names = this.#names.get(role)
    names?.delete(name)
    if (names?.size === 0) this.#names.delete(role)
  }
}

const pickKeys = <Value>(all: ReadonlyMap<string, Value>, keys: Iterable<string>): Map<string, Value> =>
  new Map(
    [...keys].flatMap((key): [string, Value][] => {
      const value = all.get(key)
      return value === undefined ? [] : [[key, value]]
    }),
  )
