// What a base is to remember of an object and its copies. It is noted with what is written anyway, never for itself.
import {
  decodeHistories,
  heldBy,
  madeOf,
  OBJECT,
  seenAs,
  withSeen,
  type Histories,
  type Seen,
} from '../model/history.ts'
import { isTooWide } from '../../documents/content.ts'
import type { ObjectEffect, ObjectFacts } from './object-facts.ts'

/**
 * What is known when a turn begins.
 * @param isRelated false where the user's object is another than all the copies: its revisions are none of theirs
 */
export function seenBefore({ doc, base, exchanges }: ObjectFacts, isRelated: boolean): Histories {
  if (exchanges.size === 0) return {}
  const before = decodeHistories(base?.history)
  const histories = [
    [
      OBJECT,
      withSeen(before[OBJECT], ...(doc && isRelated && !isTooWide(doc) ? [seenAs(doc)] : [])),
    ] as const,
  ]
  // Of a copy, where the author is the share's owner, whose lane alone brings its leaves together.
  const copies = [...exchanges.values()].flatMap(({ share, role, home }) => {
    if (role !== 'owner') return []
    const known = Object.hasOwn(before, share) ? before[share] : []
    return [
      [
        share,
        withSeen(known, ...(home.kind === 'live' && !isTooWide(home.leaf) ? [seenAs(home.leaf)] : [])),
      ] as const,
    ]
  })
  return Object.fromEntries([...histories, ...copies])
}

/** With the revisions under which that was written. */
export const withRevisions = (seen: Histories, revisionOf: (place: string) => string | null): Histories =>
  Object.fromEntries(
    Object.entries(seen).map(([place, history]) => [
      place,
      history.map((one) => (one.rev === null ? { ...one, rev: revisionOf(place) } : one)),
    ]),
  )

/** With what the turn writes, under revisions that it does not know yet. */
export function seenWith(before: Histories, effects: readonly ObjectEffect[]): Histories {
  const histories = { ...before }
  const add = (place: string, seen: Seen): void => {
    if (Object.hasOwn(histories, place)) histories[place] = withSeen(histories[place], seen)
  }
  for (const effect of effects)
    if (effect.kind === 'put-object') add(OBJECT, { rev: null, ...heldBy(effect.doc) })
    else if (effect.kind === 'put-copy' && effect.home === 'share') add(effect.share, madeOf(effect.content))
  return histories
}
