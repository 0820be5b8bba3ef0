// Brings one database up to what the skeleton of its kind asks for.
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import type { ExpectedRevisions } from './expected-revisions.ts'
import { isEmptyPlan, planSkeleton, stepsOf, type Found, type SkeletonPlan, type Wanted } from './plan.ts'

/** Told which revision of a document was written. */
export type OnWritten = (id: string, rev: string) => void

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
 * @param limit says what of a plan is to be carried out; what it throws ends it
 * @param onPlan called before the first write of each try, with what was found
 * @param onWritten told of each document that was written after what is there was read
 * @param expected spares the reading of design documents where it is right; what else stands in the database is not seen
 *   then: only for databases that are looked at again after the write
 * @returns the plan that was carried out
 * @throws {CouchFault} where the server refuses a document, or fails
 */
export async function applySkeleton(
  database: Database,
  wanted: Wanted,
  {
    limit = (plan) => plan,
    onPlan = () => Promise.resolve(),
    onWritten = () => undefined,
    expected = null,
  }: {
    limit?: (plan: SkeletonPlan) => SkeletonPlan
    onPlan?: (plan: SkeletonPlan, found: Found) => Promise<void>
    onWritten?: OnWritten
    expected?: ExpectedRevisions | null
  } = {},
): Promise<SkeletonPlan> {
  const written = expected && (await writeExpected(database, wanted, expected))
  if (written) return written
  for (let tries = 1; ; tries += 1) {
    const found = await inspect(database, wanted)
    const plan = limit(planSkeleton(wanted, found))
    if (!isEmptyPlan(plan)) expected?.learn(found)
    await onPlan(plan, found)
    const refused = await perform(database, plan, onWritten)
    if (refused === null) return plan
    if (refused.error !== 'conflict' || tries === TRIES)
      throw new CouchFault(
        // Waiting does not heal what a server finds wrong with a design document.
        refused.error === 'forbidden' || refused.error === 'bad_request' ? 'forbidden' : 'server_error',
        database.name,
        `${refused.id}: ${refused.reason}`,
      )
  }
}

/** `_security` is always looked at: it has no revisions. @returns null where other revisions are there, or none are expected */
async function writeExpected(
  database: Database,
  wanted: Wanted,
  expected: ExpectedRevisions,
): Promise<SkeletonPlan | null> {
  const isWorthIt = expected.plan(wanted, wanted.security) !== null
  if (!isWorthIt) return null
  const plan = expected.plan(wanted, wanted.security === null ? null : await database.security())
  if (plan === null) return null
  if ((await perform(database, plan)) === null) return plan
  expected.forget()
  return null
}

/** @returns the first document that was not written; what comes after it was not tried */
async function perform(
  database: Database,
  plan: SkeletonPlan,
  onWritten: OnWritten = () => undefined,
): Promise<{ id: string; error: string; reason: string } | null> {
  for (const step of stepsOf(plan)) {
    if (step.kind === 'security') await database.putSecurity(step.security)
    else
      for (const written of await database.bulk(step.docs)) {
        if (!written.ok) return written
        onWritten(written.id, written.rev)
      }
  }
  return null
}
