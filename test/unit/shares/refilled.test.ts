// A device fills a user database that was made again with what it has, which may be older than what was there last.
import assert from 'node:assert/strict'
import type { Doc } from '../../../src/couch/document.ts'
import { Participants, type Action } from '../../support/participants.ts'

const [JOE, ANN, BOB] = [0, 1, 2]
const edit = (user: number, ...set: string[]): Action => ({
  ...{ kind: 'edit', user, object: 'a', set, drop: [], clock: { kind: 'none' } },
})

/** Joe shares `a`, Ann writes, and Bob does or reads; the values that come later are the smaller JSON. */
async function begun(bob: 'read' | 'write'): Promise<Participants> {
  const people = await Participants.create({ users: 3 })
  for (const one of [
    { kind: 'access', share: 'x', access: { write: [ANN], read: [BOB] } },
    ...(bob === 'write' ? [{ kind: 'access', share: 'x', access: { write: [ANN, BOB] } }] : []),
    { kind: 'subscribe', user: ANN, share: 'x' },
    { kind: 'subscribe', user: BOB, share: 'x' },
    ...Array.from({ length: 4 }, () => edit(JOE, 'name', 'note')),
    { kind: 'wish', user: JOE, object: 'a', share: 'x', wish: true },
  ] as Action[])
    people.act(one)
  await people.world.settle()
  return people
}

/** The daemon sees to whoever has something to do, and no time passes. */
async function turns(people: Participants): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    await people.world.listen()
    for (let user = 0; user < people.count; user += 1) await people.world.turn(people.hash(user))
    people.world.couch.replicate()
  }
}

const read = (people: Participants, user: number): unknown[] => {
  const { name, note }: Doc = people.database(user).read('a') ?? { _id: 'a' }
  return [name, note]
}

describe('a device that fills a database that was made again', () => {
  for (const [whose, user, bob] of [
    ['the owner', JOE, 'write'],
    ['a writer', BOB, 'write'],
    ['a reader', BOB, 'read'],
  ] as const)
    for (const when of ['before', 'after'] as const) {
      // Of the owner's, all is gone by then that the share had.
      if (user === JOE && when === 'after') continue
      for (const isEdited of [false, true])
        it(`of ${whose}, ${when} the daemon has looked, ${isEdited ? 'sends its edit' : 'brings nothing old back'}`, async () => {
          const people = await begun(bob)
          people.act({ kind: 'pull', user, share: null })
          people.act(edit(ANN, 'name'))
          await people.world.settle()
          const [name, note] = read(people, ANN)
          if (isEdited)
            people.act({
              ...{ kind: 'edit-replica', user, share: null, object: 'a', set: ['note'] },
              clock: { kind: 'none' },
            })
          people.act({ kind: 'recreate', user })
          if (when === 'after') await turns(people)
          people.act({ kind: 'push', user, share: null, all: true })
          await turns(people)
          await people.world.settle()
          const mine = read(people, user)
          assert.equal(mine[0], name)
          if (isEdited) assert.notEqual(mine[1], note)
          else assert.equal(mine[1], note)
          const theirs = bob === 'read' ? [name, note] : mine
          for (const other of [JOE, ANN]) if (other !== user) assert.deepEqual(read(people, other), theirs)
          assert.equal(people.database(user).read('a')?._conflicts, undefined)
        })
    }
})
