// Plays a history of users who share with each other on a real server, with the real daemon, and looks at what came of it.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { CHECKPOINTS, REGISTRY } from '../../../src/documents/names.ts'
import { HoldProxy } from './hold-proxy.ts'
import { Mirror } from './mirror.ts'
import { assertRight } from '../../support/participants-checks.ts'
import { begin } from '../../support/participants-play.ts'
import { Participants, SHARES, type Action } from '../../support/participants.ts'
import { Patience } from '../../support/patience.ts'
import type { Space } from '../../support/space.ts'

export type RealStep =
  /** Somebody does something, and each daemon goes on for so many requests before that. */
  | { kind: 'act'; action: Action; requests: number[] }
  /** Things happen while no daemon runs. */
  | { kind: 'away'; actions: Action[] }
  /** The daemons are killed, each after so many requests, and started again. */
  | { kind: 'crash'; requests: number[] }
  | { kind: 'settle' }

export interface RealHistory {
  users: number
  owners: Record<string, number>
  /** How many daemons work at once, none knowing of the others. */
  daemons: number
  begun: string[]
  steps: RealStep[]
}

const PATIENCE_MS = 60_000
const REPLICATION_MS = 1_000

const isOurs = (name: string): boolean =>
  name === '_users' || name === REGISTRY || /^user\/[a-z]{3}0(?:\/\$shares)?$/.test(name) || isShare(name)

const isShare = (name: string): boolean => SHARES.some((id) => name === `share/${id}`)

export async function playReal(space: Space, history: RealHistory): Promise<void> {
  await clear(space)
  const play = await Play.begin(space, history)
  try {
    await play.run(history)
  } finally {
    await play.stop()
  }
  await clear(space)
}

class Play {
  readonly #space: Space
  readonly #people: Participants
  readonly #mirror: Mirror
  readonly #daemons: number
  /** One before each daemon: one of them may be held up where the other goes on. */
  #proxies: HoldProxy[] = []

  private constructor(space: Space, people: Participants, daemons: number) {
    this.#space = space
    this.#people = people
    this.#daemons = daemons
    this.#mirror = new Mirror(space.couch, people.world.couch.databases, isOurs)
  }

  static async begin(space: Space, { users, owners, daemons }: RealHistory): Promise<Play> {
    const people = await Participants.create({ users, owners, canPurge: true })
    const accounts = people.world.couch.databases.get('_users')
    const real = space.couch.database('_users')
    await real.create()
    for (let user = 0; user < users; user += 1) {
      await space.couch.database(people.database(user).name).create()
      const account = accounts?.read(`org.couchdb.user:user/${people.name(user)}`)
      if (!account) continue
      const { _rev, ...doc } = account
      await space.write(real, doc)
    }
    const play = new Play(space, people, daemons)
    await play.#start()
    await play.#mirror.read()
    return play
  }

  async run({ begun, steps }: RealHistory): Promise<void> {
    for (const one of begin(begun)) if (one.kind === 'act') await this.#act(one.action)
    await this.#settle()
    for (const step of steps) await this.#take(step)
    await this.#settle()
    await this.#becomesRight()
    await this.#seeAgain()
    await this.#becomesRight()
    const before = await this.#allThatIsThere()
    await this.#seeAgain()
    assert.deepEqual(await this.#allThatIsThere(), before, 'seen once more, nothing is written')
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.cut()))
    await this.#space.stop()
  }

  async #start(): Promise<void> {
    const { server } = this.#space
    for (let at = 0; at < this.#daemons; at += 1) {
      const proxy = await HoldProxy.start(server.url)
      this.#proxies.push(proxy)
      const settings = { url: proxy.url, replicationServer: server.url }
      await (at === 0 ? this.#space.start(settings) : this.#space.startAnother(settings))
    }
  }

  #open(): void {
    for (const proxy of this.#proxies) proxy.open()
  }

  /** Lets each daemon go on for so many requests, all at the same time. */
  async #pass(requests: readonly number[]): Promise<void> {
    await Promise.all(this.#proxies.map((proxy, at) => proxy.pass(requests[at] ?? 0)))
  }

  async #take(step: RealStep): Promise<void> {
    switch (step.kind) {
      case 'act':
        await this.#pass(step.requests)
        return this.#act(step.action)
      case 'away':
        this.#open()
        await this.stop()
        for (const action of step.actions) await this.#act(action)
        return this.#start()
      case 'crash':
        await this.#pass(step.requests)
        await this.stop()
        return this.#start()
      case 'settle':
        return this.#settle()
      default:
        return step satisfies never
    }
  }

  /** All at once, as far as the daemon can tell: it waits meanwhile. */
  async #act(action: Action): Promise<void> {
    await this.#pass([])
    await this.#mirror.read()
    this.#people.world.now = Date.now()
    this.#people.act(action)
    await this.#mirror.send()
    await this.#mirror.read()
  }

  async #settle(): Promise<void> {
    this.#open()
    await this.#space.settled(undefined, PATIENCE_MS)
    await this.#mirror.read()
    this.#people.noteSettled()
  }

  /** A replication may lag, and what waits is looked at again after a while. */
  async #becomesRight(): Promise<void> {
    const setAside = this.#space.lines.filter(({ msg }) => msg === 'document set aside')
    assert.deepEqual(setAside, [], 'no document was set aside')
    for (const patience = new Patience(PATIENCE_MS, REPLICATION_MS); ; await delay(REPLICATION_MS)) {
      await this.#mirror.read({ allRevisions: true })
      try {
        assertRight(this.#people)
        return
      } catch (error) {
        if (patience.isOver()) throw error
      }
    }
  }

  /** Has everything looked at once more. */
  async #seeAgain(): Promise<void> {
    await this.stop()
    const checkpoints = this.#space.couch.database(CHECKPOINTS)
    const rows = await checkpoints.range({})
    await checkpoints.bulk(rows.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
    await this.#start()
    await this.#settle()
  }

  async #allThatIsThere(): Promise<Record<string, string[]>> {
    await this.#mirror.read()
    return Object.fromEntries(
      [...this.#people.world.couch.databases].map(([name, { trees }]) => [
        name,
        [...trees]
          .map(
            ([id, tree]) =>
              `${id} ${tree
                .leaves()
                .map(({ rev }) => rev)
                .join(' ')}`,
          )
          .sort(),
      ]),
    )
  }
}

/** Nothing is left of the history before. */
async function clear({ couch }: Space): Promise<void> {
  const names = await couch.allDbs({})
  const replicator = names.includes('_replicator') ? couch.database('_replicator') : null
  const replications = (await replicator?.range({ startKey: 'share/', endKey: 'user0' })) ?? []
  await replicator?.bulk(replications.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
  for (const name of names)
    if (isOurs(name) && /^(?:user|share)\//.test(name)) await couch.database(name).drop()
  for (const name of [REGISTRY, CHECKPOINTS]) {
    if (!names.includes(name)) continue
    const database = couch.database(name)
    const rows = (await database.range({})).filter(
      ({ id }) => !id.startsWith('_') && (name === CHECKPOINTS || ENTRY.test(id)),
    )
    await database.purge(Object.fromEntries(rows.map(({ id, rev }) => [id, [rev ?? '']])))
  }
  const users = names.includes('_users') ? couch.database('_users') : null
  const accounts =
    (await users?.range({ startKey: 'org.couchdb.user:user/', endKey: 'org.couchdb.user:user0' })) ?? []
  await users?.bulk(accounts.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
}

const ENTRY = new RegExp(`^(?:share|subscription)/(?:${SHARES.join('|')})(?:/|$)`)
