// What DATABASES comes to on this server: which databases are under a policy, which that fit are not, and who may read them.
import { databasesOfKind } from '../skeletons/databases.ts'
import { sideBySide } from '../engine/for-each.ts'
import { counted } from '../documents/counted.ts'
import { fits } from '../skeletons/kinds.ts'
import { isPublic, widens } from '../documents/security.ts'
import { WIDENING } from '../skeletons/withheld.ts'
import { PolicyGuard } from '../skeletons/policy-guard.ts'
import type { Connection } from './connection.ts'
import { readServerSetting } from './server-setting.ts'
import { wantedAfterInstall } from './installed-skeleton.ts'
import type { Finding } from './finding.ts'

const MOST_EXAMPLES = 5

/** @throws {CouchFault} */
export async function checkPolicyDatabases(connection: Connection): Promise<Finding[]> {
  const { kinds, couch, config } = connection
  const guard = new PolicyGuard(couch, kinds)
  const matched = new Set<string>()
  const open: string[] = []
  /** Not for a policy, each with the reason. */
  const withheld: string[] = []
  /** Such that others would be let in. */
  const widened: string[] = []
  let count = 0
  for (const policy of kinds.policies) {
    const wanted = await wantedAfterInstall(connection, policy)
    for await (const page of databasesOfKind(policy, null, connection))
      await sideBySide(page, config.concurrency, async ({ db }) => {
        const security = await couch.database(db).security()
        if (isPublic(security)) open.push(db)
        if (typeof wanted !== 'string') {
          const why = await guard.why(db, wanted)
          if (why !== null) {
            withheld.push(`${db}: ${why}`)
            return true
          }
          if (wanted.security !== null && widens(security, wanted.security)) widened.push(db)
        }
        if (kinds.isMaster(db)) return true
        count += 1
        const pattern = kinds.assignments.find((assignment) => fits(assignment, db))?.pattern
        if (pattern !== undefined) matched.add(pattern)
        return true
      })
  }
  const idle = kinds.assignments.filter(({ pattern }) => !matched.has(pattern))
  return [
    ...(count > 0
      ? [finding('ok', `${counted(count, 'database is', 'databases are')} under a policy of DATABASES`)]
      : []),
    ...idle.map(({ pattern, kind }) =>
      finding('note', `no database is called as ${pattern} in DATABASES (${kind})`),
    ),
    ...(withheld.length > 0
      ? [
          finding(
            'fault',
            `DATABASES fits ${counted(withheld.length, 'database that is not for a policy, and stays as it is', 'databases that are not for a policy, and stay as they are')}: is a setting missing? ${some(withheld, '; ')}`,
          ),
        ]
      : []),
    // Whoever is asked is to know of each.
    ...widened.sort().map((db) => finding('fault', `${db}: ${WIDENING}`)),
    ...(open.length === 0 ? [] : [await checkAnonymous(connection, open)]),
  ]
}

const finding = (level: Finding['level'], text: string): Finding => ({ level, text })

function some(texts: readonly string[], between: string): string {
  const more = texts.length > MOST_EXAMPLES ? ` and ${texts.length - MOST_EXAMPLES} more` : ''
  return [...texts].sort().slice(0, MOST_EXAMPLES).join(between) + more
}

/** Without members, CouchDB lets everybody read; whether that takes a login, the server's configuration says. */
async function checkAnonymous({ couch }: Connection, open: readonly string[]): Promise<Finding> {
  const names = some(open, ', ')
  for (const setting of ['require_valid_user', 'require_valid_user_except_for_up'])
    if ((await readServerSetting(couch, 'chttpd', setting)) === 'true')
      return finding(
        'ok',
        `who is logged in may read ${names}, which have no members; others may not (${setting})`,
      )
  return finding(
    'fault',
    `everybody on the network may read ${names}, without a login: they have no members, and [chttpd] require_valid_user is not true`,
  )
}
