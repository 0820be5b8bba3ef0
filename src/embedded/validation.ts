// Asks whether a document may be written, as CouchDB does for each: whose it is, and the database's validation functions.
// https://docs.couchdb.org/en/stable/ddocs/ddocs.html#validate-document-update-functions
import { createHash } from 'node:crypto'
import { encodeJson } from '../documents/json.ts'
import { DesignFunction, type Thrown } from '../functions/design-function.ts'
import { checkAccount, checkOwner, isUsers } from './accounts.ts'
import type { Database } from './databases.ts'
import { conflict, CouchFault, orNull } from './faults.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'
import { historyOf } from './revisions.ts'
import { isDatabaseAdmin, readSecurity } from './security.ts'
import { denied, isServerAdmin, type User } from './user.ts'

/** A database, and who writes into it. */
export interface DatabaseWriter {
  database: Database
  user: User
}

/** What CouchDB gives to validation functions of the history of the document that is there. */
const REVISIONS = 20

/** Why the document may not be written; null where it may. @param doc what is to be written, its password hidden */
export async function refusalOf(
  writer: DatabaseWriter,
  doc: Json,
  newEdits: boolean,
): Promise<CouchFault | null> {
  try {
    await check(writer, doc, newEdits)
    return null
  } catch (fault) {
    if (fault instanceof CouchFault) return fault
    throw fault
  }
}

async function check({ database, user }: DatabaseWriter, doc: Json, newEdits: boolean): Promise<void> {
  const id = String(doc['_id'])
  const ofUsers = isUsers(database)
  if (id.startsWith('_design/')) {
    if (!isServerAdmin(user) && !isDatabaseAdmin(user, await readSecurity(database)))
      throw denied(user, 'You are not a db or server admin.')
    return
  }
  if (id.startsWith('_local/') && (!ofUsers || isServerAdmin(user))) return
  const functions = await functionsOf(database)
  if (functions.length === 0 && !ofUsers) return
  const security = await readSecurity(database)
  if (ofUsers) checkOwner(doc, user, security)
  // A leaf beside the account's own would take its place, and no rule would compare the two.
  if (ofUsers && !newEdits && !isDatabaseAdmin(user, security))
    throw denied(user, 'Only admins may replicate into this db.')
  const before = await (newEdits ? replacedBy(database, doc) : ancestorOf(database, doc))
  if (before === KNOWN) return
  if (ofUsers) checkAccount(doc, before, user, security)
  const context = { db: database.name, name: user.name, roles: user.roles }
  const args = [shown(doc), before && shown(before, REVISIONS), context, security]
  const call = `[${args.map(encodeJson).join()}]`
  for (const ask of functions) ask(call)
}

/** The revision is there already: nothing is written. */
const KNOWN = Symbol('known')

/** The leaf that an ordinary write replaces; null for a new document. Throws the conflict that it would be. */
async function replacedBy(database: Database, { _id, _rev }: Json): Promise<Json | null> {
  const leaves = await leavesOf(database, String(_id))
  if (_rev === undefined) {
    if (leaves.some((leaf) => leaf['_deleted'] !== true)) throw conflict()
    return null
  }
  const leaf = leaves.find((one) => one['_rev'] === _rev)
  if (leaf === undefined) throw conflict()
  return leaf
}

async function leavesOf(database: Database, id: string): Promise<Json[]> {
  const leaves = await orNull(database.pouch.get(id, { open_revs: 'all', revs: true }))
  return ((leaves ?? []) as Json[]).flatMap(({ ok }) => (isJson(ok) ? [ok] : []))
}

/** What is there of the history that a replicated document brings, the latest of it; null for nothing. */
async function ancestorOf(database: Database, doc: Json): Promise<Json | null | typeof KNOWN> {
  const id = String(doc['_id'])
  const revs = historyOf(doc)
  const missing = (await database.pouch.revsDiff({ [id]: revs }))[id]?.missing ?? []
  const there = revs.find((rev) => !missing.includes(rev))
  if (there === undefined) return null
  if (there === revs[0]) return KNOWN
  return database.pouch.get(id, { rev: there, revs: true })
}

/** As CouchDB shows a document to a function: with its history, and with stubs for attachments. */
function shown(doc: Json, mostRevisions = Infinity): Json {
  const { _attachments: attachments, _revisions: revisions, _rev: rev, ...rest } = doc
  const [, start = '', last = ''] = typeof rev === 'string' ? (/^(\d+)-(.*)$/s.exec(rev) ?? []) : []
  const ids = isJson(revisions) && Array.isArray(revisions['ids']) ? (revisions['ids'] as unknown[]) : [last]
  return {
    ...rest,
    ...(rev === undefined
      ? {}
      : { _rev: rev, _revisions: { start: Number(start), ids: ids.slice(0, mostRevisions) } }),
    ...(isJson(attachments)
      ? { _attachments: Object.fromEntries(stubsOf(attachments, Number(start) + 1)) }
      : {}),
  }
}

function stubsOf(attachments: Json, generation: number): [string, Json][] {
  return Object.entries(attachments).map(([name, attachment]) => {
    const { data, ...stub } = isJson(attachment) ? attachment : {}
    if (data === undefined) return [name, stub]
    // Bytes came by themselves: CouchDB reads them after it has asked.
    const known = typeof data === 'string' ? measured(Buffer.from(data, 'base64')) : {}
    return [name, { revpos: generation, ...stub, ...known, stub: true }]
  })
}

const measured = (bytes: Buffer): Json => ({
  digest: `md5-${createHash('md5').update(bytes).digest('base64')}`,
  length: bytes.length,
})

/** Throws the function's refusal. @param call JSON text of its arguments */
type Ask = (call: string) => void

const compiled = new WeakMap<Database, { designs: number; functions: Promise<Ask[]> }>()

/** The validation functions of the database as its design documents are now, each evaluated once. */
function functionsOf(database: Database): Promise<Ask[]> {
  const { designs } = database
  const before = compiled.get(database)
  if (before?.designs === designs) return before.functions
  const functions = compileAll(database)
  compiled.set(database, { designs, functions })
  functions.catch(() => compiled.delete(database))
  return functions
}

async function compileAll(database: Database): Promise<Ask[]> {
  const range = { startkey: '_design/', endkey: '_design0', include_docs: true, inclusive_end: false }
  const { rows } = await database.pouch.allDocs(range)
  return rows.flatMap(({ doc }) => {
    const text = isJson(doc) ? doc['validate_doc_update'] : undefined
    return isJson(doc) && typeof text === 'string' ? [compile(doc, text)] : []
  })
}

/** One that cannot be evaluated refuses everything, as CouchDB's does. */
function compile(design: Json, text: string): Ask {
  let validate: DesignFunction
  try {
    validate = new DesignFunction('validate', text, design)
  } catch (fault) {
    const { message } = fault as { message?: unknown }
    return () => {
      throw new CouchFault(500, 'compilation_error', `${String(design['_id'])}: ${String(message)}`)
    }
  }
  return (call) => {
    const [answer = null] = validate.ask([call])
    if (answer === null) throw faultOf({ key: null, message: validate.failure ?? 'it gave no answer' })
    const thrown = JSON.parse(answer) as Thrown | null
    if (thrown !== null) throw faultOf(thrown)
  }
}

function faultOf({ key, message }: Thrown): CouchFault {
  if (key === 'forbidden') return new CouchFault(403, 'forbidden', message)
  if (key === 'unauthorized') return new CouchFault(401, 'unauthorized', message)
  return new CouchFault(500, 'unknown_error', message)
}
