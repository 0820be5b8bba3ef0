// `couch-shares install`: puts in place what the daemon needs on the server, as its start does, and ends.
import { putAndBringUp } from '../daemon/upgrade.ts'
import { install as putInPlace } from '../skeletons/install.ts'
import { logUnused } from '../config/skeleton-checks.ts'
import { logDifferences } from '../skeletons/overlay.ts'
import { withConnection } from './connection.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { standardOutput, type Output } from './output.ts'

/**
 * Done once more, or beside a daemon, it changes nothing.
 * @throws {ConfigError | SkeletonError | InstallError | CouchFault}
 */
export async function install(
  env: NodeJS.ProcessEnv,
  { print }: Pick<Output, 'print'> = standardOutput(),
): Promise<ExitCode> {
  return withConnection(env, async ({ couch, skeleton, kinds, log, differences, unused }) => {
    logDifferences(differences, log)
    logUnused(unused, log)
    await putAndBringUp(() => putInPlace(couch, skeleton, log, kinds), { couch, log, now: Date.now })
    print(`What couch-shares needs is in place at ${couch.url}.\n`)
    return EXIT.ok
  })
}
