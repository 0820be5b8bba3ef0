// What gave way, as a deleted revision with a root of its own: no live leaf, and it wins against none.
import type { StoredDoc, Doc } from './document.ts'
import { digestsOf } from '../documents/digests.ts'
import type { Content } from '../documents/content.ts'
import { revisionHash } from '../documents/deterministic-revision.ts'

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

/** A further leaf that goes, with its content where that is in no other place; attachments stay those of the leaf. */
export function tombstoneWithContent(id: string, rev: string, content: Content | null): Doc {
  const attachments = Object.entries(content?.attachments ?? {})
  return {
    ...content?.attributes,
    ...(attachments.length === 0
      ? {}
      : {
          _attachments: Object.fromEntries(
            attachments.map(([name, stub]) => [name, { ...stub, stub: true }]),
          ),
        }),
    ...{ _id: id, _rev: rev, _deleted: true },
  }
}
