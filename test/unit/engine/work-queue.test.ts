// WorkQueue: one turn at a time for an owner, owners side by side, the busiest at the back; only order is asserted.
import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import { mock } from 'node:test'
import fc from 'fast-check'
import PQueue from 'p-queue'
import type { Turn as EndedTurn } from '../../../src/engine/meter.ts'
import { Pulse } from '../../../src/engine/pulse.ts'
import { WorkQueue, type WorkQueueOptions } from '../../../src/engine/work-queue.ts'
import { mergeOwnerWork, type OwnerWork, type OwnerResult } from '../../../src/shares/work.ts'

const DONE: OwnerResult = {
  next: null,
  isActive: false,
  halted: new Set(),
  paused: new Set(),
  throttled: new Set(),
}
const MORE: OwnerResult = { ...DONE, next: { user: true, outbox: true }, isActive: true }

interface Turn {
  owner: string
  work: OwnerWork
  end: (outcome: OwnerResult) => void
  fail: (error: Error) => void
}

/** A queue whose turns end when the test says so. */
function open(concurrency = 2) {
  const running: Turn[] = []
  const clock = { ms: 0 }
  const begun: string[] = []
  const told: string[] = []
  const turns: EndedTurn[] = []
  const slots = new PQueue({ concurrency })
  const options: WorkQueueOptions<OwnerWork> = {
    ...{ concurrency, queue: slots },
    pulse: new Pulse(() => clock.ms),
    elapsed: () => clock.ms,
    merge: mergeOwnerWork,
    reconcile: (owner, work) => {
      begun.push(owner)
      return new Promise((resolve, reject) => {
        const leave = () => void running.splice(running.indexOf(turn), 1)
        const turn: Turn = {
          owner,
          work,
          end: (outcome) => {
            leave()
            resolve(outcome)
          },
          fail: (error) => {
            leave()
            reject(error)
          },
        }
        running.push(turn)
      })
    },
    onFailure: (owner, error, tries) =>
      told.push(`failure ${owner} ${(error as Error).message} ${String(tries)}`),
    onTurn: (turn) => turns.push(turn),
    onIdle: (owner) => told.push(`idle ${owner}`),
  }
  const queue = new WorkQueue(options)
  opened.push(queue)
  const turnOf = (owner: string): Turn =>
    running.find((turn) => turn.owner === owner) ?? assert.fail(`no turn of ${owner} is running`)
  return {
    queue,
    slots,
    clock,
    running,
    begun,
    told,
    turns,
    turnOf,
    owners: () => running.map(({ owner }) => owner),
  }
}

const opened: WorkQueue<OwnerWork>[] = []

