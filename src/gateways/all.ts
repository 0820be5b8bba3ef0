// All gateways of the skeleton together, as the daemon has them.
import type { Gateway } from './gateway.ts'
import type { Logger } from '../log.ts'
import { MOST_DATABASES } from './model.ts'
import { firstFault, type Controller, type ProbeResult } from '../engine/controller.ts'
import { GatewayFeed, type GatewayOptions } from './controller.ts'
import { together, type Standing } from '../engine/meter.ts'
import type { Update } from '../engine/db-updates.ts'
import type { RunErrand } from '../engine/errands.ts'

export type GatewaysOptions = Omit<GatewayOptions, 'gateway'> & { gateways: readonly Gateway[] }

/** The controllers of all gateways as one. */
export class Gateways implements Controller {
  readonly part = 'gateways'
  readonly #feeds: readonly GatewayFeed[]
  readonly #log: Logger

  constructor({ gateways, ...options }: GatewaysOptions) {
    this.#log = options.log
    this.#feeds = gateways.map((gateway) => new GatewayFeed({ ...options, gateway }))
  }

  /** Users that have something to do, once for each gateway. */
  get busy(): number {
    return this.#feeds.reduce((sum, { busy }) => sum + busy, 0)
  }

  get standing(): Standing {
    return together(this.#feeds.map(({ standing }) => standing))
  }

  /** Turns taken since the start. */
  get turns(): number {
    return this.#feeds.reduce((sum, { turns }) => sum + turns, 0)
  }

  ready(): ProbeResult {
    return firstFault(this.#feeds.map((feed) => feed.ready()))
  }

  healthy(): ProbeResult {
    return firstFault(this.#feeds.map((feed) => feed.healthy()))
  }

  /** @returns true where the update is of no concern to anybody else */
  onUpdate(update: Update, run: RunErrand): boolean {
    return this.#feeds.map((feed) => feed.onUpdate(update, run)).some(Boolean)
  }

  /** Goes on until the signal is aborted. */
  async run(): Promise<void> {
    await Promise.all(this.#feeds.map((feed) => feed.run()))
  }

  /** Finds what was missed. @throws {CouchFault} */
  async sweep(rest: () => Promise<void>): Promise<void> {
    for (const feed of this.#feeds) await feed.sweep(rest)
    const databases = this.#feeds.reduce((sum, feed) => sum + feed.databases, 0)
    if (databases > MOST_DATABASES)
      this.#log.warn({ databases, limit: MOST_DATABASES }, 'users of gateways have many databases')
  }

  /** @throws {CouchFault} */
  async save(): Promise<void> {
    for (const feed of this.#feeds) await feed.save()
  }

  /** Lets the turns that are under way finish, and begins no other. */
  async stop(): Promise<void> {
    await Promise.all(this.#feeds.map((feed) => feed.stop()))
  }
}
