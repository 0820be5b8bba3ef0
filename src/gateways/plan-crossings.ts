// What changed routes mean for who may read the documents: which channels they come into or leave, and which routes need not remember it,
// because nobody has any of these.
import isEqual from 'lodash/isEqual.js'
import xor from 'lodash/xor.js'
import { ALL_DOCUMENTS } from './function/grants.ts'
import type { Route } from './model.ts'
import { channelsOf, isUnsettled } from './plan-route.ts'

/** Characters of the names of channels that are noted together: the note is written with each page. */
const MOST_NOTED = 50_000

/** Everybody whom the route concerned knows it, and what changes is not what the document says, but what another function says of it. */
const isReevaluated = (before: Route | null, after: Route): before is Route =>
  before !== null && !isUnsettled(before) && before.rev === after.rev

/**
 * The channels whose readers a changed route concerns; `*` stands for those who read all. Where another function has judged the same
 * revision, these are what it comes into, or leaves: who has none of them reads it after as before, whatever else that user gains or
 * loses meanwhile.
 */
export function crossedChannels(before: Route | null, after: Route): Set<string> {
  if (!isReevaluated(before, after)) return channelsOf(after).add(ALL_DOCUMENTS)
  const isForAll = (before.problem === undefined) === (after.problem === undefined)
  return new Set([...xor(before.channels, after.channels), ...(isForAll ? [] : [ALL_DOCUMENTS])])
}

/** What only other channels change of, and no grant. */
const mayForget = (before: Route | null, after: Route): boolean =>
  isReevaluated(before, after) && isEqual([before.access, before.roles], [after.access, after.roles])

/** Whose readers are to be known before it is said which routes need not remember. @returns by document, the channels that it crosses */
export function crossings(
  there: ReadonlyMap<string, Route>,
  changed: ReadonlyMap<string, Route>,
): { all: Map<string, Set<string>>; asked: Set<string> } {
  const all = new Map<string, Set<string>>()
  const asked = new Set<string>()
  for (const [id, after] of changed) {
    const before = there.get(id) ?? null
    const crossed = crossedChannels(before, after)
    all.set(id, crossed)
    if (mayForget(before, after)) for (const channel of crossed) asked.add(channel)
  }
  return { all, asked }
}

export interface Crossings {
  /** As they are to be written. */
  routes: Map<string, Route>
  /** Documents whose routes remember nothing. */
  quiet: Set<string>
  /** The channels that these cross: to be noted before any of the routes is written. */
  noted: Set<string>
}

/**
 * Says which routes need not remember what they were: each would be written a second time, to forget it. A note of the channels does for
 * all of them, as long as it is not too long.
 * @param crossed by document
 * @param readers by channel, the names of those who have it
 * @param held channels that stay noted
 */
export function planCrossings(
  there: ReadonlyMap<string, Route>,
  changed: ReadonlyMap<string, Route>,
  crossed: ReadonlyMap<string, ReadonlySet<string>>,
  readers: ReadonlyMap<string, ReadonlySet<string>>,
  held: Iterable<string>,
): Crossings {
  const routes = new Map(changed)
  const quiet = new Set<string>()
  const noted = new Set(held)
  let room = MOST_NOTED - lengthOf(noted)
  for (const [id, route] of changed) {
    const channels = [...(crossed.get(id) ?? [])]
    const isRead = channels.some((channel) => readers.has(channel))
    if (!mayForget(there.get(id) ?? null, route) || (isRead && route.before !== undefined)) continue
    const more = channels.filter((channel) => !noted.has(channel))
    const length = lengthOf(more)
    if (length > room) continue
    room -= length
    for (const channel of more) noted.add(channel)
    quiet.add(id)
    const { before: _before, ...rest } = route
    routes.set(id, rest)
  }
  return { routes, quiet, noted }
}

const lengthOf = (channels: Iterable<string>): number =>
  [...channels].reduce((sum, { length }) => sum + length, 0)
