// Whoever is let into a share reads nothing there that its owner has un-shared before that: not for a moment.
import assert from 'node:assert/strict'
import { USER_PAGE } from '../../../../src/shares/reconciler.ts'
import { isPublic, type FoundSecurity } from '../../../../src/documents/security.ts'
import { MemoryWorld } from '../../../support/memory-world.ts'
import type { MemoryDatabase } from '../../../support/memory-database.ts'

const SECRET = 'secret'

interface Stage {
  world: MemoryWorld
  write: (id: string, change: Record<string, unknown>) => void
  /** Counts from now on how often others than now were let in while the secret was there. */
  watch: () => () => number
  security: () => FoundSecurity | undefined
}

const isRead = (security: FoundSecurity, owner: string): boolean =>
  isPublic(security) || (security.members?.roles ?? []).some((role) => role !== owner && role !== '_admin')

/** Joe shares objects with a secret, for himself or with Ann. */
async function begun(access: Record<string, unknown>, count: number): Promise<Stage> {
  const world = await MemoryWorld.create()
  const { couch } = world
  for (const name of ['joe', 'ann', 'bob']) {
    couch.create(`user/${name}`)
    couch.databases.get('_users')?.write({
      ...{ _id: `org.couchdb.user:${name}`, type: 'user', name, roles: [name] },
    })
  }
  const user = couch.databases.get('user/joe') ?? assert.fail()
  const write: Stage['write'] = (id, change) =>
    void user.write({ ...withoutConflicts(user.read(id)), ...change, _id: id })
  write('$share/s', { type: '$share', access })
  for (let n = 0; n < count; n += 1) write(`o${n}`, { name: 'n', secret: SECRET, $shares: { s: true } })
  await world.settle()
  const share = (): MemoryDatabase | undefined => couch.databases.get('share/s')
  const security = (): FoundSecurity | undefined => share()?.security
  const watch = (): (() => number) => {
    const before = JSON.stringify(security())
    let shown = 0
    couch.onWrite = () => {
      const now = security()
      if (!now || JSON.stringify(now) === before || !isRead(now, 'joe')) return
      const trees = [...(share()?.trees.values() ?? [])]
      if (
        trees.some(({ revisions }) => [...revisions.values()].some(({ body }) => body?.['secret'] === SECRET))
      )
        shown += 1
    }
    return () => shown
  }
  return { world, write, watch, security }
}

function withoutConflicts(doc: Record<string, unknown> | null): Record<string, unknown> {
  const { _conflicts: _, ...rest } = doc ?? {}
  return rest
}

const NARROWER = { $shares: { s: ['name'] } }

describe('who is let into a share', () => {
  for (const [what, before, after] of [
    ['a reader', {}, { read: ['bob'] }],
    ['a reader beside a writer', { write: ['ann'] }, { read: ['bob'], write: ['ann'] }],
    ['everybody', { read: ['ann'] }, { read: true }],
  ] as const)
    for (const count of [3, 2 * USER_PAGE + 50])
      it(`reads nothing that was un-shared at the same time: ${what}, ${count} objects`, async () => {
        const { world, write, watch, security } = await begun(before, count)
        const shown = watch()
        write('$share/s', { access: after })
        for (let n = 0; n < count; n += 1) write(`o${n}`, NARROWER)
        await world.settle()
        assert.equal(shown(), 0)
        assert(isRead(security() ?? {}, 'joe'))
        const share = world.couch.databases.get('share/s')
        assert.deepEqual(Object.keys(share?.read('share/s/o0') ?? {}).sort(), ['_id', '_rev', 'name'])
      })

  it('reads nothing that was un-shared before an account was made', async () => {
    const { world, write, watch, security } = await begun({ read: ['tom'] }, 3)
    const shown = watch()
    for (let n = 0; n < 3; n += 1) write(`o${n}`, NARROWER)
    world.couch.create('user/tom')
    world.couch.databases.get('_users')?.write({
      ...{ _id: 'org.couchdb.user:tom', type: 'user', name: 'tom', roles: ['tom'] },
    })
    await world.settle()
    assert.equal(shown(), 0)
    assert(isRead(security() ?? {}, 'joe'))
  })

  it('is let in wherever the daemon is killed', async () => {
    for (let after = 0; after < 12; after += 1) {
      const { world, write, security } = await begun({}, USER_PAGE + 50)
      write('$share/s', { access: { read: ['bob'] } })
      for (let n = 0; n < USER_PAGE + 50; n += 1) write(`o${n}`, NARROWER)
      await world.crash(after, () => world.turn('joe'))
      await world.settle()
      assert(isRead(security() ?? {}, 'joe'), `killed before write ${after}`)
    }
  })

  for (const access of [{ read: ['ann'] }, { write: ['ann'] }])
    it(`reads nothing that was un-shared while an admin had closed it: ${JSON.stringify(access)}`, async () => {
      const { world, write, watch, security } = await begun(access, 3)
      write('o2', { secret: 'shared' })
      const registry = world.couch.databases.get('shares') ?? assert.fail()
      const order = (wish: Record<string, unknown>): void => {
        const { order: _, ...entry } = withoutConflicts(registry.read('share/s'))
        registry.write({ ...entry, ...wish, _id: 'share/s' })
      }
      order({ order: 'suspend' })
      await world.settle()
      assert(!isRead(security() ?? {}, 'joe'))
      write('o0', NARROWER)
      write('o1', { $shares: {} })
      await world.settle()
      const shown = watch()
      order({})
      await world.settle()
      assert.equal(registry.read('share/s')?.['state'], 'active')
      assert(isRead(security() ?? {}, 'joe'))
      const share = world.couch.databases.get('share/s')
      assert.equal(share?.read('share/s/o0')?.['secret'], undefined)
      assert.equal(share?.read('share/s/o1'), null)
      assert.equal(share?.read('share/s/o2')?.['secret'], 'shared')
      assert.equal(shown(), 0)
    })
})
