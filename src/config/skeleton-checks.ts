// Holds settings against the skeleton that they are used with.
import { join } from 'node:path'
import { nearest } from './edit-distance.ts'
import { FIXED_KINDS, GATEWAY_FOLDER, isFixedKind, isUserKind, userKindOf } from '../skeletons/kinds.ts'
import { findDesignTwice } from '../skeletons/design.ts'
import { type Fault, display, ConfigError } from './faults.ts'
import type { Logger } from '../log.ts'
import type { Config } from './config.ts'

/** So many letters of a folder's name may be wrong for it to be the one that was meant. */
const MOST_WRONG = 2
/** Of a short name that nobody asked for only one: `store` is not `share`. */
const MOST_WRONG_IN_SHORT = 1
const SHORT = 5

/**
 * Holds DATABASES against the skeleton.
 * @param kinds all that have a folder there, whether they are used or not
 * @throws {ConfigError} where a policy has no folder there
 */
export function checkPolicies(
  { databases, masters }: Pick<Config, 'databases' | 'masters'>,
  kinds: Pick<ReadonlyMap<string, unknown>, 'has' | 'keys'>,
): void {
  const ofMasters = masters.flatMap(({ kind }) => [kind, userKindOf(kind)])
  const policies = [...kinds.keys()].filter(
    (kind) => !isFixedKind(kind) && !ofMasters.includes(kind) && !isForMasters(kind, kinds),
  )
  const unknown = databases.filter(({ kind }) => !kinds.has(kind))
  const expected = (kind: string): string => {
    if (policies.length === 0) return 'unset, as the skeleton has no folder of a policy'
    const meant = nearest(kind, policies, MOST_WRONG)
    const hint = meant === null ? '' : ` (is ${meant} meant?)`
    return `patterns with policies of the skeleton, ${policies.join(', ')}${hint}`
  }
  if (unknown.length > 0)
    throw new ConfigError(
      unknown.map(({ pattern, kind }) => ({
        variable: 'DATABASES',
        expected: expected(kind),
        found: display(`${pattern}=${kind}`),
      })),
    )
}

/** What a master, and those who get its documents, are created with is no policy that anybody looks for. */
const isForMasters = (kind: string, kinds: Pick<ReadonlyMap<string, unknown>, 'has'>): boolean =>
  isUserKind(kind) || kinds.has(userKindOf(kind))

/**
 * Holds MASTER_DATABASES against the skeleton that was read.
 * @throws {ConfigError} where a master's kind has no folder there, or what personal databases are to have is not clear: two
 *   folders `<kind>-user` with the same design document, or one with a `_security.json`
 */
export function checkMasters(
  { masters }: Pick<Config, 'masters'>,
  skeleton: ReadonlyMap<string, { security: unknown; designDocuments: readonly { _id: string }[] }>,
): void {
  const faults = masters.flatMap(({ database, kind }): Fault[] =>
    skeleton.has(kind)
      ? []
      : [faultOfMasters('databases with kinds that are folders of the skeleton', `${database}=${kind}`)],
  )
  const userKinds = [...new Set(masters.map(({ kind }) => userKindOf(kind)))]
  for (const kind of userKinds)
    if (skeleton.get(kind)?.security)
      faults.push(
        faultOfMasters(
          'databases with kinds that leave it to the registry who may enter personal databases',
          `${kind}/_security.json`,
        ),
      )
  const twice = findDesignTwice(
    userKinds.map((kind) => [kind, skeleton.get(kind)?.designDocuments ?? []] as const),
  )
  if (twice !== null)
    faults.push(
      faultOfMasters(
        'databases with kinds that together have each design document of personal databases once',
        `${twice.id} in ${twice.kinds.join(' and ')}`,
      ),
    )
  if (faults.length > 0) throw new ConfigError(faults)
}

const faultOfMasters = (expected: string, found: string): Fault => ({
  variable: 'MASTER_DATABASES',
  expected,
  found: display(found),
})

/** A folder in that of SKELETON that nothing reads. */
export interface UnusedFolder {
  path: string
  /** The name that was probably meant, or null. */
  meant: string | null
}

/** The names of folders that may be kinds. */
interface FolderNames {
  folder: string
  /** Those in it. */
  own: ReadonlySet<string>
  /** Those of the shipped skeleton. */
  shipped: ReadonlySet<string>
}

/**
 * The folders that nothing reads with these settings, by name. One that is called as a shipped one is no mistake: it lies there for
 * later, or because all was copied. Nor is a name meant whose folder is there as well.
 */
export function unusedFolders(
  { folder, own, shipped }: FolderNames,
  { databases, masters }: Pick<Config, 'databases' | 'masters'>,
): UnusedFolder[] {
  const read = [
    ...FIXED_KINDS,
    ...databases.map(({ kind }) => kind),
    ...masters.flatMap(({ kind }) => [kind, userKindOf(kind)]),
  ]
  const missing = [GATEWAY_FOLDER, ...read].filter((name) => !own.has(name))
  return [...own]
    .filter((name) => !read.includes(name) && !shipped.has(name))
    .sort()
    .map((name) => ({
      path: join(folder, name),
      meant: nearest(name, missing, name.length > SHORT ? MOST_WRONG : MOST_WRONG_IN_SHORT),
    }))
}

/** In a sentence. */
export const sayUnused = ({ path, meant }: UnusedFolder): string =>
  `${path} is not used: ${meant === null ? 'neither DATABASES nor MASTER_DATABASES names it' : `was ${meant} meant?`}`

/** Warns of those that were probably meant otherwise. The others do no harm, and may lie there for later. */
export function logUnused(folders: readonly UnusedFolder[], log: Logger): void {
  for (const unused of folders) if (unused.meant !== null) log.warn({ path: unused.path }, sayUnused(unused))
}
