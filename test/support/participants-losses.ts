// A share database that is dropped, by an admin or a fault: what is lost with it, and what is not.
import { valuesOf, type Participants } from './participants.ts'

/**
 * What was put into the share itself, and what nobody's lane has taken in yet, is on the devices of who wrote it. All else
 * is in a user's database, too.
 */
export function lose(people: Participants, share: string): void {
  const database = people.share(share)
  if (database === null) return
  for (const id of database.trees.keys())
    for (const leaf of database.leaves(id))
      for (const value of valuesOf(leaf)) if (people.tokens.get(value)?.isDirect) people.superseded.add(value)
  people.world.couch.drop(database.name)
}
