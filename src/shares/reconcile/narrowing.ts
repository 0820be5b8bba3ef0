// Takes access away at once, beside the owner's lane, which may be busy with large copies or wait for its turn.
import type { Security } from '../../couch/document.ts'
import { orNull } from '../../couch/fault.ts'
import { gatherShare } from '../gather/share.ts'
import { readUserDocs, type UserDoc } from '../gather/user-docs.ts'
import { shareDatabase } from '../../documents/names.ts'
import { narrowsReading } from '../../documents/security.ts'
import { asksForMore, planNarrowing, type SecurityInForce } from '../plan/narrowing.ts'
import type { Deps } from '../deps.ts'
import { narrower } from '../model/security.ts'
import { shareDocumentId, shareOfDocument } from '../model/ids.ts'

/**
 * Looks at the shares of an owner, and puts in force at once what lets in fewer than now. The lane plans the same from
 * the same documents, and does all that follows: who was taken out is out, and what they have open ends with the lane.
 * @param named shares that are looked at whether or not their documents ask for something new: users have changed
 * @returns the shares in which somebody was taken out: their owner's lane is to come to them first
 * @throws {CouchFault}
 */
export async function narrowAtOnce(
  deps: Deps,
  owner: string,
  named: ReadonlySet<string>,
): Promise<Set<string>> {
  const { couch, users, registry } = deps
  const user = couch.database(users.database(owner))
  const narrowed = new Set<string>()
  const entries = await registry.entries(await registry.sharesOf(user.name))
  const shares = [...entries].flatMap(([share, { state }]) => (state === 'ended' ? [] : [share]))
  for (const found of await readUserDocs(user, shares.map(shareDocumentId))) {
    const share = shareOfDocument(found.id) ?? ''
    const entry = entries.get(share)
    if (!entry || (!named.has(share) && !asksForMore(entry, found))) continue
    if (await narrowShare(deps, owner, share, found)) narrowed.add(share)
  }
  return narrowed
}

async function narrowShare(deps: Deps, owner: string, share: string, found: UserDoc): Promise<boolean> {
  const { couch, registry, ceilings, log } = deps
  const facts = await gatherShare(deps, owner, found, { scanning: false, fromStart: false })
  const wanted = planNarrowing(facts)
  if (wanted === null) return false
  ceilings.set(share, wanted)
  const database = couch.database(shareDatabase(share))
  await ceilings.inTurn(share, async () => {
    const there = await orNull(database.security() as Promise<SecurityInForce>)
    // It has just been dropped: nobody is in, and nobody above the ceiling gets into a new one.
    if (there === null) return
    const narrow = narrower(there, wanted)
    // Known before it is done, so that feeds that are open end also where nobody comes to remember it.
    if (narrowsReading(there, narrow)) ceilings.order(share, await registry.orderRotation(share))
    await orNull(database.putSecurity(narrow as Security))
  })
  log.info({ share }, 'access taken away')
  return true
}
