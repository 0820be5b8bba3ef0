// What one user may have at the most: what is one too many says so, and has its place when there is one.
import assert from 'node:assert/strict'
import { joeShares, becomesActive, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

onEachServer('limits of one user', ({ it }) => {
  it(
    'open no share that is one too many before another one has ended',
    async (space) => {
      const { joe, share } = await joeShares(space)
      const more = space.shareId('more')
      await put(joe, shareDoc(more), { _id: 'milk', name: 'Milk', $shares: { [more]: true } })
      const said = async (): Promise<unknown> => {
        const { $state, $error } = (await joe.get(`$share/${more}`)) ?? { $state: null, $error: null }
        return [$state, ($error as { code?: string } | undefined)?.code]
      }
      await space.eventually('it says so', said, ['error', 'too_many_own_shares'])
      assert.equal(await space.share(more).info(), null)
      assert.equal(await space.entry(more), null)
      // Nothing else waits for that, and what is there works.
      await put(joe, { _id: 'tea', name: 'Tea', $shares: { [share]: true } })
      await space.eventually('the tea', () => space.copy(share, 'tea'), { name: 'Tea' })
      await space.write(joe, { _id: `$share/${share}`, _deleted: true })
      await becomesActive(space, 'joe', more)
      await space.eventually('the milk', () => space.copy(more, 'milk'), { name: 'Milk' })
      await space.eventually('it says nothing any more', said, ['active', undefined])
    },
    { userLimits: { mostShares: 1 } },
  )
})
