// Somebody is taken out of a share beside its owner's lane, while that makes the share anew: once more only where it must be.
import assert from 'node:assert/strict'
import { narrowAtOnce } from '../../../../src/shares/reconcile/narrowing.ts'
import { performShare } from '../../../../src/shares/perform/share.ts'
import type { Participants } from '../../../support/participants.ts'
import { ANN, JOE, joeShowsAnn, planned } from '../../../support/planned-share.ts'

/** A share that a daemon is about to make anew: that is planned. */
async function aboutToBeMadeAnew() {
  const people = await joeShowsAnn()
  const { deps } = people.world
  const entry = async () => (await deps.registry.entry('x')) ?? assert.fail()
  const { rotations: earlier = 0 } = await entry()
  await deps.registry.orderRotation('x')
  const { effects, read } = await planned(people)
  return {
    people,
    deps,
    makeAnew: async () => {
      const { kind } = await performShare(deps, people.hash(JOE), effects, read)
      assert.equal(kind, 'done')
    },
    /** How often the share was made anew since; and whether it is to be, still. */
    times: async (): Promise<[times: number, rotate: boolean]> => {
      const { rotations = 0, rotate = false } = await entry()
      return [rotations - earlier, rotate]
    },
  }
}

async function takeAnnOut(people: Participants): Promise<void> {
  people.act({ kind: 'access', share: 'x', access: false })
  await narrowAtOnce(people.world.deps, people.hash(JOE), new Set(['x']))
}

type Methods<Name extends string> = Record<Name, (...args: never[]) => Promise<unknown>>

/** Has the daemon's next call of this method go by way of something, which is handed the call. */
function around<Name extends string>(
  object: Methods<Name>,
  name: Name,
  by: (call: () => Promise<unknown>) => Promise<unknown>,
): void {
  const original = object[name].bind(object)
  object[name] = (...args) => {
    object[name] = original
    return by(() => original(...args))
  }
}

/** Runs something, once, before the daemon calls this method. */
const before = <Name extends string>(object: Methods<Name>, name: Name, run: () => Promise<void>): void =>
  around(object, name, async (call) => {
    await run()
    return call()
  })

/** The same, when it has answered. */
const after = <Name extends string>(object: Methods<Name>, name: Name, run: () => Promise<void>): void =>
  around(object, name, async (call) => {
    const answer = await call()
    await run()
    return answer
  })

const readersOf = (people: Participants): string[] => people.share('x')?.security.members?.roles ?? []

describe('shares/reconcile/narrowing', () => {
  it('has a share made anew once where the old database is about to go', async () => {
    const { people, deps, makeAnew, times } = await aboutToBeMadeAnew()
    // The last thing that is waited for while the old one is there.
    before(deps.creator, 'refresh', () => takeAnnOut(people))
    await makeAnew()
    assert.deepEqual(await times(), [1, false])
    assert.ok(!readersOf(people).includes(people.hash(ANN)))
  })

  it('has it made anew where that was planned before somebody was taken out, and lets nobody in meanwhile', async () => {
    const { people, makeAnew, times } = await aboutToBeMadeAnew()
    await takeAnnOut(people)
    await makeAnew()
    assert.deepEqual(await times(), [1, false])
    assert.ok(!readersOf(people).includes(people.hash(ANN)))
  })

  it('has it made anew once more where somebody is taken out of the new database', async () => {
    const { people, deps, makeAnew, times } = await aboutToBeMadeAnew()
    // When the new one is there, and open.
    before(deps.leases, 'start', () => takeAnnOut(people))
    await makeAnew()
    assert.deepEqual(await times(), [1, true])
    await people.world.settle()
    assert.deepEqual(await times(), [2, false])
  })

  for (const [when, at] of [
    ['before', before],
    ['after', after],
  ] as const)
    it(`has it made anew before its owner reads that it is in force: somebody was taken out ${when} the entry was read`, async () => {
      const people = await joeShowsAnn()
      const { deps } = people.world
      people.act({ kind: 'access', share: 'x', access: false })
      at(
        deps.registry,
        'entry',
        async () => void (await narrowAtOnce(deps, people.hash(JOE), new Set(['x']))),
      )
      const kinds = (await planned(people)).effects.map(({ kind }) => kind)
      assert.ok(kinds.includes('rotate'), `feeds that Ann has open end: ${kinds.join(', ')}`)
      assert.ok(!kinds.slice(0, kinds.indexOf('rotate')).includes('put-document'))
    })

  it('finds nothing to take away where the old database has just gone', async () => {
    const people = await joeShowsAnn()
    const { deps } = people.world
    before(deps.registry, 'orderRotation', async () => void (await deps.couch.database('share/x').drop()))
    await takeAnnOut(people)
    assert.equal(people.share('x'), null)
    await people.world.settle()
    assert.ok(!readersOf(people).includes(people.hash(ANN)))
  })
})
