// What the owner writes into a share directly is taken in, whatever the owner does next.
import assert from 'node:assert/strict'
import { Participants, type Action } from '../../support/participants.ts'

const JOE = 0
const access = (wish: boolean | { read: true | number[] }): Action => ({
  kind: 'access',
  share: 'x',
  access: wish,
})
const wish = (value: true | readonly string[] | false): Action => ({
  ...{ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: value },
})

async function begun(): Promise<Participants> {
  const people = await Participants.create({ users: 2 })
  people.act(access({ read: true }))
  people.act({
    kind: 'edit',
    user: JOE,
    object: 'a',
    set: ['name', 'note'],
    drop: [],
    clock: { kind: 'none' },
  })
  people.act(wish(true))
  await people.world.settle()
  const share = people.share('x')
  assert(share)
  const { _conflicts: _, ...copy } = share.read('share/x/a') ?? assert.fail()
  share.write({ ...copy, name: 'written directly' })
  return people
}

/** Nobody has told the daemon of it: it hears of what comes next first. */
async function then(people: Participants, ...actions: Action[]): Promise<void> {
  for (const one of actions) people.act(one)
  people.world.missEvents()
  await people.world.turn('joe0')
  await people.world.settle()
}

describe('what an owner wrote directly into a share', () => {
  const NEXT: Record<string, Action[]> = {
    'un-shares an attribute': [wish(['note'])],
    'un-shares another attribute': [wish(['name'])],
    'un-shares the object': [wish(false)],
    'ends the share': [{ kind: 'close', share: 'x' }],
    'takes readers out': [access({ read: [1] })],
  }
  for (const [what, actions] of Object.entries(NEXT))
    for (const canPurge of [true, false])
      it(`is taken in where the owner ${what}, ${canPurge ? 'with' : 'without'} purge`, async () => {
        const people = await begun()
        Object.assign(people.world.deps, { canPurge })
        await then(people, ...actions)
        assert.equal(people.database(JOE).read('a')?.['name'], 'written directly')
        assert.notEqual(people.database(JOE).read('a')?.['note'], undefined)
      })

  it('is taken in where an admin suspends the share', async () => {
    const people = await begun()
    const entry = people.registry.read('share/x')
    assert(entry)
    people.registry.write({ ...entry, order: 'suspend' })
    people.world.mark('joe0', { shares: new Set(['x']) })
    await then(people)
    const { order: _, ...suspended } = people.registry.read('share/x') ?? assert.fail()
    people.registry.write({ ...suspended, _id: 'share/x' })
    people.world.mark('joe0', { shares: new Set(['x']) })
    await people.world.settle()
    assert.equal(people.database(JOE).read('a')?.['name'], 'written directly')
  })
})
