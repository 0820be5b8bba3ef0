// A server whose disk is full: what is written is refused, and what is read is not. Nothing is taken for a refusal of what was written, nobody
// turns in circles, and when there is room again all is caught up with.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { becomes, edit, open, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { FullDiskProxy, type FullDisk } from '../../support/full-disk-proxy.ts'
import { tellRecovery } from '../../support/recovery.ts'
import type { Space } from '../../support/space.ts'
import { put } from '../../support/story.ts'
import { needs, onEachServer } from '../../support/suites.ts'

/** How long the disk is full. */
const FULL_MS = 3_000
/** A daemon that waits asks for no more than this in a second: what tells of others goes on, and whether there is room again. */
const MOST_A_SECOND = 15

const FULL: Record<FullDisk, RegExp> = {
  monitor: /disk is full/,
  'no space': /takes no writes/,
}

const said = (space: Space): string => JSON.stringify(space.lines.map(({ msg }) => msg))

onEachServer('a server whose disk is full', ({ it }) => {
  for (const how of ['monitor', 'no space'] as const)
    it(`and that says so as ${how === 'monitor' ? 'its disk monitor does' : 'where there is no space at all'}`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        const proxy = await FullDiskProxy.start(space.server.url)
        try {
          await space.start({ url: proxy.url, replicationServer: space.server.url })
          const share = await open(space, joe, { write: [ann.name] })
          await put(joe.db, shared(share, 'milk', { name: 'Milk' }), shared(share, 'tea', { name: 'Tea' }))
          await subscribe(space, share, [ann])
          for (const [id, name] of Object.entries({ milk: 'Milk', tea: 'Tea' }))
            await becomes(space, ann.db, id, received(share, { name }))
          await space.settled()

          proxy.fill(how)
          await edit(space, joe.db, 'milk', { name: 'Oats' })
          await edit(space, ann.db, 'tea', { count: 2 })
          await put(ann.db, shared(share, 'rice', { name: 'Rice' }))
          await space.until('it says so', () =>
            Promise.resolve(FULL[how].test(space.daemon.ready().reason ?? '')),
          )
          const before = proxy.requests
          await delay(FULL_MS)
          const perSecond = ((proxy.requests - before) / FULL_MS) * 1_000
          assert.ok(perSecond <= MOST_A_SECOND, `Expected few requests, got ${perSecond} a second`)
          assert.equal(space.daemon.ready().ok, false)
          assert.match(said(space), FULL[how])
          proxy.free()
          const freed = performance.now()

          for (const { db } of [joe, ann]) {
            await becomes(space, db, 'milk', received(share, { name: 'Oats' }))
            await becomes(space, db, 'tea', received(share, { name: 'Tea', count: 2 }))
            await becomes(space, db, 'rice', received(share, { name: 'Rice' }))
          }
          tellRecovery(`full disk, ${how}`, freed)
          await space.settled()
          assert.ok(space.daemon.ready().ok)
          assert.equal((await space.entry(share))?.['rejected'], undefined)
          await space.stop()
        } finally {
          await proxy.stop()
        }
      }))

  it('for one user alone keeps nobody else waiting, and says so', (space) =>
    withPeople(space, ['joe', 'ann', 'zoe'], async ({ joe, ann, zoe }) => {
      const proxy = await FullDiskProxy.start(space.server.url)
      try {
        await space.start({ url: proxy.url, replicationServer: space.server.url })
        const share = await open(space, joe, { write: [ann.name, zoe.name] })
        await put(joe.db, shared(share, 'milk', { name: 'Milk' }))
        await subscribe(space, share, [ann, zoe])
        for (const { db } of [ann, zoe]) await becomes(space, db, 'milk', received(share, { name: 'Milk' }))
        await space.settled()

        proxy.fill('monitor', new RegExp(`^${ann.db.name}$`))
        await edit(space, joe.db, 'milk', { name: 'Oats' })
        await becomes(space, zoe.db, 'milk', received(share, { name: 'Oats' }))
        await space.until('it says so', () =>
          Promise.resolve(/no room .* 1 user database/.test(space.daemon.ready().reason ?? '')),
        )
        assert.ok(!/disk is full/.test(said(space)), 'Expected no outage')
        proxy.free()
        const freed = performance.now()
        await becomes(space, ann.db, 'milk', received(share, { name: 'Oats' }))
        tellRecovery('full disk, of one user', freed)
        await space.settled()
        assert.ok(space.daemon.ready().ok)
        await space.stop()
      } finally {
        await proxy.stop()
      }
    }))
})

onEachServer(
  'a CouchDB whose own disk monitor finds the disk full',
  ({ it, server }) => {
    it('takes what devices replicate, which is carried on when there is room again', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        // It is one setting for all of the server.
        needs(server().isOurs, 'a server of the tests’ own')
        const isFull = async (enable: boolean): Promise<void> => {
          const set = (name: string, body: string): Promise<unknown> =>
            space.couch.request({
              method: 'PUT',
              path: ['_node', '_local', '_config', 'disk_monitor', name],
              body,
            })
          for (const what of ['interactive_database_writes', 'interactive_view_indexing'])
            await set(`${what}_threshold`, '-1')
          await set('enable', String(enable))
        }
        try {
          await space.start()
          const share = await open(space, joe, { write: [ann.name] })
          await put(joe.db, shared(share, 'milk', { name: 'Milk' }))
          await subscribe(space, share, [ann])
          await becomes(space, ann.db, 'milk', received(share, { name: 'Milk' }))
          await space.settled()

          await isFull(true)
          const rev = (await ann.db.get('milk'))?._rev ?? ''
          const [generation = '', hash = ''] = rev.split('-')
          const next = { start: Number(generation) + 1, ids: ['f'.repeat(32), hash] }
          await ann.db.bulk(
            [
              {
                ...shared(share, 'milk', { name: 'Oats' }),
                _rev: `${next.start}-${next.ids[0]}`,
                _revisions: next,
              },
            ],
            { newEdits: false },
          )
          await space.until('it says so', () =>
            Promise.resolve(FULL.monitor.test(space.daemon.ready().reason ?? '')),
          )
          await isFull(false)
          const freed = performance.now()
          await becomes(space, joe.db, 'milk', received(share, { name: 'Oats' }))
          tellRecovery('full disk, CouchDB itself', freed)
          await space.settled()
          assert.ok(space.daemon.ready().ok)
        } finally {
          await isFull(false)
        }
      }))
  },
  { kinds: ['couchdb'], since: '3.4' },
)
