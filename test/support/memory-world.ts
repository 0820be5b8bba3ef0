// The daemon's own modules on a server in memory: turns are taken by hand, one after the other.
import { Checkpoints } from '../../src/feed/checkpoints.ts'
import { Replicator } from '../../src/couch/replicator.ts'
import { install } from '../../src/install.ts'
import { createLogger } from '../../src/log.ts'
import { userDatabases } from '../../src/model/names.ts'
import { readSkeleton } from '../../src/skeleton.ts'
import { takeTurn, type Hint } from '../../src/turn.ts'
import { Births } from '../../src/write/births.ts'
import type { Deps } from '../../src/write/deps.ts'
import { Leases } from '../../src/write/leases.ts'
import { OwnWrites } from '../../src/write/own-writes.ts'
import { Registry } from '../../src/write/registry.ts'
import { MemoryCouch } from './memory-couch.ts'
import { SKELETON } from './space.ts'

const users = userDatabases('user/{id}')
/** More turns than this and something never settles. */
const MOST_ROUNDS = 50

export class MemoryWorld {
  readonly couch = new MemoryCouch()
  #deps: Deps

  private constructor(canPurge: boolean) {
    this.#deps = this.#wire(canPurge)
  }

  static async create({ canPurge = true } = {}): Promise<MemoryWorld> {
    const world = new MemoryWorld(canPurge)
    await install(world.couch.asCouch(), await readSkeleton(SKELETON), world.#deps.log)
    await world.#deps.births.load()
    return world
  }

  /** A daemon that was killed and started again: all that it held in memory is gone. */
  async restart(): Promise<void> {
    this.#deps = this.#wire(this.#deps.canPurge)
    await this.#deps.births.load()
    for await (const entries of this.#deps.registry.all())
      for (const [share, { owner, rotate }] of entries)
        if (rotate)
          this.#deps.rotations.set(owner, new Set([...(this.#deps.rotations.get(owner) ?? []), share]))
  }

  /** Lets the daemon forget how far it had read, so that everything is seen once more. */
  async forgetCheckpoints(): Promise<void> {
    await this.#deps.checkpoints.flush()
    this.couch.databases.delete('shares/checkpoints')
    this.couch.create('shares/checkpoints')
    await this.restart()
  }

  /** Takes turns, and lets the replications run, until nothing is written any more. */
  async settle(hint: Hint = { user: true, outbox: true }): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const before = this.couch.writes.length
      let isMore = false
      for (const owner of this.owners()) {
        const shares = await this.#unfinished(owner)
        const outcome = await takeTurn({
          deps: this.#deps,
          owner,
          hint: { ...hint, shares },
          outboxAlways: true,
        })
        isMore ||= outcome.next !== null
      }
      const moved = this.couch.replicate()
      if (!isMore && !moved && this.couch.writes.length === before) {
        await this.#deps.checkpoints.flush()
        return
      }
    }
    throw new Error(`Expected the daemon to settle within ${MOST_ROUNDS} rounds`)
  }

  /** One turn of one owner. */
  async turn(owner: string): Promise<void> {
    await takeTurn({
      deps: this.#deps,
      owner,
      hint: { user: true, outbox: true, shares: await this.#unfinished(owner) },
      outboxAlways: true,
    })
  }

  owners(): string[] {
    return [...this.couch.databases.keys()].flatMap((name) => users.ownerOf(name) ?? [])
  }

  /** What a sweep finds: shares that stopped half-way. */
  async #unfinished(owner: string): Promise<Set<string>> {
    const shares = await this.#deps.registry.sharesOf(users.database(owner))
    const entries = await this.#deps.registry.entries(shares)
    return new Set(
      [...entries]
        .filter(([, { state }]) => state === 'opening' || state === 'ending')
        .map(([share]) => share),
    )
  }

  #wire(canPurge: boolean): Deps {
    const couch = this.couch.asCouch()
    const now = (): number => Date.UTC(2026, 0, 1)
    const replicator = new Replicator(couch, { hasScheduler: true, sleep: () => Promise.resolve() })
    const server = { url: 'memory:', user: 'admin', pass: 'secret' }
    return {
      couch,
      users,
      registry: new Registry(couch, now),
      births: new Births(couch),
      replicator,
      leases: new Leases({ replicator, users, server, now, idleTimeoutMs: 1_800_000 }),
      checkpoints: new Checkpoints(couch),
      ownWrites: new OwnWrites(),
      rotations: new Map(),
      canPurge,
      log: createLogger({ level: 'silent', pretty: false }),
    }
  }
}
