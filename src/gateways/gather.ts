// Gathers what planDocument asks about for a user of a gateway: where each document goes, and all leaves of both sides where
// they differ.
import { isTooComplex, tooComplex } from '../documents/complexity.ts'
import partition from 'lodash/partition.js'
import type { Database } from '../couch/database.ts'
import type { Row } from '../couch/document.ts'
import type { SyncFunction, Writer } from './function/sync-function.ts'
import type { Route } from './model.ts'
import type { Problem } from '../documents/problem.ts'
import { byRank, hasConflicts, isLive, type Leaf } from '../documents/revisions.ts'
import { planDocument, type DocumentFacts } from '../mirror/plan.ts'
import { isReadable, problemOf } from './plan-route.ts'
import { readBothSides, type BothSides } from '../mirror/both-sides.ts'
import { purgedFacts, readPurges, type PurgedFacts } from '../engine/purges.ts'
import type { Gather, Source } from '../mirror/gather.ts'
import { judgeable } from './judge-documents.ts'
import type { Router } from './router.ts'

/** A user as the function sees them. */
export interface RoutedUser {
  writer: Writer
  /** The user's own. */
  database: Database
}

/**
 * How documents of a gateway are gathered for a user. Two requests for what is as it should be, and one for the routes; the
 * leaves of the others, more.
 */
export const gatherRouted =
  (
    { source, router, sync }: { source: Source; router: Router; sync: SyncFunction },
    { writer, database: personal }: RoutedUser,
  ): Gather =>
  async (ids, clock) => {
    const own = await personal.fetch([...ids], { conflicts: true })
    const rows = await source.database.fetch([...ids], { conflicts: true })
    const routes = new Map(await router.route(rows))
    const channels = new Set(writer.channels)
    const isFor = (id: string): boolean => {
      const route = routes.get(id)
      return route !== undefined && isReadable(route, channels)
    }
    const standings = ids.map((id, at) => ({ id, own: own[at], row: rows[at] }))
    const [done, left] = partition(standings, ({ id, own: mine, row }) => isInPlace(mine, row, isFor(id)))
    const both = await readBothSides(
      source.database,
      personal,
      left.map(({ id }) => id),
    )
    // Somebody may have written since: what is there now is what counts.
    const winners = both.flatMap(({ id, master }): Row[] => {
      const [leaf] = byRank(master)
      if (leaf === undefined || leaf._rev === routes.get(id)?.rev) return []
      return [{ id, rev: leaf._rev, deleted: !isLive(leaf), doc: isLive(leaf) ? leaf : null }]
    })
    for (const [id, route] of await router.route(winners)) routes.set(id, route)
    const purged = await readPurged(source.database, personal, both)
    const facts = both.map((sides): DocumentFacts => ({
      ...sides,
      ...purged.get(sides.id),
      ...formerly(sides, routes.get(sides.id)),
      clock,
      isJudged: true,
      lets: () => isFor(sides.id),
      refuses: (leaf) => refusalOf(sync, { leaf, over: byRank(sides.master)[0], writer, now: clock.now }),
    }))
    const settled = done.map(({ id, own: mine }) => ({ id, isThere: mine?.doc != null }))
    return [{ source, facts, plan: planDocument, settled }]
  }

/** What an admin has purged of what the gateway does not have, and the user does. */
async function readPurged(
  gateway: Database,
  personal: Database,
  both: readonly BothSides[],
): Promise<Map<string, PurgedFacts>> {
  const found = new Map<string, PurgedFacts>()
  const missing = both.filter((sides) => sides.master.length === 0 && sides.personal.some(isLive))
  const purges = missing.length > 0 ? await readPurges(gateway) : new Map<string, string[]>()
  for (const { id } of missing) {
    const revisions = purges.get(id)
    if (revisions) found.set(id, await purgedFacts(personal, id, revisions))
  }
  return found
}

/** What the index knows of a document that the gateway does not: of one that is gone nothing, once everybody has lost it. */
function formerly(
  { master }: BothSides,
  route: Route | undefined,
): Partial<Pick<DocumentFacts, 'lost' | 'isLongGone'>> {
  if (route === undefined) return { isLongGone: master.length > 0 && !master.some(isLive) }
  return route.last === undefined ? {} : { lost: route.last }
}

/** True where nothing is to be done, as far as the winners tell. */
function isInPlace(own: Row | undefined, row: Row | undefined, isFor: boolean): boolean {
  if (own === undefined || row === undefined) return true
  if (hasConflicts(own) || hasConflicts(row)) return false
  // Of a tombstone it is to be seen whose it is: the user may have deleted what is not theirs any more.
  if (row.doc !== null && !isFor) return own.doc === null && !own.deleted
  return row.doc === null ? own.doc === null : own.doc !== null && own.rev === row.rev
}

/** What the function says of a user's change, over what the gateway has. */
function refusalOf(
  sync: SyncFunction,
  { leaf, over, writer, now }: { leaf: Leaf; over: Leaf | undefined; writer: Writer; now: number },
): Problem | null {
  if (isTooComplex(leaf)) return tooComplex()
  const oldDoc = over && isLive(over) ? judgeable(over) : null
  const judgement = sync.evaluate({ doc: judgeable(leaf), oldDoc, writer, now })
  return judgement.kind === 'accepted' ? null : problemOf(judgement)
}
