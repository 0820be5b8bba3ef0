// Finds the databases of a kind on a server, a page at a time: names alone, however many there are.
import type { Couch } from '../couch/client.ts'
import { isFixedKind, type Kinds } from '../model/kinds.ts'
import { shareDatabase, type UserDatabases } from '../model/names.ts'
import type { Registry } from '../write/registry.ts'

const NAMES_PAGE = 500

export interface KindDatabasesOptions {
  couch: Couch
  users: UserDatabases
  kinds: Kinds
  registry: Registry
}

/** A database of a kind, and the owner in whose lane it is worked on; a policy's database has none. */
export interface KindDatabase {
  db: string
  kind: string
  owner: string | null
}

/**
 * All databases of a kind in the server's order; of shares those that the registry has for this template, not ended.
 * @param after the name behind which to begin; null: at the first
 * @throws {CouchFault}
 */
export async function* databasesOfKind(
  kind: string,
  after: string | null,
  options: KindDatabasesOptions,
): AsyncGenerator<KindDatabase[]> {
  const { couch, users } = options
  const [first, end] = rangeOf(kind, users)
  let startKey = after === null ? first : `${after}\u0000`
  for (;;) {
    const names = await couch.allDbs({
      startKey,
      ...(end === null ? {} : { endKey: end }),
      limit: NAMES_PAGE,
    })
    yield kind === 'share' ? await sharesAmong(names, options) : namesAmong(names, kind, options)
    const last = names.at(-1)
    if (names.length < NAMES_PAGE || last === undefined) return
    startKey = `${last}\u0000`
  }
}

/** How many databases of a kind there are. @throws {CouchFault} */
export async function countOfKind(kind: string, options: KindDatabasesOptions): Promise<number> {
  let count = 0
  for await (const page of databasesOfKind(kind, null, options)) count += page.length
  return count
}

function rangeOf(kind: string, users: UserDatabases): [string, string | null] {
  if (kind === 'share') return [shareDatabase(''), `${shareDatabase('')}\ufff0`]
  return isFixedKind(kind) ? [users.prefix, `${users.prefix}\ufff0`] : ['', null]
}

function namesAmong(names: string[], kind: string, { kinds }: KindDatabasesOptions): KindDatabase[] {
  return names.flatMap((db): KindDatabase[] => {
    const place = kinds.placeOf(db)
    if (place === null || place.kind === 'share') return []
    if (place.kind === 'policy') return place.policy === kind ? [{ db, kind, owner: null }] : []
    return place.kind === kind ? [{ db, kind, owner: place.owner }] : []
  })
}

/** A database `share/…` that the registry does not know, or has for another template, is somebody else's. */
async function sharesAmong(
  names: string[],
  { kinds, registry, users }: KindDatabasesOptions,
): Promise<KindDatabase[]> {
  const shares = names.flatMap((db) => {
    const place = kinds.placeOf(db)
    return place?.kind === 'share' ? [place] : []
  })
  const entries = await registry.entries(shares.map(({ share }) => share))
  return shares.flatMap(({ db, share }) => {
    const entry = entries.get(share)
    const isOurs = entry && entry.state !== 'ended' && entry.database === users.database(entry.owner)
    return isOurs ? [{ db, kind: 'share', owner: entry.owner }] : []
  })
}
