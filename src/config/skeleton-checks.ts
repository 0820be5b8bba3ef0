// Holds settings against the skeleton that they are used with.
import { nearest } from './edit-distance.ts'
import { isFixedKind, isUserKind, userKindOf } from '../skeletons/kinds.ts'
import { findDesignTwice } from '../skeletons/design.ts'
import { type Fault, display, ConfigError } from './faults.ts'
import type { Config } from './config.ts'

/** So many letters of a policy's name may be wrong for it to be the one that was meant. */
const MOST_WRONG = 2

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
