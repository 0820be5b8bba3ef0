// Who may read and write what, tried over HTTP by real users of a real CouchDB: what the embedded server says counts for nothing.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { ANYBODY, ask, hexOf, pathOf, withUsers, type Person } from '../../support/logins.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

const OBJECT = 'todo/1'

/** A share of an owner's with one object in it. */
async function share(space: Space, owner: string): Promise<string> {
  const id = space.shareId()
  const user = space.user(owner)
  await user.create()
  await user.bulk([
    { _id: `$share/${id}`, type: '$share' },
    { _id: OBJECT, name: 'milk', secret: 'mine', $shares: { [id]: ['name'] } },
  ])
  await space.start()
  await space.until('the copy is there', async () => (await space.copy(id, OBJECT)) !== null)
  await space.until(
    'the share is active',
    async () => (await user.get(`$share/${id}`))?.['$state'] === 'active',
  )
  return id
}

/** Every way to read a share that there is. */
const readings = (id: string): [string, string, unknown?][] => {
  const db = pathOf(`share/${id}`)
  return [
    ['GET', db],
    ['GET', `${db}/${pathOf(copyId(id, OBJECT))}`],
    ['GET', `${db}/_all_docs?include_docs=true`],
    ['GET', `${db}/_changes?include_docs=true`],
    ['GET', `${db}/_security`],
    ['GET', `${db}/_design/write_access`],
    ['POST', `${db}/_find`, { selector: {} }],
    ['POST', `${db}/_bulk_get`, { docs: [{ id: copyId(id, OBJECT) }] }],
    ['POST', `${db}/_all_docs`, { keys: [copyId(id, OBJECT)] }],
  ]
}

async function assertMember(space: Space, id: string, account: Person): Promise<void> {
  const { server } = space
  for (const [method, where, body] of readings(id)) {
    const answer = await ask(server, account, method, where, body)
    assert.equal(answer.status, 200, `${account.name}: ${method} ${where}: ${answer.text}`)
    assert(!answer.text.includes('mine'))
  }
  const [, [, doc]] = readings(id) as [unknown, [string, string]]
  const { _id, name } = JSON.parse((await ask(server, account, 'GET', doc)).text) as Record<string, unknown>
  assert.deepEqual({ _id, name }, { _id: copyId(id, OBJECT), name: 'milk' })
  const all = JSON.parse((await ask(server, account, 'GET', `${pathOf(`share/${id}`)}/_all_docs`)).text) as {
    rows: { id: string }[]
  }
  assert(all.rows.some((row) => row.id === copyId(id, OBJECT)))
  const changes = JSON.parse(
    (await ask(server, account, 'GET', `${pathOf(`share/${id}`)}/_changes`)).text,
  ) as {
    results: { id: string }[]
  }
  assert(changes.results.some((change) => change.id === copyId(id, OBJECT)))
  const mine = pathOf(`share/${id}`, copyId(id, `by-${randomUUID()}`))
  assert.equal((await ask(server, account, 'PUT', mine, { name: 'written' })).status, 201)
}

async function assertStranger(space: Space, id: string, account: Person): Promise<void> {
  const { server } = space
  const refusal = account.name === null ? 401 : 403
  const writings: [string, string, unknown][] = [
    ['PUT', pathOf(`share/${id}`, copyId(id, 'intruder')), { name: 'x' }],
    ['POST', `${pathOf(`share/${id}`)}/_bulk_docs`, { docs: [{ _id: copyId(id, 'intruder') }] }],
    ['PUT', `${pathOf(`share/${id}`)}/_local/x`, { name: 'x' }],
    ['PUT', `${pathOf(`share/${id}`)}/_design/x`, { filters: {} }],
    ['PUT', `${pathOf(`share/${id}`)}/_security`, {}],
    ['DELETE', pathOf(`share/${id}`), undefined],
  ]
  for (const [method, where, body] of [...readings(id), ...writings]) {
    const answer = await ask(server, account, method, where, body)
    // CouchDB asks even a user who is logged in to log in as an admin.
    assert(
      answer.status === refusal || (account.name !== null && answer.status === 401),
      `${account.name ?? 'anonymous'}: ${method} ${where}: ${answer.status} ${answer.text}`,
    )
    assert(!answer.text.includes('milk'))
  }
  assert.equal(await space.share(id).get(copyId(id, 'intruder')), null)
}

