// What a share may hold of a copy's leaves now: live ones as they are, of deleted ones nothing that it does not show.
import type { StoredDoc } from '../../couch/document.ts'
import type { Base } from '../model/base.ts'
import { project, type Selection } from '../../documents/content.ts'
import { isBare } from '../../documents/tombstone.ts'
import type { Home } from '../plan/object-facts.ts'
import { lostVersion } from '../../couch/lost-version.ts'
import { revisionOver } from '../../documents/deterministic-revision.ts'

/** What a share shows of an object; null: nothing. */
export type Shown = Selection | null

/** By which the revisions that say nothing are told from others over the same leaf. */
const BURIED = 'buried'

/** A tombstone over a leaf. Made twice it is the same; whoever has the leaf takes it for an ordinary deletion. */
export const buried = (leaf: StoredDoc): StoredDoc => ({
  _id: leaf._id,
  ...revisionOver(leaf, BURIED),
  _deleted: true,
})

/** What gave way is kept as a deleted leaf with a root of its own; a deletion has what was deleted before it. */
const isLostVersion = ({ _rev, _deleted }: StoredDoc): boolean => _deleted === true && _rev.startsWith('1-')

/**
 * What stands in a share in place of a leaf; null where nothing is to be left of it. A deleted leaf says nothing: what
 * its author left in it is taken out by a revision over it, which is the same each time. What gave way stays, cut down
 * to what the share shows now. Live ones stay, as they wait to be merged; where the daemon alone writes copies, one that says
 * more than it would write came from elsewhere, a backup for instance, and is nobody's edit.
 * @param home where copies are written
 */
export function keptLeaf(leaf: StoredDoc, shown: Shown, home: Home): StoredDoc | null {
  if (isBare(leaf)) return leaf
  if (!leaf._deleted) return home === 'share' || saysOnly(leaf, shown) ? leaf : buried(leaf)
  if (!isLostVersion(leaf)) return buried(leaf)
  if (saysOnly(leaf, shown)) return leaf
  const content = shown === null ? NOTHING : project(leaf, shown)
  if (isNothing(content)) return null
  return {
    ...lostVersion(leaf._id, content),
    ...(Object.keys(content.attachments).length === 0 ? {} : { _attachments: content.attachments }),
  }
}

type Content = ReturnType<typeof project>

const NOTHING: Content = { attributes: {}, attachments: {} }

const isNothing = ({ attributes, attachments }: Content): boolean =>
  Object.keys(attributes).length + Object.keys(attachments).length === 0

/** True where a leaf says something, and nothing but what is shown. */
function saysOnly(leaf: StoredDoc, shown: Shown): boolean {
  if (shown === null) return false
  const { attributes, attachments } = project(leaf, shown)
  const names = Object.keys(leaf).filter((name) => !name.startsWith('_'))
  return (
    !(leaf._deleted && isNothing({ attributes, attachments })) &&
    names.every((name) => Object.hasOwn(attributes, name)) &&
    Object.keys(leaf._attachments ?? {}).every((name) => Object.hasOwn(attachments, name))
  )
}

/** What the owner's base says that a share shows of the object. While it is being narrowed, no more than is left. */
export function shownBy(base: Pick<Base, 'shares' | 'agreed'> | null, share: string): Shown {
  if (base === null) return null
  const agreed = Object.hasOwn(base.agreed, share) ? base.agreed[share] : undefined
  // What somebody else brought under the `_id` of another object of the owner's is whole.
  if (agreed?.state === 'unrelated') return true
  const shown = Object.hasOwn(base.shares, share) ? base.shares[share] : undefined
  return shown === undefined ? null : (agreed?.limit ?? shown)
}
