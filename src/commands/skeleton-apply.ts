// `couch-shares skeleton apply`: rolls the skeleton out now. Beside a running daemon it is safe, and so is doing it again.
import { setTimeout as delay } from 'node:timers/promises'
import { concernsServer, isFault } from '../couch/fault.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { countOfKind, databasesOfKind } from '../skeletons/databases.ts'
import { sideBySide } from '../engine/for-each.ts'
import { install } from '../skeletons/install.ts'
import { logUnused } from '../config/skeleton-checks.ts'
import { logDifferences } from '../skeletons/overlay.ts'
import { isEmptyPlan, type SkeletonPlan, type Wanted } from '../skeletons/plan.ts'
import { isWidening, WIDENING } from '../skeletons/withheld.ts'
import { applySkeleton } from '../skeletons/apply.ts'
import { PolicyGuard, Withheld } from '../skeletons/policy-guard.ts'
import { Skeletons } from '../skeletons/wanted.ts'
import { Warmer } from '../skeletons/index-warmer.ts'
import { withConnection, type Connection } from './connection.ts'
import { createProgress, type Progress } from './progress.ts'

export interface ApplyOptions {
  /** Indexes are built before a changed design document takes the place of the old one. */
  warm: boolean
  /** Policies let others into databases that have members of their own; else those stay as they are. */
  widen?: boolean
}

/** @returns `failure` where a database could not be brought up to date; stderr says which */
export async function skeletonApply(
  env: NodeJS.ProcessEnv,
  { warm, widen = false }: ApplyOptions,
  progress: Progress = createProgress(),
): Promise<ExitCode> {
  return withConnection(env, async (connection) => {
    const { couch, skeleton, kinds, log, config, isEmbedded } = connection
    logDifferences(connection.differences, log)
    logUnused(connection.unused, log)
    await install(couch, skeleton, log, kinds)
    const skeletons = new Skeletons({ ...kinds, couch, log })
    await skeletons.load()
    const isWarming = (warm || config.skeletonWarm) && !isEmbedded
    const warmer = isWarming ? new Warmer({ log, signal: new AbortController().signal, sleep: delay }) : null
    let failed = 0
    for (const kind of skeletons.kinds) {
      const wanted = skeletons.of(kind)
      if (wanted === null) failed += 1
      else failed += await applyKind(connection, { kind, wanted, warmer, widen }, progress)
    }
    return failed === 0 ? EXIT.ok : EXIT.failure
  })
}

/** What is to be done with the databases of a kind. */
interface Work {
  kind: string
  wanted: Wanted
  warmer: Warmer | null
  widen: boolean
}

/** @returns how many databases could not be brought up to date */
async function applyKind(
  connection: Connection,
  { kind, wanted, warmer, widen }: Work,
  progress: Progress,
): Promise<number> {
  const { couch, config, log, kinds } = connection
  const counts = { changed: 0, skipped: 0, failed: 0 }
  const isPolicy = kinds.policies.includes(kind)
  const guard = new PolicyGuard(couch, kinds)
  const limit = (db: string, plan: SkeletonPlan): SkeletonPlan => {
    if (!isWidening(plan)) return plan
    if (widen) {
      log.warn({ db, kind }, 'others are let in, as its policy says')
      return plan
    }
    const limited = guard.limit(db, plan)
    counts.failed += 1
    log.error({ db, kind }, `_security stays as it is: ${WIDENING}`)
    return limited
  }
  progress.begin(kind, await countOfKind(kind, connection))
  for await (const page of databasesOfKind(kind, null, connection))
    await sideBySide(page, config.concurrency, async ({ db }) => {
      const database = couch.database(db)
      try {
        const why = isPolicy ? await guard.why(db, wanted) : null
        if (why !== null) throw new Withheld(why)
        await warmer?.warm(database, wanted)
        const plan = await applySkeleton(database, wanted, {
          limit: (planned) => limit(db, planned),
        })
        counts[isEmptyPlan(plan) ? 'skipped' : 'changed'] += 1
      } catch (error) {
        if (isFault(error) && concernsServer(error)) throw error
        if (error instanceof Withheld) {
          counts.failed += 1
          log.error({ db, kind }, `left as it is: ${error.message}`)
          // Dropped meanwhile is no failure.
        } else if (!isFault(error, 'not_found')) {
          counts.failed += 1
          log.error({ db, err: error }, 'skeleton not put in place')
        }
      }
      progress.step()
      return true
    })
  progress.end(
    `${kind}: ${counts.changed} changed, ${counts.skipped} as they should be, ${counts.failed} failed`,
  )
  return counts.failed
}
