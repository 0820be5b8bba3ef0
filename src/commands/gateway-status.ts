// `couch-shares gateway status`: which function is in force, how far all documents are evaluated by it, what goes nowhere, and how
// the users stand.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Gateway } from '../gateways/gateway.ts'
import { withConnection } from './connection.ts'
import type { Output } from './output.ts'
import { counted } from '../documents/counted.ts'
import { Routes } from '../gateways/routes.ts'
import { shown } from './shown.ts'

/** What `--json` prints of each gateway. */
export interface GatewayStatus {
  database: string
  /** Of the function in the skeleton. */
  function: string
  /**
   * `waiting`: no daemon has begun with this function · `running` · `done` · `behind`: documents came after that, and no daemon
   * has evaluated them yet
   */
  evaluation: {
    state: 'waiting' | 'running' | 'done' | 'behind'
    /** Of these so many are evaluated, by this run or as they came. */
    documents: number
    /** Live documents in the database that go somewhere: without those whose `_id` begins with `_` or `$`. */
    of: number
    startedAt?: string
    finishedAt?: string
  }
  /** The documents that are in no channel because the function failed or refused them. */
  failed: { count: number; examples: string[] }
  users: { count: number; due: number; denied: number; leaving: number }
}

const MOST_EXAMPLES = 5

/**
 * @param asked one gateway, or all where it is left out
 * @returns `ok` where all is evaluated and nothing fails, else `failure`; `config` where there is no such gateway
 * @throws {ConfigError | SkeletonError | InstallError | CouchFault}
 */
export async function gatewayStatus(
  { database: asked, isJson }: { database: string | undefined; isJson: boolean },
  env: NodeJS.ProcessEnv,
  { print, complain }: Output,
): Promise<ExitCode> {
  return withConnection(env, async ({ couch, gateways, config }) => {
    const meant = gateways.filter(({ name }) => asked === undefined || name === asked)
    if (meant.length === 0) {
      const where = config.skeleton === null ? ': SKELETON names no folder' : ` in ${shown(config.skeleton)}`
      complain(`There is no sync function${asked === undefined ? '' : ` for ${shown(asked)}`}${where}.\n`)
      return EXIT.config
    }
    const found: GatewayStatus[] = []
    for (const gateway of meant) found.push(await statusOf(couch, gateway))
    print(isJson ? `${JSON.stringify(found, null, 2)}\n` : found.map(textOf).join('\n'))
    const isFine = found.every(({ evaluation, failed }) => evaluation.state === 'done' && failed.count === 0)
    return isFine ? EXIT.ok : EXIT.failure
  })
}

/** @throws {CouchFault} */
export async function statusOf(couch: Couch, { name, sync }: Gateway): Promise<GatewayStatus> {
  const routes = new Routes(couch, name, Date.now)
  const infos = await couch.dbsInfo([name, routes.database.name])
  const of = infos.has(name) ? await countDocuments(couch.database(name), infos.get(name)?.doc_count ?? 0) : 0
  const users = { count: 0, due: 0, denied: 0, leaving: 0 }
  const status: GatewayStatus = {
    database: name,
    function: sync.hash,
    evaluation: { state: 'waiting', documents: 0, of },
    failed: { count: 0, examples: [] },
    users,
  }
  if (!infos.has(routes.database.name)) return status
  const evaluation = await routes.evaluation()
  if (evaluation?.hash === sync.hash) {
    const { state, documents, startedAt, finishedAt } = evaluation
    Object.assign(status.evaluation, { state, documents, startedAt, finishedAt })
  }
  const failed = await routes.failed()
  status.failed = { count: failed.length, examples: failed.sort().slice(0, MOST_EXAMPLES) }
  for await (const page of routes.users())
    for (const { state, due, rejected } of page) {
      users.count += 1
      if (state === 'leaving') users.leaving += 1
      else if (due) users.due += 1
      else if (rejected) users.denied += 1
    }
  if (status.evaluation.state === 'done') {
    const routed = await countRoutes(
      routes.database,
      infos.get(routes.database.name)?.doc_count ?? 0,
      users.count,
    )
    // Of documents that have just gone there are routes for a moment.
    Object.assign(status.evaluation, {
      documents: Math.min(routed, of),
      state: routed < of ? 'behind' : 'done',
    })
  }
  return status
}

/** Live documents that a function is asked about; few begin with `_` or `$`. @throws {CouchFault} */
async function countDocuments(database: Database, count: number): Promise<number> {
  const hidden = [
    await database.range({ startKey: '_', endKey: '`' }),
    await database.range({ startKey: '$', endKey: '%' }),
  ]
  return count - hidden.flat().length
}

/** What is in an index besides its design documents, users and the record of the evaluation. @throws {CouchFault} */
async function countRoutes(index: Database, count: number, users: number): Promise<number> {
  return count - users - 1 - (await index.range({ startKey: '_', endKey: '`' })).length
}

function textOf({ database, evaluation, failed, users }: GatewayStatus): string {
  const { state, documents, of, startedAt, finishedAt } = evaluation
  const progress = {
    waiting: 'no daemon has begun with the function of the skeleton',
    running: `${documents} of ${of} documents evaluated since ${startedAt}`,
    done: `all ${counted(of, 'document')} evaluated: those there at ${finishedAt}, and what came since`,
    behind: `${documents} of ${of} documents evaluated; ${of - documents} came after ${finishedAt}: does a daemon run?`,
  }[state]
  const examples = failed.examples.map(shown).join(', ') + (failed.count > MOST_EXAMPLES ? ', …' : '')
  return [
    shown(database),
    `  function: ${progress}`,
    ...(failed.count === 0
      ? []
      : [
          `  in no channel, as the function failed or refused them: ${counted(failed.count, 'document')} (${examples})`,
        ]),
    `  users: ${users.count}; being brought up to date ${users.due}, with refused changes ${users.denied}, leaving ${users.leaving}`,
    '',
  ].join('\n')
}
