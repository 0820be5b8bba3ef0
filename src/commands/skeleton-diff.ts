// `couch-shares skeleton diff`: what a rollout would change. Writes nothing.
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { databasesOfKind } from '../feed/kind-databases.ts'
import { sideBySide } from '../feed/side-by-side.ts'
import { afterInstall, installations, securityDocumentChange, type Installation } from '../install.ts'
import type { DesignDocument } from '../model/design.ts'
import { PERSONAL_KIND } from '../model/kinds.ts'
import { SKELETON_PREFIX } from '../model/names.ts'
import { differenceText } from '../overlay.ts'
import { planSkeleton, type Wanted } from '../plan/skeleton.ts'
import { linesOf, Summary } from '../plan/skeleton-report.ts'
import { inspect } from '../write/equip.ts'
import { PolicyGuard } from '../write/policy-guard.ts'
import {
  personalWanted,
  readSkeletonDatabase,
  SECURITY_DOCUMENT,
  Skeletons,
  wantedOf,
  wantedOfUserKind,
} from '../write/skeletons.ts'
import { withConnection, type Connection } from './connection.ts'

/** @returns `ok` where a rollout would write nothing, else `failure`, as diff(1) does */
export async function skeletonDiff(
  env: NodeJS.ProcessEnv,
  say: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<ExitCode> {
  return withConnection(env, async (connection) => {
    for (const difference of connection.differences) say(`! ${differenceText(difference)}\n`)
    let isSame = await diffInstalled(connection, say)
    isSame = (await diffMasters(connection, say)) && isSame
    for (const kind of new Skeletons({ ...connection, ...connection.kinds }).kinds)
      isSame = (await diffKind(connection, kind, say)) && isSame
    return isSame ? EXIT.ok : EXIT.failure
  })
}

/** The databases that the folders themselves are put into. @returns whether nothing differs */
async function diffInstalled(
  { couch, skeleton, kinds }: Connection,
  say: (text: string) => void,
): Promise<boolean> {
  let isSame = true
  for (const installation of installations(skeleton, kinds)) {
    const lines = await linesOfInstallation(couch.database(installation.db), installation)
    isSame &&= lines.every((line) => line.startsWith('!'))
    if (lines.length > 0)
      say(`${installation.db}, from the folder\n${lines.map((line) => `  ${line}\n`).join('')}`)
  }
  return isSame
}

/** Masters that are to be made. @returns whether there is none */
async function diffMasters({ couch, kinds }: Connection, say: (text: string) => void): Promise<boolean> {
  const names = kinds.masters.map(({ database }) => database)
  const there = names.length === 0 ? new Map<string, never>() : await couch.dbsInfo(names)
  const missing = names.filter((name) => !there.has(name))
  for (const name of missing) say(`${name}, from MASTER_DATABASES\n  + the database\n`)
  return missing.length === 0
}

async function linesOfInstallation(
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

/** @returns whether nothing differs in the databases of a kind */
async function diffKind(connection: Connection, kind: string, say: (text: string) => void): Promise<boolean> {
  const { couch, config, kinds } = connection
  const wanted = await wantedAfterInstall(connection, kind)
  if (typeof wanted === 'string') {
    say(`${kind}: the skeleton cannot be used: ${wanted}\n`)
    return false
  }
  const summary = new Summary(kind)
  const guard = kinds.policies.includes(kind) ? new PolicyGuard(couch, kinds) : null
  for await (const page of databasesOfKind(kind, null, connection))
    await sideBySide(page, config.concurrency, async ({ db }) => {
      try {
        const why = (await guard?.why(db, wanted)) ?? null
        if (why !== null) summary.withhold(db, why)
        else summary.add(db, planSkeleton(wanted, await inspect(couch.database(db), wanted)))
      } catch (error) {
        // Dropped meanwhile.
        if (!isFault(error, 'not_found')) throw error
      }
      return true
    })
  say(summary.text)
  return summary.differing === 0
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
