// Users who share with each other: accounts in `_users`, a user database each, and what they do to take part.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import { CHECKPOINTS, REGISTRY } from '../../src/documents/names.ts'
import type { Server } from './servers.ts'
import type { Space } from './space.ts'
import { becomesActive, put, shareDoc, type Content } from './story.ts'
import { subscriptionDocumentId } from '../../src/shares/model/ids.ts'

/** A user as Hoodie makes them: the hash of the user database is a role of the account `user/<name>`. */
export interface Person {
  /** As others write it into `access`. */
  name: string
  /** What `{id}` stands for in the name of the user database. */
  hash: string
  account: { name: string; pass: string }
  db: Database
}

const accountId = (name: string): string => `org.couchdb.user:${name}`

/** A user who is not there yet. */
export function stranger(space: Space, called: string): Person {
  const name = `${called}-${space.prefix.slice(1, 7)}`
  const hash = `${name}-hash`
  return { name, hash, account: { name: `user/${name}`, pass: `pass of ${name}` }, db: space.user(hash) }
}

/** Makes the account, and the user database with its user as its only member. */
export async function signUp(space: Space, ...people: Person[]): Promise<void> {
  for (const { db, hash } of people) {
    await db.create()
    await db.putSecurity({ admins: { names: [], roles: ['_admin'] }, members: { names: [], roles: [hash] } })
  }
  const users = space.couch.database('_users')
  await users.create()
  const written = await users.bulk(
    people.map(({ account: { name, pass }, hash }) => ({
      _id: accountId(name),
      type: 'user',
      ...{ name, password: pass, roles: [hash] },
    })),
  )
  for (const row of written) assert.ok(row.ok, JSON.stringify(row))
}

/** Runs a test with these users; their accounts and what the registry holds of them are taken out after it. */
export async function withPeople<Called extends string>(
  space: Space,
  called: readonly Called[],
  test: (people: Record<Called, Person>) => Promise<void>,
): Promise<void> {
  const people = called.map((one) => stranger(space, one))
  await signUp(space, ...people)
  await takenOutAfter(space, () =>
    test(Object.fromEntries(people.map((one, at) => [called[at], one])) as Record<Called, Person>),
  )
}

/** Runs a test, and takes out the accounts of its users and what the registry holds of them, whoever has made them. */
export async function takenOutAfter(space: Space, test: () => Promise<void>): Promise<void> {
  try {
    await test()
    await space.stop()
    await removeTraces(space)
  } finally {
    await removeAccounts(space)
  }
}

async function removeAccounts(space: Space): Promise<void> {
  const users = space.couch.database('_users')
  const rows = await users.range({ startKey: accountId('user/'), endKey: accountId('user0') })
  const ours = rows.filter(({ id }) => id.endsWith(`-${space.prefix.slice(1, 7)}`))
  await users.bulk(ours.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
}

async function removeTraces({ couch, prefix }: Space): Promise<void> {
  const registry = couch.database(REGISTRY)
  const parts = await registry.range({
    startKey: 'subscription/',
    endKey: 'subscription0',
    includeDocs: true,
  })
  await registry.bulk(
    parts
      .flatMap(({ doc }) => (String(doc?.['database']).startsWith(prefix) && doc ? [doc] : []))
      .map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })),
  )
  const checkpoints = couch.database(CHECKPOINTS)
  const marks = await checkpoints.range({ startKey: 'share/', endKey: 'share0' })
  await checkpoints.bulk(
    marks
      .filter(({ id }) => id.includes(` ${prefix}`))
      .map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })),
  )
}

/** Changes a document as its user's client does: reads it, and writes it again; undefined takes an attribute out. */
export async function edit(space: Space, database: Database, id: string, change: Content): Promise<string> {
  for (let tries = 0; tries < 10; tries += 1) {
    const there = (await database.get(id)) ?? { _id: id }
    const attributes = Object.entries({ ...there, ...change }).filter(([, value]) => value !== undefined)
    // Over what was read, and nothing else: what somebody wrote in between is not taken back.
    const written = await database.put({ ...Object.fromEntries(attributes), _id: id })
    if (written.ok) return written.rev
  }
  throw new Error(`Expected to edit ${id} of ${space.prefix} within 10 tries`)
}

/** Deletes a document as its user's client does. */
export async function remove(space: Space, database: Database, id: string): Promise<void> {
  await space.write(database, { _id: id, _deleted: true })
}

/** A document without `_id` and `_rev`; null where there is none. */
export async function read(database: Database, id: string): Promise<Content | null> {
  const doc = await database.get(id)
  if (doc === null) return null
  const { _id, _rev, ...content } = doc
  return content
}

