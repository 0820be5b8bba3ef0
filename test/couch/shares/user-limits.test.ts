// What one user may have at the most: what is too much says so, goes out when it is not any more, and is taken away at once.
import assert from 'node:assert/strict'
import { edit, open, shared, standingOf, subscribe, withPeople, type Person } from '../../support/people.ts'
import { joeShares, becomesActive, copyBecomes, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const MOST_BYTES = 2_000
const LARGE = 'x'.repeat(MOST_BYTES)

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
    { userLimits: { mostShares: 1, mostBytes: Infinity } },
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
        const file = { data: Buffer.alloc(MOST_BYTES).toString('base64'), content_type: 'image/png' }
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
    { userLimits: { mostShares: Infinity, mostBytes: MOST_BYTES } },
  )
})
