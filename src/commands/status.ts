// `couch-shares status …`: how the daemon stands, shares, subscriptions, users, gateways and replications; or one share, or one user. It writes nothing.
import { parseArgs } from 'node:util'
import { isGatewayName } from '../gateways/function/files.ts'
import { isShareId } from '../documents/names.ts'
import { UsageError } from './command.ts'
import { withConnection } from './connection.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { gatewayStatus } from './gateway-status.ts'
import { standardOutput, type Output } from './output.ts'
import { shown } from './shown.ts'
import { isFine, overview, overviewText } from './status-overview.ts'
import { shareStatus, shareText } from './status-share.ts'
import { userStatus, userText } from './status-user.ts'

const USAGE =
  'Expected `couch-shares status [--json]`, or `couch-shares status share <id>`, `… user <name>` or `… gateway [<database>]`'

type Asked =
  { what: 'all' } | { what: 'share' | 'user'; name: string } | { what: 'gateway'; name: string | undefined }

/**
 * @returns `failure` where nobody works, the daemon fails for somebody, a replication fails, or a gateway is behind; and where there is
 *   no such share or user
 * @throws {UsageError | ConfigError | SkeletonError | InstallError | CouchFault}
 */
export async function status(
  args: string[],
  env: NodeJS.ProcessEnv,
  output: Output = standardOutput(),
): Promise<ExitCode> {
  const { asked, isJson } = argumentsOf(args)
  if (asked.what === 'gateway') return gatewayStatus({ database: asked.name, isJson }, env, output)
  const print = <Found>(found: Found, textOf: (found: Found) => string): void =>
    output.print(isJson ? `${JSON.stringify(found, null, 2)}\n` : textOf(found))
  return withConnection(env, async (connection) => {
    switch (asked.what) {
      case 'all': {
        const found = await overview(connection)
        print(found, overviewText)
        return isFine(found) ? EXIT.ok : EXIT.failure
      }
      case 'share': {
        const found = await shareStatus(connection, asked.name)
        if (found !== null) return (print(found, shareText), EXIT.ok)
        output.complain(`There is no share ${shown(asked.name)}, and there was none.\n`)
        return EXIT.failure
      }
      case 'user': {
        const found = await userStatus(connection, asked.name)
        if (found.length > 0) return (print(found, (all) => all.map(userText).join('\n')), EXIT.ok)
        output.complain(`There is no user ${shown(asked.name)}, by account or by user database.\n`)
        return EXIT.failure
      }
    }
  })
}

function argumentsOf(args: string[]): { asked: Asked; isJson: boolean } {
  let parsed
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } })
  } catch {
    throw new UsageError(USAGE)
  }
  const {
    values: { json: isJson = false },
    positionals: [what, name, ...more],
  } = parsed
  if (more.length > 0) throw new UsageError(USAGE)
  if (what === undefined) return { asked: { what: 'all' }, isJson }
  if (what === 'gateway' && (name === undefined || isGatewayName(name)))
    return { asked: { what, name }, isJson }
  if (what === 'share' && name !== undefined) {
    const id = name.replace(/^share\//, '')
    if (!isShareId(id))
      throw new UsageError(
        `Expected the id of a share, 1 to 100 of a-z 0-9 _ -, none of the last two first, got ${JSON.stringify(name)}`,
      )
    return { asked: { what, name: id }, isJson }
  }
  if (what === 'user' && name !== undefined && name !== '') return { asked: { what, name }, isJson }
  throw new UsageError(USAGE)
}
