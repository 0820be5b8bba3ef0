// A master, and users who may have the documents of a domain or two: what the provisioning benchmark works with.
import type { Database } from '../../src/couch/database.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY } from '../../src/documents/names.ts'
import {
  claimId,
  parseProvisionedUser,
  PROVISIONED_USER_RANGE,
  provisionedUserId,
  type ProvisionedUser,
} from '../../src/provisioning/provisioned-user.ts'
import { USER_DOCUMENT_RANGE, userDocumentId } from '../../src/users/user-document.ts'
import { documentsOf, DOMAINS, domainsFor, roleOf } from './domains.ts'
import { inParallel, type Ground } from './ground.ts'
import { removeAccounts } from './participants.ts'

/** Users of a benchmark, and all that a daemon makes for them. */
export class Provisioned {
  readonly master: Database
  readonly #ground: Ground
  #names: string[] = []

  constructor(ground: Ground) {
    this.#ground = ground
    this.master = ground.plain('master')
  }

  get env(): Record<string, string> {
    return { MASTER_DATABASES: this.master.name }
  }

  /** A daemon gives every user of the server a database: here they are to be the benchmark's alone. */
  async assertAlone(): Promise<void> {
    const rows = await this.#ground.couch.database('_users').range(USER_DOCUMENT_RANGE)
    if (rows.length > 0)
      throw new Error(
        `Expected a server without users, as each would get a personal database, found ${rows.length}`,
      )
  }

  async fillMaster(): Promise<void> {
    await this.master.create()
    for (let domain = 0; domain < DOMAINS; domain += 1)
      await this.#ground.putAll(this.master, documentsOf(domain))
  }

  /** Users `0 … count - 1`, each with the role of one domain. No password: CouchDB would take long to hash so many. */
  async signUp(round: number, count: number): Promise<string[]> {
    const accounts = Array.from({ length: count }, (_, at) => ({
      name: `${this.#ground.prefix.slice(0, -1)}-${round}-${at}`,
      roles: [roleOf(at % domainsFor(count))],
    }))
    await this.enrol(accounts)
    return this.#names
  }

  /** Makes these accounts, in place of those before. */
  async enrol(accounts: readonly { name: string; roles: string[]; password?: string }[]): Promise<void> {
    this.#names = accounts.map(({ name }) => name)
    await this.#ground.putAll(
      this.#ground.couch.database('_users'),
      accounts.map((account) => ({ _id: userDocumentId(account.name), type: 'user', ...account })),
    )
  }

  async setRoles(name: string, domains: readonly number[]): Promise<void> {
    const users = this.#ground.couch.database('_users')
    const doc = await users.get(userDocumentId(name))
    await this.#ground.put(users, { ...doc, _id: userDocumentId(name), roles: domains.map(roleOf) })
  }

  async entries(): Promise<ProvisionedUser[]> {
    const range = { ...PROVISIONED_USER_RANGE, includeDocs: true }
    const rows = await this.#ground.couch.database(REGISTRY).range(range)
    return rows.flatMap(({ doc }) => parseProvisionedUser(doc) ?? [])
  }

  async entry(name: string): Promise<ProvisionedUser | null> {
    return parseProvisionedUser(await this.#ground.couch.database(REGISTRY).get(provisionedUserId(name)))
  }

  /** Ready, and nothing left to compare. */
  isReady(entry: ProvisionedUser | null): boolean {
    return entry?.due === undefined && entry?.masters[this.master.name]?.times.ready !== undefined
  }

  /** Waits until everybody has everything. */
  async allReady(count: number): Promise<ProvisionedUser[]> {
    let entries: ProvisionedUser[] = []
    await this.#ground.until(
      `${count} users are provisioned`,
      async () => {
        const rows = await this.#ground.couch.database(REGISTRY).range({ ...PROVISIONED_USER_RANGE })
        if (rows.length < count) return false
        entries = await this.entries()
        return entries.every((entry) => this.isReady(entry))
      },
      { pollMs: 250, patienceMs: 900_000 },
    )
    return entries
  }

  /** Documents of `_replicator` that bring documents of the master. */
  async jobs(): Promise<string[]> {
    const rows = await this.#ground.couch.database('_replicator').range({ includeDocs: true })
    const url = `/${encodeURIComponent(this.master.name)}`
    return rows.flatMap(({ id, doc }) => {
      const source = (doc?.['source'] ?? {}) as { url?: string }
      return source.url?.endsWith(url) === true ? [id] : []
    })
  }

  /** All traces of the users, as if there never were any; no daemon may run. */
  async clear(): Promise<void> {
    const { couch } = this.#ground
    const entries = await this.entries().catch(() => [])
    const ours = entries.filter(({ name }) => this.#names.includes(name))
    const databases = ours.flatMap(({ database }) => database ?? [])
    await drop(couch.database('_replicator'), await this.jobs())
    await inParallel(databases, (database) => couch.database(database).drop())
    await drop(couch.database(REGISTRY), [...ours.map(({ _id }) => _id), ...databases.map(claimId)])
    await drop(couch.database(CHECKPOINTS), databases)
    await removeAccounts(this.#ground, this.#names)
    this.#names = []
  }

  /** What the master itself left. */
  async forgetMaster(): Promise<void> {
    const { couch, users } = this.#ground
    const index = couch.database(PROVISIONING)
    const start = `roles ${this.master.name} `
    const rows = await index.range({ startKey: start, endKey: `${start}\ufff0` }).catch(() => [])
    await drop(
      index,
      rows.map(({ id }) => id),
    )
    const marks = await couch.database(CHECKPOINTS).range({ startKey: 'follower/', endKey: 'follower0' })
    await drop(
      couch.database(CHECKPOINTS),
      marks.flatMap(({ id }) => (id.includes(users.template) ? [id] : [])),
    )
  }
}

async function drop(database: Database, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += 1000) {
    const rows = await database.fetchIfThere(ids.slice(at, at + 1000))
    await database.bulk(
      rows.flatMap(({ doc }) => (doc ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }] : [])),
    )
  }
}
