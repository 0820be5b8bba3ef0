// A gateway, its users and their devices in memory, with the daemon's own feed between them: its requests go through one by
// one, and anything may happen between two of them.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setImmediate as pause } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Security } from '../../src/couch/document.ts'
import { CouchFault } from '../../src/couch/fault.ts'
import { Checkpoints } from '../../src/engine/checkpoints.ts'
import { GatewayFeed } from '../../src/gateways/controller.ts'
import { Pulse } from '../../src/engine/pulse.ts'
import type { Update } from '../../src/engine/db-updates.ts'
import type { Gateway } from '../../src/gateways/gateway.ts'
import { install } from '../../src/skeletons/install.ts'
import type { Logger } from '../../src/log.ts'
import { EVALUATION_ID, GATEWAY_DOCUMENT, type GatewaySecurity } from '../../src/gateways/model.ts'
import { CHECKPOINTS, gatewayUserDatabase, routesDatabase, userDatabases } from '../../src/documents/names.ts'
import { userDocumentId } from '../../src/users/user-document.ts'
import { REMOVED } from '../../src/documents/tombstone.ts'
import { UPDATED_AT } from '../../src/documents/time.ts'
import { RESTORE } from '../../src/mirror/plan.ts'
import { AccountIndex } from '../../src/users/account-index.ts'
import { NO_METER } from '../../src/engine/meter.ts'
import { OwnWrites } from '../../src/engine/own-writes.ts'
import { Removals } from '../../src/mirror/removals.ts'
import {
  assertNoConflicts,
  contentOf,
  documentsIn,
  expectedOf,
  FORBIDDEN,
  liveLeaves,
  Window,
  type State,
  type Version,
} from './gateway-judge.ts'
import { MemoryCouch } from './memory-couch.ts'
import { MemoryDatabase } from './memory-database.ts'
import { shippedSkeleton } from './space.ts'
import { randomOf } from './turnstile.ts'

const GATEWAY = 'fleet'
const USERS = '_users'
export const NAMES = ['ann', 'bob', 'cleo'] as const
export const DOCUMENTS = ['a', 'b', 'c', 'd'] as const

const users = userDatabases('user/{id}')
const databaseOf = (name: string): string =>
  gatewayUserDatabase(users, Buffer.from(name, 'utf8').toString('hex'), GATEWAY)

/** What is written of a document; what is left out stays as it is. */
export interface Change {
  channels?: string[]
  grants?: [to: string, channel: string][]
  roles?: [user: string, role: string][]
  mode?: string
}

/** Where a user writes: into the database itself, or on one of two devices. */
export type Place = 0 | 1 | 2

export type Step =
  | { does: 'put'; id: string; change: Change }
  | { does: 'delete'; id: string }
  | { does: 'account'; who: number; roles: string[] | null }
  | { does: 'edit'; who: number; at: Place; id: string; change: Change; isForbidden: boolean }
  | { does: 'remove'; who: number; at: Place; id: string }
  | { does: 'sync'; who: number; at: 1 | 2; isPull: boolean; isPush: boolean }
  | { does: 'restore'; who: number; id: string }
  | { does: 'forge'; who: number; id: string; ages: number; isKnown: boolean }
  | { does: 'drop'; who: number }
  | { does: 'compact'; who: number | null }
  /** So many requests of the daemon's go through. */
  | { does: 'run'; requests: number; seed: number }
  /** The daemon dies before so many writes, or when it is done; then it starts again, perhaps with another function. */
  | { does: 'crash'; writes: number; seed: number; version: Version | null }
  /** One request fails as in an outage, perhaps after it was carried out. */
  | { does: 'trouble'; after: number; isDone: boolean; seed: number }
  | { does: 'save' | 'sweep' | 'miss' }
  | { does: 'settle'; seed: number }

/** More rounds than this, or more requests in one of them, and something never settles. */
const MOST_ROUNDS = 30
const MOST_REQUESTS = 20_000

/** Nobody asks for anything for so long: everybody waits for a time. */
const QUIET_PAUSES = 3

const GRACE_MS = 60_000

class Killed extends Error {}

