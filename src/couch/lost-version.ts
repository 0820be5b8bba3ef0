// What gave way, as a deleted revision with a root of its own: no live leaf, and it wins against none.
import type { StoredDoc } from './document.ts'
import { digestsOf } from '../documents/digests.ts'
import type { Content } from '../documents/content.ts'
import { revisionHash } from '../documents/made-revision.ts'

/** A content as such a revision, named by what it says; its attachments still to be added. */
export function lostVersion(id: string, content: Content): StoredDoc {
  const { attachments } = digestsOf(content)
  const isBare = Object.keys(attachments).length === 0
  const hash = revisionHash([id, content.attributes, ...(isBare ? [] : [attachments])])
  return {
    ...content.attributes,
    ...{ _id: id, _rev: `1-${hash}`, _revisions: { start: 1, ids: [hash] }, _deleted: true },
  }
}
