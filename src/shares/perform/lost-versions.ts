// What gave way is kept where the usual requests find it: as a deleted conflict, which is no live leaf and wins against none.
import type { Database } from '../../couch/database.ts'
import type { Doc, Written } from '../../couch/document.ts'
import { Room } from '../../couch/attachments.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { prepare } from '../../couch/with-attachments.ts'
import type { Deps } from '../deps.ts'
import type { Effect } from '../plan/effects.ts'
import { lostVersion } from '../../couch/lost-version.ts'
import { placesOf } from './attachment-places.ts'

type RefusedRow = Extract<Written, { ok: false }>

/**
 * Keeps contents, with their attachments, each under a root of its own. Written twice it is the same.
 * @param to where the object or its copy is, `user` where the objects are
 * @param idOf the id there of an object
 * @returns the objects of which attachments are gone meanwhile: what rests on that is to be planned again; and what was
 * refused, by object: there, nothing must give way
 */
export async function keepLosers(
  deps: Pick<Deps, 'couch'>,
  { to, user, idOf }: { to: Database; user: Database; idOf: (object: string) => string },
  losers: readonly Effect<'keep-loser'>[],
): Promise<{ gone: Set<string>; refused: Map<string, RefusedRow> }> {
  const docs: Doc[] = []
  const gone = new Set<string>()
  const refused = new Map<string, RefusedRow>()
  const objects = new Map(losers.map(({ object }) => [idOf(object), object]))
  const takeNote = (row: Written): void => {
    if (!row.ok) refused.set(objects.get(row.id) ?? '', row)
  }
  const room = new Room()
  for (const { object, content, sources } of losers) {
    const target = lostVersion(idOf(object), content)
    const [from, wanted] = [placesOf(deps, user, sources), content.attachments]
    const prepared = await prepare({ target, wanted, over: null, to, from, room, newEdits: false })
    if (prepared === null) gone.add(object)
    else if (prepared.kind === 'large') takeNote(await prepared.send())
    else docs.push(prepared.doc)
  }
  for (const row of await writeBulk(to, docs, { newEdits: false })) takeNote(row)
  return { gone, refused }
}
