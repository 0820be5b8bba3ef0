// What an earlier version has stored is brought up step by step, whenever it is cut off, and what a newer one has stored is left alone.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Couch } from '../../../src/couch/client.ts'
import { layoutNow, putAndBringUp, STEPS, type Step } from '../../../src/daemon/upgrade.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import { LAYOUT, LAYOUT_ID, parseLayout, planLayout, type Noted } from '../../../src/engine/layout.ts'
import { createLogger } from '../../../src/log.ts'
import { InstallError } from '../../../src/skeletons/install.ts'
import { VERSION } from '../../../src/version.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const silent = createLogger({ level: 'silent', pretty: false })
const noted = (version: number, by = '9.0.0'): Noted => ({
  kind: 'noted',
  layout: { version, by, at: '' },
})

const NOTED: Noted = { kind: 'noted', layout: { version: 3, by: '1.0.0', at: 'now' } }

/** A server in memory, and steps that say when they were taken. */
class Ground {
  readonly memory = new MemoryCouch()
  readonly registry = this.memory.create(REGISTRY)
  readonly couch: Couch = this.memory.asCouch()
  readonly taken: number[] = []
  /** How often something was put in place. */
  put = 0
  /** The step that fails, once. */
  failing: number | null = null

  steps(most: number): Step[] {
    return Array.from({ length: most }, (_, at) => ({
      to: at + 1,
      title: `step ${at + 1}`,
      bringUp: () => {
        this.taken.push(at + 1)
        if (this.failing !== at + 1) return Promise.resolve()
        this.failing = null
        return Promise.reject(new Error('cut off'))
      },
    }))
  }

  bringUp(current: number, steps = this.steps(current)): Promise<void> {
    const put = (): Promise<void> => {
      this.put += 1
      return Promise.resolve()
    }
    return putAndBringUp(put, { couch: this.couch, log: silent, now: () => 7, steps, current })
  }

  note(doc: object): void {
    const there = this.registry.read(LAYOUT_ID)
    this.registry.write({ _id: LAYOUT_ID, ...(there ? { _rev: there._rev } : {}), ...doc })
  }

  get noted(): unknown {
    const { _rev, ...doc } = this.registry.read(LAYOUT_ID) ?? assert.fail('no layout')
    return doc
  }
}

const refuses = (why: RegExp) => (error: unknown) => {
  assert.ok(error instanceof InstallError)
  assert.equal(error.code, 'newer_layout')
  assert.match(error.message, why)
  return true
}

describe('the layout', () => {
  it('has a step for each number, in order, up to that of this program', () => {
    const numbers = STEPS.map(({ to }) => to)
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    )
    assert.ok(numbers.every((to) => to >= 1 && to <= LAYOUT))
  })

  for (const [title, doc, expected] of [
    ['nothing', null, { kind: 'none' }],
    ['a number', { version: 3, by: '1.0.0', at: 'now' }, NOTED],
    ['no number', { by: '1.0.0' }, { kind: 'unreadable' }],
    ['a text', { version: '1' }, { kind: 'unreadable' }],
    ['half a number', { version: 1.5 }, { kind: 'unreadable' }],
    ['less than nothing', { version: -1 }, { kind: 'unreadable' }],
  ] as const)
    it(`is read from ${title}`, () => assert.deepEqual(parseLayout(doc), expected))

  for (const [title, there, plan] of [
    ['none', { kind: 'none' }, { kind: 'bring up', from: 0 }],
    ['an older one', noted(2), { kind: 'bring up', from: 2 }],
    ['the same', noted(3), { kind: 'current' }],
  ] as const)
    it(`is planned from ${title}`, () => assert.deepEqual(planLayout(there, 3), plan))

  it('refuses a newer one, and says who has written it', () => {
    const plan = planLayout(noted(4, '2.1.0'), 3)
    assert.ok(plan.kind === 'refuse')
    assert.match(plan.why, /^couch-shares 2\.1\.0 has brought .* layout 4, and .* none after 3/)
  })
})

describe('an upgrade', () => {
  it('notes the layout of a new server, once', async () => {
    const ground = new Ground()
    await ground.bringUp(LAYOUT, [...STEPS])
    assert.deepEqual(ground.noted, {
      ...{ _id: LAYOUT_ID, type: 'layout', version: LAYOUT },
      ...{ by: VERSION, at: '1970-01-01T00:00:00.007Z' },
    })
    const { _rev } = ground.registry.read(LAYOUT_ID) ?? {}
    await ground.bringUp(LAYOUT, [...STEPS])
    assert.equal(ground.registry.read(LAYOUT_ID)?._rev, _rev)
  })

  it('takes the steps after the layout that is there', async () => {
    const ground = new Ground()
    ground.note({ version: 2 })
    await ground.bringUp(4)
    assert.deepEqual(ground.taken, [3, 4])
    assert.equal(ground.put, 1)
    assert.equal(await layoutNow(ground.couch, 4), 4)
  })

  it('goes on with the step in which it was cut off', async () => {
    const ground = new Ground()
    ground.failing = 2
    await assert.rejects(ground.bringUp(3), /cut off/)
    assert.equal(await layoutNow(ground.couch, 3), 1)
    await ground.bringUp(3)
    assert.deepEqual(ground.taken, [1, 2, 2, 3])
  })

  it('takes each step at least once, in order, wherever it is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }), async (deaths) => {
        const ground = new Ground()
        for (const death of deaths) {
          ground.failing = death
          await ground.bringUp(5).catch(() => undefined)
        }
        ground.failing = null
        await ground.bringUp(5)
        assert.deepEqual([...new Set(ground.taken)], [1, 2, 3, 4, 5])
        assert.deepEqual(
          ground.taken,
          [...ground.taken].sort((a, b) => a - b),
        )
      }),
    )
  })

  it('never notes less than another process has noted meanwhile', async () => {
    const ground = new Ground()
    ground.note({ version: 1 })
    const [step] = ground.steps(2).slice(1)
    assert.ok(step)
    const meanwhile: Step = {
      ...step,
      bringUp: () => Promise.resolve(ground.note({ version: 3, by: '3.0.0' })),
    }
    await ground.bringUp(2, [meanwhile])
    await assert.rejects(layoutNow(ground.couch, 2), refuses(/couch-shares 3\.0\.0/))
  })

  it('leaves alone what a newer version has written', async () => {
    const ground = new Ground()
    ground.note({ version: 5, by: '2.0.0' })
    const before = ground.registry.read(LAYOUT_ID)
    await assert.rejects(ground.bringUp(4), refuses(/layout 5/))
    assert.deepEqual(ground.taken, [])
    assert.equal(ground.put, 0)
    assert.deepEqual(ground.registry.read(LAYOUT_ID), before)
  })

  it('leaves alone what it cannot read', async () => {
    const ground = new Ground()
    ground.note({ version: 'one' })
    await assert.rejects(ground.bringUp(4), refuses(/does not say/))
    assert.deepEqual(ground.taken, [])
  })

  it('finds nothing where there is no registry yet', async () => {
    assert.equal(await layoutNow(new MemoryCouch().asCouch(), 4), 0)
  })
})
