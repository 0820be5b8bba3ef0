// What a member pushes late, over a revision that showed more: an edit as any other, and nothing more to be read.
import assert from 'node:assert/strict'
import { play, type Step } from '../../support/participants-play.ts'
import { valuesOf, type Action, type Participants } from '../../support/participants.ts'

const act = (action: Action): Step => ({ kind: 'act', action })
const settle: Step = { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] }
const clock = { kind: 'none' } as const
const pull = act({ kind: 'pull', user: 1, share: 'x' })
const push = act({ kind: 'push', user: 1, share: 'x' })
const narrowed = act({ kind: 'wish', user: 0, object: 'a', share: 'x', wish: ['name', 'note'] })
const unshared = act({ kind: 'wish', user: 0, object: 'a', share: 'x', wish: false })
const editing = (...set: string[]): Step =>
  act({ kind: 'edit-replica', user: 1, share: 'x', object: 'a', set, clock })

/** All values that any revision of the copy shows. */
const readable = (people: Participants): string[] =>
  [...(people.share('x')?.trees.get('share/x/a')?.revisions.values() ?? [])].flatMap(({ body }) =>
    valuesOf(body),
  )

const last = (people: Participants, user: number, attribute: string): string =>
  [...people.tokens.values()].findLast(
    (one) => one.by === user && one.object === 'a' && one.attribute === attribute,
  )?.value ?? ''

const kept = (people: Participants): string[] => people.database(0).leaves('a').flatMap(valuesOf)

const rejected = (people: Participants): string[] =>
  ((people.database(0).read('$share/x')?.['$rejected'] ?? []) as { code: string }[]).map(({ code }) => code)

const deleting = (isSaying: boolean): Step =>
  act({ kind: 'remove-in-replica', user: 1, share: 'x', object: 'a', isSaying })

