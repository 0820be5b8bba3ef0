// The registry of provisioned users: who owns which personal database, and how far everything is.
import type { Databases } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { REGISTRY } from '../documents/names.ts'
import {
  claimId,
  parseClaim,
  parseProvisionedUser,
  PROVISIONED_USER_RANGE,
  provisionedUserId,
  type Claim,
  type ProvisionedUserChange,
  type ProvisionedUser,
} from './provisioned-user.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import { Store, type Draft } from '../engine/store.ts'

/** The registry's documents of provisioned users. */
export class ProvisionedUsers {
  /** For views. */
  readonly #database: Database
  readonly #entries: Store<ProvisionedUser>
  readonly #claims: Store<Claim>

  constructor(couch: Databases, ownWrites: OwnWrites, now: () => number) {
    const database = couch.database(REGISTRY)
    this.#database = database
    this.#entries = new Store({ database, parse: parseProvisionedUser, ownWrites, now })
    this.#claims = new Store({ database, parse: parseClaim, ownWrites })
  }

  /** What is known of a user, or null for nothing. */
  async entry(name: string): Promise<ProvisionedUser | null> {
    return this.#entries.get(provisionedUserId(name))
  }

  /** All users that are or were provisioned, a page at a time. */
  all(): AsyncGenerator<ProvisionedUser[]> {
    return this.#entries.pages(PROVISIONED_USER_RANGE)
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
    const claims = await this.#claims.many([...new Set(databases)].map(claimId))
    return new Map(claims.map((claim) => [claim.database, claim]))
  }

  /** Makes a database a user's, for good; false where it is somebody's already, or its user is gone. @throws {CouchFault} */
  async claim(database: string, name: string, attribute: string): Promise<boolean> {
    const claim: Claim = { _id: claimId(database), type: 'claim', database, name, attribute }
    if (await this.#claims.create(claim)) return true
    const there = (await this.claims([database])).get(database)
    return there?.name === name && there.ended !== true
  }

  /** Closes a claim: the database is nobody's any more, and never will be anybody else's. @throws {CouchFault} */
  async endClaim(database: string): Promise<void> {
    await this.#claims.change(claimId(database), (there) => there && { ...there, ended: true })
  }

  /**
   * Changes what is known of a user, or begins it; where it says all that already, nothing is written.
   * @param over the entry that the change was planned with, null: there was none; where it is left out, any will do
   * @param known the entry as it was read last, where any will do: it need not be read again
   * @param always writes also where it says all that: whoever has the user's lane is to hear of it
   * @throws {CouchFault} `conflict` where another entry stands there now
   */
  change(
    name: string,
    change: ProvisionedUserChange,
    {
      over,
      known,
      always = false,
    }: { over?: ProvisionedUser | null; known?: ProvisionedUser | null; always?: boolean } = {},
  ): Promise<ProvisionedUser> {
    const id = provisionedUserId(name)
    const changed = (there: ProvisionedUser | null): Draft<ProvisionedUser> => ({
      ...(there ?? newEntry(name)),
      ...change,
    })
    return over === undefined
      ? this.#entries.change(id, changed, { known, always })
      : this.#entries.changeOver(id, over, changed(over))
  }
}

const newEntry = (name: string): Draft<ProvisionedUser> => ({
  _id: provisionedUserId(name),
  type: 'person',
  name,
  database: null,
  state: 'refused',
  roles: [],
  others: {},
  masters: {},
})
