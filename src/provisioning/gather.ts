// Gathers what planDocument asks about: which master a document is of, and all leaves of both sides where they differ.
import partition from 'lodash/partition.js'
import type { Database } from '../couch/database.ts'
import type { Row } from '../couch/document.ts'
import type { MasterPolicy, User } from './master-policy.ts'
import { readBothSides } from '../mirror/both-sides.ts'
import { purgedFacts, type PurgedFacts, readPurges } from '../engine/purges.ts'
import type { Gather, Gathered } from '../mirror/gather.ts'
import { isTooComplex, tooComplex } from '../documents/complexity.ts'
import { problem, type Problem } from '../documents/problem.ts'
import type { Clock } from '../documents/time.ts'
import { byRank, hasConflicts, isLive, type Leaf } from '../documents/revisions.ts'
import { planDocument, planProjected, type DocumentFacts } from '../mirror/plan.ts'

/** A master database, and what its skeleton says. */
export interface Master {
  name: string
  database: Database
  policy: MasterPolicy
}

/** The user whose documents they are, and where they are. */
export interface Personal {
  user: User
  database: Database
}

/** Both sides of one document as they stand, as `_all_docs` tells of them. */
interface Candidate {
  id: string
  own: Row
  master: Master
  row: Row
  /** What an admin purged of it, where no master has it any more. */
  purged: readonly string[] | null
  /** The revision that the master had before it was made again. */
  lost: string | undefined
  /** The user may have what the master has; null where that cannot be told. */
  may: boolean | null
}

/**
 * How documents of masters are gathered for a user.
 * @param isWhole false while a master that is configured is not to be had: what is new to the others may be that one's
 * @param formerly by document, the last revisions that a master is known to have had, where it was made again since the user's documents
 *   were compared with it
 * @param isEmpty none of these documents can be in the user's database, which has just been created
 */
export const gatherFrom =
  (
    personal: Personal,
    masters: readonly Master[],
    {
      isWhole = true,
      formerly = nothing,
      isEmpty = false,
    }: { isWhole?: boolean; formerly?: Formerly; isEmpty?: boolean } = {},
  ): Gather =>
  (ids, clock) =>
    gatherDocuments(personal, masters, { ids, clock, takesNew: isWhole, formerly, isEmpty })

