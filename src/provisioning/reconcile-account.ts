// Brings about what `_users` says of a user: gathers, plans, and performs.
import { userDocumentId } from '../users/user-document.ts'
import { gatherProvisionedUser, type UserReading } from './gather-user.ts'
import { changeProvisionedUser, performUserEffect, type UserWriting } from './perform-user.ts'
import type { ProvisionedUser } from './provisioned-user.ts'
import { planProvisionedUser } from './plan-user.ts'

export interface AccountDeps extends UserReading, UserWriting {
  provisionedUsers: UserWriting['provisionedUsers']
}

export interface ReconciledAccount {
  /** Null: there is no such user, or none any more. */
  roles: readonly string[] | null
  /** What the registry has of the user then; null: nothing. */
  entry: ProvisionedUser | null
  /** The personal database has just been created: nothing is in it yet but its design documents. */
  isNew: boolean
}

/**
 * Brings claims, entry and databases of a user to what they are to be.
 * @param known what the registry has of the user, as it was just read
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster: then again
 */
export async function reconcileAccount(
  deps: AccountDeps,
  name: string,
  known: ProvisionedUser | null,
): Promise<ReconciledAccount> {
  const gathered = await gatherProvisionedUser(deps, name, known)
  const { facts } = gathered
  if (facts.isAnother)
    deps.log.warn(
      { db: '_users', doc: userDocumentId(name) },
      'the account was made again: nothing of the former one’s is given to it',
    )
  let entry = known
  let isNew = false
  for (const effect of planProvisionedUser(facts))
    if (effect.kind === 'change') entry = await changeProvisionedUser(deps, facts, effect.change)
    else if (await performUserEffect(deps, gathered, effect)) isNew = true
  return { roles: facts.user?.roles ?? null, entry, isNew }
}
