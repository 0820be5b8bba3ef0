// The owner's object and its copy are there: the owner's list of attributes is the limit of what the copy shows.
import type { Agreed } from '../model/base.ts'
import {
  contentOf,
  covers,
  pickContent,
  pickFrom,
  project,
  shows,
  type Content,
  type ObjectDoc,
  type Selection,
  namesOf,
} from '../../documents/content.ts'
import { digestsOf } from '../../documents/digests.ts'
import type { Common } from '../../documents/merge.ts'
import { own } from '../../documents/own.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import { boundOf } from './exchange-bounds.ts'
import type { ExchangeOptions, LiveCopy } from './exchange-facts.ts'
import { dropLeaves, idle, type ExchangePlan } from './exchange-plan.ts'
import { isIdentical } from './exchange-state.ts'
import { foldLeaves } from './fold-leaves.ts'
import { mergeSides, MOST_NAMED, reachOf, settledOn, type Reach } from './merge-sides.ts'

export function mergeOwner(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  agreed: Agreed,
  home: LiveCopy,
): ExchangePlan {
  const { leaf, keep, drops } = foldLeaves(home, options.clock)
  const there = contentOf(leaf)
  // What is being withdrawn is not the share's any more, though it may still be readable.
  const reach = reachOf(scope, agreed.limit ?? options.facts.limit, there)
  const { merged, local, result, outside, isLocalLost, isHomeLost } = mergeSides(
    options,
    doc,
    leaf,
    agreed,
    reach,
  )
  const wished = project(merged, scope)
  const limits = { bounds: null, mostBytes: options.facts.mostBytes }
  const bound = isIdentical(wished, contentOf(home.leaf)) ? null : boundOf(wished, limits, false, there)
  // What may not go out waits here; what the copy has stays, as far as it is shared still.
  const content = bound === null ? wished : pickContent(there, reachOf(scope))
  const isHomeRight = isIdentical(content, contentOf(home.leaf))
  const isNarrowed = options.facts.limit !== null && !covers(scope, options.facts.limit)
  const lostLocally = [
    ...(isLocalLost ? [local] : []),
    // What somebody put into the share beyond what the owner shows is taken out, and kept for them.
    ...(namesOf(outside).length > 0 ? [outside] : []),
  ]
  const lostThere = [...keep, ...(isHomeLost ? [there] : [])]
  const dropped = isHomeRight ? drops : []
  const inScope = (lost: Content): Content => pickContent(lost, reachOf(scope))
  const common = (from: Common): Agreed => settledOn(agreed, digestsWithin(from, scope))
  const rejection = bound ?? unsharedOf([...namesOf(outside), ...namesPushed(home, reach)])
  const plan: ExchangePlan = {
    ...idle(merged, options.agreed),
    copy: isHomeRight
      ? // Further leaves go when their content is safe in the first. Nothing of them stays where old revisions go.
        dropLeaves(
          drops.map(({ rev, content: lost }) => ({
            rev,
            content: isNarrowed ? null : lost && inScope(lost),
          })),
        )
      : {
          ...{ kind: 'put', content, otherwise: common(result.found) },
          // What came with something that is refused comes in first: nothing else is left when that is taken out.
          sent: rejection ? null : common(result.sent),
        },
    // The owner has it where neither a narrowing nor a making-anew reaches; in the share its members read it.
    keepLocal: [...lostLocally, ...lostThere, ...dropped.flatMap((one) => one.content ?? [])],
    keepHome: isNarrowed ? [] : lostThere.map(inScope),
    after: common(bound === null ? result.agreed : result.found),
    rejection,
  }
  if (!isNarrowed || !isNewBeyond(scope, merged, doc)) return plan
  // What goes with the old revisions has to be safe before.
  const seen = settledOn(agreed, { ...digestsOf(pickContent(there, reach)), kept: {} })
  return { ...plan, copy: { kind: 'wait' }, after: seen }
}

/** What somebody put into the share beyond what its owner shows. */
function unsharedOf(names: readonly string[]): Problem | null {
  const unshared = [...new Set(names)].sort()
  return unshared.length === 0
    ? null
    : problem('unshared_attributes', unshared.slice(0, MOST_NAMED).join(', '))
}

/** True where something has come into the object that is not shared any more. */
const isNewBeyond = (scope: Selection, merged: ObjectDoc, doc: ObjectDoc): boolean =>
  !isIdentical(pickContent(contentOf(merged), beyond(scope)), pickContent(contentOf(doc), beyond(scope)))

/**
 * The owner takes an object out: what others wrote since both had the same is the owner's to keep.
 * @returns whether something of it is not in the object yet, and what both have in common when it is
 */
export function takeIn(
  options: ExchangeOptions,
  doc: ObjectDoc,
  home: LiveCopy,
  agreed: Agreed,
): { doc: ObjectDoc; keepLocal: Content[]; isNew: boolean; agreed: Agreed } {
  const { leaf, keep, drops } = foldLeaves(home, options.clock)
  const there = contentOf(leaf)
  const limit = options.facts.limit ?? Object.keys(agreed.attributes)
  const reach = reachOf([], limit, there)
  const { merged, local, outside, isLocalLost, isHomeLost } = mergeSides(options, doc, leaf, agreed, reach)
  const dropped = drops.flatMap(({ content }) => content ?? [])
  const isThereLost = isHomeLost || namesOf(outside).length > 0
  return {
    doc: merged,
    keepLocal: [...keep, ...dropped, ...(isLocalLost ? [local] : []), ...(isThereLost ? [there] : [])],
    isNew: !isIdentical(contentOf(merged), contentOf(doc)),
    agreed: { ...agreed, ...digestsOf(pickContent(there, reach)) },
  }
}

/** What further leaves changed, against what they were made from, of what is not shared (any more). */
function namesPushed({ rivals, ancestors = [] }: LiveCopy, reach: Reach): string[] {
  return rivals.flatMap((rival, index) => {
    const common = ancestors[index]
    const beyondReach = pickContent(contentOf(rival), (kind, name) => !reach(kind, name))
    const digests = digestsOf(beyondReach)
    return namesOf(
      pickContent(
        beyondReach,
        (kind, name) => !common || own(common[kind], name) !== own(digests[kind], name),
      ),
    )
  })
}

/** What is not shared any more. */
const beyond =
  (scope: Selection): Reach =>
  (kind, name) =>
    !shows(scope, kind === 'attributes' ? name : '_attachments')

const digestsWithin = ({ attributes, attachments, kept }: Common, scope: Selection): Common => ({
  attributes: pickFrom(attributes, (name) => shows(scope, name)),
  attachments: shows(scope, '_attachments') ? attachments : {},
  kept,
})
