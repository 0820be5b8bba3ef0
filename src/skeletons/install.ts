// Installation: what the daemon needs on a server is made where it is missing. A second start writes nothing.
import type { Couch } from '../couch/client.ts'
import { concernsOneDocument, CouchFault, isFault } from '../couch/fault.ts'
import { plainWords } from '../couch/plain-words.ts'
import { REPLICATOR } from '../couch/replicator.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import type { Logger } from '../log.ts'
import { isEdited, marked, markOf, type DesignDocument as MarkedDocument } from './design.ts'
import {
  CHECKPOINTS,
  PROVISIONING,
  REGISTRY,
  routesDatabase,
  SKELETON_PREFIX,
  SYSTEM_DATABASES,
} from '../documents/names.ts'
import { isFixedKind, KEPT_KINDS, ROUTES_KIND, type FixedKind, type Kinds } from './kinds.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import { planSkeleton, type Wanted } from './plan.ts'
import type { SkeletonOfKind } from './folder.ts'
import { secure } from './create-database.ts'
import { keepSecurity } from '../engine/kept-security.ts'
import { applySkeleton } from './apply.ts'
import { SECURITY_DOCUMENT } from './wanted.ts'

/** Why a server cannot be used, in one line. */
export class InstallError extends Error {
  readonly code:
    | 'wrong_password'
    | 'not_admin'
    | 'not_couchdb'
    | 'slashes_decoded'
    | 'foreign_design'
    | 'newer_layout'
    | 'refused'
  constructor(code: InstallError['code'], message: string) {
    super(message)
    this.name = 'InstallError'
    this.code = code
  }
}

/** What kind of server answers. */
export interface ServerKind {
  version: string
  isEmbedded: boolean
}

/** The vendor that the embedded server calls itself. */
const EMBEDDED_VENDOR = 'couch-shares embedded'

/** What is needed where there are masters or gateways. */
const WITH_PERSONAL = [PROVISIONING]

/** Kinds of one database each: their skeletons are put in place directly. */
const IN_PLACE: Partial<Record<FixedKind, string>> = {
  registry: REGISTRY,
  users: '_users',
  replicator: REPLICATOR,
}

/**
 * Asks who answers, and whether as an admin.
 * @throws {InstallError} where it is no CouchDB, or the login is wrong or no admin's
 * @throws {CouchFault} where nobody answers
 */
export async function identify(couch: Couch): Promise<ServerKind> {
  try {
    const { version, vendor } = await couch.server()
    const isEmbedded = vendor?.name === EMBEDDED_VENDOR
    const { userCtx } = await couch.request<{ userCtx: { name: string | null; roles: string[] } }>({
      path: ['_session'],
    })
    if (!userCtx.roles.includes('_admin'))
      throw new InstallError(
        'not_admin',
        `The user ${userCtx.name ?? ''} is no admin of the server at ${couch.url}.`,
      )
    await assertSlashesKept(couch)
    return { version, isEmbedded }
  } catch (error) {
    if (error instanceof InstallError) throw error
    if (isFault(error, 'unauthorized'))
      throw new InstallError(
        'wrong_password',
        `The server at ${couch.url} refuses the admin's name or password.`,
      )
    if (isFault(error) && !error.retryable && error.code !== 'stopped')
      throw new InstallError(
        'not_couchdb',
        `What answers at ${couch.url} is no CouchDB: ${plainWords(error.reason)}`,
      )
    throw error
  }
}

/**
 * Names of databases have slashes, which stand as `%2F` in a path. A proxy that decodes them, or refuses them, lets nearly
 * everything else pass.
 */
async function assertSlashesKept(couch: Couch): Promise<void> {
  try {
    await couch.request({ path: ['_up/x'] })
  } catch (error) {
    // CouchDB's own word: there is no database of that name.
    if (isFault(error, 'not_found') && error.error === 'not_found') return
    if (isFault(error) && (error.retryable || error.code === 'stopped')) throw error
  }
  throw new InstallError(
    'slashes_decoded',
    `What stands before CouchDB at ${couch.url} does not pass \`%2F\` on as it comes, and names of databases have slashes: see "Behind a proxy" in docs/operating.md.`,
  )
}

/** What a folder of the skeleton asks of the database that its design documents are kept in. */
export interface Installation {
  db: string
  wanted: Wanted
  /** The `_security` of the kind's databases, for a kind that keeps it; null where the folder has none. */
  security: { document: MarkedDocument | null } | null
}