type Formerly = (master: string, ids: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>

const nothing: Formerly = () => Promise.resolve(new Map())

/**
 * Looks at documents on both sides. Two requests where all is as it should be; the leaves of those where it is not, more.
 * @param masters in the order in which they come first where several have the same `_id`
 * @param takesNew whether documents that none of them ever had are for one of them
 * @throws {CouchFault}
 */
async function gatherDocuments(
  { user, database }: Personal,
  masters: readonly Master[],
  {
    ids,
    clock,
    takesNew,
    formerly,
    isEmpty,
  }: { ids: readonly string[]; clock: Clock; takesNew: boolean; formerly: Formerly; isEmpty: boolean },
): Promise<Gathered[]> {
  // The user's side first, as in `readBothSides`: else what another daemon brings meanwhile is new, and may be sent elsewhere.
  const own = isEmpty ? ids.map(absent) : await database.fetch([...ids], { conflicts: true })
  const rows = await Promise.all(
    masters.map((master) => master.database.fetch([...ids], { conflicts: true })),
  )
  const isNew = (at: number): boolean => own[at]?.doc != null && rows.every((all) => all[at]?.rev === null)
  const purges = ids.some((_, at) => isNew(at))
    ? await Promise.all(masters.map((master) => readPurges(master.database)))
    : []
  const former = await Promise.all(masters.map(({ name }) => formerly(name, ids)))
  const verdicts = masters.map(({ policy }, index) => judgeRows(policy, rows[index] ?? [], user))
  const found = ids.flatMap((id, at): Candidate[] => {
    const mine = own[at]
    if (mine === undefined) return []
    const candidates = masters.flatMap((master, index) => {
      const row = rows[index]?.[at]
      const purged = isNew(at) ? (purges[index]?.get(id) ?? null) : null
      const lost = former[index]?.get(id)?.find((rev) => rev !== row?.rev)
      return row ? [{ id, own: mine, master, row, purged, lost, may: verdicts[index]?.get(row) ?? null }] : []
    })
    const chosen = chooseMaster(candidates, user, takesNew)
    return chosen ? [chosen] : []
  })
  const gathered: Gathered[] = []
  for (const master of masters) {
    const all = found.filter((one) => one.master === master)
    const [done, left] = partition(all, isInPlace)
    gathered.push({
      source: master,
      plan: (facts) =>
        master.policy.fields === null ? planDocument(facts) : planProjected(facts, master.policy.fields),
      facts: await readFacts(master, { user, database }, left, { clock, isEmpty }),
      settled: done.map(({ id, own: { doc } }) => ({ id, isThere: doc !== null })),
    })
  }
  return gathered
}

const absent = (id: string): Row => ({ id, rev: null, deleted: false, doc: null })

/** What the skeleton says of what each row has; of what is not there, no. */
function judgeRows(policy: MasterPolicy, rows: readonly Row[], user: User): Map<Row, boolean | null> {
  const live = rows.flatMap((row) => (row.doc === null ? [] : [{ row, doc: row.doc }]))
  const verdicts = policy.decideEach(
    live.map(({ doc }) => doc),
    user,
  )
  return new Map([
    ...rows.map((row): [Row, boolean | null] => [row, false]),
    ...live.map(({ row }, at): [Row, boolean | null] => [row, verdicts[at] ?? null]),
  ])
}

/** The master that lets the user have it, else one that has it, else one that had it; of what is new, one that takes it. */
function chooseMaster(candidates: readonly Candidate[], user: User, takesNew: boolean): Candidate | null {
  const there =
    candidates.find(({ may }) => may === true) ??
    candidates.find(({ row }) => row.doc) ??
    candidates.find(({ row }) => row.rev !== null) ??
    candidates.find(({ purged }) => purged !== null) ??
    candidates.find(({ lost }) => lost !== undefined)
  if (there) return there
  if (!takesNew) return null
  const writable = candidates.filter(({ master }) => master.policy.fields === null)
  const takes = ({ master: { policy }, own: { doc } }: Candidate): boolean =>
    doc !== null && policy.mayWrite(doc, user) && policy.mayRead(doc, user)
  return writable.find(takes) ?? writable[0] ?? null
}

/** True where nothing is to be done, as far as the winners tell. */
function isInPlace({ id, own, master: { policy }, row, may }: Candidate): boolean {
  if (may === false) return own.doc === null
  if (may === null) return false
  if (hasConflicts(own) || hasConflicts(row) || row.doc === null) return false
  if (policy.fields === null) return own.doc !== null && own.rev === row.rev
  const facts = {
    id,
    master: [row.doc as Leaf],
    personal: own.doc ? [own.doc as Leaf] : [],
    lets: () => true,
  }
  return planProjected(facts, policy.fields).effects.length === 0
}

async function readFacts(
  { database: master, policy }: Master,
  { user, database: personal }: Personal,
  found: readonly Candidate[],
  { clock, isEmpty }: { clock: Clock; isEmpty: boolean },
): Promise<DocumentFacts[]> {
  const both = await readBothSides(
    master,
    personal,
    found.map(({ id }) => id),
    { isEmpty },
  )
  const purged = new Map<string, PurgedFacts>()
  for (const { id, purged: revisions } of found)
    if (revisions) purged.set(id, await purgedFacts(personal, id, revisions))
  const lost = new Map(found.map((one) => [one.id, one.lost]))
  const winners = both.flatMap((sides) => byRank(sides.master).slice(0, 1).filter(isLive))
  const answers = policy.decideEach(winners, user)
  const known = new Map(winners.map((leaf, at) => [leaf, answers[at] ?? null]))
  return both.map((sides) => ({
    ...sides,
    ...purged.get(sides.id),
    ...lostFacts(lost.get(sides.id)),
    lets: (doc) => (known.has(doc) ? (known.get(doc) ?? null) : policy.decide(doc, user)),
    refuses: (doc) => whyNot(policy, user, doc),
    clock,
  }))
}

const lostFacts = (lost: string | undefined): Pick<DocumentFacts, 'lost'> =>
  lost === undefined ? {} : { lost }

/**
 * The `to` filter says what may be sent; of what is sent, the `from` filter has to say that it is the user's. What no view can
 * take is kept from the master, which has one.
 */
function whyNot(policy: MasterPolicy, user: User, doc: Leaf): Problem | null {
  if (!policy.mayWrite(doc, user)) return problem('held_back')
  if (isTooComplex(doc)) return tooComplex()
  return !isLive(doc) || policy.decide(doc, user) === true ? null : problem('outside_roles')
}
