// Finds the databases of a kind on a server, a page at a time: names alone, however many there are.
import type { Couch } from '../couch/client.ts'
import { behind, pagesOfNames } from '../couch/pages.ts'
import { isFixedKind, PERSONAL_KIND, type Kinds } from './kinds.ts'
import { shareDatabase, type UserDatabases } from '../documents/names.ts'

const NAMES_PAGE = 500

export interface KindDatabasesOptions {
  couch: Couch
  users: UserDatabases
  kinds: Kinds
  ownership: Ownership
}

/** Whose databases are, where their names alone do not say it. Both throw a CouchFault. */
export interface Ownership {
  /** The owners of those shares that are this daemon's and are not ended, by share. */
  ownersOfShares: (shares: string[]) => Promise<ReadonlyMap<string, string>>
  /** Those of these databases that are the personal ones of users. */
  personalAmong: (names: string[]) => Promise<ReadonlySet<string>>
}

/** A database of a kind, and the owner in whose lane it is worked on; a policy's, a master's and a personal database have none. */
export interface KindDatabase {
  db: string
  kind: string
  owner: string | null
}

/**
 * All databases of a kind in the server's order; of shares those that the registry has for this template, not ended, and of
 * personal databases those that are somebody's `database`, not ended.
 * @param after the name behind which to begin; null: at the first
 * @throws {CouchFault}
 */
export async function* databasesOfKind(
  kind: string,
  after: string | null,
  options: KindDatabasesOptions,
): AsyncGenerator<KindDatabase[]> {
  const { couch, kinds, users } = options
  if (isMastersAlone(kind, kinds)) {
    yield await mastersThere(kind, after, options)
    return
  }
  const [first, end] = rangeOf(kind, users)
  const range = {
    startKey: after === null ? first : behind(after),
    ...(end === null ? {} : { endKey: end }),
    limit: NAMES_PAGE,
  }
  for await (const names of pagesOfNames(couch, range)) yield await databasesAmong(names, kind, options)
}

/** How many databases of a kind there are. @throws {CouchFault} */
export async function countOfKind(kind: string, options: KindDatabasesOptions): Promise<number> {
  let count = 0
  for await (const page of databasesOfKind(kind, null, options)) count += page.length
  return count
}

/** Those of these names that are databases of the kind, whether they are there or not; in their order. @throws {CouchFault} */
export async function databasesAmong(
  names: string[],
  kind: string,
  options: KindDatabasesOptions,
): Promise<KindDatabase[]> {
  if (kind === 'share') return sharesAmong(names, options)
  return kind === PERSONAL_KIND ? personalAmong(names, options) : namesAmong(names, kind, options)
}

/** True for a kind whose databases are known by name: a server with a database for each user has many others. */
const isMastersAlone = (kind: string, { masters, assignments }: Kinds): boolean =>
  masters.some((master) => master.kind === kind) && !assignments.some((one) => one.kind === kind)

async function mastersThere(
  kind: string,
  after: string | null,
  { couch, kinds }: KindDatabasesOptions,
): Promise<KindDatabase[]> {
  const names = kinds.masters.flatMap((master) => (master.kind === kind ? [master.database] : []))
  const there = await couch.dbsInfo(names.filter((name) => after === null || name > after))
  return [...there.keys()].sort().map((db) => ({ db, kind, owner: null }))
}

function rangeOf(kind: string, users: UserDatabases): [string, string | null] {
  if (kind === 'share') return [shareDatabase(''), `${shareDatabase('')}\ufff0`]
  // Personal databases are called u and a hexadecimal number.
  if (kind === PERSONAL_KIND) return ['u0', 'ug']
  return isFixedKind(kind) ? [users.prefix, `${users.prefix}\ufff0`] : ['', null]
}

function namesAmong(names: string[], kind: string, { kinds }: KindDatabasesOptions): KindDatabase[] {
  return names.flatMap((db): KindDatabase[] => {
    const place = kinds.placeOf(db)
    if (place === null || place.kind === 'share' || place.kind === 'personal') return []
    if (place.kind === 'policy') return place.policy === kind ? [{ db, kind, owner: null }] : []
    return place.kind === kind ? [{ db, kind, owner: place.owner }] : []
  })
}

/** Anybody may call a database so: without a claim, or with one that is ended, it is nobody's. */
async function personalAmong(
  names: string[],
  { kinds, ownership }: KindDatabasesOptions,
): Promise<KindDatabase[]> {
  const named = names.filter((db) => kinds.placeOf(db)?.kind === 'personal')
  const personal = named.length === 0 ? new Set<string>() : await ownership.personalAmong(named)
  return named.flatMap((db) => (personal.has(db) ? [{ db, kind: PERSONAL_KIND, owner: null }] : []))
}

/** A database `share/…` that the registry does not know, or has for another template, is somebody else's. */
async function sharesAmong(
  names: string[],
  { kinds, ownership }: KindDatabasesOptions,
): Promise<KindDatabase[]> {
  const shares = names.flatMap((db) => {
    const place = kinds.placeOf(db)
    return place?.kind === 'share' ? [place] : []
  })
  const owners = await ownership.ownersOfShares(shares.map(({ share }) => share))
  return shares.flatMap(({ db, share }) => {
    const owner = owners.get(share)
    return owner === undefined ? [] : [{ db, kind: 'share', owner }]
  })
}
