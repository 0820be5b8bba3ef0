// What the databases of a kind are to have once the folder is installed, which a command is not to wait for.
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { afterInstall, installations, securityDocumentChange, type Installation } from '../install.ts'
import type { DesignDocument } from '../model/design.ts'
import { PERSONAL_KIND } from '../model/kinds.ts'
import { SKELETON_PREFIX } from '../model/names.ts'
import { planSkeleton, type Wanted } from '../plan/skeleton.ts'
import { linesOf } from '../plan/skeleton-report.ts'
import {
  personalWanted,
  readSkeletonDatabase,
  SECURITY_DOCUMENT,
  wantedOf,
  wantedOfUserKind,
} from '../write/skeletons.ts'
import type { Connection } from './connection.ts'

/** What is to be put into a database of an installation, which may not be there yet. @throws {CouchFault} */
export async function linesOfInstallation(
  database: Database,
  { wanted, security }: Installation,
): Promise<string[]> {
  const docs = await documentsOf(database)
  if (docs === null)
    return ['+ the database', ...linesOf(planSkeleton(wanted, { designs: [], security: null }))]
  const designs = docs.filter(({ _id }) => _id !== SECURITY_DOCUMENT)
  const lines = linesOf(planSkeleton(wanted, { designs, security: null }))
  const document = docs.find(({ _id }) => _id === SECURITY_DOCUMENT) ?? null
  const change = security === null ? null : securityDocumentChange(security.document, document)
  if (change === null) return lines
  return [...lines, `${document === null ? '+' : change._deleted ? '-' : '~'} ${SECURITY_DOCUMENT}`]
}

async function documentsOf(database: Database): Promise<StoredDoc[] | null> {
  try {
    return await readSkeletonDatabase(database)
  } catch (error) {
    if (isFault(error, 'not_found')) return null
    throw error
  }
}

/** What the databases of a kind are to have, once the folder is in `skeleton/<kind>`; or why that cannot be used. */
export async function wantedAfterInstall(connection: Connection, kind: string): Promise<Wanted | string> {
  if (kind !== PERSONAL_KIND) return wantedOf(kind, await documentsAfterInstall(connection, kind))
  const parts: [string, readonly DesignDocument[]][] = []
  for (const userKind of connection.kinds.userKinds)
    parts.push([userKind, wantedOfUserKind(await documentsAfterInstall(connection, userKind)).designs])
  return personalWanted(parts)
}

async function documentsAfterInstall({ couch, skeleton, kinds }: Connection, kind: string): Promise<Doc[]> {
  const db = SKELETON_PREFIX + kind
  const docs = (await documentsOf(couch.database(db))) ?? []
  const installation = installations(skeleton, kinds).find((one) => one.db === db)
  return installation ? afterInstall(installation, docs) : docs
}
