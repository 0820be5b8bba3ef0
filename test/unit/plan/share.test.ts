// "A share's life", row by row, and any history of it with crashes anywhere.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ShareEntry, ShareState } from '../../../src/model/entry.ts'
import type { ObjectDoc } from '../../../src/model/object.ts'
import { problem } from '../../../src/model/problem.ts'
import {
  planHalted,
  planRotation,
  planScanned,
  planShare,
  type ShareEffect,
  type ShareFacts,
} from '../../../src/plan/share.ts'

const MINE = 'user/me'
const THEIRS = 'user/them'

const entryOf = (state: ShareState, database = MINE, more: Partial<ShareEntry> = {}): ShareEntry => ({
  _id: 'share/s',
  _rev: '1-e',
  type: 'share',
  owner: database.slice('user/'.length),
  database,
  state,
  createdAt: '2024-01-01T00:00:00.000Z',
  updatedAt: '2024-01-01T00:00:00.000Z',
  ...more,
})

const docOf = (attributes: Record<string, unknown> = {}, id = '$share/s'): ObjectDoc => ({
  _id: id,
  _rev: '2-d',
  type: '$share',
  ...attributes,
})

const plan = (given: Partial<ShareFacts>): ShareEffect[] =>
  planShare({
    share: 's',
    database: MINE,
    doc: null,
    rivals: [],
    entry: null,
    databaseExists: false,
    ownerExists: true,
    scanning: false,
    fromStart: false,
    isMissing: false,
    ...given,
  })

/** An effect in a few words; of a document, what the user sees. */
function inWords(effect: ShareEffect): string {
  switch (effect.kind) {
    case 'change-entry': {
      const changes = Object.entries(effect.change).filter(([, value]) => value !== undefined)
      return `entry ${changes.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ')}`.trim()
    }
    case 'put-document': {
      const { $state, $error } = effect.doc
      const code = ($error as { code?: string } | undefined)?.code
      return `doc ${String($state)}${code === undefined ? '' : ` ${code}`}`
    }
    case 'drop-leaf':
      return `drop ${effect.rev}`
    default:
      return effect.kind
  }
}

const OPEN = ['create-outbox', 'create-database', 'secure', 'start-replication', 'scan', 'entry state=active']
const END = ['stop-replication', 'drop-database', 'delete-copies', 'scan']
const active = { $state: 'active' }

