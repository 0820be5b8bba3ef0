// The index of a gateway: where its documents go, what they grant, and how its users stand. It is all made of the gateway's
// documents and of `_users`, and can be made anew.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, Row, StoredDoc, Written } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { pagesOf, pagesOfDocuments, spanOf } from '../couch/pages.ts'
import { ALL_DOCUMENTS, EVERYBODY, ROLE, type Holdings } from './function/grants.ts'
import {
  documentOfRoute,
  EVALUATION_ID,
  GATEWAY_USER_RANGE,
  gatewayUserId,
  ROUTE_RANGE,
  routeId,
  type Evaluation,
  type GatewayUser,
  type GatewayUserChange,
  type Route,
} from './model.ts'
import { routesDatabase } from '../documents/names.ts'
import { parseEvaluation, parseGatewayUser, parseRoute } from './parse-routes.ts'
import { settledRoute, isUnsettled } from './plan-route.ts'
import { writeBulk } from '../couch/bulk.ts'
import { Store } from '../engine/store.ts'

const PAGE = 500
const DESIGN = 'routes'

/** The documents of `<gateway>/$routes`. */
export class Routes {
  readonly database: Database
  readonly #users: Store<GatewayUser>
  readonly #evaluations: Store<Evaluation>

  constructor(couch: Couch, gateway: string, now: () => number) {
    const database = couch.database(routesDatabase(gateway))
    this.database = database
    this.#users = new Store({ database, parse: (doc) => parseGatewayUser(doc, gateway), now })
    this.#evaluations = new Store({ database, parse: parseEvaluation })
  }

  /** The routes of documents; of those that were never judged there is none. @throws {CouchFault} */
  async of(documents: readonly string[]): Promise<Map<string, Route>> {
    return routesIn(await this.database.fetch(documents.map(routeId)))
  }

  /** The same of documents that come one after the other, in their order: as a range. @throws {CouchFault} */
  async inOrder(documents: readonly string[]): Promise<Map<string, Route>> {
    const ids = documents.map(routeId)
    const span = spanOf(ids)
    if (span === null) return new Map()
    const asked = new Set(ids)
    const found: Row[] = []
    for await (const rows of pagesOfDocuments(this.database, { ...span, limit: 2 * PAGE })) {
      found.push(...rows.filter(({ id }) => asked.has(id)))
      if (rows.at(-1)?.id === ids.at(-1)) break
    }
    return routesIn(found)
  }

  /**
   * Writes routes over those that they were made from.
   * @returns what became of each
   * @throws {CouchFault}
   */
  async put(routes: readonly Route[]): Promise<PutRoute[]> {
    const written = await writeBulk(
      this.database,
      routes.map((route) => ({ ...route })),
    )
    return written.map((row) =>
      !row.ok && (row.error === 'too_large' || row.error === 'conflict')
        ? { kind: row.error }
        : { kind: 'written', rev: this.#revisionOf(row) },
    )
  }

  /** Everybody whom these documents concerned knows: what they were before is forgotten. @throws {CouchFault} */
  async acknowledge(documents: readonly string[]): Promise<void> {
    const routes = [...(await this.of(documents)).values()].filter(isUnsettled)
    await this.#write(
      routes.map((route): Doc => {
        const settled = settledRoute(route)
        return settled === null ? tombstoneOf(route) : { ...settled }
      }),
    )
  }

  /** Documents whose routes changed, and of which not everybody may know whom that concerns. @throws {CouchFault} */
  async unsettled(): Promise<string[]> {
    return this.#documentsWith('by_state', ['unsettled'])
  }

  /** The documents that go nowhere, because the function failed or refused them. @throws {CouchFault} */
  async failed(): Promise<string[]> {
    return this.#documentsWith('by_state', ['failed'])
  }

