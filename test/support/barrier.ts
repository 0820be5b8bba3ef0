// Waits until the daemons of a test have seen all that was written, and have nothing left to do: a marker is written behind it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Daemon } from '../../src/daemon/daemon.ts'
import type { Update } from '../../src/engine/db-updates.ts'

/** Where the feed is lost, no marker comes: silence for so long has to do. */
const MARKER_MS = 3_000
const LOOK_MS = 5

/** Writes into a database of its own, which is none of the daemon's, and counts who has heard of it. */
export class Barrier {
  readonly #couch: Couch
  readonly #database: Database
  /** How many markers a daemon has heard of. */
  readonly #heard = new Map<object, number>()
  #written = 0

  /** @param name of its database */
  constructor(couch: Couch, name: string) {
    this.#couch = couch
    this.#database = couch.database(name)
  }

  /** @returns what a daemon is to be told of each update, and whose it is */
  listener(): { onUpdate: (update: Update) => void; key: object } {
    const key = {}
    const onUpdate = ({ db, type }: Update): void => {
      if (db === this.#database.name && type === 'updated') this.#heard.set(key, this.#heardBy(key) + 1)
    }
    return { onUpdate, key }
  }

  /**
   * One round. The updates come in the order of the writes, so whoever has heard of the marker has heard of all before it; where nobody
   * has done anything since the round began, and nobody has anything to do when all have heard, nothing is left.
   * @param isEmbedded it says of its replications when they have copied all; CouchDB's say it late
   */
  async isSettled(daemons: ReadonlyMap<Daemon, object>, isEmbedded: boolean): Promise<boolean> {
    const isAtRest = (): boolean => [...daemons.keys()].every((one) => one.ready().ok && one.busy === 0)
    const turns = (): number => [...daemons.keys()].reduce((sum, one) => sum + one.turns, 0)
    if (!isAtRest()) return false
    const before = turns()
    if (isEmbedded && (await this.#isCopying())) return false
    await this.#mark([...daemons.values()])
    return isAtRest() && turns() === before
  }

  async #mark(keys: readonly object[]): Promise<void> {
    if (this.#written === 0) await this.#database.create(1)
    this.#written += 1
    const before = keys.map((key) => this.#heardBy(key))
    await this.#database.put({ _id: String(this.#written) })
    for (const end = Date.now() + MARKER_MS; Date.now() < end; await delay(LOOK_MS))
      if (keys.every((key, at) => this.#heardBy(key) > (before[at] ?? 0))) return
  }

  async #isCopying(): Promise<boolean> {
    const tasks = await this.#couch.request<{ changes_pending: number | null }[]>({ path: ['_active_tasks'] })
    return tasks.some(({ changes_pending: pending }) => pending !== 0)
  }

  #heardBy(key: object): number {
    return this.#heard.get(key) ?? 0
  }

  async drop(): Promise<void> {
    if (this.#written > 0) await this.#database.drop()
  }
}