async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await nextRound()
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('engine/work-queue', () => {
  afterEach(() => {
    // A lane that waits to try again would keep the process alive.
    for (const queue of opened.splice(0)) void queue.stop()
  })

  it('takes a turn for an owner who was marked, and forgets it', async () => {
    const { queue, turnOf, told, begun } = open()
    queue.mark('a', { user: true })
    await settle()
    assert.deepEqual(queue.busy, ['a'])
    assert.equal(turnOf('a').work.user, true)
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(queue.busy, [])
    assert.deepEqual(told, ['idle a'])
    assert.deepEqual(begun, ['a'])
    assert.equal(queue.turns, 1)
  })

  it('never takes two turns of one owner at once; work that comes meanwhile is one turn', async () => {
    const { queue, turnOf, begun, owners } = open(8)
    queue.mark('a', { user: true })
    await settle()
    queue.mark('a', { outbox: true, shares: new Set(['s']) })
    queue.mark('a', { shares: new Set(['t']), updateSeqs: new Map([['user/a', '2-x']]) })
    queue.mark('a', { subscriptions: new Set(['v']), feeds: new Set(['w']) })
    await settle()
    assert.deepEqual(owners(), ['a'])
    assert.equal(turnOf('a').work.outbox, undefined, 'what came later is for the next turn')
    turnOf('a').end(DONE)
    await settle()
    const { work } = turnOf('a')
    assert.ok(!work.user)
    assert.equal(work.outbox, true)
    assert.deepEqual([...(work.shares ?? [])], ['s', 't'])
    assert.deepEqual([...(work.updateSeqs ?? [])], [['user/a', '2-x']])
    assert.deepEqual([...(work.subscriptions ?? []), ...(work.feeds ?? [])], ['v', 'w'])
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(begun, ['a', 'a'])
    assert.deepEqual(queue.busy, [])
  })

  it('says what waits, for how long, and what came of each turn', async () => {
    const { queue, clock, turnOf, turns, slots } = open(1)
    assert.deepEqual(queue.standing, { busy: 0, failing: 0, failures: [], oldestMs: 0 })
    slots.pause()
    queue.mark('a', { user: true })
    clock.ms = 100
    queue.mark('b', { user: true })
    queue.mark('a', { outbox: true })
    clock.ms = 150
    assert.deepEqual(queue.standing, { busy: 2, failing: 0, failures: [], oldestMs: 150 })
    slots.start()
    await settle()
    // The turn of `a` looks at all of it.
    assert.deepEqual(queue.standing, { busy: 2, failing: 0, failures: [], oldestMs: 50 })
    clock.ms = 250
    turnOf('a').end(MORE)
    await settle()
    assert.deepEqual(turns, [{ outcome: 'more', waitedMs: 150, ms: 100 }])
    clock.ms = 300
    turnOf('b').fail(new Error('no'))
    await settle()
    assert.deepEqual(turns.slice(1), [{ outcome: 'failed', waitedMs: 150, ms: 50 }])
    // Nothing of what `b` waits for is done: it has waited since it was marked.
    const { failures, ...counts } = queue.standing
    assert.deepEqual(counts, { busy: 2, failing: 1, oldestMs: 200 })
    clock.ms = 310
    assert.deepEqual(queue.standing.failures, [{ key: 'b', sinceMs: 10, tries: 1, fault: new Error('no') }])
    assert.deepEqual(failures, [{ key: 'b', sinceMs: 0, tries: 1, fault: new Error('no') }])
    clock.ms = 300
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(turns.slice(2), [{ outcome: 'done', waitedMs: 50, ms: 0 }])
  })

  it('merges work that comes before the turn begins', async () => {
    const { queue, slots, turnOf } = open()
    slots.pause()
    queue.mark('a', { user: true })
    queue.mark('a', { outbox: true })
    await settle()
    slots.start()
    await settle()
    assert.deepEqual([turnOf('a').work.user, turnOf('a').work.outbox], [true, true])
  })

  it('runs owners side by side, up to the limit', async () => {
    const { queue, turnOf, owners } = open(2)
    for (const owner of ['a', 'b', 'c']) queue.mark(owner, {})
    await settle()
    assert.deepEqual(owners(), ['a', 'b'])
    turnOf('b').end(DONE)
    await settle()
    assert.deepEqual(owners(), ['a', 'c'])
  })

  it('puts an owner who has more at the back, with work that says so', async () => {
    const { queue, turnOf, begun } = open(1)
    for (const owner of ['a', 'b', 'c'])
      queue.mark(owner, { user: true, recreated: true, idle: new Set(['s']) })
    for (const owner of ['a', 'b', 'c']) {
      await settle()
      turnOf(owner).end(owner === 'a' ? MORE : DONE)
    }
    await settle()
    assert.deepEqual(begun, ['a', 'b', 'c', 'a'])
    const { work } = turnOf('a')
    assert.deepEqual([work.user, work.outbox], [true, true])
    assert.ok(!work.recreated, 'was seen to')
    assert.deepEqual([...(work.idle ?? [])], [], 'was seen to')
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(queue.busy, [])
  })

  it('lets an urgent turn go before those that others wait for', async () => {
    const { queue, running, owners } = open(1)
    for (const who of ['a', 'b', 'c', 'd']) queue.mark(who, {})
    await settle()
    queue.markUrgent('c', {})
    assert.ok(queue.isUrgent('c'))
    running[0]?.end(DONE)
    await settle()
    assert.deepEqual(owners(), ['c'])
    assert.ok(!queue.isUrgent('c'), 'it has begun')
    // The next turn of one that has a turn now.
    queue.markUrgent('c', {})
    assert.ok(queue.isUrgent('c'), 'it is better short')
    running[0]?.end(DONE)
    await settle()
    assert.deepEqual(owners(), ['c'])
    running[0]?.end(DONE)
    await settle()
    assert.deepEqual(owners(), ['b'])
  })

  it('hands on the shares of which there is more to read, and not those that were read', async () => {
    const { queue, turnOf } = open()
    queue.mark('a', { feeds: new Set(['s', 't']), subscriptions: new Set(['s']) })
    await settle()
    turnOf('a').end({ ...DONE, next: { feeds: new Set(['t']) } })
    await settle()
    const { work } = turnOf('a')
    assert.deepEqual([[...(work.feeds ?? [])], [...(work.subscriptions ?? [])]], [['t'], []])
  })

  it('comes back to what a turn leaves for later, once nothing is left to do now', async () => {
    const { queue, turnOf, told } = open()
    queue.mark('a', { user: true })
    await settle()
    turnOf('a').end({ ...DONE, after: [{ work: { departed: true }, ms: 1 }] })
    await settle()
    assert.deepEqual(told, ['idle a'])
    await until(() => queue.isBusy('a'))
    await settle()
    assert.deepEqual(turnOf('a').work, { departed: true })
  })

  it('tries again after a failure, with the same work, and holds up nobody meanwhile', async () => {
    const { queue, turnOf, told, owners, begun } = open(1)
    queue.mark('a', { user: true, departed: true, shares: new Set(['s']), feeds: new Set(['t']) })
    queue.mark('b', {})
    await settle()
    turnOf('a').fail(new Error('away'))
    await settle()
    assert.deepEqual(told, ['failure a away 1'])
    assert.deepEqual(owners(), ['b'], 'b goes on while a waits')
    assert.equal(queue.failing, 1)
    assert.ok(queue.busy.includes('a'))
    queue.mark('a', { outbox: true })
    turnOf('b').end(DONE)
    await until(() => owners().includes('a'))
    assert.deepEqual(begun, ['a', 'b', 'a'])
    const { work } = turnOf('a')
    assert.deepEqual([work.user, work.departed, work.outbox], [true, true, true])
    assert.deepEqual([...(work.shares ?? []), ...(work.feeds ?? [])], ['s', 't'])
    turnOf('a').fail(new Error('away still'))
    await settle()
    assert.deepEqual(told.at(-1), 'failure a away still 2')
    await until(() => owners().includes('a'))
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual([queue.failing, queue.busy], [0, []])
  })

  it('a mark while an owner waits to try again makes no second turn', async () => {
    const { queue, turnOf, owners } = open(4)
    queue.mark('a', {})
    await settle()
    turnOf('a').fail(new Error('away'))
    await settle()
    queue.mark('a', {})
    queue.mark('a', {})
    await until(() => owners().length > 0)
    await settle()
    assert.deepEqual(owners(), ['a'])
  })

  it('stop waits for the turns under way, and begins no other', async () => {
    const { queue, slots, turnOf, begun, told } = open(1)
    queue.mark('a', {})
    queue.mark('b', {})
    await settle()
    queue.mark('a', {})
    let stopped = false
    const stopping = queue.stop().then(() => (stopped = true))
    await settle()
    assert.equal(stopped, false)
    turnOf('a').end(MORE)
    await stopping
    queue.mark('c', {})
    slots.start()
    await settle()
    assert.deepEqual(begun, ['a'])
    assert.deepEqual(told, [])
  })

  it('has something to do for whoever is marked after it was stopped, and does not begin it', async () => {
    const { queue, begun } = open()
    await queue.stop()
    queue.mark('a', {})
    await settle()
    // Else a checkpoint would move over what marked it.
    assert.equal(queue.isBusy('a'), true)
    assert.deepEqual(begun, [])
  })

  it('stop ends the wait of those who failed', async () => {
    const { queue, turnOf, begun } = open()
    queue.mark('a', {})
    await settle()
    turnOf('a').fail(new Error('away'))
    await settle()
    await queue.stop()
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.deepEqual(begun, ['a'])
  })

  it('begins no turn while paused', async () => {
    const { queue, slots, begun } = open()
    slots.pause()
    queue.mark('a', {})
    await settle()
    assert.deepEqual(begun, [])
    slots.start()
    await settle()
    assert.deepEqual(begun, ['a'])
  })

  it('knows who was found at the start until they are done, whoever comes later', async () => {
    const { queue, turnOf } = open(3)
    assert.equal(queue.left, null)
    for (const owner of ['a', 'b']) queue.mark(owner, {})
    queue.noteFound()
    queue.mark('c', {})
    queue.noteFound()
    assert.equal(queue.left, 2)
    await settle()
    turnOf('a').end(MORE)
    await settle()
    assert.equal(queue.left, 2, 'a has something left to do')
    turnOf('a').end(DONE)
    turnOf('b').end(DONE)
    await settle()
    assert.equal(queue.left, 0)
    queue.mark('a', {})
    assert.equal(queue.left, 0)
  })

  it('is stuck when somebody waits for long and no turn ends, and not before that', async () => {
    const LONG_MS = 6 * 60_000
    const { queue, clock, turnOf } = open(1)
    clock.ms += LONG_MS
    assert.ok(!queue.isStuck, 'nobody has anything to do')
    for (const owner of ['a', 'b']) queue.mark(owner, {})
    await settle()
    assert.ok(!queue.isStuck, 'nobody has waited for long')
    clock.ms += LONG_MS
    assert.ok(queue.isStuck)
    turnOf('a').end(DONE)
    await settle()
    assert.ok(!queue.isStuck, 'b has a turn')
    turnOf('b').fail(new Error('away'))
    await settle()
    clock.ms += LONG_MS
    assert.ok(!queue.isStuck, 'b waits to try again')
  })

  it('keeps all that under any interleaving, and forgets everybody in the end', async () => {
    const owner = fc.constantFrom('a', 'b', 'c', 'd')
    const event = fc.oneof(
      fc.tuple(fc.constant('mark' as const), owner),
      fc.tuple(fc.constantFrom('done' as const, 'more' as const), owner),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const { queue, running, owners, begun } = open(2)
        const lastMark = new Map<string, number>()
        for (const [kind, who] of events) {
          if (kind === 'mark') {
            lastMark.set(who, begun.filter((one) => one === who).length)
            queue.mark(who, {})
          } else running.find((turn) => turn.owner === who)?.end(kind === 'done' ? DONE : MORE)
          await settle()
          assert.equal(new Set(owners()).size, owners().length, 'two turns of one owner')
          assert.ok(owners().length <= 2)
        }
        while (running.length > 0) {
          running[0]?.end(DONE)
          await settle()
        }
        assert.deepEqual(queue.busy, [])
        for (const [who, turns] of lastMark)
          assert.ok(
            begun.filter((one) => one === who).length > turns,
            `the last mark of ${who} was forgotten`,
          )
      }),
      { numRuns: 60 },
    )
  })
})

