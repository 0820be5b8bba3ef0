// A share that two daemons know of, and what either of them plans for it.
import assert from 'node:assert/strict'
import { gatherShare } from '../../src/shares/gather/share.ts'
import { readUserDocs } from '../../src/shares/gather/user-docs.ts'
import type { ShareEntry } from '../../src/shares/model/entry.ts'
import { planShare } from '../../src/shares/plan/share.ts'
import { Participants } from './participants.ts'
import type { ShareEffect } from '../../src/shares/plan/share-facts.ts'
import { shareDocumentId } from '../../src/shares/model/ids.ts'

export const [JOE, ANN] = [0, 1]

/** Joe shows the object `a` to Ann, in the share `x`: that is done. */
export async function joeShowsAnn(): Promise<Participants> {
  const people = await Participants.create({ users: 2, daemons: 2 })
  people.act({ kind: 'access', share: 'x', access: { read: [ANN] } })
  people.act({ kind: 'edit', user: JOE, object: 'a', set: ['name'], drop: [], clock: { kind: 'none' } })
  people.act({ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: true })
  await people.world.settle()
  return people
}

/** What a daemon plans for the share just now, and what it rests on. */
export async function planned(
  people: Participants,
): Promise<{ effects: ShareEffect[]; read: ShareEntry | null }> {
  const { deps } = people.world
  const user = deps.couch.database(people.database(JOE).name)
  const [doc = assert.fail()] = await readUserDocs(user, [shareDocumentId('x')])
  const facts = await gatherShare(deps, people.hash(JOE), doc, { scanning: false, fromStart: false })
  return { effects: planShare(facts), read: facts.entry }
}