/** Waits until a document is as expected, null for none; fails with the difference. */
export async function becomes(
  space: Space,
  database: Database,
  id: string,
  expected: Content | null,
): Promise<void> {
  let seen: Content | null = null
  const look = async (): Promise<boolean> => isDeepStrictEqual((seen = await read(database, id)), expected)
  await space.until(`${id} of ${database.name} is right`, look, 30_000).catch(() => {
    assert.deepEqual(seen, expected, `${id} of ${database.name}`)
  })
}

/** What a `$subscription` says; a code stands for all of `$error`. */
export interface Standing {
  state: unknown
  error?: unknown
  reason?: unknown
  /** The documents that were rejected, each with its code. */
  rejected?: Record<string, string>
}

/** How somebody's subscription stands; null where there is none. */
export async function standing(person: Person, share: string): Promise<Standing | null> {
  const doc = await person.db.get(subscriptionDocumentId(share))
  return doc === null ? null : standingOf(doc)
}

/** What a `$share` or a `$subscription` says. */
export function standingOf(doc: StoredDoc): Standing {
  const error = doc['$error'] as { code: string } | undefined
  const rejected = doc['$rejected'] as { document: string; code: string }[] | undefined
  return {
    state: doc['$state'],
    ...(error ? { error: error.code } : {}),
    ...(doc['$reason'] === undefined ? {} : { reason: doc['$reason'] }),
    ...(rejected
      ? { rejected: Object.fromEntries(rejected.map(({ document, code }) => [document, code])) }
      : {}),
  }
}

/** Waits until somebody's subscription stands so; fails with the difference. */
export async function stands(
  space: Space,
  person: Person,
  share: string,
  expected: Standing | null,
): Promise<void> {
  let seen: Standing | null = null
  const look = async (): Promise<boolean> =>
    isDeepStrictEqual((seen = await standing(person, share)), expected)
  await space
    .until(`the subscription of ${person.name} is right`, look, 30_000)
    .catch(() => assert.deepEqual(seen, expected, `subscription of ${person.name}`))
}

export const ACTIVE: Standing = { state: 'active' }

export const subscriptionDoc = (share: string, more: Content = {}): Doc => ({
  _id: subscriptionDocumentId(share),
  type: '$subscription',
  ...more,
})

/** Takes part in a share, and waits until that is so. */
export async function subscribe(
  space: Space,
  share: string,
  people: readonly Person[],
  more: Content = {},
): Promise<void> {
  for (const { db } of people) await put(db, subscriptionDoc(share, more))
  for (const person of people) await stands(space, person, share, ACTIVE)
}

/** An object in a share: all of it, unless attributes are named. */
export const shared = (share: string, id: string, content: Content, wish: unknown = true): Doc => ({
  _id: id,
  ...content,
  $shares: { [share]: wish },
})

/** What is read of an object that came from somebody else's share, or is in one as a whole. */
export const received = (share: string, content: Content): Content => ({
  ...content,
  $shares: { [share]: true },
})

/** A share of the owner's, active, with these documents in the owner's database. */
export async function open(space: Space, owner: Person, access: unknown, ...objects: Doc[]): Promise<string> {
  const id = space.shareId()
  await put(owner.db, shareDoc(id, { access }), ...objects)
  await becomesActive(space, owner.hash, id)
  return id
}

/** The ids of documents that have more than one live leaf. */
export async function conflictsIn(database: Database): Promise<string[]> {
  const rows = await database.range({})
  const docs = await database.fetch(
    rows.map(({ id }) => id),
    { conflicts: true },
  )
  return docs.filter(({ doc }) => doc?._conflicts?.length).map(({ id }) => id)
}

/** A client of a user: logged in by the account on CouchDB; as the admin on the embedded server, where access does not count. */
export const clientOf = ({ kind, url, user, pass }: Server, account: Person['account']): Couch =>
  new Couch(kind === 'couchdb' ? { url, user: account.name, pass: account.pass } : { url, user, pass })

/** Runs something with a database as that user reaches it: see `clientOf`. */
export async function asUser<Result>(
  { server }: Space,
  { account: { name, pass } }: Person,
  database: Database,
  run: (database: Database) => Promise<Result>,
): Promise<Result> {
  const couch = clientOf(server, { name, pass })
  try {
    return await run(couch.database(database.name))
  } finally {
    await couch.close()
  }
}

/** What all leaves of a document hold that are deleted and still hold something: contents that gave way. */
export async function losersOf(database: Database, id: string): Promise<Content[]> {
  const leaves = await database.leaves([{ id }])
  return leaves
    .filter(({ _deleted }) => _deleted)
    .map(({ _id, _rev, _deleted, _revisions, ...content }): Content => content)
    .filter((content) => Object.keys(content).length > 0)
}
