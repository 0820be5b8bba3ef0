// A share's home turns when others may write: from the owner's outbox to the share itself.
import type { Database } from '../../couch/database.ts'
import type { Doc } from '../../couch/document.ts'
import { parseBase } from '../model/base.ts'
import { digestsOf } from '../../documents/digests.ts'
import { shareDatabase } from '../../documents/names.ts'
import { contentOf } from '../../documents/content.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { copiesIn, equalize } from './copies.ts'
import type { Deps } from '../deps.ts'
import type { Basis } from '../entry-changes.ts'
import { withdrawLate } from './late-copies.ts'
import { baseId, copyId, objectOfBase, parseCopyId } from '../model/ids.ts'

/**
 * From now on the share itself is where copies are written. Both sides are made equal first, and what the outbox holds
 * then is what the owner and the share have in common.
 * @returns false where another daemon has decided about the share meanwhile: the rest is planned again
 */
export async function turnHome(deps: Deps, owner: string, share: string, basis: Basis): Promise<boolean> {
  const { couch, users, registry, leases, log } = deps
  const outbox = couch.database(users.outbox(owner))
  const { losses } = (await registry.entry(share)) ?? {}
  await leases.stop(share, owner)
  for await (const copies of copiesIn(outbox, share))
    for (let left = copies; left.length > 0;) {
      const late = await equalize(outbox, couch.database(shareDatabase(share)), left)
      await withdrawLate(deps, owner, { share, home: 'outbox', copies: late })
      const agreements = await agreementsOn(outbox, share, left, losses)
      // After the bases were read: who has turned it writes into the share, and the outbox may be behind.
      if (!(await registry.isAsPlanned(share, basis))) return false
      left = await writeAgreements(outbox, share, agreements)
    }
  if (!(await registry.change(share, { home: 'share' }, basis))) return false
  log.info({ db: users.database(owner), share }, 'others may write: copies go into the share itself')
  return true
}

/** The bases of these copies, which say that what the outbox holds is what both have. */
async function agreementsOn(
  outbox: Database,
  share: string,
  copies: string[],
  losses: number | undefined,
): Promise<Doc[]> {
  const rows = await outbox.fetch(copies)
  const ids = rows.map(({ id }) => baseId(parseCopyId(id)?.object ?? ''))
  const bases = new Map((await outbox.fetch(ids)).map(({ id, doc }) => [id, doc]))
  return rows.flatMap(({ id, doc }): Doc[] => {
    if (doc === null) return []
    const base = baseId(parseCopyId(id)?.object ?? '')
    const there = parseBase(bases.get(base) ?? null)
    const agreed = {
      state: 'both',
      mine: true,
      ...(losses ? { losses } : {}),
      ...digestsOf(contentOf(doc)),
    }
    return [
      {
        ...there,
        _id: base,
        shares: { ...there?.shares },
        agreed: { ...there?.agreed, [share]: agreed },
      },
    ]
  })
}

/** @returns the copies whose bases somebody else wrote meanwhile: they are to be looked at again */
async function writeAgreements(outbox: Database, share: string, bases: Doc[]): Promise<string[]> {
  const written = await writeBulk(outbox, bases)
  return written.flatMap((row) =>
    !row.ok && row.error === 'conflict' ? copyId(share, objectOfBase(row.id) ?? '') : [],
  )
}
