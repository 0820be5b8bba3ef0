// Time limits: what takes the processor for long is stopped, and nobody is stopped because the machine was busy with something else.
import assert from 'node:assert/strict'
import { createContext, Script } from 'node:vm'
import { mock } from 'node:test'
import { DesignFunction } from '../../../src/functions/design-function.ts'
import { isOverTime, runWithin, Stopwatch } from '../../../src/functions/time-limit.ts'
import { Engine } from '../../../src/functions/validation.ts'
import { Sandbox } from '../../../src/gateways/function/sandbox.ts'

/** Time passes, and the processor does nothing. */
const WAIT = (ms: number): string => `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`

const realm = createContext({})

describe('functions/time-limit', () => {
  it('gives what a script gives, and throws what it throws', () => {
    assert.equal(runWithin(new Script('1 + 1'), realm, 1000), 2)
    assert.throws(() => runWithin(new Script('throw new RangeError("x")'), realm, 1000), { message: 'x' })
  })

  it('stops what comes to no end', () =>
    assert.throws(() => runWithin(new Script('for (;;);'), realm, 100), isOverTime))

  it('has patience with a machine that is busy with something else, and says when it begins again', () => {
    let again = 0
    const script = new Script(`${WAIT(150)}; 'done'`)
    assert.equal(
      runWithin(script, realm, 100, () => (again += 1)),
      'done',
    )
    assert.equal(again, 1)
  })

  it('lets a stopwatch stand still with the processor', () => {
    const watch = new Stopwatch()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
    assert.equal(watch.isWithin(250), true)
    const before = process.cpuUsage()
    while (process.cpuUsage(before).user < 100_000);
    assert.equal(watch.isWithin(50), false)
  })

  it('does not fail a function of a design document for that', () => {
    const filter = new DesignFunction('filter', `function (doc) { ${WAIT(1200)}; return true }`, {})
    assert.deepEqual(filter.ask(['[{},{}]']), ['1'])
    assert.equal(filter.failure, null)
  })

  it('does not fail a validation function for that, neither where it is read nor where it is called', () => {
    const engine = new Engine(`(${WAIT(1200)}, function () { ${WAIT(1200)} })`)
    assert.deepEqual(engine.call([]), { verdict: 'ok' })
    const careless = new Engine('function (doc) { text = args = doc.text }')
    for (let call = 0; call < 2; call += 1)
      assert.deepEqual(careless.call([{ text: 'x' }]), { verdict: 'ok' })
    const endless = new Engine('function () { for (;;); }')
    assert.equal(endless.call([]).verdict, 'error')
  })

  it('does not fail a sync function for that', async () => {
    let now = performance.now()
    // Each question takes ten seconds by the clock.
    const clock = mock.method(performance, 'now', () => (now += 10_000))
    try {
      const text = '(text) => { for (let i = 0; i < 20000; i += 1); return text }'
      const sandbox = await Sandbox.create(text, { memoryBytes: 32 * 1024 * 1024, steps: 1e6, timeMs: 2000 })
      assert.deepEqual(sandbox.callEach(['a', 'b']), ['a', 'b'])
    } finally {
      clock.mock.restore()
    }
  })
})
