// A gateway on a server, its users, and what each of them sees and writes over HTTP.
import assert from 'node:assert/strict'
import type { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, Written } from '../../src/couch/document.ts'
import { isFault, type FaultCode } from '../../src/couch/fault.ts'
import { compileGateway } from '../../src/gateways/gateway.ts'
import { GATEWAY_DOCUMENT } from '../../src/gateways/model.ts'
import { CHECKPOINTS, gatewayUserDatabase, PROVISIONING, routesDatabase } from '../../src/documents/names.ts'
import { userDocumentId } from '../../src/users/user-document.ts'
import { Routes } from '../../src/gateways/routes.ts'
import { clientOf, edit } from './people.ts'
import type { Space } from './space.ts'
import type { Content } from './story.ts'

const USERS = '_users'

/** How long a test waits for one thing before it fails. */
const PATIENCE_MS = 60_000

/** What `$gateway` says, without times; a code stands for each rejection. */
export interface GatewayStanding {
  state: unknown
  documents: unknown
  rejected?: Record<string, string>
}

/** Nothing goes on, and nothing was refused. */
export const complete = (documents: number): GatewayStanding => ({ state: 'complete', documents })

/**
 * True of what the guard lets pass to the router, because a grant that is under way may allow it: that a role or a channel is
 * missing. All else CouchDB refuses itself, at once.
 */
export const isForRouter = (reason: string): boolean => /^sg missing (role|channel access)$/.test(reason)

/** Null where there is no database, or none for this user; CouchDB fails while one is just being dropped. */
async function ifLetIn<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answer
  } catch (fault) {
    if (
      ['not_found', 'forbidden', 'unauthorized', 'server_error'].some((code) =>
        isFault(fault, code as FaultCode),
      )
    )
      return null
    throw fault
  }
}

/** Somebody with an account and a user database, as couch_peruser makes them. */
export class GatewayUser {
  readonly name: string
  readonly password: string
  readonly #ground: GatewayGround
  #client: Couch | null = null

  constructor(ground: GatewayGround, name: string) {
    this.#ground = ground
    this.name = name
    this.password = `pass of ${name}`
  }

  /** What `{id}` stands for in the name of the user database. */
  get owner(): string {
    return Buffer.from(this.name, 'utf8').toString('hex')
  }

  /** The user's database of the gateway, as the admin reaches it. */
  get database(): Database {
    const { space, name } = this.#ground
    return space.couch.database(gatewayUserDatabase(space.config.userDatabases, this.owner, name))
  }

  /** The same as the user reaches it: see `clientOf`. */
  get own(): Database {
    this.#client ??= clientOf(this.#ground.space.server, { name: this.name, pass: this.password })
    return this.#client.database(this.database.name)
  }

  /** A server admin makes the account, and the user database. */
  async signUp(roles: readonly string[] = []): Promise<void> {
    const { space } = this.#ground
    await space.user(this.owner).create()
    await this.setRoles(roles)
  }

  /** A server admin gives the account these roles, and makes it where there is none. */
  async setRoles(roles: readonly string[]): Promise<void> {
    await this.#change({ roles: [...roles] })
  }

  /** A server admin gives the account another password. */
  async setPassword(password: string): Promise<void> {
    await this.#change({ password })
  }

  async #change(attributes: Content): Promise<void> {
    const users = this.#ground.space.couch.database(USERS)
    await users.create()
    const there = await users.get(userDocumentId(this.name))
    const account = there ?? { type: 'user', name: this.name, password: this.password }
    await this.#ground.space.write(users, { ...account, ...attributes, _id: userDocumentId(this.name) })
  }

  /** A server admin deletes the account. */
  async leave(): Promise<void> {
    const users = this.#ground.space.couch.database(USERS)
    const there = await users.get(userDocumentId(this.name))
    if (there) await users.put({ _id: there._id, _rev: there._rev, _deleted: true })
  }

  /** Waits until the user has a database, and may enter it. */
  async isIn(): Promise<void> {
    await this.#ground.space.until(
      `${this.name} has a database`,
      async () => {
        if ((await this.database.info()) === null) return false
        const { members } = await this.database.security()
        return members?.names?.includes(this.name) ?? false
      },
      PATIENCE_MS,
    )
  }

  /** The ids of the gateway's documents in the user's database. */
  async ids(): Promise<string[]> {
    const rows = (await ifLetIn(this.own.range({}))) ?? []
    return rows.map(({ id }) => id).filter((id) => !/^[_$]/.test(id))
  }

  /** Waits until these are the gateway's documents in the user's database. */
  async sees(...ids: string[]): Promise<void> {
    await this.#ground.eventually(`documents of ${this.name}`, () => this.ids(), [...ids].sort())
  }

  /** Waits until a document there has these attributes, whatever others it has. */
  async reads(id: string, attributes: Content): Promise<void> {
    await this.#ground.reads(this.own, id, attributes)
  }

  /** Writes a document over whatever is there. @returns what CouchDB says */
  async write(doc: Doc): Promise<Written> {
    const there = await this.own.get(doc._id)
    return this.own.put({ ...doc, ...(there ? { _rev: there._rev } : {}) })
  }

  /** Changes a document as it is there. */
  async edit(id: string, change: Content): Promise<void> {
    await edit(this.#ground.space, this.own, id, change)
  }

  /** How the user stands, as the user reads it; null where nothing does. */
  async standing(): Promise<GatewayStanding | null> {
    const doc = await ifLetIn(this.own.get(GATEWAY_DOCUMENT))
    if (doc === null) return null
    const rejected = doc['$rejected'] as { document: string; code: string }[] | undefined
    return {
      state: doc['$state'],
      documents: doc['documents'],
      ...(rejected
        ? { rejected: Object.fromEntries(rejected.map(({ document, code }) => [document, code])) }
        : {}),
    }
  }

  /** Waits until the user stands so; fails with the difference. */
  async stands(expected: GatewayStanding): Promise<void> {
    await this.#ground.eventually(`standing of ${this.name}`, () => this.standing(), expected)
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }
}

