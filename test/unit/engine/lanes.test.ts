// Lanes: one turn at a time for an owner, owners side by side, the busiest at the back; only order is asserted.
import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import { mock } from 'node:test'
import fc from 'fast-check'
import PQueue from 'p-queue'
import { Pulse } from '../../../src/engine/pulse.ts'
import { Lanes, type LanesOptions } from '../../../src/engine/lanes.ts'
import { mergeHints, type Hint, type Outcome } from '../../../src/shares/work.ts'

const DONE: Outcome = {
  isThere: true,
  next: null,
  isActive: false,
  halted: new Set(),
  paused: new Set(),
  throttled: new Set(),
}
const MORE: Outcome = { ...DONE, next: { user: true, outbox: true }, isActive: true }
const GONE: Outcome = { ...DONE, isThere: false }

interface Turn {
  owner: string
  hint: Hint
  end: (outcome: Outcome) => void
  fail: (error: Error) => void
}

/** Lanes whose turns end when the test says so. */
function open(concurrency = 2) {
  const running: Turn[] = []
  const clock = { ms: 0 }
  const begun: string[] = []
  const told: string[] = []
  const queue = new PQueue({ concurrency })
  const options: LanesOptions<Hint> = {
    ...{ concurrency, queue },
    pulse: new Pulse(() => clock.ms),
    elapsed: () => clock.ms,
    merge: mergeHints,
    takeTurn: (owner, hint) => {
      begun.push(owner)
      return new Promise((resolve, reject) => {
        const leave = () => void running.splice(running.indexOf(turn), 1)
        const turn: Turn = {
          owner,
          hint,
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
    onGone: (owner) => told.push(`gone ${owner}`),
    onSettled: (owner) => told.push(`settled ${owner}`),
  }
  const lanes = new Lanes(options)
  opened.push(lanes)
  const turnOf = (owner: string): Turn =>
    running.find((turn) => turn.owner === owner) ?? assert.fail(`no turn of ${owner} is running`)
  return {
    lanes,
    queue,
    clock,
    running,
    begun,
    told,
    turnOf,
    owners: () => running.map(({ owner }) => owner),
  }
}

const opened: Lanes<Hint>[] = []

async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await nextRound()
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('feed/lanes', function () {
  this.timeout(60_000)
  afterEach(() => {
    // A lane that waits to try again would keep the process alive.
    for (const lanes of opened.splice(0)) void lanes.stop()
  })

  it('takes a turn for an owner who was marked, and forgets it', async () => {
    const { lanes, turnOf, told, begun } = open()
    lanes.mark('a', { user: true })
    await settle()
    assert.deepEqual(lanes.busy, ['a'])
    assert.equal(turnOf('a').hint.user, true)
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(lanes.busy, [])
    assert.deepEqual(told, ['settled a'])
    assert.deepEqual(begun, ['a'])
    assert.equal(lanes.turns, 1)
  })

  it('never takes two turns of one owner at once; hints that come meanwhile are one turn', async () => {
    const { lanes, turnOf, begun, owners } = open(8)
    lanes.mark('a', { user: true })
    await settle()
    lanes.mark('a', { outbox: true, shares: new Set(['s']) })
    lanes.mark('a', { shares: new Set(['t']), updateSeqs: new Map([['user/a', '2-x']]) })
    lanes.mark('a', { subscriptions: new Set(['v']), feeds: new Set(['w']) })
    await settle()
    assert.deepEqual(owners(), ['a'])
    assert.equal(turnOf('a').hint.outbox, undefined, 'what came later is for the next turn')
    turnOf('a').end(DONE)
    await settle()
    const { hint } = turnOf('a')
    assert.ok(!hint.user)
    assert.equal(hint.outbox, true)
    assert.deepEqual([...(hint.shares ?? [])], ['s', 't'])
    assert.deepEqual([...(hint.updateSeqs ?? [])], [['user/a', '2-x']])
    assert.deepEqual([...(hint.subscriptions ?? []), ...(hint.feeds ?? [])], ['v', 'w'])
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(begun, ['a', 'a'])
    assert.deepEqual(lanes.busy, [])
  })

  it('merges hints that come before the turn begins', async () => {
    const { lanes, queue, turnOf } = open()
    queue.pause()
    lanes.mark('a', { user: true })
    lanes.mark('a', { outbox: true })
    await settle()
    queue.start()
    await settle()
    assert.deepEqual([turnOf('a').hint.user, turnOf('a').hint.outbox], [true, true])
  })

  it('runs owners side by side, up to the limit', async () => {
    const { lanes, turnOf, owners } = open(2)
    for (const owner of ['a', 'b', 'c']) lanes.mark(owner, {})
    await settle()
    assert.deepEqual(owners(), ['a', 'b'])
    turnOf('b').end(DONE)
    await settle()
    assert.deepEqual(owners(), ['a', 'c'])
  })

  it('puts an owner who has more at the back, with a hint that says so', async () => {
    const { lanes, turnOf, begun } = open(1)
    for (const owner of ['a', 'b', 'c'])
      lanes.mark(owner, { user: true, recreated: true, idle: new Set(['s']) })
    for (const owner of ['a', 'b', 'c']) {
      await settle()
      turnOf(owner).end(owner === 'a' ? MORE : DONE)
    }
    await settle()
    assert.deepEqual(begun, ['a', 'b', 'c', 'a'])
    const { hint } = turnOf('a')
    assert.deepEqual([hint.user, hint.outbox], [true, true])
    assert.ok(!hint.recreated, 'was seen to')
    assert.deepEqual([...(hint.idle ?? [])], [], 'was seen to')
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual(lanes.busy, [])
  })

  it('lets an urgent turn go before those that others wait for', async () => {
    const { lanes, running, owners } = open(1)
    for (const who of ['a', 'b', 'c', 'd']) lanes.mark(who, {})
    await settle()
    lanes.markUrgent('c', {})
    assert.ok(lanes.isUrgent('c'))
    running[0]?.end(DONE)
    await settle()
    assert.deepEqual(owners(), ['c'])
    assert.ok(!lanes.isUrgent('c'), 'it has begun')
    // The next turn of one that has a turn now.
    lanes.markUrgent('c', {})
    assert.ok(lanes.isUrgent('c'), 'it is better short')
    running[0]?.end(DONE)
    await settle()
    assert.deepEqual(owners(), ['c'])
    running[0]?.end(DONE)
    await settle()
    assert.deepEqual(owners(), ['b'])
  })

  it('hands on the shares of which there is more to read, and not those that were read', async () => {
    const { lanes, turnOf } = open()
    lanes.mark('a', { feeds: new Set(['s', 't']), subscriptions: new Set(['s']) })
    await settle()
    turnOf('a').end({ ...DONE, next: { feeds: new Set(['t']) } })
    await settle()
    const { hint } = turnOf('a')
    assert.deepEqual([[...(hint.feeds ?? [])], [...(hint.subscriptions ?? [])]], [['t'], []])
  })

  it('tells of an owner who is gone, and forgets it', async () => {
    const { lanes, turnOf, told } = open()
    lanes.mark('a', {})
    await settle()
    turnOf('a').end(GONE)
    await settle()
    assert.deepEqual(told, ['gone a', 'settled a'])
    assert.deepEqual(lanes.busy, [])
  })

  it('tries again after a failure, with the same hint, and holds up nobody meanwhile', async () => {
    const { lanes, turnOf, told, owners, begun } = open(1)
    lanes.mark('a', { user: true, departed: true, shares: new Set(['s']), feeds: new Set(['t']) })
    lanes.mark('b', {})
    await settle()
    turnOf('a').fail(new Error('away'))
    await settle()
    assert.deepEqual(told, ['failure a away 1'])
    assert.deepEqual(owners(), ['b'], 'b goes on while a waits')
    assert.equal(lanes.failing, 1)
    assert.ok(lanes.busy.includes('a'))
    lanes.mark('a', { outbox: true })
    turnOf('b').end(DONE)
    await until(() => owners().includes('a'))
    assert.deepEqual(begun, ['a', 'b', 'a'])
    const { hint } = turnOf('a')
    assert.deepEqual([hint.user, hint.departed, hint.outbox], [true, true, true])
    assert.deepEqual([...(hint.shares ?? []), ...(hint.feeds ?? [])], ['s', 't'])
    turnOf('a').fail(new Error('away still'))
    await settle()
    assert.deepEqual(told.at(-1), 'failure a away still 2')
    await until(() => owners().includes('a'))
    turnOf('a').end(DONE)
    await settle()
    assert.deepEqual([lanes.failing, lanes.busy], [0, []])
  })

  it('a mark while an owner waits to try again makes no second turn', async () => {
    const { lanes, turnOf, owners } = open(4)
    lanes.mark('a', {})
    await settle()
    turnOf('a').fail(new Error('away'))
    await settle()
    lanes.mark('a', {})
    lanes.mark('a', {})
    await until(() => owners().length > 0)
    await settle()
    assert.deepEqual(owners(), ['a'])
  })

  it('stop waits for the turns under way, and begins no other', async () => {
    const { lanes, queue, turnOf, begun, told } = open(1)
    lanes.mark('a', {})
    lanes.mark('b', {})
    await settle()
    lanes.mark('a', {})
    let stopped = false
    const stopping = lanes.stop().then(() => (stopped = true))
    await settle()
    assert.equal(stopped, false)
    turnOf('a').end(MORE)
    await stopping
    lanes.mark('c', {})
    queue.start()
    await settle()
    assert.deepEqual(begun, ['a'])
    assert.deepEqual(told, [])
  })

  it('has something to do for whoever is marked after it was stopped, and does not begin it', async () => {
    const { lanes, begun } = open()
    await lanes.stop()
    lanes.mark('a', {})
    await settle()
    // Else a checkpoint would move over what marked it.
    assert.equal(lanes.isBusy('a'), true)
    assert.deepEqual(begun, [])
  })

  it('stop ends the wait of those who failed', async () => {
    const { lanes, turnOf, begun } = open()
    lanes.mark('a', {})
    await settle()
    turnOf('a').fail(new Error('away'))
    await settle()
    await lanes.stop()
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.deepEqual(begun, ['a'])
  })

  it('begins no turn while paused', async () => {
    const { lanes, queue, begun } = open()
    queue.pause()
    lanes.mark('a', {})
    await settle()
    assert.deepEqual(begun, [])
    queue.start()
    await settle()
    assert.deepEqual(begun, ['a'])
  })

  it('knows who was found at the start until they are done, whoever comes later', async () => {
    const { lanes, turnOf } = open(3)
    assert.equal(lanes.left, null)
    for (const owner of ['a', 'b']) lanes.mark(owner, {})
    lanes.noteFound()
    lanes.mark('c', {})
    lanes.noteFound()
    assert.equal(lanes.left, 2)
    await settle()
    turnOf('a').end(MORE)
    await settle()
    assert.equal(lanes.left, 2, 'a has something left to do')
    turnOf('a').end(DONE)
    turnOf('b').end(GONE)
    await settle()
    assert.equal(lanes.left, 0)
    lanes.mark('a', {})
    assert.equal(lanes.left, 0)
  })

  it('is stuck when somebody waits for long and no turn ends, and not before that', async () => {
    const LONG_MS = 6 * 60_000
    const { lanes, clock, turnOf } = open(1)
    clock.ms += LONG_MS
    assert.ok(!lanes.isStuck, 'nobody has anything to do')
    for (const owner of ['a', 'b']) lanes.mark(owner, {})
    await settle()
    assert.ok(!lanes.isStuck, 'nobody has waited for long')
    clock.ms += LONG_MS
    assert.ok(lanes.isStuck)
    turnOf('a').end(DONE)
    await settle()
    assert.ok(!lanes.isStuck, 'b has a turn')
    turnOf('b').fail(new Error('away'))
    await settle()
    clock.ms += LONG_MS
    assert.ok(!lanes.isStuck, 'b waits to try again')
  })

  it('keeps all that under any interleaving, and forgets everybody in the end', async () => {
    const owner = fc.constantFrom('a', 'b', 'c', 'd')
    const event = fc.oneof(
      fc.tuple(fc.constant('mark' as const), owner),
      fc.tuple(fc.constantFrom('done' as const, 'more' as const), owner),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const { lanes, running, owners, begun } = open(2)
        const lastMark = new Map<string, number>()
        for (const [kind, who] of events) {
          if (kind === 'mark') {
            lastMark.set(who, begun.filter((one) => one === who).length)
            lanes.mark(who, {})
          } else running.find((turn) => turn.owner === who)?.end(kind === 'done' ? DONE : MORE)
          await settle()
          assert.equal(new Set(owners()).size, owners().length, 'two turns of one owner')
          assert.ok(owners().length <= 2)
        }
        while (running.length > 0) {
          running[0]?.end(DONE)
          await settle()
        }
        assert.deepEqual(lanes.busy, [])
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

/** What is asked for, at which time and after how long; and what comes of it: the owner's hints, each at its time. */
const WAITS: readonly [
  title: string,
  asked: readonly [at: number, owner: string, hint: Hint, ms: number][],
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

const sayHint = (hint: Hint): string =>
  Object.entries(hint)
    .flatMap(([name, value]: [string, unknown]) =>
      value === true ? name : value instanceof Set && value.size > 0 ? `${name}:${[...value].join()}` : [],
    )
    .sort()
    .join(' ')

describe('feed/lanes, what is looked at later', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => {
    mock.timers.reset()
    for (const lanes of opened.splice(0)) void lanes.stop()
  })

  /** What comes of it in a second, at which time; each turn is done at once, or asks for more. */
  async function play(
    ask: (at: number, lanes: Lanes<Hint>) => void,
    again: (owner: string, lanes: Lanes<Hint>) => void = () => undefined,
  ): Promise<string[]> {
    const { lanes, clock, running } = open(8)
    const came: string[] = []
    for (; clock.ms <= 1_000; clock.ms += 10, mock.timers.tick(10)) {
      ask(clock.ms, lanes)
      mock.timers.tick(0)
      await settle()
      for (const { owner, hint, end } of [...running]) {
        came.push(`${clock.ms} ${owner} ${sayHint(hint)}`)
        again(owner, lanes)
        end(DONE)
      }
      await settle()
      assert.deepEqual(lanes.busy, [], 'who waits is not busy')
    }
    return came
  }

  for (const [title, asked, comes] of WAITS)
    it(title, async () => {
      const came = await play((now, lanes) => {
        for (const [at, owner, hint, ms] of asked) if (at === now) lanes.after(owner, hint, ms)
      })
      assert.deepEqual(came, comes)
    })

  it('comes no more often where every turn asks for it again, however many others there were', async () => {
    const FEEDS = { feeds: new Set(['x']) }
    // A public share in which more is written than is taken in: each event of it has a turn, and each turn comes back.
    const came = await play(
      (now, lanes) => {
        if (now < 200) lanes.mark('a', FEEDS)
      },
      (owner, lanes) => lanes.after(owner, FEEDS, 200),
    )
    assert.deepEqual(
      came.filter((line) => Number(line.split(' ')[0]) >= 200),
      ['200', '400', '600', '800', '1000'].map((at) => `${at} a feeds:x`),
    )
  })

  it('is given up when the lanes stop', async () => {
    const { lanes, begun } = open()
    lanes.after('a', {}, 10)
    await lanes.stop()
    lanes.after('b', {}, 10)
    mock.timers.tick(100)
    await settle()
    assert.deepEqual(begun, [])
    assert.deepEqual(lanes.busy, [])
  })

  it('waits for the end of an outage', async () => {
    const { lanes, queue, begun } = open()
    queue.pause()
    lanes.after('a', {}, 10)
    mock.timers.tick(10)
    await settle()
    assert.deepEqual([lanes.busy, begun], [['a'], []])
    queue.start()
    await settle()
    assert.deepEqual(begun, ['a'])
  })
})
