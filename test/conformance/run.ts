// The same case in three places: the module in Node, the bundle in Node, the bundle in CouchDB.
import { fileURLToPath } from 'node:url'
import type { Doc, UserContext, ValidateFunction } from 'couch-shares/rules'
import type { Engine } from '../../src/functions/validation.ts'
import { ANYBODY, ask, pathOf, type Person } from '../support/logins.ts'
import type { Space } from '../support/space.ts'
import { PEOPLE, type Case } from './cases.ts'

/** The absolute path of a group's file. */
export const fileOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** The function that a rules file exports. */
export const importRules = async (file: string): Promise<ValidateFunction> =>
  ((await import(fileOf(file))) as { default: ValidateFunction }).default

/** What CouchDB would call the function with: revisions as it shows them, seen on CouchDB 3.5. */
function argumentsOf({ before, doc, user, security, push, isUnnamed }: Case): Parameters<ValidateFunction> {
  const userCtx: UserContext = { db: 'db', name: user, roles: [...(PEOPLE[user ?? ''] ?? [])] }
  const start = before?._deleted === true ? 2 : 1
  const ids = start === 2 ? ['b', 'a'] : ['a']
  const rev = `${start}-${ids[0]}`
  const isSeen = before !== undefined && push !== 'anew' && isUnnamed !== true
  const oldDoc = isSeen ? { ...before, _id: doc._id ?? '', _rev: rev, _revisions: { start, ids } } : null
  const revisions =
    push === 'anew'
      ? { _rev: '9-x', _revisions: { start: 9, ids: ['x'] } }
      : push === 'off'
        ? { _rev: `${start + 1}-x`, _revisions: { start: start + 1, ids: ['x', ...ids] } }
        : isSeen
          ? { _rev: rev, _revisions: { start, ids: [ids[0] ?? ''] } }
          : {}
  return [{ ...doc, ...revisions }, oldDoc, userCtx, security]
}

const text = (verdict: string, reason: unknown): string => `${verdict}: ${String(reason)}`

/** What the imported function says. */
export function sayModule(validate: ValidateFunction, testCase: Case): string {
  try {
    validate(...argumentsOf(testCase))
    return 'ok'
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal
    const [[verdict, reason] = ['', '']] = Object.entries(refusal as Record<string, string>)
    return text(verdict, reason)
  }
}

/** What the bundle says in a realm without Node. */
export function sayBundle(engine: Engine, testCase: Case): string {
  const said = engine.call(argumentsOf(testCase))
  return said.verdict === 'ok' ? 'ok' : text(said.verdict, said.message)
}

/** A case with the real names of its people, here and in what is expected. */
export function named(testCase: Case, names: Readonly<Record<string, string>>): Case {
  const inText = JSON.stringify({ ...testCase, user: null })
  const replaced = inText.replace(/\b(?:ANN|BOB|CARL|ROOT)\b/g, (name) => names[name] ?? name)
  return { ...(JSON.parse(replaced) as Case), user: testCase.user }
}

/** What CouchDB answers to the person who writes. @param db has the rules, and is written to by nobody else */
export async function sayCouchdb(space: Space, db: string, testCase: Case, person: Person): Promise<string> {
  const { before, doc, security, push, isUnnamed } = testCase
  const database = space.couch.database(db)
  const id = doc._id ?? ''
  // Nothing that the case says is in force while an admin prepares it.
  await database.putSecurity({})
  const rev = before === undefined ? null : await prepare(space, db, id, before)
  await database.putSecurity(security)
  const answer =
    push === undefined
      ? await ask(
          space.server,
          person,
          'PUT',
          pathOf(db, id),
          rev === null || isUnnamed === true ? doc : { ...doc, _rev: rev },
        )
      : await ask(space.server, person, 'POST', `${pathOf(db)}/_bulk_docs`, {
          new_edits: false,
          docs: [{ ...doc, ...pushed(push, rev) }],
        })
  const parsed: unknown = JSON.parse(answer.text)
  // A push that passes is answered with an empty list.
  const said = (Array.isArray(parsed) ? parsed[0] : parsed) as
    { error?: string; reason?: unknown } | undefined
  // CouchDB answers a deletion with 200, anything else that it writes with 201.
  if (said?.error === undefined) return answer.status < 300 ? 'ok' : text(String(answer.status), answer.text)
  // A direct write that names a tombstone's revision is a conflict, whatever the rules say; but they are asked first.
  if (answer.status === 409 && before?._deleted === true) return 'ok'
  const status = { 401: 'unauthorized', 403: 'forbidden' }[answer.status]
  // CouchDB's code has to agree with its word; a push is answered with 201 as a whole.
  if (push === undefined && status !== said.error) return text(String(answer.status), answer.text)
  return text(said.error, said.reason)
}

/** An admin writes what is there before. @returns the leaf's revision */
async function prepare(space: Space, db: string, id: string, before: Doc): Promise<string> {
  const { _deleted, ...alive } = before
  const database = space.couch.database(db)
  const written = await database.put({ ...alive, _id: id })
  if (!written.ok) throw new Error(`${id}: ${written.reason}`)
  if (_deleted !== true) return written.rev
  const deleted = await database.put({ ...before, _id: id, _rev: written.rev })
  if (!deleted.ok) throw new Error(`${id}: ${deleted.reason}`)
  return deleted.rev
}

const HASH = 'c0ffee00c0ffee00c0ffee00c0ffee00'

function pushed(push: 'anew' | 'off', rev: string | null): Partial<Doc> {
  if (push === 'anew' || rev === null) return { _rev: `9-${HASH}` }
  const [start = '', hash = ''] = rev.split('-')
  return { _revisions: { start: Number(start) + 1, ids: [HASH, hash] } }
}

/** The person behind a case's user. */
export const personOf = (people: ReadonlyMap<string, Person>, user: string | null): Person => {
  const person = user === null ? ANYBODY : people.get(user)
  if (person === undefined) throw new Error(`Expected somebody called ${user}`)
  return person
}
