// Provisioned users on a server: masters of a space's own, accounts that sign up, and what each of them sees over HTTP.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import { CHECKPOINTS, isPersonalName, PROVISIONING, REGISTRY } from '../../src/documents/names.ts'
import {
  claimId,
  provisionedUserId,
  provisionDocumentId,
  type Claim,
  type ProvisionedUser,
} from '../../src/provisioning/provisioned-user.ts'
import { userDocumentId } from '../../src/users/user-document.ts'
import { Device, loadPouch } from './device.ts'
import { clientOf, edit } from './people.ts'
import { SKELETON, type Space } from './space.ts'
import type { Content } from './story.ts'

const USERS = '_users'

/** How long a test waits for one thing before it fails. */
const PATIENCE_MS = 60_000

/** What `$provision/<master>` says, without times and sentences; a code stands for all of `$error`. */
export interface Standing {
  state: unknown
  isReady: boolean
  documents: unknown
  error?: unknown
  /** The documents that were rejected, each with its code. */
  rejected?: Record<string, string>
}

/** A user's first run is over, and nothing goes on. */
export const complete = (documents: number): Standing => ({ state: 'complete', isReady: true, documents })

export function standingOf(doc: Content): Standing {
  const error = doc['$error'] as { code: string } | undefined
  const rejected = doc['$rejected'] as { document: string; code: string }[] | undefined
  return {
    state: doc['$state'],
    isReady: typeof doc['ready'] === 'string',
    documents: doc['documents'],
    ...(error ? { error: error.code } : {}),
    ...(rejected
      ? { rejected: Object.fromEntries(rejected.map(({ document, code }) => [document, code])) }
      : {}),
  }
}

/** Somebody with an account, and with a personal database once the daemon has made it. */
export class User {
  readonly name: string
  readonly password: string
  readonly #ground: Ground
  #client: Couch | null = null

  constructor(ground: Ground, name: string) {
    this.#ground = ground
    this.name = name
    this.password = `pass of ${name}`
  }

  /** The user's document of `_users`, or null. */
  account(): Promise<StoredDoc | null> {
    return this.#ground.couch.database(USERS).get(userDocumentId(this.name))
  }

  /** What the registry holds of the user. */
  async entry(): Promise<ProvisionedUser | null> {
    const doc = await this.#ground.couch.database(REGISTRY).get(provisionedUserId(this.name))
    return doc as ProvisionedUser | null
  }

  /** A server admin signs the user up, or gives the account other attributes; undefined takes one out. */
  async sign(attributes: Content): Promise<void> {
    const users = this.#ground.couch.database(USERS)
    await users.create()
    const there = await this.account()
    const account = there ?? { type: 'user', name: this.name, password: this.password, roles: [] }
    const doc = Object.entries({ ...account, ...attributes }).filter(([, value]) => value !== undefined)
    await this.#ground.space.write(users, { ...Object.fromEntries(doc), _id: userDocumentId(this.name) })
  }

