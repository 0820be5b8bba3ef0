// `couch-shares provision`: one user's personal database now, or everybody's. Safe beside a running daemon, and done again.
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { loadConfig } from '../config/config.ts'
import { concernsServer, isFault } from '../couch/fault.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { sideBySide } from '../engine/for-each.ts'
import type { ProvisionedUser } from '../provisioning/provisioned-user.ts'
import { provisionDocument } from '../provisioning/plan-status.ts'
import { UsageError } from './command.ts'
import { withConnection } from './connection.ts'
import { standardOutput, type Output } from './output.ts'
import { Provisioner } from './provisioner.ts'

const USAGE = 'Expected `couch-shares provision <user>` or `couch-shares provision --all`'

/**
 * @returns `failure` where there is no such user, or something is wrong with one; `config` where no master is set
 * @throws {UsageError | ConfigError | SkeletonError | InstallError | CouchFault}
 */
export async function provision(
  args: string[],
  env: NodeJS.ProcessEnv,
  output: Output = standardOutput(),
): Promise<ExitCode> {
  const wanted = wantedOf(args)
  if (loadConfig(env).masters.length === 0) {
    output.complain(
      'Expected `MASTER_DATABASES` to name the databases whose documents users are to have, got nothing\n',
    )
    return EXIT.config
  }
  return withConnection(env, async (connection) => {
    const provisioner = await Provisioner.prepare(connection)
    return wanted.kind === 'all'
      ? provisionAll(connection.config.concurrency, provisioner, output)
      : provisionOne(provisioner, wanted.name, output)
  })
}

function wantedOf(args: string[]): { kind: 'all' } | { kind: 'one'; name: string } {
  let parsed
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { all: { type: 'boolean' } } })
  } catch {
    throw new UsageError(USAGE)
  }
  const {
    values: { all = false },
    positionals: [name, ...more],
  } = parsed
  if (more.length > 0 || all === (name !== undefined) || name === '') throw new UsageError(USAGE)
  return name === undefined ? { kind: 'all' } : { kind: 'one', name }
}

async function provisionOne(
  provisioner: Provisioner,
  name: string,
  { print, complain }: Output,
): Promise<ExitCode> {
  if (!(await provisioner.isThere(name))) {
    complain(`There is no user ${JSON.stringify(name)} in \`_users\`.\n`)
    return EXIT.failure
  }
  const entry = await provisioner.run(name)
  print(report(entry, provisioner.masters))
  const problems = problemsOf(entry, provisioner.masters)
  for (const problem of problems) complain(`${name}: ${problem}\n`)
  return problems.length === 0 ? EXIT.ok : EXIT.failure
}

async function provisionAll(
  concurrency: number,
  provisioner: Provisioner,
  { complain, progress }: Output,
): Promise<ExitCode> {
  const names: string[] = []
  for await (const page of provisioner.names()) names.push(...page)
  let failed = 0
  progress.begin('users', names.length)
  await sideBySide(names, concurrency, async (name) => {
    const problems = await problemsAfter(provisioner, name)
    if (problems.length > 0) failed += 1
    for (const problem of problems) complain(`${name}: ${problem}\n`)
    progress.step()
    return true
  })
  progress.end(`users: ${names.length - failed} provisioned, ${failed} failed`)
  return failed === 0 ? EXIT.ok : EXIT.failure
}

/** One who fails keeps nobody else waiting; a server that is away does. */
async function problemsAfter(provisioner: Provisioner, name: string): Promise<string[]> {
  try {
    const entry = await provisioner.run(name)
    // Whoever was deleted meanwhile is no failure.
    return entry === null || isGone(entry) ? [] : problemsOf(entry, provisioner.masters)
  } catch (error) {
    if (!isFault(error) || concernsServer(error)) throw error
    return [error.message]
  }
}

const isGone = ({ state }: ProvisionedUser): boolean => state === 'kept' || state === 'dropped'

/** What an admin is to look after. What of a user's changes was rejected is the user's business, and is no problem here. */
function problemsOf(entry: ProvisionedUser | null, masters: readonly string[]): string[] {
  if (entry === null || isGone(entry)) return ['the user was deleted meanwhile']
  if (entry.problem) return [entry.problem.reason]
  return masters.flatMap((master) => {
    const { $error: problem } = provisionDocument(entry, master) as ShownStatus
    return problem ? [problem.reason] : []
  })
}

/** What `$provision/<master>` says, as far as it is shown. */
type ShownStatus = {
  $state: string
  ready: string | false
  documents: number
  $rejected?: { document: string; reason: string }[]
  $error?: { reason: string }
} & ReturnType<typeof provisionDocument>

function report(entry: ProvisionedUser | null, masters: readonly string[]): string {
  if (entry === null || entry.database === null) return ''
  const table = new Table({
    head: ['master', 'state', 'documents', 'ready since', 'rejected'],
    style: { head: [], border: [] },
  })
  for (const master of masters) {
    const { $state, documents, ready, $rejected = [] } = provisionDocument(entry, master) as ShownStatus
    const rejected = $rejected.map(({ document, reason }) => `${document}: ${reason}`)
    table.push([master, $state, documents, ready === false ? '' : ready, rejected.join('\n')])
  }
  return `${entry.database}\n${table.toString()}\n`
}