/** Times that pass only when nothing else is left to do. */
class Clock {
  now = Date.UTC(2026, 0, 1)
  #sleepers: { at: number; wake: () => void }[] = []

  readonly sleep = (ms: number): Promise<void> => new Promise((resolve) => void this.wakes(resolve, ms))

  wakes(wake: () => void, ms: number): object {
    const sleeper = { at: this.now + ms, wake }
    this.#sleepers.push(sleeper)
    return sleeper
  }

  forget(sleeper: unknown): void {
    this.#sleepers = this.#sleepers.filter((one) => one !== sleeper)
  }

  /** @returns false where nobody sleeps */
  advance(): boolean {
    const [next, ...others] = this.#sleepers.sort((one, other) => one.at - other.at)
    if (next === undefined) return false
    this.#sleepers = others
    this.now = Math.max(this.now, next.at)
    next.wake()
    return true
  }

  clear(): void {
    this.#sleepers = []
  }

  /** Has everything wait by this clock as long as something runs: lanes try again by themselves. */
  async during(run: () => Promise<void>): Promise<void> {
    const { setTimeout: set, clearTimeout: clear } = globalThis
    Object.assign(globalThis, {
      setTimeout: (wake: () => void, ms = 0) => this.wakes(wake, ms),
      clearTimeout: (sleeper: unknown) => this.forget(sleeper),
    })
    try {
      await run()
    } finally {
      Object.assign(globalThis, { setTimeout: set, clearTimeout: clear })
    }
  }
}

/** A running daemon. */
interface Daemon {
  feed: GatewayFeed
  checkpoints: Checkpoints
  stop: AbortController
  isKilled: boolean
  /** How many of the server's writes it has heard of. */
  heard: number
}

/** What somebody wrote into an attribute that nobody else writes. */
interface Mark {
  name: string
  id: string
  /** Null: an admin. */
  who: string | null
  /** It came together with what may be refused. */
  isTainted: boolean
  /** It came to the daemon since all had settled. */
  isFresh: boolean
  isThere: boolean
  /** When it was written, and in which window. */
  since: number
  window: Window
}

const silent = (): void => undefined
const LOG = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Logger

export class GatewayPlay {
  readonly couch = new MemoryCouch()
  readonly #clock = new Clock()
  readonly #gateways: readonly Gateway[]
  readonly #devices = new Map<string, MemoryDatabase>()
  readonly #waiting: { daemon: Daemon; pass: () => void }[] = []
  #daemon: Daemon
  #version: Version = 0
  /** Functions that documents may go by still. */
  #versions: Version[] = [0]
  #random = randomOf(1)
  #trouble: { left: number; isDone: boolean } | null = null
  /** What only the next sweep finds. */
  #isMissed = false
  #isDropped = false
  readonly #faults: unknown[] = []

  readonly #marks: Mark[] = []
  #window = new Window()
  #sampled = ''
  /** Documents that somebody deleted, forged or took back: what was written there may be lost. */
  readonly #unsure = new Set<string>()
  /** Users into whose databases somebody else put his hand. */
  readonly #disturbed = new Set<string>()
  /** Documents of which something was refused in the present window. */
  readonly #refused = new Map<string, Set<string>>()
  readonly #removedBy = new Map<string, Set<string>>()
  readonly #adminsDeletions = new Set<string>()
  #there = new Set<string>()

  private constructor(gateways: readonly Gateway[]) {
    this.#gateways = gateways
    this.#daemon = this.#start()
  }

