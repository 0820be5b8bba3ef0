// Waits until the daemons of a test have seen all that was written, and have nothing left to do: a marker is written behind it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Daemon } from '../../src/daemon/daemon.ts'
import type { Update } from '../../src/engine/db-updates.ts'

/** Where the feed is lost, no marker comes: silence for so long has to do. */
const MARKER_MS = 3_000
const LOOK_MS = 5

/** How many markers a daemon has heard of. */
export interface Listener {
  heard: number
  /** To be told of each update. */
  onUpdate: (update: Update) => void
}

/** Turns of all of them. */
export const turnsOf = (daemons: Iterable<Daemon>): number =>
  [...daemons].reduce((sum, { turns }) => sum + turns, 0)

/** Whether none of them has anything to do. */
export const areAtRest = (daemons: Iterable<Daemon>): boolean =>
  [...daemons].every((one) => one.ready().ok && one.busy === 0)

/** Writes into a database of its own, which is none of the daemon's, and counts who has heard of it. */
export class Barrier {
  readonly #couch: Couch
  readonly #database: Database
  #written = 0

  /** @param name of its database */
  constructor(couch: Couch, name: string) {
    this.#couch = couch
    this.#database = couch.database(name)
  }

  /** Of one daemon. */
  listener(): Listener {
    const listener: Listener = {
      heard: 0,
      onUpdate: ({ db, type }) => {
        if (db === this.#database.name && type === 'updated') listener.heard += 1
      },
    }
    return listener
  }

  /**
   * One round. The updates come in the order of the writes, so whoever has heard of the marker has heard of all before it; where nobody
   * has done anything since the round began, and nobody has anything to do when all have heard, nothing is left.
   * @param isEmbedded it says of its replications when they have copied all; CouchDB's say it late
   */
  async isSettled(daemons: ReadonlyMap<Daemon, Listener>, isEmbedded: boolean): Promise<boolean> {
    if (!areAtRest(daemons.keys())) return false
    const before = turnsOf(daemons.keys())
    if (isEmbedded && (await this.#isCopying())) return false
    await this.#mark([...daemons.values()])
    return areAtRest(daemons.keys()) && turnsOf(daemons.keys()) === before
  }

  async #mark(listeners: readonly Listener[]): Promise<void> {
    if (this.#written === 0) await this.#database.create(1)
    this.#written += 1
    const before = listeners.map(({ heard }) => heard)
    await this.#database.put({ _id: String(this.#written) })
    for (const end = Date.now() + MARKER_MS; Date.now() < end; await delay(LOOK_MS))
      if (listeners.every(({ heard }, at) => heard > (before[at] ?? 0))) return
  }

  async #isCopying(): Promise<boolean> {
    const tasks = await this.#couch.request<{ changes_pending: number | null }[]>({ path: ['_active_tasks'] })
    return tasks.some(({ changes_pending: pending }) => pending !== 0)
  }

  async drop(): Promise<void> {
    if (this.#written > 0) await this.#database.drop()
  }
}
