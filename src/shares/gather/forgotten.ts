// Reads what CouchDB still has of earlier revisions of objects and copies, where the bases that told of them were lost.
import type { Database } from '../../couch/database.ts'
import type { StoredDoc } from '../../couch/document.ts'
import { digestsOf } from '../../documents/digests.ts'
import { contentOf, parseConsents } from '../../documents/content.ts'
import type { Forgotten, HomeCopy } from '../plan/exchange-facts.ts'
import { byRank, lineOf } from '../../documents/revisions.ts'
import type { UserDoc } from './user-docs.ts'
import { copyId } from '../model/ids.ts'

/** As many earlier revisions are looked for: CouchDB compacts sooner or later, and one user's edits are few. */
const LOOKED_BACK = 20

/** An object, and a copy of it, of which no base tells. */
export interface Asked {
  object: UserDoc
  share: string
  home: HomeCopy
}

/**
 * What both held before.
 * @param databaseOf the database of a share
 * @returns by the id of the copy
 * @throws {CouchFault}
 */
export async function readForgotten(
  user: Database,
  databaseOf: (share: string) => Database,
  asked: readonly Asked[],
): Promise<Map<string, Forgotten>> {
  const found = new Map<string, Forgotten>()
  if (asked.length === 0) return found
  const ids = [...new Set(asked.flatMap(({ object }) => (object.isMissing ? [] : object.id)))]
  const objects = await readEarlier(user, ids)
  for (const share of new Set(asked.map((one) => one.share))) {
    const those = asked.filter((one) => one.share === share)
    const live = those
      .filter(({ home }) => home.kind === 'live')
      .map(({ object }) => copyId(share, object.id))
    const copies = await readEarlier(databaseOf(share), live)
    for (const { object } of those) {
      const here = objects.get(object.id) ?? NOTHING
      const id = copyId(share, object.id)
      found.set(id, {
        here: here.bodies.map((body) => digestsOf(contentOf(body))),
        there: (copies.get(id) ?? NOTHING).bodies.map((body) => digestsOf(contentOf(body))),
        isNamed: isNamed(object, share, here),
      })
    }
  }
  return found
}

interface Earlier {
  /** The latest first. */
  bodies: StoredDoc[]
  /** There were no others. */
  isAll: boolean
}

const NOTHING: Earlier = { bodies: [], isAll: false }

/** Of a deleted one its last revision tells, of any other one all that can be read. */
function isNamed({ doc }: UserDoc, share: string, { bodies, isAll }: Earlier): boolean | null {
  const names = (body: StoredDoc): boolean => {
    const consents = parseConsents(body['$shares'])
    return consents.kind === 'keys' && consents.keys.get(share)?.kind === 'share'
  }
  if (doc === null) return bodies[0] ? names(bodies[0]) : null
  return bodies.some(names) || (isAll ? false : null)
}

async function readEarlier(database: Database, ids: readonly string[]): Promise<Map<string, Earlier>> {
  const leaves = new Map<string, StoredDoc[]>()
  for (const leaf of ids.length === 0 ? [] : await database.leaves(ids.map((id) => ({ id }))))
    leaves.set(leaf._id, [...(leaves.get(leaf._id) ?? []), leaf])
  const lines = [...leaves].map(([id, all]) => {
    const [winner] = byRank(all)
    const line = winner ? lineOf(winner).slice(1) : []
    return { id, line, wanted: line.slice(0, LOOKED_BACK) }
  })
  const wanted = lines.flatMap(({ id, wanted: revs }) => revs.map((rev) => ({ id, rev })))
  const bodies = wanted.length === 0 ? [] : await database.leaves(wanted)
  return new Map(
    lines.map(({ id, line, wanted: revs }) => {
      const found = revs.flatMap((rev) => bodies.filter((body) => body._id === id && body._rev === rev))
      const isWhole = line.length === 0 || line.at(-1)?.startsWith('1-') === true
      return [
        id,
        { bodies: found.filter(({ _deleted }) => !_deleted), isAll: isWhole && found.length === line.length },
      ]
    }),
  )
}