  /** Plays a history to its end. @param gateways with the functions of both versions */
  static async play(gateways: readonly Gateway[], steps: readonly Step[]): Promise<void> {
    const play = new GatewayPlay(gateways)
    await play.#clock.during(async () => {
      await play.#begin()
      for (const step of steps) {
        await play.#step(step)
        play.#sample()
      }
      await play.#settle()
      play.#judge()
      await play.#seeAgain()
    })
  }

  get #gateway(): MemoryDatabase {
    return this.#database(GATEWAY)
  }

  #database(name: string): MemoryDatabase {
    const database = this.couch.databases.get(name)
    assert(database, `Expected ${name} to be there`)
    return database
  }

  async #begin(): Promise<void> {
    await install(this.couch.asCouch(), await shippedSkeleton(), LOG, {
      ...{ policies: [], userKinds: [], masters: [] },
      gateways: [GATEWAY],
    })
    for (const name of NAMES) {
      this.couch.create(users.database(Buffer.from(name, 'utf8').toString('hex')))
      this.#account(name, [])
    }
    this.#daemon = this.#start()
    this.#background(
      this.#daemon,
      this.#daemon.feed.sweep(() => Promise.resolve()),
    )
    this.#sample()
  }

  async #step(step: Step): Promise<void> {
    switch (step.does) {
      case 'put':
        return this.#put(this.#gateway, null, step.id, step.change)
      case 'delete':
        this.#unsure.add(step.id)
        this.#adminsDeletions.add(step.id)
        return this.#remove(this.#gateway, step.id)
      case 'account':
        return this.#account(nameOf(step.who), step.roles)
      case 'edit': {
        const place = this.#place(step.who, step.at)
        if (!place) return
        this.#put(place, nameOf(step.who), step.id, step.change, step.isForbidden)
        return step.at === 0 ? this.#arrived(nameOf(step.who)) : undefined
      }
      case 'remove': {
        const place = this.#place(step.who, step.at)
        if (!place?.read(step.id)) return
        this.#unsure.add(step.id)
        this.#removedBy.set(step.id, (this.#removedBy.get(step.id) ?? new Set()).add(nameOf(step.who)))
        return this.#remove(place, step.id)
      }
      case 'sync':
        return this.#sync(step)
      case 'restore': {
        const place = this.#place(step.who, 0)
        const there = place?.read(step.id, { conflicts: false })
        if (!there) return
        this.#unsure.add(step.id)
        place?.write({ ...there, [RESTORE]: true })
        return
      }
      case 'forge':
        return this.#forge(step)
      case 'drop': {
        const database = databaseOf(nameOf(step.who))
        this.#disturbed.add(nameOf(step.who))
        this.#isDropped = true
        if (this.couch.databases.delete(database)) this.couch.writes.push(`${database} (dropped)`)
        return
      }
      case 'compact':
        return (step.who === null ? this.#gateway : this.#place(step.who, 0))?.compact()
      case 'run':
        this.#random = randomOf(step.seed)
        this.#listen()
        return this.#run({ requests: step.requests })
      case 'crash':
        return this.#crash(step)
      case 'trouble':
        this.#random = randomOf(step.seed)
        this.#trouble = { left: step.after, isDone: step.isDone }
        this.#listen()
        await this.#run({ requests: step.after + 20 })
        this.#trouble = null
        return
      case 'save':
        return this.#background(this.#daemon, this.#save())
      case 'sweep':
        return this.#sweep()
      case 'miss':
        this.#isMissed = true
        this.#daemon.heard = this.couch.writes.length
        return
      case 'settle':
        this.#random = randomOf(step.seed)
        await this.#settle()
        return this.#judge()
      default:
        return step satisfies never
    }
  }

  // What people do.

  #account(name: string, roles: string[] | null): void {
    const accounts = this.#database(USERS)
    const _id = userDocumentId(name)
    if (roles === null) {
      this.#disturbed.add(name)
      return this.#remove(accounts, _id)
    }
    const there = accounts.read(_id)
    accounts.write({ ...(there ? { _rev: there._rev } : {}), _id, type: 'user', name, roles: [...roles] })
  }

  /** Null where the user cannot write there. */
  #place(who: number, at: Place): MemoryDatabase | null {
    const name = nameOf(who)
    if (at === 0) {
      const database = this.couch.databases.get(databaseOf(name))
      return database?.security.members?.names?.includes(name) ? database : null
    }
    const key = `${name} ${at}`
    const device = this.#devices.get(key) ?? new MemoryDatabase(key, '0', () => undefined)
    this.#devices.set(key, device)
    return device
  }

  #put(place: MemoryDatabase, who: string | null, id: string, change: Change, isForbidden = false): void {
    const there = place.read(id, { conflicts: false })
    // Made anew over what was taken from the user: who may write it writes all of it.
    if (!there && who !== null && place.trees.has(id)) this.#unsure.add(id)
    const mark = { name: `m${this.#marks.length}`, id, who, isTainted: isForbidden, isFresh: false }
    this.#marks.push({ ...mark, isThere: who === null, since: this.#window.now, window: this.#window })
    place.write({
      ...(there ?? { channels: ['A'] }),
      ...change,
      ...(isForbidden ? { [FORBIDDEN]: mark.name } : {}),
      ...{ [mark.name]: this.#marks.length, _id: id },
    })
  }

  #remove(place: MemoryDatabase, id: string): void {
    const there = place.read(id, { conflicts: false })
    if (there) place.write({ _id: id, _rev: there._rev, _deleted: true })
  }

  #sync({ who, at, isPull, isPush }: Extract<Step, { does: 'sync' }>): void {
    const [own, device] = [this.#place(who, 0), this.#place(who, at)]
    if (!own || !device) return
    if (isPull) copyLeaves(own, device)
    if (!isPush) return
    copyLeaves(device, own)
    this.#arrived(nameOf(who))
  }

  /** A revision with a history of the user's own choice. */
  #forge({ who, id, ages, isKnown }: Extract<Step, { does: 'forge' }>): void {
    const place = this.#place(who, 0)
    if (!place) return
    this.#unsure.add(id)
    const known = isKnown ? place.leaves(id)[0]?._revisions : undefined
    const made = Array.from({ length: ages }, (_, age) =>
      createHash('md5').update(`${this.#marks.length} ${age}`).digest('hex'),
    )
    const ids = [...made, ...(known?.ids ?? [])]
    const start = (known?.start ?? 0) + ages
    const name = `m${this.#marks.length}`
    const mark = { name, id, who: nameOf(who), isTainted: true, isFresh: false, isThere: false }
    this.#marks.push({ ...mark, since: this.#window.now, window: this.#window })
    place.merge({
      ...{ _id: id, _rev: `${start}-${ids[0] ?? ''}`, _revisions: { start, ids } },
      ...{ channels: ['A'], [name]: this.#marks.length },
    })
  }

  /** What a user wrote came into the user's database. */
  #arrived(name: string): void {
    const place = this.couch.databases.get(databaseOf(name))
    if (!place) return
    for (const mark of this.#marks)
      if (mark.who === name && !mark.isThere)
        for (const leaf of liveLeaves(place, mark.id)) {
          if (!(mark.name in leaf)) continue
          mark.isFresh = true
          mark.isTainted ||= FORBIDDEN in leaf || 'mode' in leaf
        }
  }

  // What the daemon does.

  #start(): Daemon {
    this.#clock.clear()
    const stop = new AbortController()
    const daemon = { stop, isKilled: false, heard: this.couch.writes.length } as Daemon
    const couch = this.couch.client(() => this.#pass(daemon))
    const gateway = this.#gateways[this.#version]
    assert(gateway)
    const ownWrites = new OwnWrites()
    daemon.checkpoints = new Checkpoints(couch)
    daemon.feed = new GatewayFeed({
      ...{
        gateway,
        couch,
        meter: NO_METER,
        users,
        ownWrites,
        accounts: new AccountIndex(couch),
        log: LOG,
        signal: stop.signal,
      },
      checkpoints: daemon.checkpoints,
      removals: new Removals({ couch, ownWrites, canPurge: true }),
      graceMs: GRACE_MS,
      queue: new PQueue({ concurrency: 3 }),
      pulse: new Pulse(() => this.#clock.now),
      concurrency: 3,
      // So that there are several, the next of which is read while the last one is written.
      pageDocuments: 1,
      onFailure: (_db, error) => this.#failed(daemon, error),
      onIdle: () => undefined,
      every: () => Promise.resolve(),
      now: () => this.#clock.now,
      updatedAt: UPDATED_AT,
      sleep: this.#clock.sleep,
    })
    return daemon
  }

  async #pass(daemon: Daemon): Promise<CouchFault | null> {
    if (daemon.isKilled) throw new Killed()
    await new Promise<void>((pass) => void this.#waiting.push({ daemon, pass }))
    if (daemon.isKilled) throw new Killed()
    const trouble = this.#trouble
    if (trouble === null) return null
    trouble.left -= 1
    if (trouble.left >= 0) return null
    this.#trouble = null
    const fault = new CouchFault('unreachable', 'memory', 'as in an outage')
    if (trouble.isDone) return fault
    throw fault
  }

  /** A turn is tried again; what else fails in an outage is found by the sweep after it. */
  #failed(daemon: Daemon, error: unknown): void {
    if (daemon.isKilled) return
    if (error instanceof CouchFault && error.code === 'unreachable') this.#isMissed = true
    // Somebody dropped it between two requests: the next try makes it again.
    else if (error instanceof CouchFault && error.code === 'not_found' && this.#isDropped) return
    else this.#faults.push(error)
  }

  #background(daemon: Daemon, work: Promise<void>): void {
    work.catch((error: unknown) => this.#failed(daemon, error))
  }

  async #save(): Promise<void> {
    const { feed, checkpoints } = this.#daemon
    await feed.save()
    await checkpoints.flush()
  }

  #sweep(): void {
    this.#isMissed = false
    const { feed } = this.#daemon
    this.#background(
      this.#daemon,
      feed.sweep(() => Promise.resolve()),
    )
  }

  /** Hears of what was written since, as `_db_updates` tells it. */
  #listen(): void {
    const daemon = this.#daemon
    const news = new Map<string, Update['type']>()
    for (const line of this.couch.writes.slice(daemon.heard)) {
      const [db = '', what] = line.split(' ')
      news.set(
        db,
        what === '(created)' ? 'created' : what === '(dropped)' ? 'deleted' : (news.get(db) ?? 'updated'),
      )
    }
    daemon.heard = this.couch.writes.length
    for (const [db, type] of news)
      daemon.feed.onUpdate({ db, type }, (_name, work) => this.#background(daemon, work()))
  }

  /** @param isLong until nobody asks for anything, whatever time passes */
  async #run({ requests, isLong = false }: { requests: number; isLong?: boolean }): Promise<void> {
    const daemon = this.#daemon
    for (let [passed, quiet] = [0, 0]; passed < requests && !daemon.isKilled;) {
      await pause()
      if (this.#faults.length > 0) throw this.#faults[0] as Error
      if (this.#waiting.length === 0) {
        quiet += 1
        if (quiet < QUIET_PAUSES) continue
        if (!isLong || !this.#clock.advance()) return
        quiet = 0
        continue
      }
      quiet = 0
      passed += 1
      this.#sample()
      if (this.#random() < 0.1) this.#listen()
      const [next] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1)
      next?.pass()
    }
    await pause()
    assert(!isLong || daemon.isKilled, 'Expected the daemon to come to rest')
  }

  async #crash({ writes, seed, version }: Extract<Step, { does: 'crash' }>): Promise<void> {
    const daemon = this.#daemon
    this.#random = randomOf(seed)
    let left = writes
    this.couch.onWrite = () => {
      left -= 1
      if (left >= 0) return
      daemon.isKilled = true
      throw new Killed()
    }
    this.#listen()
    await this.#run({ requests: writes * 20 })
    this.couch.onWrite = () => undefined
    await this.#restart(version)
  }

  async #restart(version: Version | null = null): Promise<void> {
    const daemon = this.#daemon
    daemon.isKilled = true
    daemon.stop.abort()
    void daemon.feed.stop()
    // Whoever it still waits for hears that it is over.
    while (this.#waiting.length > 0) {
      for (const { pass } of this.#waiting.splice(0)) pass()
      await pause()
    }
    if (version !== null) {
      this.#version = version
      if (!this.#versions.includes(version)) this.#versions.push(version)
    }
    this.#daemon = this.#start()
    this.#isMissed = false
    this.#sampled = ''
    this.#sample()
    this.#sweep()
  }

  /** Lets everything come to rest, by what the daemon hears of; it sweeps only where it has to. */
  async #settle(): Promise<void> {
    for (let round = 0; ; round += 1) {
      assert(
        round < MOST_ROUNDS,
        `Expected all to settle; written last: ${this.couch.writes.slice(-20).join(', ')}`,
      )
      const before = this.#written()
      if (this.#isMissed) this.#sweep()
      this.#listen()
      await this.#run({ requests: MOST_REQUESTS, isLong: true })
      this.#background(this.#daemon, this.#save())
      await this.#run({ requests: MOST_REQUESTS, isLong: true })
      const isAllHeard = this.#daemon.heard === this.couch.writes.length
      if (this.#written() === before && isAllHeard && !this.#isMissed) break
    }
    assert.equal(this.#daemon.feed.busy, 0, 'Expected nobody to have anything to do')
  }

  /** Looks at everything once more, then as a daemon that has just started. */
  async #seeAgain(): Promise<void> {
    for (const again of ['the same daemon', 'another one']) {
      const before = this.#written()
      if (again === 'another one') await this.#restart()
      this.#sweep()
      await this.#settle()
      assert.deepEqual(this.#linesSince(before), [], `Expected ${again} to find nothing to do`)
    }
    this.#judge()
  }

  /** How often was written, without notes of how far was read. */
  #written(): number {
    return this.#linesSince(0).length
  }

  #linesSince(from: number): string[] {
    return this.couch.writes.filter((line) => !line.startsWith(`${CHECKPOINTS} `)).slice(from)
  }

  // What has to be true of it.

  #state(): State {
    const accounts = this.#database(USERS)
    return {
      docs: documentsIn(this.#gateway),
      accounts: new Map(
        NAMES.flatMap((name) => {
          const account = accounts.read(userDocumentId(name))
          return account ? [[name, account['roles'] as string[]] as const] : []
        }),
      ),
    }
  }

  /** Looks at what everybody has, and at what came into the gateway, whenever that changed. */
  #sample(): void {
    const key = `${this.#gateway.seq} ${this.#database(USERS).seq}`
    if (key === this.#sampled) return
    this.#sampled = key
    const state = this.#state()
    // Before what is new there counts: nobody may write by what he grants himself.
    this.#judgeWritten(state)
    this.#window.add(state, this.#versions)
  }

  #judgeWritten({ docs }: State): void {
    for (const id of this.#gateway.trees.keys())
      for (const leaf of liveLeaves(this.#gateway, id))
        assert(!(FORBIDDEN in leaf), `Expected what nobody may write not to be in ${id} of the gateway`)
    for (const mark of this.#marks) {
      if (mark.isThere || mark.who === null) continue
      const leaf = liveLeaves(this.#gateway, mark.id).find((one) => mark.name in one)
      if (leaf === undefined) continue
      mark.isThere = true
      const since = mark.window === this.#window ? mark.since : 0
      assert(
        this.#window.mayHaveWritten(mark.who, mark.id, (leaf['channels'] ?? []) as string[], since),
        `Expected ${mark.who} not to write ${mark.id}`,
      )
    }
    for (const id of this.#there)
      if (!docs.has(id) && !this.#adminsDeletions.has(id)) {
        const names = [...(this.#removedBy.get(id) ?? [])]
        assert(
          names.some((name) => this.#window.mayHaveWritten(name, id, [])),
          `Expected nobody to delete ${id} who may not`,
        )
      }
    this.#adminsDeletions.clear()
    this.#there = new Set(docs.keys())
  }

  /** All has settled. */
  #judge(): void {
    this.#sample()
    const state = this.#state()
    assertNoConflicts(this.#gateway)
    this.#judgeMarks(state)
    this.#judgeIndex()
    for (const name of NAMES) this.#judgeUser(name, state)
    this.#versions = [this.#version]
    this.#window = new Window()
    this.#window.add(state, this.#versions)
    this.#disturbed.clear()
    this.#refused.clear()
  }

  #judgeMarks({ docs }: State): void {
    for (const mark of this.#marks) {
      const { name, id, who, isTainted, isFresh } = mark
      const isKept = docs.get(id)?.[name] !== undefined
      if (this.#unsure.has(id)) continue
      if (mark.isThere) assert(isKept, `Expected ${name} of ${who ?? 'an admin'} to stay in ${id}`)
      else if (isFresh && !isTainted && who !== null && !this.#disturbed.has(who))
        assert(
          isKept || !this.#window.couldAlwaysWrite(who, id),
          `Expected ${name} of ${who} to come into ${id}`,
        )
      if (isFresh && isTainted && who !== null && !this.#disturbed.has(who))
        this.#refused.set(who, (this.#refused.get(who) ?? new Set()).add(id))
      mark.isFresh = false
    }
  }

  #judgeIndex(): void {
    const index = this.#database(routesDatabase(GATEWAY))
    const routes = [...index.trees.keys()].filter((id) => id.startsWith('document/'))
    for (const id of routes) {
      const route = index.read(id)
      assert.equal(route?.['before'], undefined, `Expected nothing to be left to say of ${id}`)
      assert.notEqual(route?.['rev'], null, `Expected no route of ${id}, which is gone`)
    }
    const evaluation = index.read(EVALUATION_ID)
    assert.equal(evaluation?.['hash'], this.#gateways[this.#version]?.sync.hash)
    assert.equal(evaluation?.['state'], 'done')
  }

  #judgeUser(name: string, state: State): void {
    const expected = expectedOf(name, state, this.#version)
    const own = this.couch.databases.get(databaseOf(name))
    if (expected === null) return assert.equal(own, undefined, `Expected no database of ${name}`)
    assert(own, `Expected a database of ${name}`)
    const there = documentsIn(own)
    assert.deepEqual([...there.keys()], expected.ids, `documents of ${name}`)
    for (const [id, doc] of there)
      assert.deepEqual(contentOf(doc), contentOf(state.docs.get(id) ?? {}), `${id} of ${name}`)
    assertNoConflicts(own)
    const { gateway, members } = own.security as Security & GatewaySecurity
    const { roles, channels } = expected
    assert.deepEqual(
      { gateway, members },
      { gateway: { roles, channels: [...channels, '!'] }, members: { names: [name], roles: [] } },
      `_security of ${name}`,
    )
    const said = own.read(GATEWAY_DOCUMENT)
    assert.deepEqual(
      { roles: said?.['roles'], channels: said?.['channels'], documents: said?.['documents'] },
      { roles, channels, documents: expected.ids.length },
      `standing of ${name}`,
    )
    assert.equal(said?.['$state'], said?.['$rejected'] === undefined ? 'complete' : 'denied')
    const told = new Set(
      ((said?.['$rejected'] ?? []) as { document: string }[]).map(({ document }) => document),
    )
    const isCarried = (id: string): boolean =>
      this.#marks.some((mark) => mark.who === name && mark.id === id && mark.isThere)
    for (const id of this.#refused.get(name) ?? [])
      assert(told.has(id) || isCarried(id) || this.#unsure.has(id), `Expected ${name} to hear of ${id}`)
    for (const id of state.docs.keys()) if (!there.has(id)) this.#judgeWithheld(name, own, id)
  }

  /** What went from a user's database cannot be read there any more; but for what the user himself has deleted. */
  #judgeWithheld(name: string, own: MemoryDatabase, id: string): void {
    if (own.leaves(id).some((leaf) => leaf[REMOVED] === undefined)) return
    const known = this.#gateway.trees.get(id)?.revisions
    const readable = [...(own.trees.get(id)?.revisions.values() ?? [])].flatMap(({ rev, body }) =>
      body && body._deleted !== true && known?.has(rev) ? [rev] : [],
    )
    assert.deepEqual(readable, [], `Expected ${name} not to read ${id} any more`)
  }
}

const nameOf = (who: number): string => NAMES[who % NAMES.length] ?? NAMES[0]

function copyLeaves(from: MemoryDatabase, to: MemoryDatabase): void {
  for (const id of from.trees.keys()) {
    if (id.startsWith('_')) continue
    for (const leaf of from.leaves(id)) if (to.missing(id, [leaf._rev]).length > 0) to.merge(leaf)
  }
}
