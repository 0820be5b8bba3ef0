// Tombstones that clients pushed beside what a share shows: what they say is looked at, and whether they are a last word.
import { digestsOf, isDigestOf } from '../../documents/digests.ts'
import type { Held } from '../model/history.ts'
import { contentOf, shows, type Selection } from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import type { LiveCopy } from './exchange-facts.ts'

/**
 * True where somebody deleted the copy offline, and nothing has happened to it since but that its owner shows less: that
 * is the last word. Where anybody has edited it, the edit wins.
 */
export function isLastWord({ leaf, rivals, tombstones = [] }: LiveCopy, selection: Selection): boolean {
  if (rivals.length > 0) return false
  const now = digestsOf(contentOf(leaf))
  return tombstones.some(
    ({ since = [] }) =>
      since.length > 0 && since.every((held) => held !== null && isAsNow(held, now, selection)),
  )
}

/** True where a copy held, of what is shared now, what it holds now. */
function isAsNow(held: Held, now: Pick<Held, 'attributes' | 'attachments'>, selection: Selection): boolean {
  const isAlike = (there: Record<string, string>, here: Record<string, string>, listed?: string): boolean =>
    [...new Set([...Object.keys(there), ...Object.keys(here)])]
      .filter((name) => shows(selection, listed ?? name))
      .every((name) => isDigestOf(own(there, name), own(here, name)))
  return (
    isAlike(held.attributes, now.attributes) && isAlike(held.attachments, now.attachments, '_attachments')
  )
}
