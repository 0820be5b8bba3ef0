// What one user may have at the most: what is new is refused, others are not concerned, and what is taken away goes at once.
import assert from 'node:assert/strict'
import {
  edit,
  open,
  remove,
  shared,
  standingOf,
  subscribe,
  withPeople,
  type Person,
} from '../../support/people.ts'
import { becomesActive, copyBecomes, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const LIMITS = { mostShares: 2, mostBytes: 2_000 }

const LARGE = 'x'.repeat(LIMITS.mostBytes)

onEachServer('limits of users', ({ it }) => {
  it(
    'let nobody have more shares than that, and open the next one by themselves when one has ended',
    async (space) => {
      const [joe, ann] = [space.user('joe'), space.user('ann')]
      for (const user of [joe, ann]) await user.create()
      await space.start()
      const [first, second, third] = ['a', 'b', 'c'].map((name) => space.shareId(name)) as [
        string,
        string,
        string,
      ]
      await put(joe, shareDoc(first), shareDoc(second), shareDoc(third))
      await put(joe, { _id: 'todo/1', name: 'Milk', $shares: { [third]: true } })
      const saysSo = async (): Promise<boolean> => {
        const doc = await joe.get(`$share/${third}`)
        return doc !== null && standingOf(doc).error === 'too_many_own_shares'
      }
      await space.until('the third says that it is one too many', saysSo)
      for (const share of [first, second]) await becomesActive(space, 'joe', share)
      assert.equal(await space.share(third).info(), null)
      const hers = space.shareId('d')
      await put(ann, shareDoc(hers))
      await becomesActive(space, 'ann', hers)
      assert(await saysSo())
      await remove(space, joe, `$share/${first}`)
      await becomesActive(space, 'joe', third)
      await copyBecomes(space, third, 'todo/1', { name: 'Milk' })
      assert.equal(await space.share(first).info(), null)
    },
    { userLimits: LIMITS },
  )

  it(
    'keep what is too large with its author, owner or writer, until it is smaller, and take it away at once',
    (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const share = await open(space, joe, { read: [ann.name], write: [ann.name] })
        await subscribe(space, share, [ann])
        const rejected = async ({ db }: Person, id: string): Promise<unknown> => {
          const doc = await db.get(id)
          return doc && standingOf(doc).rejected
        }
        const file = { data: Buffer.alloc(LIMITS.mostBytes).toString('base64'), content_type: 'image/png' }
        await put(joe.db, { ...shared(share, 'hers', { n: 1 }), _attachments: { file } })
        await put(ann.db, shared(share, 'his', { text: LARGE }))
        await space.eventually(
          'both are told',
          async () => [await rejected(joe, `$share/${share}`), await rejected(ann, `$subscription/${share}`)],
          [{ hers: 'too_large_to_share' }, { his: 'too_large_to_share' }],
        )
        await space.settled()
        assert.deepEqual([await space.copy(share, 'hers'), await space.copy(share, 'his')], [null, null])
        await edit(space, ann.db, 'his', { text: 'short' })
        await copyBecomes(space, share, 'his', { text: 'short' })
        await space.until(
          'it is told no more',
          async () => (await rejected(ann, `$subscription/${share}`)) === undefined,
        )
        await edit(space, ann.db, 'his', { text: LARGE, $shares: { [share]: false } })
        await copyBecomes(space, share, 'his', null)
        assert.equal((await ann.db.get('his'))?.['text'], LARGE)
      }),
    { userLimits: LIMITS },
  )
})
