// The outbox document that remembers an object: where it has copies, how much of it they show or showed, and what its
// author and each share last agreed on.
import type { Digests } from '../../documents/digests.ts'
import { encodeHistories, type Histories, type StoredHistories } from './history.ts'
import { namesOf, type Selection } from '../../documents/content.ts'
import { isRecord } from '../../documents/shapes.ts'
import { baseId } from './ids.ts'

export interface Base {
  _id: string
  _rev?: string
  /** By share id of the author's own shares, the widest selection whose content may still be readable in the share. */
  shares: Record<string, Selection>
  /** By id of a share in which others write or which is somebody else's: what both sides last had. */
  agreed: Record<string, Agreed>
  /** What the object and its copies held at revisions that were seen. */
  history?: StoredHistories
}

/**
 * What a participant's object and the copy in the share last had in common: digests by name. It is written after both.
 * `coming`: one side is about to be made from the other, with these digests · `both`: both are there · `unshared`: the
 * share's owner took the object out, for good until it is shared again; while there are digests, the copy may still be
 * there · `left`: this participant took their own out, or lost it · `parted`: the object stayed when it went out of the
 * share, or its user did: as long as it is as it was then, it is the same object when they meet again · `unrelated`:
 * nothing, there is another object under the same id.
 */
export interface Agreed extends Digests {
  state: 'coming' | 'both' | 'unshared' | 'left' | 'parted' | 'unrelated'
  /** With `unshared`: an admin took it out everywhere, and nothing that is pushed late is kept for anybody. */
  purged?: true
  /**
   * How often the share database had been lost by then (`losses` of the entry; absent: never). Where that is another
   * number now, the copy may be an older one than this.
   */
  losses?: number
  /** True where this participant brought the object into the share. */
  mine?: true
  /** This participant has changed the copy: when the share database is lost, nobody else may have that. */
  given?: true
  /** Only chosen attributes are shared: what else this participant has stays private. */
  listed?: true
  /**
   * What of it the owner shares now, while more of it may still be readable, or shared last: others send no more than
   * that.
   */
  limit?: Selection
  /** A reader's own edits, by attribute: they stay, and are never sent, even when the reader may write later. */
  kept?: Record<string, string>
  /** What the owner showed when this participant's lane last looked, where that was not all. */
  seen?: Selection
  /**
   * What a participant had beside what the owner showed, in the way of `kept`: it stays private when the owner shows
   * more, until its author writes another value, or lists it.
   */
  own?: Record<string, string>
}

/**
 * What the owner showed when a participant's lane last looked. An older daemon did not note it: where it knew of a list,
 * what both had is certain, and nothing else.
 */
export function seenOf(agreed: Agreed): Selection {
  if (agreed.seen !== undefined) return agreed.seen
  return agreed.listed ? namesOf(agreed).sort() : true
}

/**
 * Object and copy have nothing in common yet, or any more.
 * @param mine the participant brought the object
 */
export const nothingAgreed = (state: Agreed['state'], mine: boolean): Agreed => ({
  state,
  ...(mine ? { mine } : {}),
  attributes: {},
  attachments: {},
})

/** The document of a base. */
export function baseDoc(
  object: string,
  { shares, agreed, seen = {} }: Pick<Base, 'shares' | 'agreed'> & { seen?: Histories },
): Base {
  const stored = encodeHistories(seen)
  return {
    _id: baseId(object),
    shares,
    agreed,
    ...(Object.keys(stored).length === 0 ? {} : { history: stored }),
  }
}

/** The shares that a base knows of: one's own, and those with which something was agreed. */
export const sharesOf = (base: Base | null | undefined): string[] => [
  ...Object.keys(base?.shares ?? {}),
  ...Object.keys(base?.agreed ?? {}),
]

/** True for a base that remembers nothing. */
export const isEmptyBase = ({ shares, agreed }: Pick<Base, 'shares' | 'agreed'>): boolean =>
  Object.keys(shares).length === 0 && Object.keys(agreed).length === 0

/** A base read from an outbox; anything else in its place counts as none. */
export function parseBase(doc: Record<string, unknown> | null): Base | null {
  const shares = doc?.['shares']
  const agreed = doc?.['agreed'] ?? {}
  if (!isRecord(shares) || !Object.values(shares).every(isSelection)) return null
  if (!isRecord(agreed) || !Object.values(agreed).every(isAgreed)) return null
  return { ...(doc as unknown as Base), agreed: agreed as Base['agreed'] }
}

const isSelection = (value: unknown): value is Selection =>
  value === true || (Array.isArray(value) && value.every((name) => typeof name === 'string'))

const STATES: readonly unknown[] = [
  'coming',
  'both',
  'unshared',
  'left',
  'parted',
  'unrelated',
] satisfies Agreed['state'][]

const isAgreed = (value: unknown): value is Agreed =>
  isRecord(value) &&
  STATES.includes(value['state']) &&
  isRecord(value['attributes']) &&
  isRecord(value['attachments'])
