// `couch-shares skeleton diff`: what a rollout would change. Writes nothing.
import { isFault } from '../couch/fault.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { databasesOfKind } from '../skeletons/databases.ts'
import { sideBySide } from '../engine/for-each.ts'
import { installations } from '../skeletons/install.ts'
import { sayUnused } from '../config/skeleton-checks.ts'
import { differenceText } from '../skeletons/overlay.ts'
import { planSkeleton } from '../skeletons/plan.ts'
import { Summary } from '../skeletons/plan-report.ts'
import { inspect } from '../skeletons/apply.ts'
import { PolicyGuard } from '../skeletons/policy-guard.ts'
import { Skeletons } from '../skeletons/wanted.ts'
import { adoptionTexts, planAdoption } from './adoption.ts'
import { withConnection, type Connection } from './connection.ts'
import { linesOfInstallation, wantedAfterInstall } from './installed-skeleton.ts'

/** @returns `ok` where a rollout would write nothing, else `failure`, as diff(1) does */
export async function skeletonDiff(
  env: NodeJS.ProcessEnv,
  say: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<ExitCode> {
  return withConnection(env, async (connection) => {
    for (const difference of connection.differences) say(`! ${differenceText(difference)}\n`)
    for (const folder of connection.unused) say(`! ${sayUnused(folder)}\n`)
    let isSame = await diffInstalled(connection, say)
    isSame = (await diffMasters(connection, say)) && isSame
    for (const kind of new Skeletons({ ...connection, ...connection.kinds }).kinds)
      isSame = (await diffKind(connection, kind, say)) && isSame
    for (const text of adoptionTexts(await planAdoption(connection))) say(`${text}\n`)
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