describe('what a member pushes over a revision of before a narrowing', () => {
  for (const canPurge of [true, false]) {
    const played = (...steps: Step[]): Promise<Participants> =>
      play({ users: 2, owners: { x: 0, y: 0 }, canPurge, begun: ['x'], steps })
    const where = canPurge ? 'purged' : 'made anew'

    for (const edits of [1, 3])
      it(`is merged as an edit (${where}, ${edits})`, async () => {
        const change = Array.from({ length: edits }, () => editing('name'))
        const people = await played(pull, narrowed, settle, ...change, push)
        assert.equal(people.share('x')?.read('share/x/a')?.['name'], last(people, 1, 'name'))
        assert.equal(people.database(0).read('a')?.['name'], last(people, 1, 'name'))
        assert.equal(people.database(0).read('a')?.['own'], last(people, 0, 'own'))
        assert(!readable(people).includes(last(people, 0, 'own')), 'what was un-shared is not readable')
        assert.deepEqual(rejected(people), [])
      })
    it(`is reported where it is not shared any more, and kept for the owner (${where})`, async () => {
      const people = await played(pull, narrowed, settle, editing('name', 'own'), push)
      assert.equal(people.database(0).read('a')?.['name'], last(people, 1, 'name'))
      assert.equal(people.database(0).read('a')?.['own'], last(people, 0, 'own'))
      for (const user of [0, 1]) assert(!readable(people).includes(last(people, user, 'own')))
      assert(kept(people).includes(last(people, 1, 'own')))
      assert.deepEqual(rejected(people), ['unshared_attributes'])
    })
    for (const after of [0, 1, 2, 3, 4])
      it(`leaves nothing readable where the daemon stops between (${where}, ${after})`, async () => {
        const crash: Step = { kind: 'crash', after, users: [0], isRacing: false, seed: 0 }
        const people = await played(pull, narrowed, settle, editing('name'), push, crash)
        assert.equal(people.database(0).read('a')?.['name'], last(people, 1, 'name'))
        assert(!readable(people).includes(last(people, 0, 'own')))
        const gone = await played(pull, unshared, settle, editing('name'), push, crash)
        assert.deepEqual(readable(gone), [])
      })
    it(`of an object that is not shared at all any more goes, and is kept for the owner (${where})`, async () => {
      const people = await played(pull, unshared, settle, editing('name'), push)
      assert.equal(people.database(0).read('a')?.['name'], last(people, 0, 'name'))
      assert.deepEqual(readable(people), [])
      assert(kept(people).includes(last(people, 1, 'name')))
      assert.deepEqual(rejected(people), ['not_shared_by_owner'])
    })
    for (const isSaying of [true, false])
      it(`is a deletion where it is one (${where}, ${isSaying ? 'with content' : 'bare'})`, async () => {
        const people = await played(pull, narrowed, settle, deleting(isSaying), push)
        assert.equal(people.share('x')?.read('share/x/a'), null)
        assert.equal(people.database(1).read('a'), null)
        assert.equal(people.database(0).read('a')?.['$shares'], undefined)
        assert.equal(people.database(0).read('a')?.['own'], last(people, 0, 'own'))
        assert.deepEqual(readable(people), [])
      })
    it(`is a deletion that gives way to what was written meanwhile, and says nothing (${where})`, async () => {
      const edited = act({ kind: 'edit', user: 0, object: 'a', set: ['note'], drop: [], clock })
      const people = await played(pull, narrowed, settle, edited, settle, deleting(true), push)
      assert.equal(people.share('x')?.read('share/x/a')?.['note'], last(people, 0, 'note'))
      assert.equal(people.database(1).read('a')?.['note'], last(people, 0, 'note'))
      assert(!readable(people).includes(last(people, 0, 'own')))
    })
    it(`is a deletion of what is not shared any more, and says nothing (${where})`, async () => {
      const people = await played(pull, unshared, settle, deleting(true), push)
      assert.equal(people.database(0).read('a')?.['name'], last(people, 0, 'name'))
      assert.deepEqual(readable(people), [])
    })
    for (const after of [0, 1, 2, 3, 4, 5])
      it(`says nothing where the daemon stops between (${where}, ${after})`, async () => {
        const crash: Step = { kind: 'crash', after, users: [0], isRacing: false, seed: 0 }
        for (const wish of [narrowed, unshared]) {
          const people = await played(pull, wish, settle, deleting(true), push, crash)
          assert.deepEqual(readable(people), [])
        }
      })
  }
})

describe('what a member writes into a share of what is not shared there', () => {
  for (const canPurge of [true, false]) {
    const where = canPurge ? 'purged' : 'made anew'
    const played = (...steps: Step[]): Promise<Participants> =>
      play({ users: 2, owners: { x: 0, y: 0 }, canPurge, begun: ['x'], steps })

    for (const set of [['own'], ['name', 'own']])
      it(`is not readable there any more, and kept for the owner (${where}, ${set.join(' and ')})`, async () => {
        const people = await played(narrowed, settle, pull, editing(...set), push)
        assert.equal(people.database(0).read('a')?.['own'], last(people, 0, 'own'))
        assert(!readable(people).includes(last(people, 1, 'own')))
        assert(kept(people).includes(last(people, 1, 'own')))
        assert.equal(
          people.database(0).read('a')?.['name'],
          last(people, set.includes('name') ? 1 : 0, 'name'),
        )
        assert.deepEqual(rejected(people), ['unshared_attributes'])
      })
    for (const after of [0, 1, 2, 3, 4, 5, 6, 7])
      it(`neither stays nor comes in where the daemon stops between (${where}, ${after})`, async () => {
        const crash: Step = { kind: 'crash', after, users: [0], isRacing: false, seed: 0 }
        const people = await played(narrowed, settle, pull, editing('name', 'own'), push, crash)
        assert.equal(people.database(0).read('a')?.['own'], last(people, 0, 'own'))
        assert(!readable(people).includes(last(people, 1, 'own')))
        assert.deepEqual(rejected(people), ['unshared_attributes'])
      })
  }
})
