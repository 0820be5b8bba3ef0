// A gateway as it was read from the skeleton: its function, ready to be asked, and the validation function made of it.
import { dirname } from 'node:path'
import type { Config } from '../config/config.ts'
import { marked, type DesignDocument } from '../skeletons/design.ts'
import { compileGuard } from './function/guard.ts'
import { isFree } from '../skeletons/kinds.ts'
import { SkeletonError } from '../skeletons/folder.ts'
import { readGateways, syncFunctionPath } from './function/files.ts'
import { SyncFunction, SyncFunctionError } from './function/sync-function.ts'

/** The design document that users' databases of a gateway have. */
const GUARD_ID = '_design/gateway'

export interface Gateway {
  /** Of the database. */
  name: string
  sync: SyncFunction
  guard: DesignDocument
}

/** @throws {SyncFunctionError} where the source is no sync function */
export async function compileGateway(name: string, source: string): Promise<Gateway> {
  const sync = await SyncFunction.compile(source)
  const guard = marked({
    _id: GUARD_ID,
    language: 'javascript',
    validate_doc_update: await compileGuard(source),
  })
  return { name, sync, guard }
}

/** What gateways are held against. */
type Settings = Pick<Config, 'skeleton' | 'masters' | 'userDatabases'>

/**
 * All gateways of the folder of SKELETON, sorted by name; none is shipped.
 * @throws {SkeletonError} that names the file: see `readGateways`; where one is no sync function, and where a database is a
 *   master or one of the daemon's own
 */
export async function loadGateways(settings: Settings): Promise<Gateway[]> {
  const { skeleton: folder } = settings
  const gateways: Gateway[] = []
  if (folder === null) return gateways
  for (const [name, source] of await readGateways(folder)) {
    const path = syncFunctionPath(folder, name)
    if (!isFreeFor(name, settings))
      throw new SkeletonError(
        dirname(path),
        'expected the name of a database that is no master, no user’s and none of the daemon’s own',
      )
    try {
      gateways.push(await compileGateway(name, source))
    } catch (error) {
      if (!(error instanceof SyncFunctionError)) throw error
      throw new SkeletonError(path, `expected a sync function: ${error.message}`)
    }
  }
  return gateways
}

const isFreeFor = (name: string, { masters, userDatabases }: Settings): boolean =>
  isFree(name, userDatabases) && masters.every(({ database }) => database !== name)