  /** A server admin deletes the account. */
  async leave(): Promise<void> {
    await this.#ground.space.write(this.#ground.couch.database(USERS), {
      _id: userDocumentId(this.name),
      _deleted: true,
    })
  }

  /** The name of the personal database, as `_users` records it; waits until it does, and until the user is let in. */
  async database(): Promise<string> {
    const { space, couch } = this.#ground
    let name: unknown = null
    await space.until(
      `${this.name} has a database`,
      async () => {
        name = (await this.account())?.['database']
        if (!isPersonalName(name) || (await couch.database(name).info()) === null) return false
        const { members } = await couch.database(name).security()
        return members?.names?.includes(this.name) ?? false
      },
      PATIENCE_MS,
    )
    return name as string
  }

  /** The personal database as the admin sees it. */
  async personal(): Promise<Database> {
    return this.#ground.couch.database(await this.database())
  }

  /** A database as the user reaches it: see `clientOf`. */
  at(database: string): Database {
    this.#client ??= clientOf(this.#ground.space.server, { name: this.name, pass: this.password })
    return this.#client.database(database)
  }

  /** Changes a document in the personal database as the user's client does, signed. @returns its revision */
  async write(id: string, change: Content): Promise<string> {
    return edit(this.#ground.space, this.at(await this.database()), id, { updated_by: this.name, ...change })
  }

  /** Deletes a document there, signed. */
  async delete(id: string): Promise<void> {
    const database = this.at(await this.database())
    await this.#ground.space.write(database, { _id: id, _deleted: true, updated_by: this.name })
  }

  /** How a master's documents stand, as the user reads it; null where nothing does. */
  async standing(master = this.#ground.master): Promise<Standing | null> {
    const doc = await this.at(await this.database()).get(provisionDocumentId(master.name))
    return doc === null ? null : standingOf(doc)
  }

  /** Waits until a master's documents stand so; fails with the difference. */
  async stands(expected: Standing, master = this.#ground.master): Promise<void> {
    await this.#ground.eventually(`${master.name} of ${this.name}`, () => this.standing(master), expected)
  }

  /** The ids of the masters' documents in the personal database. */
  async ids(): Promise<string[]> {
    const rows = await this.at(await this.database()).range({})
    return rows.map(({ id }) => id).filter((id) => !/^[_$]/.test(id))
  }

  /** Waits until these are the masters' documents in the personal database. */
  async has(...ids: string[]): Promise<void> {
    await this.#ground.eventually(`documents of ${this.name}`, () => this.ids(), ids.sort())
  }

  /** Waits until a document there has these attributes, whatever others it has. */
  async reads(id: string, attributes: Content): Promise<void> {
    await this.#ground.reads(this.at(await this.database()), id, attributes)
  }

  /** A device that syncs with the personal database when it is online. */
  async device(called: string): Promise<Device> {
    const { kind, url, user, pass } = this.#ground.space.server
    const auth =
      kind === 'couchdb'
        ? { username: this.name, password: this.password }
        : { username: user, password: pass }
    const PouchDB = loadPouch()
    const remote = `${url}/${await this.database()}`
    const local = new PouchDB(`${this.#ground.mark} ${called}`, { adapter: 'memory' })
    const device = new Device(called, local, () => new PouchDB(remote, { auth, skip_setup: true }))
    this.#devices.push(device)
    return device
  }

  readonly #devices: Device[] = []

  async close(): Promise<void> {
    for (const device of this.#devices) await device.destroy()
    await this.#client?.close()
  }
}

/** The masters and users of one space. */
export class Ground {
  readonly space: Space
  /** In the names of everything that no other test may meet. */
  readonly mark: string
  /** Of the kind `provisioning`. */
  readonly master: Database
  /** Of the kind `cdrs`. */
  readonly cdrs: Database
  /** The master's. */
  kind = 'provisioning'
  readonly #users = new Map<string, User>()
  #folder: string | null = null

  private constructor(space: Space) {
    this.space = space
    this.mark = space.prefix.slice(1, 7)
    this.master = space.couch.database(`master-${this.mark}`)
    this.cdrs = space.couch.database(`cdrs-${this.mark}`)
  }

  /**
   * Runs a test with two masters, which are there and empty. Accounts, and what the registry holds of them, are taken out
   * after it in any case, for other daemons see all of `_users`; databases only where it went well.
   */
  static async use(space: Space, test: (ground: Ground) => Promise<void>): Promise<void> {
    const ground = new Ground(space)
    // Without a grace time: who is gone is gone.
    Object.assign(space.config, { masters: ground.#masters(), deletionGraceMs: 0 })
    for (const database of [ground.master, ground.cdrs]) await database.create()
    try {
      await test(ground)
      await space.stop()
      await ground.#drop()
    } finally {
      await space.stop()
      for (const user of ground.#users.values()) await user.close()
      await ground.#forget()
      if (ground.#folder !== null) await rm(ground.#folder, { recursive: true, force: true })
    }
  }

  get couch(): Couch {
    return this.space.couch
  }

  /** Has the master be of a kind that no other test has, whose functions may be changed on the server: a copy of the shipped one. */
  async useOwnKind(): Promise<void> {
    this.kind = `provisioning-${this.mark}`
    this.#folder = await mkdtemp(join(tmpdir(), 'couch-shares-skeleton-'))
    await cp(SKELETON, this.#folder, { recursive: true })
    for (const suffix of ['', '-user'])
      await rename(join(this.#folder, `provisioning${suffix}`), join(this.#folder, `${this.kind}${suffix}`))
    this.space.skeleton = this.#folder
    Object.assign(this.space.config, { masters: this.#masters() })
  }

  #masters(): { database: string; kind: string }[] {
    return [
      { database: this.master.name, kind: this.kind },
      { database: this.cdrs.name, kind: 'cdrs' },
    ]
  }

  /** The user who is called so here. @param name of the account, where it is not to be made of that */
  user(called: string, name = `${called}-${this.mark}`): User {
    const user = this.#users.get(called) ?? new User(this, name)
    this.#users.set(called, user)
    return user
  }

  /** Waits until something is read; fails with the difference. */
  async eventually<Value>(
    what: string,
    read: () => Promise<Value>,
    expected: Value,
    patienceMs = PATIENCE_MS,
  ): Promise<void> {
    await this.space.eventually(what, read, expected, patienceMs)
  }

  /** Waits until a document has these attributes, whatever others it has. */
  async reads(database: Database, id: string, attributes: Content): Promise<void> {
    const read = async (): Promise<Content> => {
      const doc = (await database.get(id)) ?? {}
      return Object.fromEntries(Object.entries(doc).filter(([name]) => Object.hasOwn(attributes, name)))
    }
    await this.eventually(`${id} of ${database.name}`, read, attributes)
  }

  /** An admin changes a document of the master. @returns its revision */
  edit(id: string, change: Content): Promise<string> {
    return edit(this.space, this.master, id, change)
  }

  /** Writes new documents into a master; each has to be taken. */
  async put(master: Database, ...docs: Doc[]): Promise<void> {
    for (const row of await master.bulk(docs)) assert(row.ok, JSON.stringify(row))
  }

  /** A database that is called as personal ones are, and that nobody has; it is dropped after the test. */
  async strange(): Promise<Database> {
    const database = this.couch.database(`u${randomUUID()}`)
    this.#strange.push(database.name)
    await database.create()
    return database
  }

  readonly #strange: string[] = []

  /** The replications that bring documents of the masters to somebody, by their `_id`. */
  async jobs(): Promise<string[]> {
    const replicator = this.couch.database('_replicator')
    const ids: string[] = []
    for (const { name } of [this.master, this.cdrs])
      ids.push(...(await replicator.range(startingWith(`${name} => `))).map(({ id }) => id))
    return ids
  }

  /** Waits until all of these have ended: CouchDB says only twice a minute that a job has nothing left to do. */
  async hasNoJobs(): Promise<void> {
    await this.eventually('no jobs', () => this.jobs(), [], 90_000)
  }

  /** No document has more than one live leaf, on either side. */
  async hasNoConflicts(): Promise<void> {
    const personal = (await this.#claims()).map(({ database }) => database)
    for (const name of [this.master.name, this.cdrs.name, ...personal]) {
      const database = this.couch.database(name)
      if ((await database.info()) === null) continue
      const { results } = await database.changes({ since: '0', limit: 10_000, includeDocs: true })
      const found = results.filter(({ doc }) => doc?._conflicts?.length).map(({ id }) => id)
      assert.deepEqual(found, [], `conflicts in ${name}`)
    }
  }

  /** How far each database was written that has to do with these users and masters. */
  async sequences(): Promise<Map<string, unknown>> {
    const names = [this.master.name, this.cdrs.name, REGISTRY, PROVISIONING, USERS, '_replicator']
    const infos = await this.couch.dbsInfo([
      ...names,
      ...(await this.#claims()).map(({ database }) => database),
    ])
    return new Map([...infos].map(([name, { update_seq }]) => [name, update_seq]))
  }

  async #claims(): Promise<Claim[]> {
    const names = new Set([...this.#users.values()].map(({ name }) => name))
    const rows = await this.couch
      .database(REGISTRY)
      .range({ ...startingWith('database/'), includeDocs: true })
    return rows.flatMap(({ doc }) => (doc && names.has(String(doc['name'])) ? [doc as unknown as Claim] : []))
  }

  async #drop(): Promise<void> {
    const personal = (await this.#claims()).map(({ database }) => database)
    const kinds = this.#folder === null ? [] : [`skeleton/${this.kind}`, `skeleton/${this.kind}-user`]
    for (const name of [this.master.name, this.cdrs.name, ...personal, ...this.#strange, ...kinds])
      await this.couch.database(name).drop()
  }

  /** Whatever another daemon would take for users and masters of its own, or that would only be in the way. */
  async #forget(): Promise<void> {
    const { couch, master, cdrs, space } = this
    const people = [...this.#users.values()]
    const claims = await this.#claims()
    await deleteAll(couch.database(USERS), async (users) =>
      (await users.fetch(people.map(({ name }) => userDocumentId(name)))).flatMap(({ doc }) => doc ?? []),
    )
    await deleteAll(couch.database(REGISTRY), async (registry) => {
      const ids = [
        ...people.map(({ name }) => provisionedUserId(name)),
        ...claims.map(({ database }) => claimId(database)),
      ]
      return (await registry.fetch(ids)).flatMap(({ doc }) => doc ?? [])
    })
    const names = [master.name, cdrs.name]
    await deleteAll(couch.database('_replicator'), async (replicator) =>
      inRanges(
        replicator,
        names.map((name) => `${name} => `),
      ),
    )
    await deleteAll(couch.database(PROVISIONING), async (provisioning) =>
      inRanges(provisioning, [
        ...names.map((name) => `roles ${name} `),
        ...claims.map(({ database }) => `removal ${database}`),
      ]),
    )
    await deleteAll(couch.database(CHECKPOINTS), async (checkpoints) => {
      const own = await inRanges(checkpoints, [...names, ...claims.map(({ database }) => database)])
      const followed = await inRanges(checkpoints, ['follower/', 'rollout '])
      return [...own, ...followed.filter(({ _id }) => _id.includes(space.prefix))]
    })
  }
}

const startingWith = (prefix: string): { startKey: string; endKey: string } => ({
  startKey: prefix,
  endKey: `${prefix}\ufff0`,
})

async function inRanges(
  database: Database,
  prefixes: readonly string[],
): Promise<{ _id: string; _rev: string }[]> {
  const found: { _id: string; _rev: string }[] = []
  for (const prefix of prefixes)
    for (const { id, rev } of await database.range(startingWith(prefix)))
      found.push({ _id: id, _rev: rev ?? '' })
  return found
}

async function deleteAll(
  database: Database,
  find: (database: Database) => Promise<{ _id: string; _rev: string }[]>,
): Promise<void> {
  if ((await database.info()) === null) return
  const docs = await find(database)
  await database.bulk(docs.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })))
}
