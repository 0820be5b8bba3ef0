// Who may read and who may write a share, as its owner says it in `access` (docs/sharing.md).
import { kindOf, MOST_NAMES, problem, quote, type Problem } from '../../documents/problem.ts'

/** Everyone, or the users of these names, sorted and each once. The owner is always meant as well, and need not be named. */
export type Whom = true | readonly string[]

/** Who may write may read, too: with `write: true` everyone does, and the names under `read` need no password. */
export interface Access {
  read: Whom
  write: Whom
}

export type Right = 'read' | 'write'

export type AccessRequest = { kind: 'valid'; access: Access } | { kind: 'malformed'; problem: Problem }

/** Nobody else reads or writes. */
export const OWNER_ONLY: Access = { read: [], write: [] }

/** The longest user name that can be meant, in UTF-16 units; CouchDB sets no limit. */
const LONGEST_NAME = 512

/**
 * Reads `access`: every row of the table in docs/sharing.md, a list of names for both rights, as Hoodie's clients write it, and nothing
 * else. Anything malformed, anywhere in it, makes all of it malformed: an owner who is misunderstood in part might show more
 * than was meant. Names count as they are written, those that `true` makes superfluous too.
 */
export function parseAccess(value: unknown): AccessRequest {
  if (value === undefined || value === false) return { kind: 'valid', access: OWNER_ONLY }
  if (value === true) return { kind: 'valid', access: { read: true, write: true } }
  if (Array.isArray(value)) return parseRights(value, value, (fault) => fault)
  if (typeof value !== 'object' || value === null) return malformed(kindOf(value))
  const unknown = Object.keys(value).find((key) => key !== 'read' && key !== 'write')
  if (unknown !== undefined) return malformed(`the key ${quote(unknown)}`)
  const { read, write } = value as { read?: unknown; write?: unknown }
  return parseRights(read, write, (fault, right) => `${fault} for "${right}"`)
}

function parseRights(
  read: unknown,
  write: unknown,
  tell: (fault: string, right: Right) => string,
): AccessRequest {
  for (const [right, whom] of [
    ['read', read],
    ['write', write],
  ] as const) {
    const fault = faultOf(whom)
    if (fault !== null) return malformed(tell(fault, right))
  }
  const named = { read: whomOf(read), write: whomOf(write) }
  const count = namesIn(named).length
  if (count > MOST_NAMES) return { kind: 'malformed', problem: problem('too_many_names', String(count)) }
  return { kind: 'valid', access: withReadersFrom(named) }
}

/** Everybody who is named. */
export const namesIn = ({ read, write }: Access): string[] => [
  ...new Set([...(read === true ? [] : read), ...(write === true ? [] : write)]),
]

/** What everybody may do. */
export const publicRight = ({ read, write }: Access): Right | null =>
  write === true ? 'write' : read === true ? 'read' : null

/** True where nobody but the owner has a right. */
export const isOwnerOnly = ({ read, write }: Access): boolean =>
  read !== true && write !== true && read.length === 0 && write.length === 0

/**
 * What is wanted, for those alone who may read already: where the access of a share becomes another one, nobody is let in by
 * that, and nobody keeps a right that is taken away.
 */
export function amongReaders(before: Access, wanted: Access): Access {
  const readers = readersOf(before)
  if (readers === true) return wanted
  return withReadersFrom({
    read: common(readersOf(wanted), readers),
    write: common(wanted.write, readers),
  })
}

const readersOf = ({ read, write }: Access): Whom => (write === true ? true : read)

const common = (one: Whom, other: Whom): Whom =>
  one === true ? other : other === true ? one : one.filter((name) => other.includes(name))

const malformed = (found: string): AccessRequest => ({
  kind: 'malformed',
  problem: problem('invalid_access', found),
})

function faultOf(whom: unknown): string | null {
  if (whom === undefined || typeof whom === 'boolean') return null
  if (!Array.isArray(whom)) return kindOf(whom)
  const fault = whom.map(nameFault).find((found) => found !== null)
  return fault === undefined ? null : `a list with ${fault} in it`
}

function nameFault(name: unknown): string | null {
  if (typeof name !== 'string') return kindOf(name)
  if (name === '') return 'an empty name'
  return name.length > LONGEST_NAME ? 'a name that is too long' : null
}

const whomOf = (whom: unknown): Whom =>
  whom === true ? true : Array.isArray(whom) ? [...new Set(whom as string[])].sort() : []

function withReadersFrom({ read, write }: Access): Access {
  // Everyone may write, so everyone may read; who is listed all the same needs no password.
  if (write === true) return { read: read === true || read.length === 0 ? true : read, write }
  if (read === true) return { read: true, write }
  return { read: [...new Set([...read, ...write])].sort(), write }
}
