// `couch-shares erase`: takes one document out everywhere, for privacy. Safe beside a running daemon, and done again.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isFault, orNull } from '../couch/fault.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { tracesOfObject, tracesOfSource, type Traces } from './traces.ts'
import { isObjectId, PROVISIONING } from '../documents/names.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import { erase as eraseTraces } from './erasure.ts'
import { OwnWrites } from '../engine/own-writes.ts'
import { Removals } from '../mirror/removals.ts'
import { UsageError } from './command.ts'
import { withConnection, type Connection } from './connection.ts'
import { standardOutput, type Output } from './output.ts'
import { shown } from './shown.ts'

const USAGE = 'Expected `couch-shares erase <database> <document id> [--dry-run]`'

/** A daemon or a replication at work may bring it back once, or twice; more than that, and something always does. */
const MOST_ROUNDS = 10
const PAUSE_MS = 1_500

const LIMITS = `Not reached: devices that do not sync any more, replicas made by hand, and backups. A device that still has the document and
changes it brings it back into its user's own database: run this again then.
`

/**
 * @returns `ok` where nothing of it is left, or with `--dry-run` in any case; `failure` where it cannot be done here
 * @throws {UsageError | ConfigError | SkeletonError | InstallError | CouchFault}
 */
export async function erase(
  args: string[],
  env: NodeJS.ProcessEnv,
  output: Output = standardOutput(),
): Promise<ExitCode> {
  const { database, id, isDryRun } = argumentsOf(args)
  return withConnection(env, async (connection) => {
    const find = finderOf(connection, database, id)
    if (find === null) {
      output.complain(
        `Expected a user database, a master or a gateway of the settings, got ${JSON.stringify(database)}.\n`,
      )
      return EXIT.failure
    }
    if ((await connection.couch.database(database).info()) === null) {
      output.complain(`There is no database ${shown(database)}.\n`)
      return EXIT.failure
    }
    if (connection.isEmbedded && !isDryRun) {
      output.complain('The embedded server cannot purge: what is deleted stays readable there.\n')
      return EXIT.failure
    }
    const traces = await find()
    output.print(listOf(traces))
    if (isDryRun) return EXIT.ok
    return eraseAll(connection, { id, find, traces }, output)
  })
}

function argumentsOf(args: string[]): { database: string; id: string; isDryRun: boolean } {
  let parsed
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { 'dry-run': { type: 'boolean' } } })
  } catch {
    throw new UsageError(USAGE)
  }
  const [database, id, ...more] = parsed.positionals
  if (!database || !id || more.length > 0) throw new UsageError(USAGE)
  if (!isObjectId(id))
    throw new UsageError(`${USAGE}, and no document whose id begins with _ or $, got ${JSON.stringify(id)}`)
  return { database, id, isDryRun: parsed.values['dry-run'] === true }
}

/** How traces of the document are found; null for a database that is none of those that the daemon shares from. */
function finderOf(connection: Connection, database: string, id: string): (() => Promise<Traces>) | null {
  const { users, kinds, gateways, skeleton } = connection
  const owner = users.ownerOf(database)
  if (owner !== null) return () => tracesOfObject(connection, owner, id)
  const master = kinds.masters.find((one) => one.database === database)
  const isGateway = gateways.some(({ name }) => name === database)
  if (master === undefined && !isGateway) return null
  // Users have projections of a read-only master, with revisions of their own.
  const isProjected =
    master !== undefined &&
    (skeleton.get(master.kind)?.designDocuments ?? []).some((design) => Object.hasOwn(design, 'fields'))
  const kind = isGateway ? 'gateway' : 'master'
  return () => tracesOfSource(connection, { name: database, kind, isProjected }, id)
}

async function eraseAll(
  { couch, isEmbedded }: Connection,
  { id, find, traces }: { id: string; find: () => Promise<Traces>; traces: Traces },
  { print, complain }: Output,
): Promise<ExitCode> {
  // What is being taken out is written down there; where nothing is provisioned it is not there yet.
  const notes = couch.database(PROVISIONING)
  if (await notes.create()) await notes.putSecurity({ ...ADMIN_ONLY })
  const removals = new Removals({ couch, ownWrites: new OwnWrites(), canPurge: !isEmbedded })
  const databases = new Set(traces.found.map(({ database }) => database))
  let left = traces
  for (let round = 0, clean = 0; round < MOST_ROUNDS; round += 1) {
    for (const { database } of left.found) databases.add(database)
    clean = left.found.length === 0 ? clean + 1 : 0
    // Once more after a pause: somebody may have been at work.
    if (clean === 2 || (round === 0 && clean === 1)) {
      for (const name of databases)
        await orNull(couch.request({ method: 'POST', path: [name, '_compact'], body: {} }))
      print(
        databases.size === 0
          ? ''
          : `Erased. CouchDB compacts these databases now, and has it on disk until then.\n${LIMITS}`,
      )
      return EXIT.ok
    }
    try {
      await eraseTraces({ couch, removals }, id, left)
    } catch (error) {
      if (!isFault(error, 'conflict') && !isFault(error, 'server_error')) throw error
    }
    await delay(PAUSE_MS)
    left = await find()
  }
  complain(`Something keeps bringing it back: stop the daemon, and run this again. Left:\n${listOf(left)}`)
  return EXIT.failure
}

function listOf({ found, others }: Traces): string {
  const width = Math.max(...found.map(({ database }) => shown(database).length), 0)
  const lines = found.map(({ kind, database, id, leaves }) => {
    const live = leaves.filter(({ _deleted }) => !_deleted).length
    return `${shown(database).padEnd(width)}  ${shown(id)}  ${kind}, ${live} live, ${leaves.length - live} deleted\n`
  })
  return [
    ...(lines.length === 0 ? ['Nothing of it was found.\n'] : lines),
    ...others.map(
      (one) =>
        `${shown(one)} has another document of this id, or one that can not be told from it: left alone\n`,
    ),
  ].join('')
}