/** What is asked for, at which time and after how long; and what comes of it: the owner's work, each at its time. */
const WAITS: readonly [
  title: string,
  asked: readonly [at: number, owner: string, work: OwnerWork, ms: number][],
  comes: readonly string[],
][] = [
  ['comes when it was asked for', [[0, 'a', { user: true }, 50]], ['50 a user']],
  [
    'comes once, however often the same was asked for',
    [
      [0, 'a', { feeds: new Set(['x']) }, 50],
      [10, 'a', { feeds: new Set(['x']) }, 50],
      [20, 'a', { feeds: new Set(['x']) }, 50],
    ],
    ['50 a feeds:x'],
  ],
  [
    'comes for all that was asked for, at the earliest time',
    [
      [0, 'a', { feeds: new Set(['x']) }, 50],
      [10, 'a', { feeds: new Set(['y']), subscriptions: new Set(['z']) }, 50],
    ],
    ['50 a feeds:x,y subscriptions:z'],
  ],
  [
    'comes earlier where that is asked for later',
    [
      [0, 'a', { departed: true }, 500],
      [10, 'a', { feeds: new Set(['x']) }, 50],
    ],
    ['60 a departed feeds:x'],
  ],
  [
    'comes again where it was asked for again since',
    [
      [0, 'a', { feeds: new Set(['x']) }, 50],
      [60, 'a', { feeds: new Set(['x']) }, 50],
    ],
    ['50 a feeds:x', '110 a feeds:x'],
  ],
  [
    'comes for each owner by itself',
    [
      [0, 'a', { user: true }, 50],
      [0, 'b', { outbox: true }, 40],
    ],
    ['40 b outbox', '50 a user'],
  ],
  ['comes at once after no time', [[0, 'a', { returned: true }, 0]], ['0 a returned']],
]

