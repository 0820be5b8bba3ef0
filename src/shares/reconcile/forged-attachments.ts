// Takes attachments out of a public share that are larger than they say. Nobody reads them from there meanwhile, who takes
// part: see src/shares/gather/forged-attachments.ts.
import pick from 'lodash/pick.js'
import type { Attachment, Change, StoredDoc } from '../../couch/document.ts'
import { forgedOf, withoutForged } from '../gather/forged-attachments.ts'
import { shareDatabase } from '../../documents/names.ts'
import { problem } from '../../documents/problem.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { Progress } from '../perform/shared-copies.ts'
import type { Context } from './context.ts'
import { parseCopyId, shareCheckpoint } from '../model/ids.ts'

/** @returns what is to be listed of them @throws {CouchFault} */
export async function takeOutForged(
  { deps, user }: Context,
  share: string,
  changes: readonly Change[],
): Promise<Progress> {
  const progress = new Progress()
  const home = deps.couch.database(shareDatabase(share))
  const ids = changes.flatMap(({ id }) => (parseCopyId(id)?.share === share ? [id] : []))
  const wanted = (await home.fetchIfThere(ids, { conflicts: true })).flatMap(({ id, doc }) =>
    doc === null || (doc._attachments === undefined && doc._conflicts === undefined)
      ? []
      : [doc._rev, ...(doc._conflicts ?? [])].map((rev) => ({ id, rev })),
  )
  const leaves = await home.leaves(wanted, { encodings: true })
  const forged = forgedOf(leaves)
  const rewritten = leaves
    .filter(({ _rev }) => forged.has(_rev))
    .map(({ _revisions: _, ...leaf }) => withStubs(withoutForged(leaf, forged) as StoredDoc))
  for (const row of await writeBulk(home, rewritten)) {
    // In a conflict somebody has written since: that change comes by, and is looked at.
    if (!row.ok) continue
    const object = parseCopyId(row.id)?.object ?? ''
    progress.report(share, object, problem('forged_attachment'))
    deps.ownWrites.add(shareCheckpoint(share, user.name), row.id, row.rev)
    deps.log.warn({ share, doc: object }, 'an attachment that is larger than it says was taken out')
  }
  return progress
}

/** What stays is not sent again. https://docs.couchdb.org/en/stable/api/document/attachments.html */
function withStubs({ _attachments, ...doc }: StoredDoc): StoredDoc {
  if (_attachments === undefined) return doc
  const stubs = Object.entries(_attachments).map(([name, stub]): [string, Attachment] => [
    name,
    { stub: true, ...pick(stub, ['content_type', 'digest', 'length', 'revpos']) },
  ])
  return { ...doc, _attachments: Object.fromEntries(stubs) }
}
