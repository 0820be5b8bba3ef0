// More conflicting edits of one object than are merged: some are, the others are refused, and nobody waits for ever.
import assert from 'node:assert/strict'
import { MOST_LEAVES, MOST_MERGED_LEAVES } from '../../../src/shares/reconcile/leaf-bounds.ts'
import { play } from '../../support/participants-play.ts'
import type { Participants } from '../../support/participants.ts'

const ID = 'share/x/a'

/** Somebody pushes leaves over the one that clients see. */
function push(people: Participants, round: number, count: number): void {
  const home = people.share('x')
  const [there] = home?.leaves(ID) ?? []
  assert(there)
  const { start, ids } = there._revisions ?? { start: 0, ids: [] }
  for (let n = 0; n < count; n += 1) {
    const hash = `${round}-${n}`.padStart(32, 'f').replace('-', 'a')
    home?.merge({
      ...{ _id: ID, _rev: `${start + 1}-${hash}`, _revisions: { start: start + 1, ids: [hash, ...ids] } },
      name: `pushed ${round} ${n}`,
    })
  }
}

const rejected = (people: Participants): unknown[] =>
  ((people.database(0).read('$share/x')?.['$rejected'] ?? []) as { code: string }[]).map(({ code }) => code)

describe('thousands of leaves of one copy', () => {
  for (const canPurge of [true, false])
    it(`are merged as far as there is room for (${canPurge ? 'purged' : 'made anew'})`, async () => {
      const people = await play({ users: 2, owners: { x: 0, y: 0 }, canPurge, begun: ['x'], steps: [] })
      push(people, 0, 5 * MOST_MERGED_LEAVES)
      await people.world.settle()
      assert.equal(people.share('x')?.read(ID)?._conflicts, undefined)
      assert.deepEqual(rejected(people), ['too_many_leaves'])
      const kept = people.database(0).leaves('a').length
      assert(kept >= MOST_MERGED_LEAVES && kept <= MOST_MERGED_LEAVES + 2, String(kept))
      // One value is what all have.
      const name = people.share('x')?.read(ID)?.['name']
      for (const user of [0, 1]) assert.equal(people.database(user).read('a')?.['name'], name)
      if (!canPurge) return
      for (let round = 1; round < 8; round += 1) {
        push(people, round, 2 * MOST_MERGED_LEAVES)
        await people.world.settle()
      }
      assert.equal(people.share('x')?.read(ID)?._conflicts, undefined)
      const all = people.share('x')?.leaves(ID).length ?? 0
      assert(all <= MOST_LEAVES + 2 * MOST_MERGED_LEAVES, String(all))
      assert.deepEqual(rejected(people), ['too_many_leaves'])
    })
})