const sayWork = (work: OwnerWork): string =>
  Object.entries(work)
    .flatMap(([name, value]: [string, unknown]) =>
      value === true ? name : value instanceof Set && value.size > 0 ? `${name}:${[...value].join()}` : [],
    )
    .sort()
    .join(' ')

describe('engine/work-queue, what is looked at later', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => {
    mock.timers.reset()
    for (const queue of opened.splice(0)) void queue.stop()
  })

  /** What comes of it in a second, at which time; each turn is done at once, or asks for more. */
  async function play(
    ask: (at: number, queue: WorkQueue<OwnerWork>) => void,
    again: (owner: string, queue: WorkQueue<OwnerWork>) => void = () => undefined,
  ): Promise<string[]> {
    const { queue, clock, running } = open(8)
    const came: string[] = []
    for (; clock.ms <= 1_000; clock.ms += 10, mock.timers.tick(10)) {
      ask(clock.ms, queue)
      mock.timers.tick(0)
      await settle()
      for (const { owner, work, end } of [...running]) {
        came.push(`${clock.ms} ${owner} ${sayWork(work)}`)
        again(owner, queue)
        end(DONE)
      }
      await settle()
      assert.deepEqual(queue.busy, [], 'who waits is not busy')
    }
    return came
  }

  for (const [title, asked, comes] of WAITS)
    it(title, async () => {
      const came = await play((now, queue) => {
        for (const [at, owner, work, ms] of asked) if (at === now) queue.after(owner, work, ms)
      })
      assert.deepEqual(came, comes)
    })

  it('comes no more often where every turn asks for it again, however many others there were', async () => {
    const FEEDS = { feeds: new Set(['x']) }
    // A public share in which more is written than is taken in: each event of it has a turn, and each turn comes back.
    const came = await play(
      (now, queue) => {
        if (now < 200) queue.mark('a', FEEDS)
      },
      (owner, queue) => queue.after(owner, FEEDS, 200),
    )
    assert.deepEqual(
      came.filter((line) => Number(line.split(' ')[0]) >= 200),
      ['200', '400', '600', '800', '1000'].map((at) => `${at} a feeds:x`),
    )
  })

  it('is given up when the queue stops', async () => {
    const { queue, begun } = open()
    queue.after('a', {}, 10)
    await queue.stop()
    queue.after('b', {}, 10)
    mock.timers.tick(100)
    await settle()
    assert.deepEqual(begun, [])
    assert.deepEqual(queue.busy, [])
  })

  it('waits for the end of an outage', async () => {
    const { queue, slots, begun } = open()
    slots.pause()
    queue.after('a', {}, 10)
    mock.timers.tick(10)
    await settle()
    assert.deepEqual([queue.busy, begun], [['a'], []])
    slots.start()
    await settle()
    assert.deepEqual(begun, ['a'])
  })
})
