// Brings one database up to what the skeleton of its kind asks for.
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import { planSkeleton, stepsOf, type Found, type SkeletonPlan, type Wanted } from '../plan/skeleton.ts'

/** Somebody else writes the same design documents at the same time: then it is looked at again, so often. */
const TRIES = 4

/** What a database has, of that which a skeleton is about: one request, or two. @throws {CouchFault} */
export async function inspect(database: Database, { security }: Pick<Wanted, 'security'>): Promise<Found> {
  const rows = await database.range({ startKey: '_design/', endKey: '_design0', includeDocs: true })
  return {
    designs: rows.flatMap(({ doc }) => doc ?? []),
    security: security === null ? null : await database.security(),
  }
}

/**
 * Writes what differs, and nothing where nothing does.
 * @param onPlan called before the first write of each try
 * @returns the plan that was carried out
 * @throws {CouchFault} where the server refuses a document, or fails
 */
export async function equip(
  database: Database,
  wanted: Wanted,
  onPlan: (plan: SkeletonPlan) => Promise<void> = () => Promise.resolve(),
): Promise<SkeletonPlan> {
  for (let tries = 1; ; tries += 1) {
    const plan = planSkeleton(wanted, await inspect(database, wanted))
    await onPlan(plan)
    const refused = await perform(database, plan)
    if (refused === null) return plan
    if (refused.error !== 'conflict' || tries === TRIES)
      throw new CouchFault('server_error', database.name, `${refused.id}: ${refused.reason}`)
  }
}

/** @returns the first document that was not written; what comes after it was not tried */
async function perform(
  database: Database,
  plan: SkeletonPlan,
): Promise<{ id: string; error: string; reason: string } | null> {
  for (const step of stepsOf(plan)) {
    if (step.kind === 'security') await database.putSecurity(step.security)
    else for (const written of await database.bulk(step.docs)) if (!written.ok) return written
  }
  return null
}
