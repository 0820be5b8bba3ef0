// What reached a share although the outbox had something else in its place by then: another daemon has written there.
import { shareDatabase } from '../../documents/names.ts'
import type { Home } from '../plan/object-facts.ts'
import type { Deps } from '../deps.ts'
import { orderRotation } from '../rotation-orders.ts'
import { readShown } from './saved-copies.ts'
import { withdraw } from './withdrawals.ts'

/**
 * Takes out of the share again what came late: it may show what the owner has taken out meanwhile, and whoever withdrew
 * that did not find it.
 * @throws {CouchFault}
 */
export async function withdrawLate(
  deps: Deps,
  owner: string,
  { share, home, copies }: { share: string; home: Home; copies: readonly string[] },
): Promise<void> {
  if (copies.length === 0) return
  deps.log.info({ share, count: copies.length }, 'copies came late, and are withdrawn')
  if (!deps.canPurge) return orderRotation(deps, owner, share)
  const outbox = deps.couch.database(deps.users.outbox(owner))
  await withdraw({
    ...{ outbox, share: deps.couch.database(shareDatabase(share)), home, copies },
    shownOf: await readShown(outbox, share, copies),
  })
}
