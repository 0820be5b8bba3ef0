// What changed documents mean for the index of a gateway: which are to be judged, whose routes are others then, and who is to look.
import isEqual from 'lodash/isEqual.js'
import { LIMITS } from './function/comparison.ts'
import { ALL_DOCUMENTS, EVERYBODY } from './function/grants.ts'
import type { Judgement } from './function/sync-function.ts'
import type { Route } from './model.ts'
import { channelsOf, routeAfter, isUnsettled } from './plan-route.ts'

/** A document as the gateway has it. */
export interface FoundDocument {
  id: string
  rev: string | null
  /** Null: it is gone, or never was. */
  doc: object | null
}

/** Why a document goes nowhere though the function says where. */
const TOO_MUCH = 'The document has more channels and grants than can be stored of one.'

/** True where a document has to be judged. @param isAnew also in a revision that was judged: by another function */
export function isStale({ doc, rev }: FoundDocument, known: Route | undefined, isAnew: boolean): boolean {
  if (doc === null) return known !== undefined && known.rev !== null
  return isAnew || known?.rev !== rev
}

/** By document, the routes that are others than they were. */
export function changedRoutes(
  there: ReadonlyMap<string, Route>,
  stale: readonly FoundDocument[],
  judgements: ReadonlyMap<string, Judgement>,
): Map<string, Route> {
  const changed = new Map<string, Route>()
  for (const { id, rev, doc } of stale) {
    const before = there.get(id) ?? null
    const after = routeAfter(before, id, doc === null ? null : rev, judgements.get(id) ?? null)
    if (!isEqual(before, after)) changed.set(id, after)
  }
  return changed
}

/** The route of a document that is in more channels, or grants more, than the index can hold of one: it goes nowhere. */
export const refusedRoute = (before: Route | null, document: string, rev: string | null): Route =>
  routeAfter(before, document, rev, { kind: 'failed', reason: TOO_MUCH })

/** By document, the channels whose readers may have it now, or had it, as long as somebody may not know. */
export const readingChannels = (routes: ReadonlyMap<string, Route>): Map<string, Set<string>> =>
  new Map([...routes].map(([id, route]) => [id, channelsOf(route).add(ALL_DOCUMENTS)]))

/**
 * By user, the documents that are in a channel that the user has.
 * @param channels by document
 * @param readers by channel, the names of those who have it; of `!` those of all, of `*` those who read all documents
 */
export function documentsByReader(
  channels: ReadonlyMap<string, ReadonlySet<string>>,
  readers: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, Set<string>> {
  const documents = new Map<string, Set<string>>()
  for (const [id, all] of channels) {
    const names = all.has(EVERYBODY)
      ? readers.get(EVERYBODY)
      : new Set([...all].flatMap((channel) => [...(readers.get(channel) ?? [])]))
    for (const name of names ?? []) documents.set(name, (documents.get(name) ?? new Set()).add(id))
  }
  return documents
}

/** The documents whose routes remember something until everybody knows. */
export const unsettledOf = (routes: ReadonlyMap<string, Route>): Set<string> =>
  new Set([...routes].filter(([, route]) => isUnsettled(route)).map(([id]) => id))

/** A line of the log. */
export interface Warning {
  about: object
  message: string
}

/** What goes nowhere, and what is past the limits, once for each change; nothing of what a document says. */
export function warningsOf(doc: string, before: Route | null, after: Route): Warning[] {
  const warnings: Warning[] = []
  if (after.problem && after.problem.code !== before?.problem?.code)
    warnings.push({ about: { doc, code: after.problem.code }, message: 'document is in no channel' })
  const channels = after.channels.length
  if (channels > LIMITS.channelsPerDocument && channels !== before?.channels.length)
    warnings.push({
      about: { doc, channels, limit: LIMITS.channelsPerDocument },
      message: 'document is in many channels',
    })
  const grants = grantsOf(after)
  if (grants > LIMITS.grantsPerDocument && grants !== grantsOf(before))
    warnings.push({
      about: { doc, grants, limit: LIMITS.grantsPerDocument },
      message: 'document grants much',
    })
  return warnings
}

const grantsOf = (route: Route | null): number => (route ? route.access.length + route.roles.length : 0)
