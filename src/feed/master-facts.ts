// Gathers what planDocument asks about: which master a document is of, and all leaves of both sides where they differ.
import groupBy from 'lodash/groupBy.js'
import partition from 'lodash/partition.js'
import type { Database } from '../couch/database.ts'
import type { Row } from '../couch/document.ts'
import type { Access, Asker } from '../engine/access.ts'
import { byRank, isLive, newestCommon, type Leaf } from '../plan/lineage.ts'
import { planProjected, type DocumentFacts } from '../plan/master-document.ts'

/** A master database, and what its skeleton says. */
export interface Master {
  name: string
  database: Database
  access: Access
}

/** The user whose documents they are, and where they are. */
export interface Personal {
  asker: Asker
  database: Database
}

/** Documents of one master: those that are to be planned, and of the others which the user has. */
export interface Gathered {
  master: Master
  facts: DocumentFacts[]
  /** Of all documents of this master that were asked about: those that the user has as they should be. */
  settled: { id: string; isThere: boolean }[]
}

/** Both sides of one document as they stand, as `_all_docs` tells of them. */
interface Standing {
  id: string
  own: Row
  master: Master
  row: Row
  /** The user may have what the master has; null where that cannot be told. */
  may: boolean | null
}

/**
 * Looks at documents on both sides. Two requests where all is as it should be; the leaves of those where it is not, more.
 * @param masters in the order in which they come first where several have the same `_id`
 * @param takesNew whether documents that none of them ever had are for one of them
 * @throws {CouchFault}
 */
export async function gatherDocuments(
  { asker, database }: Personal,
  masters: readonly Master[],
  { ids, now, takesNew }: { ids: readonly string[]; now: number; takesNew: boolean },
): Promise<Gathered[]> {
  const [own, ...rows] = await Promise.all(
    [database, ...masters.map((master) => master.database)].map((one) =>
      one.fetch([...ids], { conflicts: true }),
    ),
  )
  const verdicts = masters.map(({ access }, index) => judgeRows(access, rows[index] ?? [], asker))
  const standings = ids.flatMap((id, at): Standing[] => {
    const mine = own?.[at]
    if (mine === undefined) return []
    const candidates = masters.flatMap((master, index) => {
      const row = rows[index]?.[at]
      return row ? [{ id, own: mine, master, row, may: verdicts[index]?.get(row) ?? null }] : []
    })
    const chosen = chooseMaster(candidates, asker, takesNew)
    return chosen ? [chosen] : []
  })
  const gathered: Gathered[] = []
  for (const master of masters) {
    const all = standings.filter((standing) => standing.master === master)
    const [done, left] = partition(all, isSettled)
    gathered.push({
      master,
      facts: await readLeaves(
        master,
        { asker, database },
        left.map(({ id }) => id),
        now,
      ),
      settled: done.map(({ id, own: { doc } }) => ({ id, isThere: doc !== null })),
    })
  }
  return gathered
}

/** What the skeleton says of what each row has; of what is not there, no. */
function judgeRows(access: Access, rows: readonly Row[], asker: Asker): Map<Row, boolean | null> {
  const live = rows.flatMap((row) => (row.doc === null ? [] : [{ row, doc: row.doc }]))
  const verdicts = access.judgesEach(
    live.map(({ doc }) => doc),
    asker,
  )
  return new Map([
    ...rows.map((row): [Row, boolean | null] => [row, false]),
    ...live.map(({ row }, at): [Row, boolean | null] => [row, verdicts[at] ?? null]),
  ])
}

/** The master that lets the user have it, else one that has it, else one that had it; of what is new, one that takes it. */
function chooseMaster(candidates: readonly Standing[], asker: Asker, takesNew: boolean): Standing | null {
  const there =
    candidates.find(({ may }) => may === true) ??
    candidates.find(({ row }) => row.doc) ??
    candidates.find(({ row }) => row.rev !== null)
  if (there) return there
  if (!takesNew) return null
  const writable = candidates.filter(({ master }) => master.access.fields === null)
  const takes = ({ master: { access }, own: { doc } }: Standing): boolean =>
    doc !== null && access.carries(doc, asker) && access.lets(doc, asker)
  return writable.find(takes) ?? writable[0] ?? null
}

/** True where nothing is to be done, as far as the winners tell. */
function isSettled({ id, own, master: { access }, row, may }: Standing): boolean {
  if (may === false) return own.doc === null
  if (may === null) return false
  if (hasConflicts(own) || hasConflicts(row) || row.doc === null) return false
  if (access.fields === null) return own.doc !== null && own.rev === row.rev
  const facts = {
    id,
    master: [row.doc as Leaf],
    personal: own.doc ? [own.doc as Leaf] : [],
    lets: () => true,
  }
  return planProjected(facts, access.fields).effects.length === 0
}

const hasConflicts = ({ doc }: Row): boolean => (doc?._conflicts?.length ?? 0) > 0

async function readLeaves(
  { database: master, access }: Master,
  { asker, database: personal }: Personal,
  ids: readonly string[],
  now: number,
): Promise<DocumentFacts[]> {
  if (ids.length === 0) return []
  const wanted = ids.map((id) => ({ id }))
  const [there, here] = await Promise.all(
    [master, personal].map(async (one) => byDocument((await one.leaves(wanted)) as Leaf[])),
  )
  const winners = ids.flatMap((id) =>
    byRank(there?.get(id) ?? [])
      .slice(0, 1)
      .filter(isLive),
  )
  const answers = access.judgesEach(winners, asker)
  const known = new Map(winners.map((leaf, at) => [leaf, answers[at] ?? null]))
  const facts: DocumentFacts[] = []
  for (const id of ids) {
    const [theirs, own] = [there?.get(id) ?? [], here?.get(id) ?? []]
    facts.push({
      id,
      master: theirs,
      personal: own,
      ancestors: await readAncestors({ master, personal }, theirs, own),
      lets: (doc) => (known.has(doc) ? (known.get(doc) ?? null) : access.judges(doc, asker)),
      carries: (doc) => access.carries(doc, asker),
      now,
    })
  }
  return facts
}

/** A map, as users choose the ids: `constructor` is one that every object has. */
const byDocument = (leaves: readonly Leaf[]): Map<string, Leaf[]> =>
  new Map(Object.entries(groupBy(leaves, '_id')))

/** What each live leaf, on either side, has in common with the master's winner; for as far as CouchDB still has that. */
async function readAncestors(
  { master, personal }: { master: Database; personal: Database },
  theirs: readonly Leaf[],
  own: readonly Leaf[],
): Promise<Map<string, Leaf>> {
  const ancestors = new Map<string, Leaf>()
  const [winner] = byRank(theirs)
  if (winner === undefined) return ancestors
  for (const leaf of [...theirs, ...own].filter(isLive)) {
    const rev = leaf._rev === winner._rev ? null : newestCommon(leaf, winner)
    if (rev === null || ancestors.has(leaf._rev)) continue
    if (rev === winner._rev) ancestors.set(leaf._rev, winner)
    else
      for (const database of [master, personal]) {
        const [found] = await database.leaves([{ id: leaf._id, rev }])
        if (found) {
          ancestors.set(leaf._rev, found)
          break
        }
      }
  }
  return ancestors
}