/** Which of the kinds that not every server has are used on this one, the masters, and the gateways. */
export type UsedKinds = Pick<Kinds, 'policies' | 'userKinds' | 'masters' | 'gateways'>

/** Told of each database in which design documents were looked at: their revisions, by id, as they are when that is done. */
export type OnDesigns = (db: string, revisions: ReadonlyMap<string, string>) => void

const NONE: UsedKinds = { policies: [], userKinds: [], masters: [], gateways: [] }

/**
 * Where the folders of the skeleton are put: policies, and `-user` kinds, only where they are used. A kind without a folder
 * is not among them: what `skeleton/<kind>` has stays.
 */
export function installations(
  skeleton: ReadonlyMap<string, SkeletonOfKind>,
  { policies, userKinds, gateways }: UsedKinds,
): Installation[] {
  return [...skeleton].flatMap(([kind, { designDocuments, security }]): Installation[] => {
    const wanted = { designs: designDocuments, security: null, isStrict: false }
    if (kind === ROUTES_KIND)
      return gateways.map((name) => ({ db: routesDatabase(name), wanted, security: null }))
    if (userKinds.includes(kind)) return [{ db: SKELETON_PREFIX + kind, wanted, security: null }]
    if (!isFixedKind(kind)) {
      const document = security === null ? null : marked({ _id: SECURITY_DOCUMENT, security })
      return policies.includes(kind) ? [{ db: SKELETON_PREFIX + kind, wanted, security: { document } }] : []
    }
    return [{ db: IN_PLACE[kind] ?? SKELETON_PREFIX + kind, wanted, security: null }]
  })
}

/** What stands in the database of an installation when it is done; `docs` is what stands there before. */
export function afterInstall({ wanted, security }: Installation, docs: readonly StoredDoc[]): Doc[] {
  const { designs } = planSkeleton(wanted, { designs: docs.filter(isDesign), security: null })
  const gone = new Set(designs.flatMap(({ kind, id }) => (kind === 'remove' ? [id] : [])))
  const put = designs.flatMap((change) =>
    change.kind === 'add' || change.kind === 'replace' ? [change.wanted] : [],
  )
  const document = docs.find(({ _id }) => _id === SECURITY_DOCUMENT) ?? null
  const change = security === null ? null : securityDocumentChange(security.document, document)
  const written: Doc[] = change ? [...put, change] : put
  const ids = new Set(written.map(({ _id }) => _id))
  return [...docs.filter(({ _id }) => !gone.has(_id) && !ids.has(_id)), ...written].filter(
    ({ _deleted }) => _deleted !== true,
  )
}

const isDesign = ({ _id }: StoredDoc): boolean => _id.startsWith('_design/')

/** The databases that are the daemon's own, or CouchDB's and needed: `install` makes them. */
export const keptDatabases = (used: UsedKinds): string[] => [
  ...new Set([...SYSTEM_DATABASES, ...closedDatabases(used)]),
]

/**
 * Creates databases, security and design documents where they are missing or of another version, and takes out those
 * design documents of the daemon's that the skeleton has no more. What masters themselves have is put there by a rollout.
 */
export async function install(
  couch: Couch,
  skeleton: ReadonlyMap<string, SkeletonOfKind>,
  log: Logger,
  used: UsedKinds = NONE,
  onDesigns: OnDesigns = () => undefined,
): Promise<void> {
  const userKinds = used.userKinds.filter((kind) => skeleton.has(kind))
  const closed = closedDatabases({ ...used, userKinds })
  const kept = keptDatabases({ ...used, userKinds })
  const sources = [...used.masters.map(({ database }) => database), ...used.gateways]
  // One request tells what most starts find: all are there.
  const there = await couch.dbsInfo([...kept, ...sources])
  for (const name of kept) {
    const database = couch.database(name)
    if (there.has(name) || !(await database.create())) continue
    log.info({ db: name }, 'database created')
    // A server can be set so that a new database is everybody's.
    if (closed.includes(name)) await secure(database, ADMIN_ONLY)
  }
  await keepClosed(couch, { ...used, userKinds }, log)
  for (const name of sources) if (!there.has(name)) await createSource(couch.database(name), log)
  for (const installation of installations(skeleton, used))
    await installOrTell(couch, installation, log, onDesigns)
}

