// Installation: what the daemon needs on a server is made where it is missing. A second start writes nothing.
import isEqual from 'lodash/isEqual.js'
import type { Couch } from './couch/client.ts'
import { CouchFault, isFault } from './couch/fault.ts'
import { REPLICATOR } from './couch/replicator.ts'
import type { Logger } from './log.ts'
import { CHECKPOINTS, REGISTRY, SKELETON_PREFIX } from './model/names.ts'
import { ADMIN_ONLY } from './model/security.ts'
import type { DesignDocument, SkeletonKind, SkeletonOfKind } from './skeleton.ts'
import { secure } from './write/births.ts'

/** Why a server cannot be used, in one line. */
export class InstallError extends Error {
  readonly code: 'wrong_password' | 'not_admin' | 'not_couchdb' | 'foreign_design'
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

/** Databases of CouchDB that nobody creates by default, and the daemon's own. */
const DATABASES = ['_users', REPLICATOR, '_global_changes', REGISTRY, CHECKPOINTS]
const ADMIN_ONLY_DATABASES = [REGISTRY, CHECKPOINTS]

/** Kinds whose skeleton is kept as a database `skeleton/<kind>`, to be copied from, and those that are put in place directly. */
const KEPT: readonly string[] = ['user', 'outbox', 'share'] satisfies SkeletonKind[]
const IN_PLACE: Partial<Record<SkeletonKind, string>> = {
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
    if (!isEmbedded) {
      const { userCtx } = await couch.request<{ userCtx: { name: string | null; roles: string[] } }>({
        path: ['_session'],
      })
      if (!userCtx.roles.includes('_admin'))
        throw new InstallError(
          'not_admin',
          `The user ${userCtx.name ?? ''} is no admin of the server at ${couch.url}.`,
        )
    }
    return { version, isEmbedded }
  } catch (error) {
    if (isFault(error, 'unauthorized'))
      throw new InstallError(
        'wrong_password',
        `The server at ${couch.url} refuses the admin's name or password.`,
      )
    if (isFault(error) && !error.retryable && error.code !== 'stopped')
      throw new InstallError('not_couchdb', `What answers at ${couch.url} is no CouchDB: ${error.reason}`)
    throw error
  }
}

/** Creates databases, security and design documents where they are missing or of another version. */
export async function install(
  couch: Couch,
  skeleton: ReadonlyMap<string, SkeletonOfKind>,
  log: Logger,
): Promise<void> {
  for (const name of [...DATABASES, ...KEPT.map((kind) => SKELETON_PREFIX + kind)]) {
    if (await couch.database(name).create()) log.info({ db: name }, 'database created')
    if (ADMIN_ONLY_DATABASES.includes(name) || name.startsWith(SKELETON_PREFIX))
      await secure(couch.database(name), ADMIN_ONLY)
  }
  for (const [kind, { designDocuments }] of skeleton) {
    const name = IN_PLACE[kind as SkeletonKind] ?? SKELETON_PREFIX + kind
    // Kinds that the daemon has no database for, such as the policies, are there for others to use.
    if (IN_PLACE[kind as SkeletonKind] === undefined && !KEPT.includes(kind)) continue
    for (const design of designDocuments) await installDesign(couch, name, design, log)
  }
}

async function installDesign(couch: Couch, db: string, design: DesignDocument, log: Logger): Promise<void> {
  const database = couch.database(db)
  const there = await database.get(design._id)
  if (there !== null) {
    const { _rev, ...content } = there
    if (isEqual(content, design)) return
    if (content['couch_shares'] === undefined)
      throw new InstallError(
        'foreign_design',
        `${db} has a design document ${design._id} that couch-shares did not write. Move it away, or give another SKELETON.`,
      )
  }
  const written = await database.put({ ...design, ...(there === null ? {} : { _rev: there._rev }) })
  if (!written.ok) throw new CouchFault('server_error', db, `${design._id}: ${written.reason}`)
  log.info({ db, doc: design._id }, 'design document installed')
}
