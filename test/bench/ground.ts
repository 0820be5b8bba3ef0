// Where the benchmarks work: databases under a prefix of their own on a real CouchDB, all of which go at the end.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import chunk from 'lodash/chunk.js'
import { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import { CHECKPOINTS, REGISTRY, shareDatabase, userDatabases } from '../../src/documents/names.ts'
import type { Replication } from '../../src/documents/replication.ts'
import type { Server } from './server.ts'

const REPLICATOR = '_replicator'
const POLL_MS = 20
const PATIENCE_MS = 120_000
const AT_ONCE = 8
const DOCUMENTS_A_REQUEST = 1_000
/** A feed each, for as many databases as somebody waits at. */
const MOST_SOCKETS = 1_024

export class Ground {
  readonly server: Server
  readonly couch: Couch
  /** Of all databases and replications; no database of users or tests begins so. */
  readonly prefix: string
  readonly users
  readonly say: (line: string) => void
  #shares = 0
  readonly #releasers: (() => Promise<void>)[] = []

  constructor(server: Server, say: (line: string) => void) {
    this.server = server
    this.couch = new Couch({ ...server, connections: MOST_SOCKETS })
    this.prefix = `bench-${randomBytes(3).toString('hex')}/`
    this.users = userDatabases(`${this.prefix}{id}`)
    this.say = say
  }

  /** The user database of an owner. */
  user(owner: string): Database {
    return this.couch.database(this.users.database(owner))
  }

  /** A database that no daemon takes for a user's, nor for one that a user has of a gateway, `<prefix><owner>/<gateway>`. */
  plain(name: string): Database {
    return this.couch.database(`${this.prefix.slice(0, -1)}-plain/${name}`)
  }

  share(id: string): Database {
    return this.couch.database(shareDatabase(id))
  }

  newShareId(): string {
    this.#shares += 1
    return `${this.prefix.slice(0, -1)}-${this.#shares}`
  }

  /** Creates a user database with an active share; the daemon has to run. @returns the share's id */
  async userWithShare(owner: string): Promise<string> {
    const share = this.newShareId()
    await this.user(owner).create()
    await this.put(this.user(owner), { _id: `$share/${share}`, type: '$share' })
    await this.isActive(this.user(owner), share)
    return share
  }

  /** Waits until a share is there, and told so. */
  async isActive(database: Database, share: string): Promise<void> {
    await this.until(
      `the share ${share} is active`,
      async () => (await database.get(`$share/${share}`))?.['$state'] === 'active',
    )
  }

  /** A one-shot replication; the answer comes when all is there. @param how a filter, for instance */
  async replicateOnce(source: Database, target: Database, how: object = {}): Promise<void> {
    await this.couch.request({
      method: 'POST',
      path: ['_replicate'],
      body: { ...this.endpoints(source, target), ...how },
      timeoutMs: 900_000,
    })
  }

  /** A continuous replication as CouchDB has it by itself, of the documents `todo/…`. */
  async replicate(name: string, source: Database, target: Database): Promise<void> {
    await this.put(this.couch.database(REPLICATOR), {
      _id: `${this.prefix}${name}`,
      ...this.endpoints(source, target),
      continuous: true,
      selector: { _id: { $gte: 'todo/', $lt: 'todo0' } },
    })
  }

  /** Both ends of a replication, with credentials. */
  endpoints(source: Database, target: Database): Pick<Replication, 'source' | 'target'> {
    const { url, user, pass } = this.server
    const headers = { Authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}` }
    const endpoint = (database: Database) => ({
      url: `${url}/${encodeURIComponent(database.name)}`,
      headers,
    })
    return { source: endpoint(source), target: endpoint(target) }
  }

  /** Writes a document. @returns its revision */
  async put(database: Database, doc: Doc): Promise<string> {
    const written = await database.put(doc)
    if (!written.ok) throw new Error(`Expected to write ${doc._id} into ${database.name}: ${written.reason}`)
    return written.rev
  }

  /** Writes many documents, 1,000 a request. @returns their revisions, by id */
  async putAll(database: Database, docs: Doc[]): Promise<Map<string, string>> {
    const revisions = new Map<string, string>()
    for (const part of chunk(docs, DOCUMENTS_A_REQUEST))
      for (const row of await database.bulk(part)) {
        if (!row.ok) throw new Error(`Expected to write ${row.id} into ${database.name}: ${row.reason}`)
        revisions.set(row.id, row.rev)
      }
    return revisions
  }

  /** Waits for a state. */
  async until(
    what: string,
    holds: () => Promise<boolean>,
    { pollMs = POLL_MS, patienceMs = PATIENCE_MS } = {},
  ): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`Expected within ${patienceMs / 1000} s that ${what}`)
      await delay(pollMs)
    }
  }

  /** Waits until the daemon has read and written all that is in a user database. */
  async settled(owner: string): Promise<void> {
    const user = this.user(owner)
    await this.until(
      `the daemon has read all of ${user.name}`,
      async () => {
        const checkpoint = await this.couch.database(CHECKPOINTS).get(user.name)
        if (checkpoint === null || checkpoint['scan'] !== null) return false
        const since = checkpoint['since'] as string
        return (await user.changes({ since, limit: 1, includeDocs: false })).results.length === 0
      },
      { pollMs: 100, patienceMs: 900_000 },
    )
  }

  /** What was made beside databases under the prefix goes by this, before all else, the latest first; no daemon runs then. */
  atEnd(release: () => Promise<void>): void {
    this.#releasers.push(release)
  }

  /** Removes all that was made under the prefix: documents of the daemon first, so that nothing is made anew. */
  async clear(): Promise<void> {
    for (const release of this.#releasers.splice(0).reverse()) await release()
    const { couch } = this
    const prefix = this.prefix.slice(0, -1)
    const [own, shares] = [beginningWith(prefix), beginningWith(`share/${prefix}`)]
    const registry = couch.database(REGISTRY)
    const entries = await orNone(registry.range(shares))
    await remove(registry, entries)
    await remove(registry, await orNone(registry.range(beginningWith(`subscription/${prefix}`))))
    await remove(couch.database(REPLICATOR), await orNone(couch.database(REPLICATOR).range(own)))
    await remove(couch.database(REPLICATOR), await orNone(couch.database(REPLICATOR).range(shares)))
    // How far a follower is, and which daemon works, is told by the name of user databases.
    const marks = await orNone(couch.database(CHECKPOINTS).range({}))
    await remove(
      couch.database(CHECKPOINTS),
      marks.filter(({ id }) => id.includes(prefix)),
    )
    const names = [...(await couch.allDbs(own)), ...(await couch.allDbs(shares))]
    await inParallel(names, (name) => couch.database(name).drop())
  }
}

/** First and last possible id that begins so. */
export const beginningWith = (start: string): { startKey: string; endKey: string } => ({
  startKey: start,
  endKey: `${start}\ufff0`,
})

/** Runs work on many things, a few at once. */
export async function inParallel<T>(
  things: readonly T[],
  work: (thing: T) => Promise<unknown>,
  atOnce = AT_ONCE,
): Promise<void> {
  const left = things.values()
  const worker = async (): Promise<void> => {
    for (const thing of left) await work(thing)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** How long work takes, in milliseconds. */
export async function clock(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** An object of about 300 bytes. */
export const todo = (id: string, rest: Partial<StoredDoc> = {}): Doc => ({
  _id: `todo/${id}`,
  type: 'todo',
  name: `Remember the milk, number ${id}`,
  owner: 'joe@example.com',
  notes: 'Two litres, the fresh one, and if there is none then the one that keeps for weeks will do.',
  createdAt: '2024-05-06T07:08:09.010Z',
  updatedAt: '2024-05-06T07:08:09.010Z',
  done: false,
  position: 17,
  ...rest,
})

async function remove(database: Database, rows: { id: string; rev: string | null }[]): Promise<void> {
  await database.bulk(rows.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
}

async function orNone<T>(rows: Promise<T[]>): Promise<T[]> {
  return rows.catch(() => [])
}
