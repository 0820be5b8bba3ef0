// Processes that divide the users: who takes what by the documents of a server in memory, with clocks that are moved by hand.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { Division } from '../../../src/engine/division.ts'
import { dutyId } from '../../../src/engine/duty-document.ts'
import { Duty, SILENT_MS } from '../../../src/engine/duty.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const TEMPLATE = 'user/{id}'

class Ground {
  readonly couch = new MemoryCouch()
  time = 0

  constructor() {
    this.couch.create(CHECKPOINTS)
  }

  /** Of all documents that are there. */
  async ids(): Promise<string[]> {
    return (await this.couch.asCouch().database(CHECKPOINTS).range({})).map(({ id }) => id)
  }

  async process(of = 4): Promise<Division> {
    const division = new Division({
      couch: this.couch.asCouch(),
      ...{ template: TEMPLATE, of, host: 'here', pid: 1 },
      now: () => this.time,
      clocks: () => [this.time],
    })
    await division.announce()
    return division
  }

  /** So much time goes by, in which these say that they are there. */
  async pass(ms: number, ...alive: Division[]): Promise<void> {
    for (const end = this.time + ms; this.time < end;) {
      this.time = Math.min(end, this.time + 1_000)
      for (const one of alive) await one.beat((error) => assert.fail(error))
      for (const one of alive) await one.look()
    }
  }
}

/** One look, and what follows from it. */
async function act(division: Division): Promise<void> {
  const view = await division.look()
  if (view.kind === 'other') return division.giveUp(division.held)
  await division.giveUp(view.plan.giveUp)
  await division.take(view.plan.take)
}

async function actAll(...all: Division[]): Promise<number[][]> {
  for (let rounds = 0; rounds < 4; rounds += 1) for (const one of all) await act(one)
  return all.map(({ held }) => [...held].sort())
}

const isRefused = (error: unknown): boolean => isFault(error, 'stopped')

describe('engine/division', () => {
  it('gives a process half of what another one has', async () => {
    const ground = new Ground()
    const one = await ground.process()
    assert.deepEqual(await actAll(one), [[0, 1, 2, 3]])
    const two = await ground.process()
    const [ones = [], twos = []] = await actAll(one, two)
    assert.deepEqual([ones.length, twos.length], [2, 2])
    assert.deepEqual([...ones, ...twos].sort(), [0, 1, 2, 3])
    const [first = 0] = twos
    await two.tenure(twos).confirm()
    await assert.rejects(one.tenure([first]).confirm(), isRefused)
  })

  it('takes all of whoever leaves, at once', async () => {
    const ground = new Ground()
    const [one, two] = [await ground.process(), await ground.process()]
    await actAll(one, two)
    await two.leave()
    await act(one)
    assert.deepEqual([...one.held].sort(), [0, 1, 2, 3])
    assert.equal((await ground.ids()).length, 5, 'nothing is left of the other one but what it had')
  })

  it('takes nothing of whoever is there, and all of whoever was silent for long', async () => {
    const ground = new Ground()
    const [one, two] = [await ground.process(), await ground.process()]
    const [ones, twos = []] = await actAll(one, two)
    await ground.pass(3 * SILENT_MS, one, two)
    assert.deepEqual(await actAll(one, two), [ones, twos])

    await ground.pass(SILENT_MS - 1_000, one)
    await act(one)
    assert.deepEqual([...one.held].sort(), ones)
    await ground.pass(2_000, one)
    await act(one)
    assert.deepEqual([...one.held].sort(), [0, 1, 2, 3])

    // The other one wakes: it writes nothing more, and then has its part again.
    await assert.rejects(two.tenure(twos).confirm(), isRefused)
    await two.beat((error) => assert.fail(error))
    const [again = [], others = []] = await actAll(one, two)
    assert.deepEqual([again.length, others.length], [2, 2])
  })

  it('lets nobody go on who has lost a partition and has it again', async () => {
    const ground = new Ground()
    const one = await ground.process(1)
    await act(one)
    const before = one.tenure([0])
    await before.confirm()
    // It is frozen, the other one takes over and stops in order, and all that before it looks again.
    const two = await ground.process(1)
    await act(two)
    await ground.pass(SILENT_MS + 1_000, two)
    await act(two)
    await two.leave()
    await one.beat((error) => assert.fail(error))
    await act(one)
    assert.deepEqual(one.held, [0])
    assert.deepEqual(before.lost(), [0])
    await assert.rejects(before.confirm(), isRefused)
    const now = one.tenure([0])
    assert.deepEqual(now.lost(), [])
    await now.confirm()
  })

  it('gives nothing up to others that wait because they would divide users otherwise', async () => {
    const ground = new Ground()
    const three = await ground.process(3)
    await actAll(three)
    const four = await ground.process(4)
    assert.deepEqual(await actAll(three, four), [[0, 1, 2], []])
  })

  it('takes nothing while CouchDB does not answer, nor at once afterwards', async () => {
    const ground = new Ground()
    const [one, two] = [await ground.process(), await ground.process()]
    const [ones] = await actAll(one, two)
    ground.time += 10 * SILENT_MS
    one.lookAway()
    await act(one)
    assert.deepEqual([...one.held].sort(), ones)
  })

  it('forgets who was silent for very long', async () => {
    const ground = new Ground()
    const [one] = [await ground.process(), await ground.process()]
    await ground.pass(10 * SILENT_MS, one)
    const presences = (await ground.ids()).filter((id) => id.includes(' process '))
    assert.equal(presences.length, 1)
  })

  it('waits for whoever works for all users, or divides them otherwise', async () => {
    const ground = new Ground()
    const alone = new Duty({
      couch: ground.couch.asCouch(),
      ...{ id: dutyId(TEMPLATE), host: 'there', pid: 2 },
      now: () => ground.time,
      clocks: () => [ground.time],
    })
    await alone.seek()
    const three = await ground.process(3)
    assert.equal((await three.look()).kind, 'other')
    await alone.release()
    assert.deepEqual(await actAll(three), [[0, 1, 2]])
    assert.equal((await alone.seek()).kind, 'other', 'and is waited for')

    const four = await ground.process(4)
    assert.equal((await four.look()).kind, 'other')
    await three.leave()
    assert.deepEqual(await actAll(four), [[0, 1, 2, 3]])
  })
})
