// A server that refuses requests now and then, one that takes only so many in a second, and one that fails for one user: what can be
// done gets done all the same.
import assert from 'node:assert/strict'
import { startBusyProxy, type BusyProxy, type Refusals } from './busy-proxy.ts'
import { complete, GatewayGround } from '../../support/gateway.ts'
import { becomes, edit, open, received, shared, subscribe, withPeople } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

const SERVERS: Record<string, Refusals> = {
  'says 429 to every fifth request': { status: 429, every: 5 },
  'says 502 to every fifth request, and carries it out': { status: 502, every: 5, isCarriedOut: true },
  'takes 20 requests a second, and says 429 past them': { status: 429, perSecond: 20 },
}
const PATIENCE_MS = 90_000

/** A daemon that knows the server by the proxy alone. */
async function behind(
  space: Space,
  refusals: Refusals,
  test: (proxy: BusyProxy) => Promise<void>,
): Promise<void> {
  const proxy = await startBusyProxy(space.server.url, refusals)
  try {
    await test(proxy)
    assert.ok(proxy.refused > 0, 'Expected the proxy to have refused something')
    await space.stop()
  } finally {
    await proxy.stop()
  }
}

for (const [does, refusals] of Object.entries(SERVERS)) {
  onEachServer(`behind a server that ${does},`, ({ it }) => {
    it('a share opens, travels both ways and closes', (space) =>
      behind(space, refusals, ({ url }) =>
        withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
          await space.start({ url, replicationServer: space.server.url })
          const share = await open(
            space,
            joe,
            { write: [ann.name] },
            shared(space.shareId(), 'plan', { name: 'a' }),
          )
          await subscribe(space, share, [ann])
          await becomes(space, ann.db, 'plan', received(share, { name: 'a' }))
          await edit(space, ann.db, 'plan', { name: 'b' })
          await becomes(space, joe.db, 'plan', received(share, { name: 'b' }))
          await edit(space, joe.db, 'plan', { $shares: { [share]: false } })
          await space.until(
            'the copy is withdrawn',
            async () => (await space.share(share).get(copyId(share, 'plan'))) === null,
            PATIENCE_MS,
          )
        }),
      ))

    it('documents go through a gateway', (space) =>
      behind(space, refusals, ({ url }) =>
        GatewayGround.use(
          space,
          'function (doc) { requireUser(doc.owner); channel(doc.owner); access(doc.owner, doc.owner) }',
          async (ground) => {
            const ann = ground.user('ann')
            await ann.signUp()
            await space.start({ url, replicationServer: space.server.url })
            await ann.isIn()
            const made = await ann.write({ _id: 'note', owner: ann.name })
            assert(made.ok, JSON.stringify(made))
            await ground.reads(ground.database, 'note', { owner: ann.name })
            await ann.stands(complete(1))
          },
        ),
      ))
  })
}

onEachServer('where CouchDB closes the connection at requests for one user,', ({ it }) => {
  it('nobody else waits', (space) =>
    withPeople(space, ['joe', 'ann', 'zoe'], ({ joe, ann, zoe }) =>
      behind(
        space,
        { status: 'cut', matching: new RegExp(encodeURIComponent(joe.db.name)) },
        async ({ url }) => {
          await joe.db.put({ _id: 'note' })
          await space.begin({ url, replicationServer: space.server.url })
          const share = await open(
            space,
            ann,
            { read: [zoe.name] },
            shared(space.shareId(), 'plan', { name: 'a' }),
          )
          await subscribe(space, share, [zoe])
          await becomes(space, zoe.db, 'plan', received(share, { name: 'a' }))
          const said = space.lines.map(({ msg }) => msg)
          assert.ok(
            said.includes('turn failed, tried again'),
            'Expected to read of the user whose turns fail',
          )
          assert.ok(!said.includes('CouchDB does not answer'), 'Expected no outage')
        },
      ),
    ))
})
