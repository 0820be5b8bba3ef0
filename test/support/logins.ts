// Real users of a real CouchDB: they sign up, log in, ask over HTTP as themselves, and hold feeds open.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeJson } from '../../src/documents/json.ts'
import { CHECKPOINTS, REGISTRY } from '../../src/documents/names.ts'
import type { Server } from './servers.ts'
import type { Space } from './space.ts'

/** Somebody who asks; without a cookie, nobody in particular. */
export interface Person {
  name: string | null
  cookie: string | null
}

export interface Answer {
  status: number
  text: string
}

export const ANYBODY: Person = { name: null, cookie: null }

/** What stands in a URL for these parts of a path. */
export const pathOf = (...parts: string[]): string => parts.map(encodeURIComponent).join('/')

/** `{id}` of the database that couch_peruser makes for a user. */
export const hexOf = (name: string): string => Buffer.from(name, 'utf8').toString('hex')

const userId = (name: string): string => `org.couchdb.user:${name}`
const passwordOf = (name: string): string => `pass of ${name}`

/** A server admin writes down users with these names, roles beside them. Their password is made of the name. */
export async function signUp(space: Space, roles: Record<string, readonly string[]>): Promise<void> {
  const users = space.couch.database('_users')
  await users.create()
  for (const [name, of] of Object.entries(roles))
    await space.write(users, { _id: userId(name), type: 'user', name, roles: of, password: passwordOf(name) })
}

/** Deletes these users, as far as they are there. */
export async function removeUsers(space: Space, names: readonly string[]): Promise<void> {
  const users = space.couch.database('_users')
  const rows = await users.fetch(names.map(userId))
  await users.bulk(rows.flatMap(({ doc }) => (doc ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }] : [])))
}

/** Runs a test with users of these names, logged in; they are deleted again. */
export async function withUsers(
  space: Space,
  roles: Record<string, readonly string[]>,
  test: (people: Person[]) => Promise<void>,
): Promise<void> {
  const names = Object.keys(roles)
  try {
    await signUp(space, roles)
    await test(await Promise.all(names.map((name) => logIn(space.server, name))))
    await space.stop()
    await removeTraces(space)
  } finally {
    await removeUsers(space, names)
  }
}

const firstLogins = new Map<string, Promise<unknown>>()

/** CouchDB makes the secret of its cookies at the first login; of several at once, each would make another one. */
async function haveSecret(server: Server): Promise<void> {
  const first = firstLogins.get(server.url) ?? tryToLogIn(server, server.user, server.pass)
  firstLogins.set(server.url, first)
  await first
}

/**
 * Logs in and gets a cookie. CouchDB may take a moment to hear of a new password; five bad logins lock a name out.
 * @param password left out for users that signed up here
 */
export async function logIn(server: Server, name: string, password = passwordOf(name)): Promise<Person> {
  await haveSecret(server)
  for (let tries = 1; ; tries += 1) {
    const answer = await tryToLogIn(server, name, password)
    if (answer.status === 200) return { name, cookie: answer.cookie }
    assert(tries < 4, `Expected ${name} to log in, got ${answer.status}`)
    await delay(500)
  }
}

/** One try. @returns the status, and the cookie where there is one */
export async function tryToLogIn(
  server: Server,
  name: string,
  password: string,
): Promise<{ status: number; cookie: string }> {
  const answer = await fetch(`${server.url}/_session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  await answer.text()
  return { status: answer.status, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' }
}

/**
 * Removes what a space leaves behind that others wrote into or took part in: replications out of its shares, entries of
 * subscriptions, and how far shares were followed.
 */
export async function removeTraces({ couch, prefix }: Space): Promise<void> {
  const isOurs = (id: string): boolean => id.includes(` ${prefix}`)
  for (const name of ['_replicator', CHECKPOINTS]) {
    const rows = await couch.database(name).range({ startKey: 'share/', endKey: 'share0' })
    const ours = rows.filter(({ id }) => isOurs(id))
    await couch.database(name).bulk(ours.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
  }
  const registry = couch.database(REGISTRY)
  const all = { startKey: 'subscription/', endKey: 'subscription0', includeDocs: true }
  await registry.bulk(
    (await registry.range(all)).flatMap(({ doc }) =>
      doc && String(doc['database']).startsWith(prefix)
        ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }]
        : [],
    ),
  )
}

const headersOf = ({ cookie }: Person): Record<string, string> => (cookie === null ? {} : { cookie })

/** A request as somebody. @param body an object for JSON, a text for what it is */
export async function ask(
  server: Server,
  person: Person,
  method: string,
  where: string,
  body?: unknown,
): Promise<Answer> {
  const answer = await fetch(`${server.url}/${where}`, {
    method,
    headers: {
      accept: 'application/json',
      'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
      ...headersOf(person),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : encodeJson(body) }),
  })
  return { status: answer.status, text: await answer.text() }
}

/** A continuous feed of changes with their documents, held open by somebody as long as CouchDB keeps it so. */
export class Feed {
  readonly #stop = new AbortController()
  status = 0
  /** Everything that came so far. */
  text = ''
  hasEnded = false

  static async open(server: Server, person: Person, database: string): Promise<Feed> {
    const feed = new Feed()
    const query = 'feed=continuous&include_docs=true&heartbeat=500&since=0'
    const answer = await fetch(`${server.url}/${pathOf(database)}/_changes?${query}`, {
      headers: headersOf(person),
      signal: feed.#stop.signal,
    })
    feed.status = answer.status
    void feed.#read(answer)
    return feed
  }

  async #read(answer: Response): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of answer.body ?? []) this.text += decoder.decode(chunk as Uint8Array)
    } catch {
      // Cut off: that is an end, too.
    }
    this.hasEnded = true
  }

  close(): void {
    this.#stop.abort()
  }
}
