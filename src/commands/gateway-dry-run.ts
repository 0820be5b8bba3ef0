// `couch-shares gateway dry-run`: what a sync function would change in a database, said before it is in force. Writes nothing.
import { resolve } from 'node:path'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Report } from '../gateways/function/comparison.ts'
import { dryRun } from '../gateways/function/dry-run.ts'
import { readSyncFunction, syncFunctionPath } from '../gateways/function/files.ts'
import { SyncFunction, SyncFunctionError } from '../gateways/function/sync-function.ts'
import { counted } from '../documents/counted.ts'
import { SkeletonError } from '../skeletons/folder.ts'
import { Routes } from '../gateways/routes.ts'
import { urlOf, withConnection, type Connection } from './connection.ts'
import { textOf, type DryRun } from './gateway-dry-run-text.ts'
import type { Output } from './output.ts'

/** What is asked for. */
export interface DryRunArguments {
  database: string
  file: string
  isJson: boolean
}

/**
 * @returns `ok` where nothing would fail and nobody loses anything, else `failure`; `config` where there is no such database;
 *   `forced` where the signal came before all documents were seen
 * @throws {ConfigError | SkeletonError | InstallError | CouchFault}
 */
export async function gatewayDryRun(
  { database, file, isJson }: DryRunArguments,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  output: Output,
): Promise<ExitCode> {
  const after = await compiled(await readSyncFunction(file), file)
  return withConnection(env, async (connection) => {
    const inForce = connection.gateways.find(({ name }) => name === database)
    const { skeleton: folder } = connection.config
    const expected = folder === null ? null : syncFunctionPath(folder, database)
    const against = inForce ? expected : null
    if (against !== null && resolve(against) === resolve(file))
      output.complain(`${file} is the function in force: it is compared with itself\n`)
    const functions = { before: inForce?.sync ?? null, after }
    const report = await evaluated(connection, database, functions, signal, output)
    if (report === null) return signal.aborted ? EXIT.forced : EXIT.config
    const run: DryRun = { database, file, against, missing: inForce ? null : expected, ...report }
    output.print(isJson ? `${JSON.stringify(run, null, 2)}\n` : textOf(run))
    const isUnknown = !inForce && (await isEvaluated(connection, database))
    if (isUnknown)
      output.complain(
        `A daemon has evaluated ${database} by a function that these settings do not name, and this was not compared with it: is SKELETON as the daemon has it?\n`,
      )
    return report.isSafe && !isUnknown ? EXIT.ok : EXIT.failure
  })
}

/** Whether some function is, or was, in force there. @throws {CouchFault} */
async function isEvaluated({ couch }: Connection, database: string): Promise<boolean> {
  const routes = new Routes(couch, database, Date.now)
  return (await routes.database.info()) !== null && (await routes.evaluation()) !== null
}

/** @throws {SkeletonError} that names the file */
async function compiled(source: string, path: string): Promise<SyncFunction> {
  try {
    return await SyncFunction.compile(source)
  } catch (error) {
    if (!(error instanceof SyncFunctionError)) throw error
    throw new SkeletonError(path, `expected a sync function: ${error.message}`)
  }
}

/** @returns null where there is no such database, or where the signal came first; either is told */
async function evaluated(
  { couch, config }: Connection,
  name: string,
  functions: { before: SyncFunction | null; after: SyncFunction },
  signal: AbortSignal,
  { complain, progress }: Output,
): Promise<Report | null> {
  const database = couch.database(name)
  const info = await database.info()
  if (info === null) {
    complain(`There is no database ${JSON.stringify(name)} at ${urlOf(config)}.\n`)
    return null
  }
  let seen = 0
  let report: Report | null = null
  progress.begin('documents', info.doc_count)
  try {
    report = await dryRun({
      ...{ database, ...functions, signal },
      now: Date.now(),
      onDocument: () => {
        seen += 1
        progress.step()
      },
    })
  } finally {
    // Also puts the terminal's cursor back.
    progress.end(
      report === null
        ? `stopped after ${seen} of ${counted(info.doc_count, 'document')}; nothing was written`
        : `documents: ${report.documents} evaluated`,
    )
  }
  return report
}