describe('plan/share', () => {
  const rows: [row: string, Partial<ShareFacts>, string[]][] = [
    ['a new share', { doc: docOf() }, ['claim', ...OPEN, 'doc active']],
    [
      'a new share without a type',
      { doc: { _id: '$share/s', _rev: '1-a' } },
      ['claim', ...OPEN, 'doc active'],
    ],
    [
      'a new share of a user whose objects are all still to come',
      { doc: docOf(), fromStart: true },
      ['claim', ...OPEN.filter((kind) => kind !== 'scan'), 'doc active'],
    ],
    ['active, and said', { doc: docOf(active), entry: entryOf('active'), databaseExists: true }, []],
    [
      'active, and not said yet',
      { doc: docOf(), entry: entryOf('active'), databaseExists: true },
      ['doc active'],
    ],
    // taken
    [
      'an id that another user has',
      { doc: docOf(), entry: entryOf('active', THEIRS), databaseExists: true },
      ['doc error id_taken'],
    ],
    [
      'an id that another user is opening',
      { doc: docOf(), entry: entryOf('opening', THEIRS) },
      ['doc error id_taken'],
    ],
    [
      'an id that another user is ending',
      { doc: docOf(), entry: entryOf('ending', THEIRS), databaseExists: true },
      ['doc error id_taken'],
    ],
    [
      'an id that another user ever had',
      { doc: docOf(), entry: entryOf('ended', THEIRS) },
      ['doc error id_taken'],
    ],
    [
      'an id of another user, and said',
      { doc: docOf({ $state: 'error', $error: problem('id_taken', 's') }), entry: entryOf('ended', THEIRS) },
      [],
    ],
    [
      'a $share of an id of another user is deleted',
      { doc: null, entry: entryOf('active', THEIRS), databaseExists: true },
      [],
    ],
    [
      'a database that no entry is known for',
      { doc: docOf(), databaseExists: true },
      ['doc error database_exists'],
    ],
    // malformed
    ['a malformed $share', { doc: docOf({ type: 'todo' }) }, ['doc error wrong_type']],
    [
      'an access that this version does not know',
      { doc: docOf({ access: true }) },
      ['doc error unsupported_access'],
    ],
    ['an illegal id', { share: 'A', doc: docOf({}, '$share/A') }, ['doc error invalid_share_id']],
    [
      'malformed while active: what was in force stays in force',
      { doc: docOf({ access: 'x', ...active }), entry: entryOf('active'), databaseExists: true },
      ['doc error unsupported_access'],
    ],
    [
      'corrected: it heals',
      {
        doc: docOf({ $state: 'error', $error: problem('unsupported_access') }),
        entry: entryOf('active'),
        databaseExists: true,
      },
      ['doc active'],
    ],
    [
      'corrected before it ever was active',
      { doc: docOf({ $state: 'error', $error: problem('unsupported_access') }) },
      ['claim', ...OPEN, 'doc active'],
    ],
    [
      'malformed while ending: the end goes on',
      { doc: docOf({ type: 'x' }), entry: entryOf('ending'), databaseExists: true },
      END,
    ],
    [
      'type $share under another _id: $error, and no $state',
      { share: 'todo/1', doc: docOf({}, 'todo/1') },
      ['doc undefined wrong_type'],
    ],
    [
      'type $share under another _id, with a $state of its own',
      { share: 'todo/1', doc: docOf({ $state: 'mine' }, 'todo/1') },
      ['doc mine wrong_type'],
    ],
    [
      'type $share under another _id, and said',
      {
        share: 'todo/1',
        doc: docOf({ $error: problem('wrong_type', 'todo/1', '$share') }, 'todo/1'),
      },
      [],
    ],
    // deleted
    ['deleted', { entry: entryOf('active'), databaseExists: true }, ['entry state=ending', ...END]],
    ['deleted while opening', { entry: entryOf('opening') }, ['entry state=ending', ...END]],
    ['deleted, and the objects are being gone through', { entry: entryOf('ending'), scanning: true }, []],
    ['deleted, and all over', { entry: entryOf('ended') }, []],
    ['never there', {}, []],
    ['stuck in ending', { entry: entryOf('ending'), databaseExists: true }, END],
    ['stuck in ending, with the database gone', { entry: entryOf('ending') }, END],
    [
      'written again while ending: first the end',
      { doc: docOf(), entry: entryOf('ending'), databaseExists: true },
      END,
    ],
    [
      'written again while ending, and the objects are being gone through',
      { doc: docOf(), entry: entryOf('ending'), scanning: true },
      [],
    ],
    [
      'the same owner uses an ended id again',
      { doc: docOf(), entry: entryOf('ended') },
      ['entry state=opening', 'create-outbox', 'stop-replication', ...OPEN.slice(1), 'doc active'],
    ],
    // the user database is gone
    [
      'the user database is gone',
      { entry: entryOf('active'), databaseExists: true, ownerExists: false },
      ['entry state=ending', 'stop-replication', 'drop-database', 'entry state=ended'],
    ],
    [
      'the user database is gone while ending',
      { entry: entryOf('ending'), ownerExists: false },
      ['stop-replication', 'drop-database', 'entry state=ended'],
    ],
    // unfinished
    [
      'stuck in opening, nothing there',
      { doc: docOf(), entry: entryOf('opening') },
      ['create-outbox', 'stop-replication', ...OPEN.slice(1), 'doc active'],
    ],
    [
      'stuck in opening, database there',
      { doc: docOf(), entry: entryOf('opening'), databaseExists: true },
      [...OPEN, 'doc active'],
    ],
    [
      'the database is missing while active: made anew, and the old job does not outlive it',
      { doc: docOf(active), entry: entryOf('active') },
      ['entry state=opening', 'create-outbox', 'stop-replication', ...OPEN.slice(1)],
    ],
    // trouble
    [
      'a replication in trouble is shown',
      {
        doc: docOf(active),
        entry: entryOf('active', MINE, { problem: problem('replication_failed', 'x') }),
        databaseExists: true,
      },
      ['doc error replication_failed'],
    ],
    [
      'a replication that is well again, likewise',
      {
        doc: docOf({ $state: 'error', $error: problem('replication_failed', 'x') }),
        entry: entryOf('active'),
        databaseExists: true,
      },
      ['doc active'],
    ],
    [
      'an $error of the application is left alone',
      { doc: docOf({ $error: { message: 'x' } }), entry: entryOf('active'), databaseExists: true },
      ['doc active'],
    ],
    // conflicts
    [
      'a losing leaf of the daemon’s alone is folded in',
      {
        doc: docOf({ ...active, name: 'new' }),
        rivals: [{ leaf: { ...docOf(active), _rev: '2-r' }, ancestor: docOf() }],
        entry: entryOf('active'),
        databaseExists: true,
      },
      ['drop 2-r'],
    ],
    [
      'a winning leaf of the daemon’s alone goes',
      {
        doc: docOf(active),
        rivals: [{ leaf: { ...docOf({ name: 'new' }), _rev: '2-r' }, ancestor: docOf() }],
        entry: entryOf('active'),
        databaseExists: true,
      },
      ['drop 2-d'],
    ],
  ]
  for (const [row, given, expected] of rows)
    it(row, () => assert.deepEqual(plan(given).map(inWords), expected))

  it('keeps the application’s $error and all else of the document', () => {
    const doc = docOf({ $error: { message: 'x' }, name: 'n', _attachments: {} })
    const [put] = plan({ doc, entry: entryOf('active'), databaseExists: true })
    assert.deepEqual(put, { kind: 'put-document', doc: { ...doc, $state: 'active' } })
  })

  it('gives code and sentence', () => {
    const [put] = plan({ doc: docOf({ access: true }) })
    assert.ok(put?.kind === 'put-document')
    assert.deepEqual(put.doc['$error'], problem('unsupported_access'))
  })

  it('clears an old problem of the entry when a share opens', () => {
    const effects = plan({ doc: docOf(), entry: entryOf('ended', MINE, { problem: problem('failed') }) })
    const changes = effects.flatMap((one) => (one.kind === 'change-entry' ? [one.change] : []))
    assert.ok(changes.some((change) => 'problem' in change && change.problem === undefined))
  })

  it('says why a share could not be opened, once', () => {
    const [put, ...more] = planHalted(docOf(), problem('replication_failed', 'no'))
    assert.deepEqual(more, [])
    assert.ok(put?.kind === 'put-document')
    assert.equal(inWords(put), 'doc error replication_failed')
    assert.deepEqual(planHalted(put.doc, problem('replication_failed', 'no')), [])
  })

  it('ends a share when its owner’s objects were gone through, and nothing else', () => {
    assert.deepEqual(planScanned('s', entryOf('ending')).map(inWords), ['entry state=ended'])
    for (const entry of [null, entryOf('active'), entryOf('opening'), entryOf('ended')])
      assert.deepEqual(planScanned('s', entry), [])
  })

  it('rotates: drop, create, security before the first copy, and the feed last', () =>
    assert.deepEqual(
      planRotation('s').map(({ kind }) => kind),
      [
        'stop-replication',
        'drop-database',
        'create-database',
        'secure',
        'refill',
        'start-replication',
        'change-entry',
      ],
    ))

  describe('any history', function () {
    this.timeout(60_000)
    type Step =
      | { kind: 'write'; attributes: Record<string, unknown>; fromStart: boolean }
      | { kind: 'delete' | 'lose-database' | 'finish-scan' | 'drop-user' }
      | { kind: 'land'; upTo: number; again: boolean }

    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('write' as const),
          attributes: fc.constantFrom<Record<string, unknown>>(
            {},
            {},
            {},
            { name: 'x' },
            { access: true },
            { type: 'todo' },
            { $state: 'active' },
          ),
          fromStart: fc.boolean(),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constantFrom('lose-database' as const, 'finish-scan' as const, 'drop-user' as const),
        }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('land' as const),
          upTo: fc.oneof(fc.constant(99), fc.integer({ min: 0, max: 10 })),
          again: fc.boolean(),
        }),
      },
    )

    const play = (steps: readonly Step[], world: World): World => {
      for (const one of steps) {
        switch (one.kind) {
          case 'write':
            world.write(one.attributes)
            world.fromStart = one.fromStart
            break
          case 'delete':
            world.doc = null
            break
          case 'lose-database':
            world.loseDatabase()
            break
          case 'finish-scan':
            world.finishScan()
            break
          case 'drop-user':
            world.dropUser()
            break
          case 'land': {
            const effects = world.plan().slice(0, one.upTo)
            world.perform(effects)
            // A crash, and the same page once more: each effect is idempotent.
            if (one.again) world.perform(world.plan())
            break
          }
          default:
            one satisfies never
        }
      }
      return world
    }

    const histories = fc.array(step, { minLength: 1, maxLength: 14 })
    const check = (property: fc.IProperty<[Step[]]>): void => fc.assert(property, { numRuns: 1000 })

    it('settles in what the document asks for, and plans nothing after that', () => {
      check(
        fc.property(histories, (steps) => {
          const world = play(steps, new World())
          const before = world.entry
          world.settle()
          world.assertRight(before)
        }),
      )
    })

    it('ends in the same state, wherever it crashed', () => {
      check(
        fc.property(histories, (steps) => {
          const crashed = play(steps, new World())
          const whole = play(
            steps.map((one) => (one.kind === 'land' ? { ...one, upTo: 99, again: false } : one)),
            new World(),
          )
          for (const world of [crashed, whole]) {
            world.write({ name: 'last' })
            world.settle()
          }
          assert.deepEqual(crashed.summary(), whole.summary())
        }),
      )
    })

    it('touches nothing of a share of somebody else', () => {
      check(
        fc.property(histories, (steps) => {
          const world = new World(entryOf('active', THEIRS))
          play(steps, world)
          world.settle()
          assert.deepEqual(world.entry, entryOf('active', THEIRS))
          assert.deepEqual(world.touched, [])
          if (world.doc) assert.equal(world.doc['$state'], 'error')
        }),
      )
    })
  })
})

