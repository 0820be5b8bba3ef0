// What has to be true of a gateway and its users, told from the gateway's documents, `_users` and who did what; nothing of it
// is read from the daemon's index.
import assert from 'node:assert/strict'
import type { Doc } from '../../src/couch/document.ts'
import type { MemoryDatabase } from './memory-database.ts'

export const VERSIONS = [0, 1] as const
/** Which of the functions is meant. */
export type Version = (typeof VERSIONS)[number]

export const CHANNELS = ['A', 'B', 'C'] as const
/** Without whom nothing but what is in a channel of theirs may be written. */
export const WRITER = 'w'
/** What no user may ever write. */
export const FORBIDDEN = 'evil'

/**
 * Where a document goes stands in it. By the other function, what is in A goes to B, role r1 gets no channel, what was
 * refused is not, and what only an admin could finish is. Users write what they have the role for, or a channel.
 */
export const sourceOf = (version: Version): string => `function (doc, oldDoc) {
  function requireWriter(one) {
    try { requireRole('${WRITER}') } catch (refusal) { requireAccess(one.channels) }
  }
  requireWriter(oldDoc || doc)
  if (doc._deleted) return
  if (doc.${FORBIDDEN}) requireAdmin()
  if (doc.mode === 'breaks') doc.nobody.knows()
  ${
    version === 0
      ? `if (doc.mode === 'refused' || (doc.mode === 'finished' && !oldDoc)) throw({ forbidden: doc.mode })`
      : `if (doc.mode === 'finished') throw({ forbidden: doc.mode })`
  }
  channel(${version === 0 ? 'doc.channels' : `(doc.channels || []).map(function (name) { return name === 'A' ? 'B' : name })`})
  var grants = doc.grants || []
  for (var i = 0; i < grants.length; i += 1) ${version === 0 ? '' : `if (grants[i][0] !== 'role:r1') `}access(grants[i][0], grants[i][1])
  var roles = doc.roles || []
  for (var j = 0; j < roles.length; j += 1) role(roles[j][0], 'role:' + roles[j][1])
}`

type Pair = [string, string]

/** The test's own words for what the function says. */
export interface Said {
  channels: string[]
  grants: Pair[]
  roles: Pair[]
}

export function saidOf(doc: Doc | null, version: Version): Said | null {
  if (doc === null) return null
  const { mode, channels = [], grants = [], roles = [] } = doc as Partial<Said> & { mode?: string }
  if (mode === 'breaks') return null
  if (version === 0)
    return mode === 'refused' ? null : { channels: [...channels], grants: [...grants], roles: [...roles] }
  if (mode === 'finished') return null
  return {
    channels: channels.map((name) => (name === 'A' ? 'B' : name)),
    grants: grants.filter(([to]) => to !== 'role:r1'),
    roles: [...roles],
  }
}

export interface Holdings {
  roles: Set<string>
  channels: Set<string>
}

/** What somebody has by these grants, and by roles of the account. */
function holdingsOf(
  name: string,
  own: Iterable<string>,
  { grants, roles: given }: Pick<Said, 'grants' | 'roles'>,
): Holdings {
  const roles = new Set([...own, ...given.flatMap(([to, role]) => (to === name ? [role] : []))])
  const isTheirs = (to: string): boolean => to === name || (to.startsWith('role:') && roles.has(to.slice(5)))
  return {
    roles,
    channels: new Set(grants.flatMap(([to, channel]) => (isTheirs(to) && channel !== '!' ? [channel] : []))),
  }
}

const reads = ({ channels }: Holdings, said: Said): boolean =>
  channels.has('*') || said.channels.some((channel) => channel === '!' || channels.has(channel))

/** Everything that counts, as it stands at a time. */
export interface State {
  /** Live documents of the gateway, by `_id`. */
  docs: ReadonlyMap<string, Doc>
  /** The roles of accounts, by name; of who has none nothing. */
  accounts: ReadonlyMap<string, readonly string[]>
}

/** What a user has, and the documents that go to the user's database. */
export function expectedOf(
  name: string,
  { docs, accounts }: State,
  version: Version,
): { roles: string[]; channels: string[]; ids: string[] } | null {
  const own = accounts.get(name)
  if (own === undefined) return null
  const said = new Map([...docs].map(([id, doc]) => [id, saidOf(doc, version)] as const))
  const all = [...said.values()].flatMap((one) => one ?? [])
  const holdings = holdingsOf(name, own, {
    grants: all.flatMap(({ grants }) => grants),
    roles: all.flatMap(({ roles }) => roles),
  })
  return {
    roles: [...holdings.roles].sort(),
    channels: [...holdings.channels].sort(),
    ids: [...said].flatMap(([id, one]) => (one !== null && reads(holdings, one) ? [id] : [])).sort(),
  }
}

