// Several live leaves of a copy, which clients have pushed, become one.
import type { Agreed } from '../model/base.ts'
import { contentOf, withContent, type Content, type ObjectDoc } from '../../documents/content.ts'
import { givesWay, merge, sideOf } from '../../documents/merge.ts'
import type { Clock } from '../../documents/time.ts'
import { bytesOf } from './exchange-bounds.ts'
import type { LiveCopy } from './exchange-facts.ts'
import { dropLeaves, type ExchangePlan, type LeafDrop } from './exchange-plan.ts'
import { isIdentical } from './exchange-state.ts'

/**
 * The live leaves of a copy as one: clients may have pushed several. They are merged against what they have in common,
 * not against what the owner had: the owner may have seen one of them already. One with which they would be larger than anybody may
 * write gives way whole.
 * @returns the winning leaf with the content of all; what of its own gave way; and the others
 */
export function foldLeaves(
  { leaf, rivals, ancestors = [], mostBytes }: LiveCopy,
  clock: Clock,
): { leaf: ObjectDoc; keep: Content[]; drops: LeafDrop[] } {
  const commons = rivals.map((_, index) => ancestors[index] ?? null)
  const most = mostTogether([leaf, ...rivals], mostBytes)
  const folded = rivals.reduce((merged, rival, index) => {
    const { local } = merge(sideOf(contentOf(merged), clock), sideOf(contentOf(rival), clock), {
      agreed: commons[index] ?? null,
      maySend: true,
    })
    return bytesWithin(local, most) ? withContent(merged, local, () => true) : merged
  }, leaf)
  const result = contentOf(folded)
  const isLost = (content: Content, index: number): boolean =>
    givesWay(content, result, commons[index] ?? null)
  return {
    leaf: folded,
    keep: rivals.some((_, index) => isLost(contentOf(leaf), index)) ? [contentOf(leaf)] : [],
    drops: rivals.map((rival, index) => ({
      rev: rival._rev,
      content: isLost(contentOf(rival), index) ? contentOf(rival) : null,
    })),
  }
}

/** What is larger than guests may write is its owner's: a guest's leaf may come to it. */
function mostTogether(leaves: readonly ObjectDoc[], mostBytes: number | undefined): number | null {
  if (mostBytes === undefined || leaves.length === 1) return null
  const largest = Math.max(...leaves.map((leaf) => bytesOf(contentOf(leaf))))
  return largest > mostBytes ? largest + mostBytes : mostBytes
}

const bytesWithin = (content: Content, most: number | null): boolean =>
  most === null || bytesOf(content) <= most

/**
 * The live leaves of a copy that is none of the owner's objects become one. What gives way is kept with the copy, for its
 * members, and with the owner's object of that `_id`: nothing that becomes of the share reaches it there.
 */
export function uniteLeaves(
  home: LiveCopy,
  clock: Clock,
  agreed: Agreed | null,
): Pick<ExchangePlan, 'copy' | 'keepHome' | 'keepLocal'> {
  const { leaf, keep, drops } = foldLeaves(home, clock)
  const content = contentOf(leaf)
  const isHomeRight = isIdentical(content, contentOf(home.leaf))
  // Further leaves go when their content is safe in the first.
  const dropped = isHomeRight ? drops : []
  return {
    copy: isHomeRight ? dropLeaves(drops) : { kind: 'put', content, sent: null, otherwise: agreed },
    keepHome: keep,
    keepLocal: [...keep, ...dropped.flatMap((one) => one.content ?? [])],
  }
}
