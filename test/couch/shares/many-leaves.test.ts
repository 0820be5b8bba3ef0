// Clients can push thousands of leaves into one copy: that costs its owner's lane a time, and nobody else.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { Couch } from '../../../src/couch/client.ts'
import { asUser, edit, open, shared, standingOf, subscribe, withPeople } from '../../support/people.ts'
import { RecordingProxy } from '../../support/recording-proxy.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

/** So many leaves over one revision, each with a value of its own. */
const leavesOver = (
  { _id, _revisions }: Pick<StoredDoc, '_id' | '_revisions'>,
  count: number,
): StoredDoc[] => {
  const { start, ids } = _revisions ?? { start: 0, ids: [] }
  return Array.from({ length: count }, (_, n) => {
    const hash = createHash('md5').update(`${_id} ${n}`).digest('hex')
    return {
      ...{ _id, _rev: `${start + 1}-${hash}`, _revisions: { start: start + 1, ids: [hash, ...ids] } },
      name: `value ${n}`,
    }
  })
}

onEachServer('many leaves of one document', ({ it }) => {
  it('are read together, however its id is written', async (space) => {
    await space.start()
    const user = space.user('joe')
    await user.create()
    const proxy = await RecordingProxy.start(space.server.url)
    const { user: name, pass } = space.server
    const couch = new Couch({ url: proxy.url, user: name, pass })
    try {
      const through = couch.database(user.name)
      for (const id of ['a', 'share/x/a b?&+ä', '..']) {
        const wanted = leavesOver({ _id: id }, 230)
        assert.deepEqual(await user.bulk(wanted, { newEdits: false }), [])
        const names = [...wanted, { _id: id, _rev: `1-${'0'.repeat(32)}` }, { _id: 'none', _rev: '1-1' }]
        proxy.requests.length = 0
        const found = await through.leaves(names.map(({ _id, _rev }) => ({ id: _id, rev: _rev })))
        const byRev = (one: StoredDoc, other: StoredDoc): number => (one._rev < other._rev ? -1 : 1)
        assert.deepEqual([...found].sort(byRev), [...wanted].sort(byRev))
        const inOne = proxy.requests.filter(({ what }) => what.startsWith('GET'))
        assert.equal(inOne.length, id === '..' ? 0 : 3)
      }
      const nobodys = leavesOver({ _id: 'nobody’s' }, 20)
      assert.deepEqual(await through.leaves(nobodys.map(({ _id, _rev }) => ({ id: _id, rev: _rev }))), [])
      await assert.rejects(
        couch.database(`${user.name}-none`).leaves(nobodys.map(({ _id, _rev }) => ({ id: _id, rev: _rev }))),
        { code: 'not_found' },
      )
    } finally {
      await couch.close()
      await proxy.stop()
    }
  })
})

onEachServer(
  'thousands of leaves that are pushed into one copy',
  ({ it }) => {
    it('become one, the rest of them is refused, and all are withdrawn', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const object = shared(space.shareId(), 'todo/1', { name: 'one' })
        const id = await open(space, joe, { write: [ann.name] }, object)
        await subscribe(space, id, [ann])
        await space.until('the object is there', async () => (await ann.db.get('todo/1')) !== null)
        await space.settled()
        const home = space.share(id)
        const copy = copyId(id, 'todo/1')
        const [there] = await home.leaves([{ id: copy }])
        assert(there)
        const pushed = leavesOver(there, 1200)
        await asUser(space, ann, home, async (db) => {
          for (let at = 0; at < pushed.length; at += 500)
            await db.bulk(pushed.slice(at, at + 500), { newEdits: false })
        })
        const conflicts = async (): Promise<number> =>
          (await home.get(copy, { conflicts: true }))?._conflicts?.length ?? 0
        await space.until('there is one leaf', async () => (await conflicts()) === 0, 60_000)
        await space.settled()
        const said = standingOf((await joe.db.get(`$share/${id}`)) ?? there)
        assert.deepEqual(said.rejected, { 'todo/1': 'too_many_leaves' })
        await edit(space, joe.db, 'todo/1', { $shares: { [id]: false } })
        const readable = async (): Promise<StoredDoc[]> =>
          home.leaves(pushed.map(({ _id, _rev }) => ({ id: _id, rev: _rev })))
        const isWithdrawn = async (): Promise<boolean> =>
          (await home.get(copy)) === null && (await readable()).length === 0
        await space.until('it is withdrawn', isWithdrawn, 60_000)
        await space.settled()
        assert.deepEqual(await readable(), [])
        assert(!JSON.stringify(await home.leaves([{ id: copy }])).includes('value'))
      }))
  },
  { kinds: ['couchdb'] },
)