/** The daemon's databases that are nobody's but the server's admins', besides outboxes. */
const closedDatabases = ({ policies, userKinds, masters, gateways }: UsedKinds): string[] => [
  ...[REGISTRY, CHECKPOINTS],
  ...(masters.length + gateways.length > 0 ? WITH_PERSONAL : []),
  ...gateways.map(routesDatabase),
  ...[...KEPT_KINDS, ...policies, ...userKinds].map((kind) => SKELETON_PREFIX + kind),
]

/** Puts right who may enter these; one that is not there is passed over. @throws {CouchFault} */
async function keepClosed(couch: Couch, used: UsedKinds, log: Logger): Promise<void> {
  for (const name of closedDatabases(used)) await keepSecurity(couch.database(name), ADMIN_ONLY, log)
}

/** What a policy's own function refuses is that policy's trouble: it stays as it is, and all else works. */
async function installOrTell(
  couch: Couch,
  installation: Installation,
  log: Logger,
  onDesigns: OnDesigns,
): Promise<void> {
  const { db } = installation
  try {
    onDesigns(db, await installKind(couch, installation, log))
  } catch (error) {
    if (!isFault(error) || !concernsOneDocument(error)) throw error
    const kind = db.startsWith(SKELETON_PREFIX) ? db.slice(SKELETON_PREFIX.length) : null
    if (kind === null || isFixedKind(kind))
      throw new InstallError(
        'refused',
        `${db} refuses what the skeleton puts there: ${plainWords(error.reason)}`,
      )
    log.error(
      { db },
      `the skeleton of ${kind} cannot be put in place, and stays as it was: ${plainWords(error.reason)}`,
    )
  }
}

/** One that is there keeps its `_security`: who writes into a master, or a gateway, is up to its admins. */
async function createSource(database: Database, log: Logger): Promise<void> {
  if (!(await database.create())) return
  await secure(database, ADMIN_ONLY)
  log.info({ db: database.name }, 'database created, for admins alone')
}

/** @returns the revisions of the design documents that are there now */
async function installKind(
  couch: Couch,
  { db, wanted, security }: Installation,
  log: Logger,
): Promise<ReadonlyMap<string, string>> {
  const database = couch.database(db)
  const revisions = new Map<string, string>()
  // Before the functions, which judge it from then on.
  if (security !== null) await installSecurity(database, security.document, log)
  const { designs } = await applySkeleton(database, wanted, {
    onPlan: ({ designs }, found) => {
      revisions.clear()
      for (const { _id, _rev } of found.designs) revisions.set(_id, _rev)
      const foreign = designs.find(({ kind }) => kind === 'foreign')
      return foreign ? Promise.reject(foreignDesign(db, foreign.id)) : Promise.resolve()
    },
    onWritten: (id, rev) => revisions.set(id, rev),
  })
  for (const { kind, id } of designs) log.info({ db, doc: id, change: kind }, 'design document installed')
  return revisions
}

const foreignDesign = (db: string, id: string): InstallError =>
  new InstallError(
    'foreign_design',
    `${db} has a design document ${id} that couch-shares did not write. Move it away: the daemon needs its own there, or SKELETON has one of that name.`,
  )

/** Keeps the `_security` of a policy's databases beside its design documents. An admin's own document stays. */
async function installSecurity(
  database: Database,
  document: MarkedDocument | null,
  log: Logger,
): Promise<void> {
  const there = await database.get(SECURITY_DOCUMENT)
  const change = securityDocumentChange(document, there)
  if (change === null) return
  const written = await database.put(change)
  if (!written.ok)
    throw new CouchFault(
      written.error === 'forbidden' || written.error === 'unauthorized' ? 'forbidden' : 'server_error',
      database.name,
      `${written.id}: ${written.reason}`,
    )
  log.info({ db: database.name, doc: SECURITY_DOCUMENT }, 'security of a policy installed')
}

/** What is to be written over a policy's document of `_security`; null: nothing. An admin's own document stays. */
export function securityDocumentChange(wanted: MarkedDocument | null, there: StoredDoc | null): Doc | null {
  if (there === null) return wanted
  const mark = markOf(there)
  if (mark === null) return null
  if (wanted === null) return { _id: there._id, _rev: there._rev, _deleted: true }
  const isSame = mark === wanted.couch_shares.hash && !isEdited(there)
  return isSame ? null : { ...wanted, _rev: there._rev }
}