const SEPARATOR = '\n'
const pairsIn = (edges: Iterable<string>, kind: string): Pair[] =>
  [...edges].flatMap((edge): Pair[] => {
    const [found, , one = '', other = ''] = edge.split(SEPARATOR)
    return found === kind ? [[one, other]] : []
  })

/**
 * Everything that was so at some time since all had settled, and what was so all the time: what the daemon knows of may be
 * of any time between, of each document another one.
 */
export class Window {
  readonly #ever = new Set<string>()
  #always: Set<string> | null = null
  /** The roles of accounts, each time that something was another. */
  readonly #accounts: State['accounts'][] = []

  /** Where it is now, for `mayHaveWritten`. */
  get now(): number {
    return this.#accounts.length - 1
  }

  /** @param versions of functions that may be in force still */
  add({ docs, accounts }: State, versions: readonly Version[]): void {
    this.#accounts.push(accounts)
    const edges = versions.map((version) => new Set(edgesOf(docs, version)))
    const people = [...accounts].flatMap(([name, roles]) => [
      ['account', '', name, ''].join(SEPARATOR),
      ...roles.map((role) => ['own', '', name, role].join(SEPARATOR)),
    ])
    const sure = [...(edges[0] ?? [])].filter((edge) => edges.every((all) => all.has(edge)))
    for (const edge of [...edges.flatMap((all) => [...all]), ...people]) this.#ever.add(edge)
    const now = new Set([...sure, ...people])
    this.#always = this.#always === null ? now : new Set([...this.#always].filter((edge) => now.has(edge)))
  }

  /**
   * True where the daemon may have found that the user may write the document. A role that the account had lost before it was
   * written counts no more: nothing has to be routed for that.
   * @param own channels of what is written
   * @param since when it was written
   */
  mayHaveWritten(name: string, id: string, own: readonly string[], since = 0): boolean {
    const had = this.#accounts.slice(since).flatMap((accounts) => accounts.get(name) ?? [])
    const { roles, channels } = this.#holdings(name, this.#ever, new Set(had))
    if (roles.has(WRITER)) return true
    const known = pairsIn(this.#ever, 'raw').flatMap(([of, channel]) => (of === id ? [channel] : []))
    return [...known, ...own].some((channel) => channel === '!' || channels.has(channel))
  }

  /** True where the user could write the document, and read it, all the time. */
  couldAlwaysWrite(name: string, id: string): boolean {
    const edges = this.#always ?? new Set<string>()
    if (!pairsIn(edges, 'account').some(([found]) => found === name)) return false
    const own = pairsIn(edges, 'own').flatMap(([of, role]) => (of === name ? [role] : []))
    const holdings = this.#holdings(name, edges, own)
    const channels = pairsIn(edges, 'channel').flatMap(([of, channel]) => (of === id ? [channel] : []))
    const isThere = pairsIn(edges, 'routed').some(([of]) => of === id)
    return isThere && holdings.roles.has(WRITER) && reads(holdings, { channels, grants: [], roles: [] })
  }

  #holdings(name: string, edges: ReadonlySet<string>, own: Iterable<string>): Holdings {
    return holdingsOf(name, own, { grants: pairsIn(edges, 'grant'), roles: pairsIn(edges, 'role') })
  }
}

function* edgesOf(docs: ReadonlyMap<string, Doc>, version: Version): Generator<string> {
  for (const [id, doc] of docs) {
    for (const channel of (doc['channels'] ?? []) as string[]) yield ['raw', id, id, channel].join(SEPARATOR)
    const said = saidOf(doc, version)
    if (said === null) continue
    yield ['routed', id, id, ''].join(SEPARATOR)
    for (const channel of said.channels) yield ['channel', id, id, channel].join(SEPARATOR)
    for (const pair of said.grants) yield ['grant', id, ...pair].join(SEPARATOR)
    for (const pair of said.roles) yield ['role', id, ...pair].join(SEPARATOR)
  }
}

/** The live documents of the application. */
export function documentsIn(database: MemoryDatabase): Map<string, Doc> {
  return new Map(
    [...database.trees.keys()]
      .filter((id) => !/^[_$]/.test(id))
      .sort()
      .flatMap((id) => {
        const doc = database.read(id, { conflicts: false })
        return doc === null ? [] : [[id, doc] as const]
      }),
  )
}

export const liveLeaves = (database: MemoryDatabase, id: string) =>
  database.leaves(id).filter(({ _deleted }) => _deleted !== true)

/** @throws {assert.AssertionError} where a document has live leaves beside the one that wins */
export function assertNoConflicts(database: MemoryDatabase): void {
  for (const id of database.trees.keys())
    assert(liveLeaves(database, id).length <= 1, `Expected no conflict of ${id} in ${database.name}`)
}

/** What a document says, without CouchDB's own. */
export const contentOf = (doc: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(doc).filter(([name]) => !['_rev', '_revisions', '_conflicts'].includes(name)),
  )
