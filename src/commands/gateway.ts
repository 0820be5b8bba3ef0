// `couch-shares gateway …`: what a sync function would change, and how the gateways stand. Neither writes anything.
import { parseArgs } from 'node:util'
import type { ExitCode } from './exit-codes.ts'
import { isGatewayName } from '../gateways/function/files.ts'
import { UsageError } from './command.ts'
import { gatewayDryRun } from './gateway-dry-run.ts'
import { gatewayStatus } from './gateway-status.ts'
import { standardOutput, type Output } from './output.ts'

const USAGE =
  'Expected `couch-shares gateway dry-run <database> <file> [--json]` or `couch-shares gateway status [<database>] [--json]`'

/** @throws {UsageError | ConfigError | SkeletonError | InstallError | CouchFault} */
export async function gateway(
  args: string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  output: Output = standardOutput(),
): Promise<ExitCode> {
  const { subcommand, database, file, isJson } = argumentsOf(args)
  if (subcommand === 'status' && file === undefined) return gatewayStatus({ database, isJson }, env, output)
  if (subcommand !== 'dry-run' || database === undefined || file === undefined) throw new UsageError(USAGE)
  return gatewayDryRun({ database, file, isJson }, env, signal, output)
}

function argumentsOf(args: string[]): {
  subcommand: string | undefined
  database: string | undefined
  file: string | undefined
  isJson: boolean
} {
  let parsed
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } })
  } catch {
    throw new UsageError(USAGE)
  }
  const {
    values: { json = false },
    positionals: [subcommand, database, file, ...more],
  } = parsed
  if (more.length > 0) throw new UsageError(USAGE)
  if (database !== undefined && !isGatewayName(database))
    throw new UsageError(
      `Expected a database that can have a sync function, a-z first, then a-z 0-9 _ $ ( ) + -, got ${JSON.stringify(database)}`,
    )
  return { subcommand, database, file, isJson: json }
}