/** One share in memory: registry, database, replication, and the owner's documents about it. */
class World {
  doc: ObjectDoc | null = null
  entry: ShareEntry | null
  database: { isSecure: boolean } | null = null
  hasOutbox = false
  isReplicating = false
  hasCopies = false
  isScanning = false
  ownerExists = true
  fromStart = false
  /** Kinds of effects that reached the database or the replication. */
  readonly touched: string[] = []
  #count = 0

  constructor(entry: ShareEntry | null = null) {
    this.entry = entry
    if (entry) this.database = { isSecure: true }
  }

  write(attributes: Record<string, unknown>): void {
    this.ownerExists = true
    this.doc = { type: '$share', ...attributes, _id: '$share/s', _rev: this.#rev() }
  }

  loseDatabase(): void {
    if (this.entry?.database !== THEIRS) this.database = null
  }

  dropUser(): void {
    this.ownerExists = false
    this.doc = null
    this.isScanning = false
    this.hasCopies = false
    this.hasOutbox = false
  }

  finishScan(): void {
    if (!this.isScanning) return
    this.perform(planScanned('s', this.entry))
    this.isScanning = false
  }

  plan(): ShareEffect[] {
    return planShare(
      structuredClone({
        share: 's',
        database: MINE,
        doc: this.doc,
        rivals: [],
        entry: this.entry,
        databaseExists: this.database !== null,
        ownerExists: this.ownerExists,
        scanning: this.isScanning,
        fromStart: this.fromStart,
        isMissing: false,
      }),
    )
  }

  perform(effects: readonly ShareEffect[]): void {
    for (const effect of effects) {
      if (!['put-document', 'create-outbox'].includes(effect.kind)) this.touched.push(effect.kind)
      switch (effect.kind) {
        case 'claim':
          this.entry ??= entryOf('opening')
          break
        case 'change-entry':
          assert.ok(this.entry, 'an entry is claimed before it changes')
          this.entry = Object.fromEntries(
            Object.entries({ ...this.entry, ...effect.change }).filter(([, value]) => value !== undefined),
          ) as unknown as ShareEntry
          break
        case 'create-outbox':
          this.hasOutbox = true
          break
        case 'create-database':
          assert.notEqual(this.entry, null, 'the id is claimed before its database is made')
          this.database ??= { isSecure: false }
          break
        case 'secure':
          assert.ok(this.database)
          this.database.isSecure = true
          break
        case 'start-replication':
          assert.ok(this.database?.isSecure, 'security is set before anything is copied in')
          assert.ok(this.hasOutbox)
          this.isReplicating = true
          break
        case 'stop-replication':
          this.isReplicating = false
          break
        case 'drop-database':
          assert.equal(this.isReplicating, false, 'the job is gone before the database goes')
          this.database = null
          break
        case 'delete-copies':
          this.hasCopies = false
          break
        case 'refill':
          break
        case 'scan':
          this.isScanning = true
          if (this.entry?.state === 'opening') this.hasCopies = true
          break
        case 'put-document':
          if (effect.doc['$state'] === 'active') {
            assert.ok(this.database?.isSecure, 'active is said after security is in place')
            assert.equal(this.entry?.state, 'active')
          }
          if (this.doc?._rev === effect.doc._rev)
            this.doc = { ...structuredClone(effect.doc), _rev: this.#rev() }
          break
        case 'drop-leaf':
          break
        default:
          effect satisfies never
      }
    }
  }

  /** Plans and lands, goes through the objects, and again, until there is nothing to do. */
  settle(): void {
    for (let round = 0; round < 6; round += 1) {
      const effects = this.plan()
      if (effects.length === 0 && !this.isScanning) return
      this.perform(effects)
      this.finishScan()
    }
    assert.fail(`Expected nothing to do, got ${JSON.stringify(this.plan())}`)
  }

  /** What is left of a history, without revisions. */
  summary(): unknown {
    const { _rev, ...doc } = this.doc ?? {}
    return { doc, entry: this.entry, database: this.database, isReplicating: this.isReplicating }
  }

  /** @param before the entry before the world settled */
  assertRight(before: ShareEntry | null): void {
    const isMalformed = this.doc?.['type'] !== '$share' || this.doc['access'] !== undefined
    if (this.doc === null) {
      assert.ok(this.entry === null || this.entry.state === 'ended', 'without a document nothing is left')
      assert.equal(this.entry === null ? null : this.database, null)
      assert.equal(this.isReplicating, false)
      assert.equal(this.hasCopies, false)
    } else if (isMalformed) {
      assert.equal(this.doc['$state'], 'error')
      // What was in force stays in force; what was ending ends.
      assert.equal(this.entry?.state, before?.state === 'ending' ? 'ended' : before?.state)
    } else {
      assert.equal(this.doc['$state'], 'active')
      assert.equal(this.doc['$error'], undefined)
      assert.equal(this.entry?.state, 'active')
      assert.equal(this.entry.database, MINE)
      assert.deepEqual(this.database, { isSecure: true })
      assert.equal(this.isReplicating, true)
    }
  }

  #rev(): string {
    this.#count += 1
    return `${String(this.#count)}-d`
  }
}
