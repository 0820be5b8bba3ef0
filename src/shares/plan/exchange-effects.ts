// What a plan of one exchange comes to: the effects that carry it out, and what the base says of it.
import type { Agreed } from '../model/base.ts'
import {
  contentOf,
  covers,
  parseConsents,
  shows,
  unite,
  type Consent,
  type ObjectDoc,
  type Selection,
  namesOf,
} from '../../documents/content.ts'
import { STICKY, type Problem } from '../../documents/problem.ts'
import { isSameJson } from '../../documents/same-json.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { ExchangePlan, LeafDrop } from './exchange-plan.ts'
import type { Ledger } from './ledger.ts'
import type { ObjectEffect, ObjectFacts, Source } from './object-facts.ts'

/** Writes down what is planned for one share. */
export function land(
  facts: ObjectFacts,
  exchange: ExchangeFacts,
  plan: ExchangePlan,
  ledger: Ledger,
): ObjectEffect[] {
  const { object } = facts
  const { share, role, phase } = exchange
  const agreed = ledger.agreed(share)
  ledger.agree(share, plan)
  const effects = effectsOf(facts, exchange, plan)
  if (role !== 'owner' || phase === 'waiting') return effects
  const shown = consentIn(plan.doc, share)
  const hasRivals = exchange.home.kind === 'live' && exchange.home.rivals.length > 0
  const isForgotten = exchange.forgotten !== undefined && exchange.home.kind === 'live'
  // Of a copy whose base was lost, anything may have been readable.
  const known = ledger.widest(share) ?? (isForgotten ? true : undefined)
  // What was pushed over an older revision may show what is not shared any more, and whoever writes into the share may
  // put there what never was: until it is withdrawn, that is readable.
  const old =
    shown?.kind === 'share' && known !== undefined
      ? unite(known, namesBeyond(exchange.home, shown.selection))
      : known
  const withdrawn = withdrawnWith(plan)
  if (withdrawn === 'later') {
    // It is all there still, and looked at again.
    if (shown?.kind === 'share') ledger.show(share, unite(known ?? shown.selection, shown.selection), known)
  } else if (shown?.kind === 'share' && hasRivals && old !== undefined && !covers(shown.selection, old)) {
    // Further leaves go first: they show what is to be withdrawn, too.
    ledger.show(share, unite(old, shown.selection), old)
    ledger.limit(share, shown.selection, 'until withdrawn')
  } else if (shown?.kind === 'share' && isIn(plan.after) && phase === 'active') {
    if (ledger.show(share, shown.selection, old)) effects.push({ kind: 'withdraw', share, object })
    if (isNewList(agreed, old, shown.selection)) {
      ledger.limit(share, shown.selection)
      if (plan.copy.kind !== 'put' && plan.copy.kind !== 'delete') effects.push(...touch(facts, exchange))
    }
  } else {
    const isAll = withdrawn !== 'known'
    if (isAll) ledger.show(share, unite(old ?? [], namesBeyond(exchange.home, [])), old)
    ledger.hide(share)
    if ((old !== undefined && phase === 'active') || isAll)
      effects.push({
        ...{ kind: 'withdraw', share, object },
        ...(withdrawn === 'first' ? { isFirst: true } : {}),
      })
  }
  return effects
}

/** Which old revisions of a copy go with what is planned: those that the base knows of, or all; before anything else, or later. */
function withdrawnWith({ copy }: ExchangePlan): 'known' | 'all' | 'first' | 'later' {
  switch (copy.kind) {
    case 'delete':
      return copy.withdrawn
    case 'withdraw':
      return copy.isFirst ? 'first' : 'all'
    case 'wait':
      return 'later'
    case 'stay':
    case 'put':
    case 'drop-leaves':
      return 'known'
    default:
      return copy satisfies never
  }
}

/** What the leaves of a copy show beyond a selection. */
function namesBeyond(home: ExchangeFacts['home'], selection: Selection): string[] {
  const live = home.kind === 'live' ? [home.leaf, ...home.rivals] : []
  const pushed = home.kind === 'none' ? [] : (home.tombstones ?? []).map(({ leaf }) => leaf)
  const names = [...live, ...pushed].map(contentOf).flatMap(namesOf)
  return [...new Set(names)].filter((name) => !shows(selection, name)).sort()
}

