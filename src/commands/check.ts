// `couch-shares check`: a look at the server and the settings, for whoever sets them up.
import { sayUnanswered } from '../couch/advice.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import { EXIT, type ExitCode, exitCodeOfInstall } from './exit-codes.ts'
import { countOfKind } from '../skeletons/databases.ts'
import { InstallError } from '../skeletons/install.ts'
import { counted } from '../documents/counted.ts'
import { PERSONAL_KIND } from '../skeletons/kinds.ts'
import { isPublic } from '../documents/security.ts'
import { sayUnused } from '../config/skeleton-checks.ts'
import { differenceText, SHIPPED_SKELETON } from '../skeletons/overlay.ts'
import { USUAL_REVS_LIMIT } from '../engine/histories.ts'
import { adoptionTexts, planAdoption } from './adoption.ts'
import { checkDuties } from './check-duties.ts'
import { checkUserHistories } from './check-histories.ts'
import { checkLockout } from './check-lockout.ts'
import { checkOwners } from './check-owners.ts'
import { checkPolicyDatabases } from './check-policies.ts'
import { checkAdminsPass } from './refused-security.ts'
import { urlOf, withConnection, readSettings, type Connection } from './connection.ts'
import { fault, note, SIGNS, ok, type Finding } from './finding.ts'

/** Before this, a database cannot be told from an earlier one of the same name. */
const LEAST_VERSION = [3, 3]
const REACH_MS = 5_000

/**
 * @param doubts what in the environment is probably meant otherwise
 * @param isJson the findings as a list of `{level, text}`, for programs
 * @returns `failure` where there is a fault; where the server cannot be used at all, what the daemon would end with
 * @throws {ConfigError | SkeletonError}
 */
export async function check(
  env: NodeJS.ProcessEnv,
  say: (text: string) => void = (text) => void process.stdout.write(text),
  { doubts = [], isJson = false }: { doubts?: readonly string[]; isJson?: boolean } = {},
): Promise<ExitCode> {
  const { findings: found, code } = await examine(env)
  const findings = [...doubts.map(note), ...found]
  if (isJson) say(`${JSON.stringify(findings, null, 2)}\n`)
  else for (const { level, text } of findings) say(`${SIGNS[level]} ${text}\n`)
  if (code !== undefined) return code
  return findings.some(({ level }) => level === 'fault') ? EXIT.failure : EXIT.ok
}

async function examine(env: NodeJS.ProcessEnv): Promise<{ findings: Finding[]; code?: ExitCode }> {
  const url = urlOf((await readSettings(env)).config)
  try {
    const findings = await withConnection(env, async (connection) => {
      const { config, skeleton, kinds, differences, unused } = connection
      checkAdminsPass(config.skeleton ?? SHIPPED_SKELETON, skeleton, kinds.policies)
      return [
        ok(`the server at ${url} answers, and takes us for its admin`),
        ...differences.map((difference) => note(differenceText(difference))),
        ...unused.map((folder) => note(sayUnused(folder))),
        await checkVersion(connection),
        await checkGlobalChanges(connection),
        await checkDuties(connection),
        ...(await checkLockout(connection)),
        ...(await checkOwners(connection)),
        ...adoptionTexts(await planAdoption(connection)).map(note),
        ...(await checkUserHistories(connection)),
        ...(await checkReplicationServer(connection)),
        ...(await checkPolicyDatabases(connection)),
        ...(await checkMasterDatabases(connection)),
        ...(await checkGateways(connection)),
      ]
    })
    return { findings }
  } catch (error) {
    if (error instanceof InstallError)
      return { findings: [fault(error.message)], code: exitCodeOfInstall(error) }
    if (error instanceof CouchFault) return { findings: [fault(sayUnanswered(url, error))] }
    throw error
  }
}

