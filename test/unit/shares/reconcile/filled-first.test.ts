// Nobody enters a share before all objects that name it are there, wherever its opening is interrupted.
import assert from 'node:assert/strict'
import { USER_PAGE } from '../../../../src/shares/reconciler.ts'
import { isPublic } from '../../../../src/documents/security.ts'
import { MemoryWorld } from '../../../support/memory-world.ts'

/** More than what is written into a share at once. */
const LARGE = { 'a.bin': { content_type: 'application/x', data: Buffer.alloc(1_100_000).toString('base64') } }
/** More than a page of a user's documents. */
const COUNT = USER_PAGE + 30
const GUARD = '_design/write_access'

interface Stage {
  world: MemoryWorld
  open: () => void
  /** How many copies the share has. */
  copies: () => number
  /** Has seen to it from now on. @returns how often somebody might have entered while copies were missing */
  watch: () => () => number
}

/**
 * Joe's objects name a share.
 * @param isNewcomer all of his documents are read for the first time when the share is asked for
 */
async function waiting({ isNewcomer = false, daemons = 1 } = {}): Promise<Stage> {
  const world = await MemoryWorld.create({ daemons })
  const { couch } = world
  couch.create('user/joe')
  couch.databases
    .get('_users')
    ?.write({ _id: 'org.couchdb.user:joe', type: 'user', name: 'joe', roles: ['joe'] })
  const user = couch.databases.get('user/joe') ?? assert.fail()
  for (let n = 0; n < COUNT; n += 1)
    user.write({ _id: `o${n}`, n, $shares: { s: true }, ...(n === 0 ? { _attachments: LARGE } : {}) })
  if (!isNewcomer) await world.settle()
  const live = (id: string): boolean => couch.databases.get('share/s')?.read(id) != null
  const copies = (): number =>
    Array.from({ length: COUNT }, (_, n) => `share/s/o${n}`).filter((id) => live(id)).length
  return {
    world,
    copies,
    open: () => void user.write({ _id: '$share/s', type: '$share', access: { read: true } }),
    watch: () => {
      let early = 0
      couch.onWrite = () => {
        const security = couch.databases.get('share/s')?.security
        if (security && isPublic(security) && (copies() < COUNT || !live(GUARD))) early += 1
      }
      return () => early
    },
  }
}

const stateOf = ({ world }: Stage): unknown =>
  world.couch.databases.get('user/joe')?.read('$share/s')?.['$state']

function assertOpen(stage: Stage): void {
  const { security } = stage.world.couch.databases.get('share/s') ?? assert.fail()
  assert(isPublic(security), 'everybody may enter')
  assert.equal(stage.copies(), COUNT)
  assert.equal(stateOf(stage), 'active')
  const entry = stage.world.couch.databases.get('shares')?.read('share/s')
  assert.deepEqual([entry?.['state'], entry?.['filled']], ['active', undefined])
}

describe('a share that is opened', () => {
  for (const isNewcomer of [false, true])
    it(`has all objects before anybody enters${isNewcomer ? ', of a user who is new' : ''}`, async () => {
      const stage = await waiting({ isNewcomer })
      const early = stage.watch()
      stage.open()
      await stage.world.settle()
      assert.equal(early(), 0)
      assertOpen(stage)
    })

  it('is filled without validation functions that let the daemon pass, and with those that may not', async () => {
    for (const [name, isThere] of [
      ['write_access', false],
      ['of_our_own', true],
    ] as const) {
      const stage = await waiting()
      const { couch, deps } = stage.world
      if (isThere)
        couch.databases
          .get('skeleton/share')
          ?.write({ _id: `_design/${name}`, language: 'javascript', validate_doc_update: '(function () {})' })
      await stage.world.restart()
      assert.ok(deps)
      let first: boolean | null = null
      couch.onWrite = () => {
        if (stage.copies() > 0) first ??= couch.databases.get('share/s')?.read(`_design/${name}`) != null
      }
      stage.open()
      await stage.world.settle()
      assert.equal(first, isThere, name)
      assert.ok(couch.databases.get('share/s')?.read(GUARD))
    }
  })

  it('goes on being filled where a daemon was killed', async () => {
    for (let after = 1; after < 2 * COUNT + 40; after += 61) {
      const stage = await waiting()
      stage.open()
      await stage.world.crash(after, () => stage.world.settle())
      const early = stage.watch()
      await stage.world.settle()
      assert.equal(early(), 0, `killed before write ${after}`)
      assertOpen(stage)
    }
  })

  it('is not open while its owner asks for something else', async () => {
    const stage = await waiting()
    const user = stage.world.couch.databases.get('user/joe') ?? assert.fail()
    const early = stage.watch()
    stage.open()
    await stage.world.crash(COUNT, () => stage.world.settle())
    user.write({ ...user.read('$share/s'), access: { write: true } } as never)
    await stage.world.settle()
    assert.equal(early(), 0)
    assertOpen(stage)
  })

  it('ends where it is deleted before that', async () => {
    const stage = await waiting()
    const user = stage.world.couch.databases.get('user/joe') ?? assert.fail()
    stage.open()
    await stage.world.crash(COUNT, () => stage.world.settle())
    user.write({ _id: '$share/s', _rev: user.read('$share/s')?.['_rev'], _deleted: true } as never)
    await stage.world.settle()
    assert.equal(stage.world.couch.databases.get('share/s'), undefined)
    assert.equal(stage.world.couch.databases.get('shares')?.read('share/s')?.['state'], 'ended')
  })
})