/** True where others have not been told yet how much of the object is shared. */
const isNewList = (agreed: Agreed | null, old: Selection | undefined, selection: Selection): boolean =>
  agreed?.limit !== undefined ||
  !isSameJson(old ?? true, selection) ||
  (agreed?.state !== 'both' && selection !== true)

/** Others look at an object when its copy changes: where nothing but the list of attributes has, it is written anew. */
const touch = ({ object, doc }: ObjectFacts, { share, home }: ExchangeFacts): ObjectEffect[] =>
  doc === null || home.kind !== 'live'
    ? []
    : [
        {
          ...{ kind: 'put-copy', home: 'share', share, object, content: contentOf(home.leaf) },
          ...{ over: home.leaf, from: doc, sources: [] },
        },
      ]

const isIn = (agreed: Agreed | null): boolean => agreed?.state === 'both' || agreed?.state === 'coming'

function effectsOf(
  facts: ObjectFacts,
  { share, home, rejected }: ExchangeFacts,
  plan: ExchangePlan,
): ObjectEffect[] {
  const { object, doc } = facts
  const leaf = home.kind === 'live' ? home.leaf : null
  const sources = sourcesOf(facts)
  const lost = [...plan.keepHome, ...dropsOf(plan).flatMap(({ content }) => content ?? [])]
  const effects: ObjectEffect[] = lost.map((content) => ({
    kind: 'keep-loser',
    ...{ share, object, content, sources },
  }))
  if (plan.copy.kind === 'put' && doc)
    effects.push({
      ...{ kind: 'put-copy', home: 'share', share, object, content: plan.copy.content },
      ...{ over: leaf, from: doc, sources },
    })
  if (plan.copy.kind === 'delete')
    effects.push({ kind: 'delete-copy', home: 'share', share, object, over: leaf })
  // A tombstone says nothing: what gives way with a leaf is kept apart from it.
  for (const { rev } of dropsOf(plan)) effects.push({ kind: 'drop-copy-leaf', share, object, rev })
  for (const content of plan.keepLocal)
    effects.push({ kind: 'keep-loser', share: null, object, content, sources })
  const { rejection } = plan
  const isCarried = plan.copy.kind === 'put' || !isSameJson(plan.doc, doc)
  if (rejection && rejection.code !== rejected)
    effects.push({ kind: 'report', share, object, problem: rejection })
  else if (!rejection && rejected !== null && isHealed(rejected, isCarried, home))
    effects.push({ kind: 'report', share, object, problem: null })
  return effects
}

/** The further leaves of the copy that go. */
function dropsOf({ copy }: ExchangePlan): LeafDrop[] {
  if (copy.kind === 'drop-leaves') return copy.drops
  return copy.kind === 'delete' ? copy.rivals.map((rev) => ({ rev, content: null })) : []
}

/** What was refused of many leaves is nowhere else in the share: that others of them were carried over heals nothing. */
const isHealed = (code: Problem['code'], isCarried: boolean, home: ExchangeFacts['home']): boolean =>
  code === 'too_many_leaves' ? home.kind !== 'live' : isCarried || !STICKY.has(code)

/** All that an object's attachments may come from. */
export const sourcesOf = ({ doc, rivals, exchanges }: ObjectFacts): Source[] => [
  ...(doc ? [{ share: null, leaf: doc }] : []),
  ...rivals.map(({ leaf }) => ({ share: null, leaf })),
  ...[...exchanges].flatMap(([share, { home }]) =>
    home.kind === 'live' ? [home.leaf, ...home.rivals].map((leaf) => ({ share, leaf })) : [],
  ),
]

/** What an object says about one share. */
export function consentIn(doc: ObjectDoc | null, share: string): Consent | undefined {
  const consents = parseConsents(doc?.['$shares'])
  return consents.kind === 'keys' ? consents.keys.get(share) : undefined
}