async function checkVersion({ couch, isEmbedded }: Connection): Promise<Finding> {
  const { version } = await couch.server()
  if (isEmbedded) return note('it is the embedded server, for a first look and never for real users')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = LEAST_VERSION
  const isNew = major > leastMajor || (major === leastMajor && minor >= leastMinor)
  return isNew
    ? ok(`CouchDB ${version}`)
    : fault(`CouchDB ${version} is too old: ${LEAST_VERSION.join('.')} or later is needed`)
}

async function checkGlobalChanges({ couch }: Connection): Promise<Finding> {
  return (await couch.database('_global_changes').info()) === null
    ? note('there is no database _global_changes; the daemon makes it when it starts')
    : ok('_global_changes is there')
}

/** From here; only CouchDB itself could say whether it reaches that URL. */
async function checkReplicationServer({ config: { replicationServer } }: Connection): Promise<Finding[]> {
  if (replicationServer === null) return []
  try {
    const answer = await fetch(replicationServer, { signal: AbortSignal.timeout(REACH_MS) })
    await answer.arrayBuffer()
    return [ok(`REPLICATION_SERVER ${replicationServer} answers from here`)]
  } catch {
    return [
      note(`REPLICATION_SERVER ${replicationServer} does not answer from here; does it where CouchDB runs?`),
    ]
  }
}

async function checkMasterDatabases(connection: Connection): Promise<Finding[]> {
  const names = connection.kinds.masters.map(({ database }) => database)
  if (names.length === 0) return []
  const there = await connection.couch.dbsInfo(names)
  const personal = await countOfKind(PERSONAL_KIND, connection)
  const masters = names.map(async (name): Promise<Finding> =>
    there.has(name)
      ? checkHistories(connection, name)
      : note(`there is no master database ${name}; the daemon makes it when it starts`),
  )
  return [
    ...(await Promise.all(masters)),
    ...(await checkOwnDocuments(connection)),
    ok(counted(personal, 'personal database is its user’s', 'personal databases are their users’')),
  ]
}

/** CouchDB makes `_users` for its admins alone, and lets whoever is a member read no more than the own document. */
async function checkOwnDocuments({ couch, isEmbedded }: Connection): Promise<Finding[]> {
  if (isEmbedded) return []
  const security = await orNull(couch.database('_users').security())
  const { names = [], roles = [] } = security?.members ?? {}
  if (security === null || isPublic(security) || [...names, ...roles].some((one) => one !== '_admin'))
    return []
  const text =
    'users cannot read their own documents in _users, where the names of personal databases are: docs/provisioning.md says how an app learns them'
  return [note(text)]
}

/** Whoever may write there writes past the sync function, as an admin does. */
async function checkGateways(connection: Connection): Promise<Finding[]> {
  const { couch, kinds } = connection
  const there = await couch.dbsInfo([...kinds.gateways])
  const findings: Finding[] = []
  for (const name of kinds.gateways) {
    if (!there.has(name)) {
      findings.push(note(`there is no gateway database ${name}; the daemon makes it when it starts`))
      continue
    }
    findings.push(await checkHistories(connection, name, 'gateway'))
    const security = await couch.database(name).security()
    const { names = [], roles = [] } = security.members ?? {}
    const others = [...names, ...roles].filter((one) => one !== '_admin')
    if (others.length > 0 || isPublic(security))
      findings.push(
        note(
          `the gateway database ${name} has members: they read all of it, and write past its sync function`,
        ),
      )
  }
  return findings
}

/** A copy that is further behind than the histories of a master go back looks like a document that its user has made. */
async function checkHistories(
  { couch, isEmbedded }: Connection,
  name: string,
  what = 'master',
): Promise<Finding> {
  const limit = isEmbedded ? USUAL_REVS_LIMIT : await couch.database(name).revsLimit()
  return limit >= USUAL_REVS_LIMIT
    ? ok(`the ${what} database ${name} is there`)
    : fault(
        `the ${what} database ${name} keeps ${limit} revisions of a document (_revs_limit): ${USUAL_REVS_LIMIT} are needed`,
      )
}
