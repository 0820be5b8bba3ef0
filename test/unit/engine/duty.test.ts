// Who works: by revisions and by how long somebody was seen to be silent, whatever the clocks say.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { dutyId, parseDuty } from '../../../src/engine/duty-document.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { BEAT_MS, Duty, SILENT_MS } from '../../../src/engine/duty.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const TEMPLATE = 'user/{id}'

/** A server, and daemons whose clocks are moved by hand. */
class Ground {
  readonly couch = new MemoryCouch()
  readonly database = this.couch.create(CHECKPOINTS)

  daemon(pid: number): { duty: Duty; steady: number; set: number } {
    const clock = { steady: 0, set: 0 }
    const duty = new Duty({
      couch: this.couch.asCouch(),
      id: dutyId(TEMPLATE),
      ...{ host: 'here', pid },
      now: () => 0,
      clocks: () => [clock.steady, clock.set],
    })
    return Object.assign(clock, { duty })
  }

  get pid(): number | undefined {
    return parseDuty(this.database.read(dutyId(TEMPLATE)))?.pid
  }
}

const isRefused = (error: unknown): boolean => isFault(error, 'stopped')

describe('engine/duty', () => {
  it('is one daemon’s, and the next one’s when that was silent for long', async () => {
    const ground = new Ground()
    const [one, two] = [ground.daemon(1), ground.daemon(2)]
    assert.deepEqual(await one.duty.seek(), { kind: 'held', after: 'nobody' })
    assert.equal((await two.duty.seek()).kind, 'other')
    two.steady = two.set = SILENT_MS - 1
    assert.equal((await two.duty.seek()).kind, 'other')
    assert.equal(await one.duty.beat(), true)
    two.steady = two.set = 2 * SILENT_MS
    assert.equal((await two.duty.seek()).kind, 'other', 'it was heard of meanwhile')
    two.steady = two.set = 3 * SILENT_MS
    assert.deepEqual(await two.duty.seek(), { kind: 'held', after: 'silence' })
    assert.equal(await one.duty.beat(), false)
    assert.equal(ground.pid, 2)
  })

  it('is over where the document is put back to what it was before', async () => {
    const ground = new Ground()
    const { duty } = ground.daemon(1)
    await duty.seek()
    const { confirm } = duty.tenure()
    const backup = ground.database.read(dutyId(TEMPLATE))
    assert.ok(backup)
    await duty.beat()
    ground.couch.drop(CHECKPOINTS)
    ground.couch.create(CHECKPOINTS)
    await ground.couch.asCouch().database(CHECKPOINTS).bulk([backup], { newEdits: false })
    assert.equal(await duty.beat(), false)
    await assert.rejects(confirm, isRefused)
    assert.equal(duty.isHeld, false)
  })

  it('is silent for no less than no time', async () => {
    const ground = new Ground()
    await ground.daemon(1).duty.seek()
    let time = 0
    const duty = new Duty({
      couch: ground.couch.asCouch(),
      id: dutyId(TEMPLATE),
      ...{ host: 'here', pid: 2, now: () => 0 },
      clocks: () => [(time += 50)],
    })
    const standing = await duty.seek()
    assert.equal(standing.kind === 'other' && standing.silentMs, 0)
  })

  it('is nobody else’s because a clock was set, or CouchDB did not answer', async () => {
    const ground = new Ground()
    const [one, two] = [ground.daemon(1), ground.daemon(2)]
    await one.duty.seek()
    await two.duty.seek()
    two.set = 100 * SILENT_MS
    assert.equal((await two.duty.seek()).kind, 'other')
    two.steady = 100 * SILENT_MS
    two.duty.lookAway()
    assert.equal((await two.duty.seek()).kind, 'other')
  })

  it('lets nobody write who slept while another took over, by whichever clock', async () => {
    for (const clock of ['steady', 'set'] as const) {
      const ground = new Ground()
      const [one, two] = [ground.daemon(1), ground.daemon(2)]
      await one.duty.seek()
      await one.duty.tenure().confirm()
      await two.duty.seek()
      two.steady = two.set = SILENT_MS
      await two.duty.seek()
      one[clock] = SILENT_MS
      await assert.rejects(one.duty.tenure().confirm(), isRefused)
      await assert.rejects(one.duty.tenure().confirm(), isRefused, 'for good')
      await two.duty.tenure().confirm()
      assert.equal(ground.pid, 2)
    }
  })

  it('goes on where nobody took over, and asks nobody while that is fresh', async () => {
    const ground = new Ground()
    const one = ground.daemon(1)
    await one.duty.seek()
    const { requests } = ground.couch
    one.steady = one.set = BEAT_MS
    await one.duty.tenure().confirm()
    assert.equal(ground.couch.requests, requests)
    one.steady = one.set = 100 * SILENT_MS
    await one.duty.tenure().confirm()
    assert.equal(ground.pid, 1)
  })

  it('is free at once when it is given up, and not given up by who has lost it', async () => {
    const ground = new Ground()
    const [one, two] = [ground.daemon(1), ground.daemon(2)]
    await one.duty.seek()
    await two.duty.seek()
    await one.duty.release()
    assert.deepEqual(await two.duty.seek(), { kind: 'held', after: 'given up' })
    await one.duty.release()
    await assert.rejects(one.duty.tenure().confirm(), isRefused)
    await two.duty.tenure().confirm()
  })

  it('stays with who has it where the document is deleted, or says nothing', async () => {
    const ground = new Ground()
    const one = ground.daemon(1)
    await one.duty.seek()
    for (const wrong of [{ _deleted: true }, { holder: 7 }]) {
      const { _rev = '' } = ground.database.read(dutyId(TEMPLATE)) ?? {}
      ground.database.write({ _id: dutyId(TEMPLATE), _rev, ...wrong })
      assert.equal(await one.duty.beat(), true)
      assert.equal(ground.pid, 1)
    }
  })

  it('is the winner’s where two nodes of a cluster took one each', async () => {
    const ground = new Ground()
    const one = ground.daemon(1)
    await one.duty.seek()
    const { _rev, ...there } = ground.database.read(dutyId(TEMPLATE)) ?? { _id: '', _rev: '' }
    const hash = 'f'.repeat(32)
    ground.database.merge({
      ...{ ...there, holder: 'another', pid: 2, _rev: `9-${hash}` },
      _revisions: { start: 9, ids: [hash] },
    })
    assert.equal(await one.duty.beat(), false)
    assert.equal(ground.pid, 2)
  })

  it('waits for whoever wrote nonsense as for a daemon', async () => {
    const ground = new Ground()
    ground.database.write({ _id: dutyId(TEMPLATE), holder: { $gt: null }, pid: 'x' })
    const one = ground.daemon(1)
    assert.equal((await one.duty.seek()).kind, 'other')
    assert.deepEqual(await one.duty.seek({ isAlone: true }), { kind: 'held', after: 'silence' })
  })
})
