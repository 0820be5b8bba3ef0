// The registry of provisioned users: who owns which personal database, and how far everything is.
import isEqual from 'lodash/isEqual.js'
import isUndefined from 'lodash/isUndefined.js'
import omitBy from 'lodash/omitBy.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Written } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { pagesOf } from '../couch/pages.ts'
import { REGISTRY } from '../documents/names.ts'
import {
  claimId,
  parseClaim,
  parsePersonEntry,
  PERSON_RANGE,
  personEntryId,
  type Claim,
  type PersonChange,
  type PersonEntry,
} from './person.ts'
import type { OwnWrites } from '../engine/own-writes.ts'

const PAGE = 500

/** The registry's documents of provisioned users. */
export class People {
  readonly #database: Database
  readonly #ownWrites: OwnWrites
  readonly #now: () => number

  constructor(couch: Couch, ownWrites: OwnWrites, now: () => number) {
    this.#database = couch.database(REGISTRY)
    this.#ownWrites = ownWrites
    this.#now = now
  }

  /** What is known of a user, or null for nothing. */
  async entry(name: string): Promise<PersonEntry | null> {
    return parsePersonEntry(await this.#database.get(personEntryId(name)))
  }

  /** All users that are or were provisioned, a page at a time. */
  async *all(): AsyncGenerator<PersonEntry[]> {
    const range = { ...PERSON_RANGE, limit: PAGE, includeDocs: true }
    for await (const rows of pagesOf(this.#database, range))
      yield rows.flatMap(({ doc }) => parsePersonEntry(doc) ?? [])
  }

  /** The names of provisioned users by the roles that they have. */
  async byRole(roles: readonly string[]): Promise<Map<string, string[]>> {
    const names = new Map<string, string[]>()
    if (roles.length === 0) return names
    const rows = await this.#database.view<string>('shares', 'people_by_role', [...roles])
    for (const { key, value } of rows) (names.get(key) ?? names.set(key, []).get(key))?.push(value)
    return names
  }

  /** Whose these databases are, by name; those that are nobody's are left out. */
  async claims(databases: readonly string[]): Promise<Map<string, Claim>> {
    const rows = await this.#database.fetch([...new Set(databases)].map(claimId))
    const claims = rows.flatMap(({ doc }) => parseClaim(doc) ?? [])
    return new Map(claims.map((claim) => [claim.database, claim]))
  }

  /** Makes a database a user's, for good; false where it is somebody's already, or its user is gone. @throws {CouchFault} */
  async claim(database: string, name: string, attribute: string): Promise<boolean> {
    const claim: Claim = { _id: claimId(database), type: 'claim', database, name, attribute }
    const written = await this.#database.put({ ...claim })
    if (written.ok) {
      this.#ownWrites.add(REGISTRY, claim._id, written.rev)
      return true
    }
    expectConflict(written)
    const there = (await this.claims([database])).get(database)
    return there?.name === name && there.ended !== true
  }

  /** Closes a claim: the database is nobody's any more, and never will be anybody else's. @throws {CouchFault} */
  async endClaim(database: string): Promise<void> {
    for (;;) {
      const there = await this.#database.get(claimId(database))
      if (there === null || there['ended'] === true) return
      const written = await this.#database.put({ ...there, ended: true })
      if (written.ok) {
        this.#ownWrites.add(REGISTRY, written.id, written.rev)
        return
      }
      expectConflict(written)
    }
  }

  /**
   * Changes what is known of a user, or begins it; where it says all that already, nothing is written.
   * @param over the entry that the change was planned with, null: there was none; where it is left out, any will do
   * @param known the entry as it was read last, where any will do: it need not be read again
   * @throws {CouchFault} `conflict` where another entry stands there now
   */
  async change(
    name: string,
    change: PersonChange,
    { over, known = over }: { over?: PersonEntry | null; known?: PersonEntry | null } = {},
  ): Promise<PersonEntry> {
    for (
      let there = known === undefined ? await this.#read(name) : { entry: known, rev: known?._rev };
      ;
      there = await this.#read(name)
    ) {
      if (over !== undefined && there.entry?._rev !== over?._rev)
        throw new CouchFault('conflict', REGISTRY, `somebody else was faster with ${personEntryId(name)}`)
      // Over what an admin's hand has made unreadable, too: a new entry would conflict with it for ever.
      const revision = there.rev === undefined ? {} : { _rev: there.rev }
      const before = there.entry ?? { ...newEntry(name, this.#time()), ...revision }
      const after = omitBy({ ...before, ...change }, isUndefined) as unknown as PersonEntry
      if (there.entry !== null && isEqual(after, there.entry)) return there.entry
      const entry = { ...after, updatedAt: this.#time() }
      const written = await this.#database.put({ ...entry })
      if (written.ok) {
        this.#ownWrites.add(REGISTRY, written.id, written.rev)
        return { ...entry, _rev: written.rev }
      }
      expectConflict(written)
    }
  }

  async #read(name: string): Promise<{ entry: PersonEntry | null; rev: string | undefined }> {
    const found = await this.#database.get(personEntryId(name))
    return { entry: parsePersonEntry(found), rev: found?._rev }
  }

  #time(): string {
    return new Date(this.#now()).toISOString()
  }
}

/** Somebody else was faster: read again. Nothing else is mended by that. @throws {CouchFault} */
function expectConflict({ error, reason }: Extract<Written, { ok: false }>): void {
  if (error !== 'conflict') throw new CouchFault('forbidden', REGISTRY, reason)
}

const newEntry = (name: string, updatedAt: string): PersonEntry => ({
  _id: personEntryId(name),
  type: 'person',
  name,
  database: null,
  state: 'refused',
  roles: [],
  others: {},
  masters: {},
  updatedAt,
})
