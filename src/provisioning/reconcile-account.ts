// Brings about what `_users` says of a user: gathers, plans, and performs.
import type { Logger } from '../log.ts'
import { userDocumentId } from '../users/user-document.ts'
import { gatherPerson, type UserReading } from './gather-user.ts'
import { changePerson, performPersonEffect, type PersonWriting } from './perform-user.ts'
import type { PersonEntry } from './person.ts'
import { planPerson } from './plan-user.ts'

export interface AccountDeps extends UserReading, PersonWriting {
  people: PersonWriting['people']
  log: Logger
}

export interface ReconciledAccount {
  /** Null: there is no such user, or none any more. */
  roles: readonly string[] | null
  /** What the registry has of the user then; null: nothing. */
  entry: PersonEntry | null
}

/**
 * Brings claims, entry and databases of a user to what they are to be.
 * @param known what the registry has of the user, as it was just read
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster: then again
 */
export async function reconcileAccount(
  deps: AccountDeps,
  name: string,
  known: PersonEntry | null,
): Promise<ReconciledAccount> {
  const facts = await gatherPerson(deps, name, known)
  if (facts.isAnother)
    deps.log.warn(
      { db: '_users', doc: userDocumentId(name) },
      'the account was made again: nothing of the former one’s is given to it',
    )
  let entry = known
  for (const effect of planPerson(facts))
    if (effect.kind === 'change') entry = await changePerson(deps, facts, effect.change)
    else await performPersonEffect(deps, facts, effect)
  return { roles: facts.user?.roles ?? null, entry }
}
