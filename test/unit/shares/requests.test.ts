// What an edit costs the server on its way to those who take part in a share, in requests. Without the looks at outboxes, each of which
// comes every few seconds for all edits of that time.
import assert from 'node:assert/strict'
import { Participants, type AccessWish } from '../../support/participants.ts'
import { edit, JOE, wish, ANN } from '../../support/three-people.ts'

/** Joe's share with so many others, who all have its object `a`, that was edited before; the daemon has nothing left to do. */
async function shareWith(count: number, accessOf: (others: number[]) => AccessWish): Promise<Participants> {
  const people = await Participants.create({ users: count + 1 })
  const others = Array.from({ length: count }, (_, at) => at + 1)
  people.act({ kind: 'access', share: 'x', access: accessOf(others) })
  for (const user of others) people.act({ kind: 'subscribe', user, share: 'x' })
  people.act(edit(JOE, 'a', ['name', 'note']))
  people.act(wish(JOE, 'a'))
  await people.world.settle()
  for (const user of [JOE, ANN]) {
    people.act(edit(user, 'a', ['note']))
    await people.world.settle()
  }
  people.world.missEvents()
  people.world.isRacing = true
  return people
}

/** The requests that an edit takes until nobody has anything to do, by kind of database and by what is asked. */
async function costOf(people: Participants, user: number): Promise<Record<string, number>> {
  const counts = new Map<string, number>()
  const { couch } = people.world
  couch.onRequest = (request) => {
    const kind = request.replace(/^user\/\w+\/\$shares/, 'outbox').replace(/^user\/\w+/, 'user')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  people.act(edit(user, 'a', ['name']))
  await people.world.work()
  couch.onRequest = () => undefined
  const written = people.database(user).read('a')?.['name']
  for (let other = 0; other < people.count; other += 1)
    assert.equal(people.database(other).read('a')?.['name'], written)
  return Object.fromEntries([...counts].sort())
}

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((one, other) => one + other, 0)

const readers = (others: number[]): AccessWish => ({ read: others })
const writers = (others: number[]): AccessWish => ({ read: others, write: others })

describe('shares, the requests of an edit', () => {
  it('are so many on its way from an owner to one other', async () => {
    const counts = await costOf(await shareWith(1, readers), JOE)
    assert.equal(sum(counts), 32, JSON.stringify(counts, null, 2))
  })

  it('are so many on its way to ten others', async () => {
    const counts = await costOf(await shareWith(10, readers), JOE)
    assert.equal(sum(counts), 149, JSON.stringify(counts, null, 2))
  })

  it('are so many on its way from a writer to the owner and another writer', async () => {
    const counts = await costOf(await shareWith(2, writers), ANN)
    assert.equal(sum(counts), 45, JSON.stringify(counts, null, 2))
  })
})