  /** The documents in any of these channels. @throws {CouchFault} */
  async documentsIn(channels: readonly string[]): Promise<Set<string>> {
    return new Set(await this.#documentsWith('by_channel', channels))
  }

  /** Documents that were to be deleted by then, those first that were so first, with the revisions that said it. @throws {CouchFault} */
  async expired(seconds: number): Promise<{ document: string; rev: string }[]> {
    const rows = await this.database.viewUpTo<string>(DESIGN, 'by_expiry', { endKey: seconds, limit: PAGE })
    return rows.flatMap(({ id, value: rev }) => {
      const document = documentOfRoute(id)
      return document === null || typeof rev !== 'string' ? [] : [{ document, rev }]
    })
  }

  /** All documents that have a route, a page at a time. @throws {CouchFault} */
  async *documents(): AsyncGenerator<string[]> {
    for await (const rows of pagesOf(this.database, { ...ROUTE_RANGE, limit: PAGE }))
      yield rows.flatMap(({ id }) => documentOfRoute(id) ?? [])
  }

  /**
   * What a user has by all documents, and by the roles of `_users`: as `Grants` says it, `!` left out.
   * @throws {CouchFault}
   */
  async holdings(name: string, ownRoles: readonly string[]): Promise<Holdings> {
    // An account may be called so, and is no role.
    const granted = name.startsWith(ROLE) ? [] : await this.#grantsTo([name])
    const roles = [...new Set([...ownRoles, ...granted.flatMap(({ role }) => role ?? [])])].sort()
    const ofRoles = await this.#grantsTo(roles.map((role) => ROLE + role))
    const channels = [...granted, ...ofRoles].flatMap(({ channel }) => channel ?? [])
    return { channels: [...new Set(channels)].filter((channel) => channel !== EVERYBODY).sort(), roles }
  }

  /** By channel, the names of the users who have it; of `!` those of all, and always of `*`. @throws {CouchFault} */
  async readersOf(channels: ReadonlySet<string>): Promise<Map<string, Set<string>>> {
    const asked = [ALL_DOCUMENTS, ...channels]
    const readers = new Map<string, Set<string>>()
    for (const { of, name } of await this.#readers(asked.map(readersKey))) {
      const channel = of === 'all' ? EVERYBODY : of.slice('channel '.length)
      readers.set(channel, (readers.get(channel) ?? new Set()).add(name))
    }
    return readers
  }

  /** The names of the users who have any of these roles. @throws {CouchFault} */
  async holdersOf(roles: Iterable<string>): Promise<string[]> {
    return namesOf(await this.#readers([...roles].map((role) => `role ${role}`)))
  }

  /** The names of those whose database that is: one, or none. @throws {CouchFault} */
  async usersOf(database: string): Promise<string[]> {
    return namesOf(await this.#readers([`database ${database}`]))
  }

  /** What the index holds of a user, or null. @throws {CouchFault} */
  async user(name: string): Promise<GatewayUser | null> {
    return this.#users.get(gatewayUserId(name))
  }

  /** Those of these names that the index holds something of. @throws {CouchFault} */
  async usersNamed(names: readonly string[]): Promise<Set<string>> {
    const rows = await this.database.fetch(names.map(gatewayUserId), { includeDocs: false })
    return new Set(
      names.filter((_name, at) => rows[at] !== undefined && rows[at].rev !== null && !rows[at].deleted),
    )
  }

  /** All users, a page at a time. @throws {CouchFault} */
  users(): AsyncGenerator<GatewayUser[]> {
    return this.#users.pages(GATEWAY_USER_RANGE)
  }

  /**
   * Changes what the index holds of a user; where it says all that already, nothing is written.
   * @param over as it was read
   * @throws {CouchFault} `conflict` where somebody else was faster
   */
  async change(over: GatewayUser, change: GatewayUserChange): Promise<GatewayUser> {
    return this.#users.changeOver(over._id, over, { ...over, ...change })
  }

  /** The user is none of the gateway's any more. @throws {CouchFault} */
  async forget(user: GatewayUser): Promise<void> {
    if (user._rev !== undefined) await this.#write([tombstoneOf(user)])
  }

  /** How far all documents are evaluated, or null where that never began. @throws {CouchFault} */
  async evaluation(): Promise<Evaluation | null> {
    return this.#evaluations.get(EVALUATION_ID)
  }

  /** @param over as it was read, null for none @throws {CouchFault} `conflict` where somebody else was faster */
  async changeEvaluation(over: Evaluation | null, evaluation: Evaluation): Promise<Evaluation> {
    return this.#evaluations.changeOver(EVALUATION_ID, over, evaluation)
  }

  async #write(docs: Doc[]): Promise<string[]> {
    const written = await writeBulk(this.database, docs)
    return written.map((row) => this.#revisionOf(row))
  }

  #revisionOf(row: Written): string {
    if (row.ok) return row.rev
    throw new CouchFault(
      row.error === 'conflict' ? 'conflict' : 'server_error',
      this.database.name,
      row.reason,
    )
  }

  async #documentsWith(view: string, keys: readonly string[]): Promise<string[]> {
    if (keys.length === 0) return []
    const asked = new Set<string | null>(keys)
    const rows = await this.database.view<string | null>(DESIGN, view, [...keys])
    return [
      ...new Set(
        rows.flatMap(({ id, value }) =>
          value === null || asked.has(value) ? (documentOfRoute(id) ?? []) : [],
        ),
      ),
    ]
  }

  /** CouchDB compares keys as people read them: what counts is the name in the value. */
  async #grantsTo(names: readonly string[]): Promise<{ channel?: string; role?: string }[]> {
    if (names.length === 0) return []
    const asked = new Set(names)
    const rows = await this.database.view<{ to: string; channel?: string; role?: string }>(DESIGN, 'grants', [
      ...names,
    ])
    return rows.map(({ value }) => value).filter(({ to }) => asked.has(to))
  }

  async #readers(keys: readonly string[]): Promise<ReaderRow[]> {
    if (keys.length === 0) return []
    const asked = new Set(keys)
    const rows = await this.database.view<ReaderRow>(DESIGN, 'readers', [...asked])
    return rows.map(({ value }) => value).filter(({ of }) => asked.has(of))
  }
}

/** What became of a route that was to be written. */
export type PutRoute =
  | { kind: 'written'; rev: string }
  /** It is more than the server stores. */
  | { kind: 'too_large' }
  /** Another one stands there now. */
  | { kind: 'conflict' }

function routesIn(rows: readonly Row[]): Map<string, Route> {
  const routes = new Map<string, Route>()
  for (const { id, doc } of rows) {
    const document = documentOfRoute(id)
    if (document !== null && doc !== null) routes.set(document, parseRoute(doc))
  }
  return routes
}

/** A row of the view `readers`. */
interface ReaderRow {
  of: string
  name: string
}

const readersKey = (channel: string): string => (channel === EVERYBODY ? 'all' : `channel ${channel}`)

const namesOf = (rows: readonly ReaderRow[]): string[] => [...new Set(rows.map(({ name }) => name))]

const tombstoneOf = ({ _id, _rev }: Pick<StoredDoc, '_id'> & { _rev?: string }): Doc => ({
  _id,
  ...(_rev === undefined ? {} : { _rev }),
  _deleted: true,
})
