// What the databases of a kind are to have once the folder is installed, which a command is not to wait for.
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { orNull } from '../couch/fault.ts'
import {
  afterInstall,
  installations,
  securityDocumentChange,
  type Installation,
} from '../skeletons/install.ts'
import type { DesignDocument } from '../skeletons/design.ts'
import { PERSONAL_KIND } from '../skeletons/kinds.ts'
import { SKELETON_PREFIX } from '../documents/names.ts'
import { planSkeleton, type SkeletonPlan, type Wanted } from '../skeletons/plan.ts'
import { linesOf } from '../skeletons/plan-report.ts'
import {
  personalWanted,
  readSkeletonDatabase,
  SECURITY_DOCUMENT,
  wantedOf,
  wantedOfUserKind,
} from '../skeletons/wanted.ts'
import type { Connection } from './connection.ts'

/** What is to be written of design documents, those that are there and differ among them. */
export const designsToWrite = ({ designs }: SkeletonPlan): number =>
  designs.filter(({ kind }) => kind === 'add' || kind === 'replace').length

/** What an installation comes to in its database, of which `docs` are there; null where it is not there yet. */
export function planInstallation({ wanted }: Installation, docs: StoredDoc[] | null): SkeletonPlan {
  const designs = (docs ?? []).filter(({ _id }) => _id !== SECURITY_DOCUMENT)
  return planSkeleton(wanted, { designs, security: null })
}

/** What is to be put into a database of an installation, which may not be there yet. @throws {CouchFault} */
export async function linesOfInstallation(database: Database, installation: Installation): Promise<string[]> {
  const { security } = installation
  const docs = await documentsOf(database)
  const lines = linesOf(planInstallation(installation, docs))
  if (docs === null) return ['+ the database', ...lines]
  const document = docs.find(({ _id }) => _id === SECURITY_DOCUMENT) ?? null
  const change = security === null ? null : securityDocumentChange(security.document, document)
  if (change === null) return lines
  return [...lines, `${document === null ? '+' : change._deleted ? '-' : '~'} ${SECURITY_DOCUMENT}`]
}

/** Null where the database is not there. */
export const documentsOf = (database: Database): Promise<StoredDoc[] | null> =>
  orNull(readSkeletonDatabase(database))

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
