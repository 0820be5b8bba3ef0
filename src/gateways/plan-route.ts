// What a changed document means for its route: what the route says from now on, and whom that concerns.
import isEqual from 'lodash/isEqual.js'
import { NOWHERE } from './function/route.ts'
import { ALL_DOCUMENTS, EVERYBODY, ROLE } from './function/grants.ts'
import { MOST_CHANNELS, MOST_GRANTS, TOO_MANY } from './function/judge.ts'
import type { Judgement } from './function/sync-function.ts'
import { NO_REACH, routeId, type Reach, type Route } from './model.ts'
import { problem, type Problem } from '../documents/problem.ts'

const reachOf = ({ channels, access, roles }: Reach): Reach => ({ channels, access, roles })

/** Where a document goes that was judged; null: it is gone. */
export function routeAfter(
  there: Route | null,
  document: string,
  rev: string | null,
  judgement: Judgement | null,
): Route {
  const routed = judgement?.kind === 'accepted' ? judgement.routed : NOWHERE
  const reach = reachOf(routed)
  const before = beforeOf(there, reach)
  const { _rev } = there ?? {}
  const last = there === null || there.rev === rev ? there?.last : (there.rev ?? there.last)
  return {
    _id: routeId(document),
    ...(_rev === undefined ? {} : { _rev }),
    type: 'route',
    rev,
    ...reach,
    expiry: routed.expiry,
    ...(last === undefined ? {} : { last }),
    ...(judgement === null || judgement.kind === 'accepted' ? {} : { problem: problemOf(judgement) }),
    ...(before === undefined ? {} : { before }),
  }
}

/** What is wrong with a document that a function does not accept. */
export const problemOf = (judgement: Exclude<Judgement, { kind: 'accepted' }>): Problem =>
  judgement.kind === 'rejected'
    ? problem('refused_by_function', judgement.reason)
    : judgement.reason.startsWith(TOO_MANY)
      ? problem('too_many_grants', String(MOST_CHANNELS), String(MOST_GRANTS))
      : problem('sync_function_failed', judgement.reason)

/**
 * What is to be remembered until everybody knows: of another reach what it was, and of what is new that it grants. Who only
 * reads what is new is told by whoever found it, a second time after a crash.
 */
function beforeOf(there: Route | null, reach: Reach): Reach | undefined {
  if (there === null) return reach.access.length + reach.roles.length > 0 ? NO_REACH : undefined
  if (isEqual(reachOf(there), reach)) return there.before
  const { channels, access, roles } = there.before ?? reachOf(there)
  return {
    channels: [...new Set([...channels, ...there.channels])],
    access: grantsBefore(access, there.access, reach.access, accessKey),
    roles: grantsBefore(roles, there.roles, reach.roles, roleKey),
  }
}

/**
 * What is now to be taken for what was granted before, so that all that changed since is another grant than now: what was
 * taken and is granted again was not there, for somebody may have lost it meanwhile.
 */
function grantsBefore<Grant>(
  before: readonly Grant[],
  there: readonly Grant[],
  now: readonly Grant[],
  keyOf: (grant: Grant) => string,
): Grant[] {
  const changed = [...differing(before, there, keyOf), ...differing(there, now, keyOf)]
  return differing(now, changed, keyOf)
}

const accessKey = ({ to, channel }: Reach['access'][number]): string => JSON.stringify([to, channel])
const roleKey = ({ user, role }: Reach['roles'][number]): string => JSON.stringify([user, role])

/** What is in one of two lists alone, each once. By keys: users make these lists as long as they may. */
function differing<Grant>(
  ones: readonly Grant[],
  others: readonly Grant[],
  keyOf: (grant: Grant) => string,
): Grant[] {
  const [left, right] = [ones, others].map((all) => new Map(all.map((one) => [keyOf(one), one])))
  const missing = (from: typeof left, of: typeof right): Grant[] =>
    [...(of ?? [])].filter(([key]) => !from?.has(key)).map(([, one]) => one)
  return [...missing(right, left), ...missing(left, right)]
}

/** Somebody whom the document concerned may not know yet, or it is gone. */
export const isUnsettled = ({ before, rev }: Route): boolean => before !== undefined || rev === null

/** A route that was carried out, as far as everybody whom it concerned is concerned; null where nothing is left to say. */
export function settledRoute({ before: _before, ...route }: Route): Route | null {
  return route.rev === null ? null : route
}

/** The channels that a document is in, and those that it was in, as long as somebody may not know that it is not. */
export const channelsOf = ({ channels, before }: Route): Set<string> =>
  new Set([...channels, ...(before?.channels ?? [])])

/** To whom documents grant something else than before, as long as somebody may not know. */
export function grantedAnew(routes: readonly Route[]): { names: Set<string>; roles: Set<string> } {
  const [names, roles] = [new Set<string>(), new Set<string>()]
  for (const { before, access, roles: given } of routes) {
    if (before === undefined) continue
    for (const { to } of differing(access, before.access, accessKey))
      if (to.startsWith(ROLE)) roles.add(to.slice(ROLE.length))
      else names.add(to)
    for (const { user } of differing(given, before.roles, roleKey)) names.add(user)
  }
  return { names, roles }
}

/** In a channel that a user has: `channels` are the user's, without `!`. */
export const isReadable = (
  route: Pick<Route, 'channels' | 'problem' | 'rev'>,
  channels: ReadonlySet<string>,
): boolean =>
  route.rev !== null &&
  route.problem === undefined &&
  (channels.has(ALL_DOCUMENTS) ||
    route.channels.some((channel) => channel === EVERYBODY || channels.has(channel)))
