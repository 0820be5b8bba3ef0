// A daemon that is started again when it dies.
import { dutyId } from '../../../src/engine/duty-document.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { ops, settingsFor, type Bench, type Program } from '../program.ts'
import { freePort } from '../servers.ts'
import type { Space } from '../space.ts'
import type { KillProxy } from './kill-proxy.ts'

/** How long it may take to be ready: all that was there is done then. */
const PATIENCE_MS = 60_000

/** The daemon as a process, behind a proxy that may have it die. */
export class MortalDaemon {
  readonly #space: Space
  readonly #bench: Bench
  readonly #proxy: KillProxy
  readonly #settings: Record<string, string>
  #program: Program | null = null
  /** Another one is at work in the place of the one that died. */
  revived: Promise<void> = Promise.resolve()
  hasDied = false

  /** @param settings beside those of the space */
  constructor(space: Space, bench: Bench, proxy: KillProxy, settings: Record<string, string>) {
    this.#space = space
    this.#bench = bench
    this.#proxy = proxy
    this.#settings = settings
  }

  async start(): Promise<void> {
    await this.#launch()
    await this.revived
  }

  async #launch(): Promise<void> {
    const { server, prefix } = this.#space
    const port = await freePort()
    const program = await this.#bench.run({
      ...settingsFor({ ...server, url: this.#proxy.url }),
      OPS_PORT: String(port),
      LOG_LEVEL: 'warn',
      USER_DATABASES: `${prefix}{id}`,
      REPLICATION_SERVER: server.url,
      ...this.#settings,
    })
    this.#program = program
    const isReady = async (): Promise<boolean> => !program.isRunning || (await ops(port, 'readyz')) === 200
    await this.#space.until('the daemon is ready', isReady, PATIENCE_MS)
  }

  /** SIGKILL, and a new one in its place. */
  die(): void {
    this.hasDied = true
    this.#program?.child.kill('SIGKILL')
    this.revived = this.#revive()
    this.revived.catch(() => undefined)
  }

  async #revive(): Promise<void> {
    await this.#program?.exit()
    // That its successor waits until it is sure of that is told elsewhere.
    const { couch, config } = this.#space
    const duty = couch.database(CHECKPOINTS)
    const there = await duty.get(dutyId(config.userDatabases.template)).catch(() => null)
    if (there) await duty.put({ _id: there._id, _rev: there._rev, _deleted: true })
    await this.#launch()
  }

  /** Stops as it is told to, and starts again, with what its folders have by then. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.revived
    this.#program?.child.kill('SIGTERM')
    await this.#program?.exit()
  }
}
