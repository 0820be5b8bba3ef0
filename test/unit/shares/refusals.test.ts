// A refusal is not a race: what the server does not take is told to its author, and everything else goes on.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import { Participants, type Action } from '../../support/participants.ts'

/** A document of this size is small; what has to be remembered of so many attributes is not. */
const MANY = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`a${at}`, 1]))
const MOST_CHARACTERS = 9_000

/** What ends CouchDB's JavaScript. */
const NESTED = decodeJson('['.repeat(20_000) + ']'.repeat(20_000))

const set = (user: number, object: string, names: string[]): Action => ({
  ...{ kind: 'edit', user, object, set: names, drop: [] },
  clock: { kind: 'none' },
})

/** Joe's share `x`, into which ann writes: `a` and `b` are in it. */
async function pair(): Promise<Participants> {
  const people = await Participants.create({ users: 2, owners: { x: 0, y: 0 } })
  people.act({ kind: 'access', share: 'x', access: { write: [1] } })
  people.act({ kind: 'subscribe', user: 1, share: 'x' })
  for (const object of ['a', 'b']) {
    people.act(set(0, object, ['name']))
    people.act({ kind: 'wish', user: 0, object, share: 'x', wish: true })
  }
  await people.world.settle()
  people.world.couch.mostCharacters = MOST_CHARACTERS
  people.world.deps.mostRemembered = MOST_CHARACTERS
  return people
}

const rejectedBy = (people: Participants, user: number, id: string): string[] =>
  ((people.database(user).read(id)?.['$rejected'] ?? []) as { document: string; code: string }[]).map(
    ({ document, code }) => `${document} ${code}`,
  )

/** What the other side has of `b` is what was written last, and nothing is written for ever. */
async function goesOn(people: Participants): Promise<void> {
  for (const user of [1, 0]) {
    people.act(set(user, 'b', ['name']))
    await people.world.settle()
    const [joes, anns] = [0, 1].map((one) => people.database(one).read('b')?.['name'])
    assert.equal(joes, anns)
    assert.match(String(joes), new RegExp(`^${people.name(user)} `))
  }
  assert.deepEqual(people.world.setAside, [])
}

describe('what the server does not take', () => {
  it('of a writer is listed in the subscription', async () => {
    const people = await pair()
    const there = people.database(1).read('a')
    people.database(1).write({ ...there, _id: 'a', ...MANY })
    await people.world.settle()
    await goesOn(people)
    assert.deepEqual(rejectedBy(people, 1, '$subscription/x'), ['a too_large'])
    assert.equal(people.database(0).read('a')?.['a1'], undefined)
    assert.equal(people.database(1).read('a')?.['a1'], 1)
  })

  it('of the owner is listed in the share', async () => {
    const people = await pair()
    const there = people.database(0).read('a')
    people.database(0).write({ ...there, _id: 'a', ...MANY })
    await people.world.settle()
    await goesOn(people)
    assert.deepEqual(rejectedBy(people, 0, '$share/x'), ['a too_large'])
  })

  for (const [who, user, where] of [
    ['the owner', 0, '$share/x'],
    ['a writer', 1, '$subscription/x'],
  ] as const)
    it(`is nothing that is nested too deep, of ${who}`, async () => {
      const people = await pair()
      people.world.couch.mostCharacters = Infinity
      const there = people.database(user).read('a')
      people.database(user).write({ ...there, _id: 'a', nested: NESTED })
      await people.world.settle()
      await goesOn(people)
      assert.deepEqual(rejectedBy(people, user, where), ['a too_complex'])
      assert.equal(people.share('x')?.read('share/x/a')?.['nested'], undefined)
      assert.equal(people.database(1 - user).read('a')?.['nested'], undefined)
    })

  it('of what somebody put directly into the share is listed for those who do not get it', async () => {
    const people = await pair()
    // The server takes less than it is known to take.
    delete people.world.deps.mostRemembered
    people.share('x')?.write({ _id: 'share/x/c', ...MANY })
    await people.world.settle()
    await goesOn(people)
    assert.deepEqual(rejectedBy(people, 0, '$share/x'), ['c too_large'])
    assert.deepEqual(rejectedBy(people, 1, '$subscription/x'), ['c too_large'])
    assert.equal(people.database(0).read('c'), null)
  })

  for (const id of ['$subscription/x', '$share/x'])
    it(`of a ${id.split('/')[0]} that is full keeps nobody waiting`, async () => {
      const people = await pair()
      const user = id === '$share/x' ? 0 : 1
      const there = people.database(user).read(id)
      const room = MOST_CHARACTERS - JSON.stringify(there).length - 20
      people.database(user).write({ ...there, _id: id, text: 'x'.repeat(room), $state: 'mine' })
      await people.world.settle()
      await goesOn(people)
    })
})
