// A share database that is dropped, by an admin or a fault: what is lost with it, and what is not.
import { OBJECTS, valuesOf, type Participants } from './participants.ts'

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

/** An outbox that is dropped: what was known of its user's objects is lost, and nothing that anybody wrote. */
export function loseOutbox(people: Participants, user: number): void {
  const outbox = people.outbox(user)
  if (outbox === null) return
  // What is taken out of a share then, stays with whoever had received it: nobody knows whether it was changed there.
  for (const object of OBJECTS) people.touched.add(`${user} ${object}`)
  people.outboxesLost.add(user)
  people.world.couch.drop(outbox.name)
}