onEachServer(
  'access',
  ({ it }) => {
    it('lets the owner in by role, and nobody else', async (space) => {
      const mark = space.prefix.slice(0, 7)
      const [owner, stranger] = [`user/joe-${mark}`, `user/sue-${mark}`]
      const hash = `hash-${mark}`
      await withUsers(space, { [owner]: [hash], [stranger]: [`other-${mark}`] }, async ([joe, sue]) => {
        assert(joe && sue)
        const id = await share(space, hash)
        await assertMember(space, id, joe)
        await assertStranger(space, id, sue)
        await assertStranger(space, id, ANYBODY)
        await assertMember(space, id, joe)
      })
    })

    it(
      'lets the owner of a database of couch_peruser in by name, and nobody else',
      async (space) => {
        const mark = space.prefix.slice(0, 7)
        const [owner, stranger] = [`zoë-${mark}`, `sue-${mark}`]
        await withUsers(space, { [owner]: [], [stranger]: [] }, async ([zoe, sue]) => {
          assert(zoe && sue)
          const id = await share(space, hexOf(owner))
          await assertMember(space, id, zoe)
          await assertStranger(space, id, sue)
          await assertStranger(space, id, ANYBODY)
        })
      },
      { template: (prefix) => `${prefix}userdb-{id}` },
    )

    it('does not take a name for the owner where the hash is somebody’s role', async (space) => {
      const mark = space.prefix.slice(0, 7)
      const thief = `thief-${mark}`
      // The thief chose a name whose hex is the role that an admin gave to the owner.
      const [owner, hash] = [`user/joe-${mark}`, hexOf(thief)]
      await withUsers(space, { [owner]: [hash], [thief]: [] }, async ([joe, other]) => {
        assert(joe && other)
        const id = await share(space, hash)
        await assertMember(space, id, joe)
        await assertStranger(space, id, other)
      })
    })

    it('keeps the daemon’s own databases to the server’s admins', async (space) => {
      const mark = space.prefix.slice(0, 7)
      const hash = `hash-${mark}`
      const { server, couch } = space
      await withUsers(space, { [`user/joe-${mark}`]: [hash] }, async ([joe]) => {
        assert(joe)
        await share(space, hash)
        const skeletons = await couch.allDbs({ startKey: 'skeleton/', endKey: 'skeleton0' })
        assert(skeletons.length > 0)
        for (const db of [
          space.outbox(hash).name,
          'shares',
          'shares/checkpoints',
          '_replicator',
          ...skeletons,
        ])
          for (const account of [joe, ANYBODY])
            for (const [method, where, body] of [
              ['GET', pathOf(db)],
              ['GET', `${pathOf(db)}/_all_docs?include_docs=true`],
              ['GET', `${pathOf(db)}/_changes`],
              ['GET', `${pathOf(db)}/_security`],
              ['PUT', `${pathOf(db)}/intruder`, { name: 'x' }],
              ['PUT', `${pathOf(db)}/_local/intruder`, { name: 'x' }],
              ['DELETE', pathOf(db)],
            ] as [string, string, unknown?][]) {
              const answer = await ask(server, account, method, where, body)
              assert(
                answer.status === 401 || answer.status === 403,
                `${account.name ?? 'anonymous'}: ${method} ${where}: ${answer.status}`,
              )
            }
      })
    })

    it('lets the owner write objects of the share only, without what is reserved', async (space) => {
      const mark = space.prefix.slice(0, 7)
      const hash = `hash-${mark}`
      await withUsers(space, { [`user/joe-${mark}`]: [hash] }, async ([joe]) => {
        assert(joe)
        const id = await share(space, hash)
        const { server } = space
        const db = pathOf(`share/${id}`)
        const isRefused = async (method: string, where: string, body: unknown): Promise<void> => {
          const answer = await ask(server, joe, method, where, body)
          assert(
            answer.status === 401 || answer.status === 403,
            `${method} ${where} ${JSON.stringify(body)}: ${answer.status}`,
          )
        }
        await isRefused('PUT', `${db}/_design/x`, { filters: {} })
        const guard = await space.share(id).get('_design/write_access')
        await isRefused('PUT', `${db}/_design/write_access`, { _rev: guard?._rev })
        await isRefused('DELETE', `${db}/_design/write_access?rev=${guard?._rev}`, undefined)
        await isRefused('DELETE', db, undefined)
        // CouchDB answers these with 500 where a member sends them to a database of one shard.
        const settings = async () => [
          await space.share(id).security(),
          await space.couch.request({ path: [`share/${id}`, '_revs_limit'] }),
        ]
        const before = await settings()
        for (const [setting, value] of Object.entries({ _security: {}, _revs_limit: 1 }))
          assert((await ask(server, joe, 'PUT', `${db}/${setting}`, value)).status >= 400)
        assert.deepEqual(await settings(), before)
        for (const outside of [
          'todo/1',
          `share/${id}`,
          `share/${id}/`,
          `share/${id}x/todo`,
          `share/other/todo/1`,
          copyId(id, '_design/x'),
          copyId(id, '$share/x'),
          copyId(id, '$subscription/x'),
          copyId(id, '_local/x'),
        ]) {
          await isRefused('PUT', `${db}/${encodeURIComponent(outside)}`, { name: 'x' })
          const bulk = await ask(server, joe, 'POST', `${db}/_bulk_docs`, { docs: [{ _id: outside }] })
          const [row] = JSON.parse(bulk.text) as { error?: string }[]
          assert.equal(row?.error, 'forbidden', `${outside}: ${bulk.text}`)
        }
        for (const attribute of ['$shares', '$state', '$error', '$rejected'])
          for (const value of [{}, null, false, ''])
            await isRefused('PUT', `${db}/${pathOf(copyId(id, 'todo/2'))}`, { [attribute]: value })
        const answer = await ask(server, joe, 'PUT', `${db}/${pathOf(copyId(id, 'todo/2'))}`, { $other: 1 })
        assert.equal(answer.status, 201)
        const { rev } = JSON.parse(answer.text) as { rev: string }
        const gone = await ask(server, joe, 'DELETE', `${db}/${pathOf(copyId(id, 'todo/2'))}?rev=${rev}`)
        assert.equal(gone.status, 200)
      })
    })
  },
  { kinds: ['couchdb'] },
)