/** A gateway of one space, and its users. */
export class GatewayGround {
  readonly space: Space
  /** Of the gateway's database. */
  readonly name: string
  readonly #users = new Map<string, GatewayUser>()

  private constructor(space: Space) {
    this.space = space
    this.name = `gateway-${space.prefix.slice(1, 7)}`
  }

  /**
   * Runs a test with a gateway, which is there and empty. Accounts are taken out after it in any case, for other daemons see all
   * of `_users`; databases only where it went well.
   */
  static async use(
    space: Space,
    source: string,
    test: (ground: GatewayGround) => Promise<void>,
  ): Promise<void> {
    const ground = new GatewayGround(space)
    // Without a grace time: who is gone is gone.
    Object.assign(space.config, { deletionGraceMs: 0 })
    await ground.setFunction(source)
    await ground.database.create()
    try {
      await test(ground)
      await space.stop()
      await ground.#drop()
    } finally {
      await space.stop()
      for (const user of ground.#users.values()) {
        await user.close()
        await user.leave()
      }
    }
  }

  /** The gateway's database, as the admin reaches it. */
  get database(): Database {
    return this.space.couch.database(this.name)
  }

  get routes(): Routes {
    return new Routes(this.space.couch, this.name, Date.now)
  }

  /** The daemon's function from its next start on. */
  async setFunction(source: string): Promise<void> {
    this.space.gateways = [await compileGateway(this.name, source)]
  }

  /** The user who is called so here. @param name of the account, where it is not to be made of that */
  user(called: string, name = `${called}-${this.space.prefix.slice(1, 7)}`): GatewayUser {
    const user = this.#users.get(called) ?? new GatewayUser(this, name)
    this.#users.set(called, user)
    return user
  }

  /** Writes documents into the gateway as an admin, over whatever is there. */
  async put(...docs: Doc[]): Promise<void> {
    for (const doc of docs) await this.space.write(this.database, doc)
  }

  /** An admin deletes documents of the gateway. */
  async delete(...ids: string[]): Promise<void> {
    for (const _id of ids) await this.put({ _id, _deleted: true })
  }

  /** Waits until something is read; fails with the difference. */
  async eventually<Value>(what: string, read: () => Promise<Value>, expected: Value): Promise<void> {
    await this.space.eventually(what, read, expected, PATIENCE_MS)
  }

  /** Waits until a document has these attributes, whatever others it has. */
  async reads(database: Database, id: string, attributes: Content): Promise<void> {
    const read = async (): Promise<Content> => {
      const doc = (await ifLetIn(database.get(id))) ?? {}
      return Object.fromEntries(Object.entries(doc).filter(([name]) => Object.hasOwn(attributes, name)))
    }
    await this.eventually(`${id} of ${database.name}`, read, attributes)
  }

  async #drop(): Promise<void> {
    const { couch } = this.space
    for (const name of [routesDatabase(this.name), this.name]) await couch.database(name).drop()
    const checkpoints = couch.database(CHECKPOINTS)
    const marks = await checkpoints.range({})
    const own = marks.filter(({ id }) => id.includes(this.name))
    await checkpoints.bulk(own.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
    assert.deepEqual(
      (await couch.database(PROVISIONING).range({})).filter(({ id }) => id.includes(this.name)),
      [],
      'Expected no removal to be left',
    )
  }
}
