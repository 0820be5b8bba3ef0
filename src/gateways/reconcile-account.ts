// Brings about what `_users` and the routes say of a user of a gateway: gathers, plans, and performs.
import isEqual from 'lodash/isEqual.js'
import { CouchFault } from '../couch/fault.ts'
import { userDocumentId } from '../users/user-document.ts'
import type { Holdings } from './function/grants.ts'
import { gatherGatewayUser, readHoldings, type GatewayUserReading } from './gather-user.ts'
import type { GatewayUser } from './model.ts'
import { changeGatewayUser, performUserEffect, type GatewayUserWriting } from './perform-user.ts'
import { planGatewayUser } from './plan-user.ts'

export interface AccountDeps extends GatewayUserReading, GatewayUserWriting {
  gateway: GatewayUserWriting['gateway']
  /** What `_users` says of another user is to be looked at. */
  mark: (name: string) => void
}

export interface ReconciledAccount {
  /** Null: the user has no database of the gateway, or none any more. */
  holdings: Holdings | null
  /** What the index has of the user then; null: nothing. As long as a change is not carried out, it has what was before, too. */
  entry: GatewayUser | null
}

/**
 * Brings entry, database and `_security` of a user to what they are to be.
 * @param known the entry as it was just read
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster: then again
 */
export async function reconcileAccount(
  deps: AccountDeps,
  name: string,
  known: GatewayUser | null,
): Promise<ReconciledAccount> {
  const facts = await gatherGatewayUser(deps, name, known)
  if (facts.isAnother)
    deps.log.warn(
      { db: deps.gateway.name, doc: userDocumentId(name) },
      'the account was made again: nothing of the former one’s is given to it',
    )
  const plan = planGatewayUser(facts)
  let entry = known
  for (const effect of plan.effects)
    if (effect.kind === 'change') entry = await changeGatewayUser(deps, effect)
    else if (effect.kind !== 'confirm') await performUserEffect(deps, name, effect)
    else if (!isEqual(await readHoldings(deps, name), effect.holdings))
      return reconcileAccount(deps, name, entry)
  switch (plan.kind) {
    case 'gone':
      return { holdings: null, entry: null }
    case 'leaving':
      return { holdings: null, entry }
    case 'replaced':
      return reconcileAccount(deps, name, null)
    case 'blocked':
      deps.mark(plan.by)
      throw new CouchFault('server_error', plan.database, 'it is another user’s still')
    case 'present':
      return { holdings: plan.holdings, entry }
    default:
      return plan satisfies never
  }
}
