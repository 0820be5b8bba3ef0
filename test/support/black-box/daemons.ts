// The daemons of a black box: processes that are started again whenever they end, as systemd does it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Couch } from '../../../src/couch/client.ts'
import { dutyRange, type Duty } from '../../../src/engine/duty-document.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import type { Bench, Program } from '../program.ts'

const RESTART_MS = 100

/** One place where a daemon runs, whichever process that is just now. */
class Post {
  program: Program | null = null
  frozen: Promise<void> = Promise.resolve()
}

export interface DaemonsOptions {
  bench: Bench
  /** The settings of each. */
  settings: readonly Record<string, string>[]
  /** Straight to the server, to say of a dead one that it is dead. */
  couch: Couch
  template: string
}

export class Daemons {
  readonly #options: DaemonsOptions
  readonly #posts: Post[]
  readonly #running: Promise<void>[]
  #isOver = false
  /** What each process that ended said, if it ended by itself. */
  readonly ended: string[] = []

  constructor(options: DaemonsOptions) {
    this.#options = options
    this.#posts = options.settings.map(() => new Post())
    this.#running = this.#posts.map((post, at) => this.#keep(post, options.settings[at] ?? {}))
    options.bench.release(() => this.stop())
  }

  /** Kills one (SIGKILL); the next one need not find out for itself that it is gone, which is told elsewhere. */
  async kill(random: () => number): Promise<void> {
    const { program } = this.#one(random)
    const pid = program?.child.pid
    program?.child.kill('SIGKILL')
    await program?.exit()
    if (pid !== undefined) await this.#declareDead(pid)
  }

  /** Stops one for so long (SIGSTOP), while the others take it for dead. */
  async freeze(random: () => number, ms: number): Promise<void> {
    const post = this.#one(random)
    const { program } = post
    const pid = program?.child.pid
    if (!program?.child.kill('SIGSTOP')) return
    if (pid !== undefined && this.#posts.length > 1 && random() < 0.5) await this.#declareDead(pid)
    await delay(ms)
    program.child.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    for (const { program } of this.#posts) program?.child.kill('SIGTERM')
    await Promise.all(this.#running)
  }

  /** What the processes that run have said. */
  get said(): string {
    return this.#posts.map(({ program }) => program?.all ?? '').join('\n')
  }

  #one(random: () => number): Post {
    const post = this.#posts[Math.floor(random() * this.#posts.length)]
    if (post === undefined) throw new Error('Expected a daemon')
    return post
  }

  async #keep(post: Post, settings: Record<string, string>): Promise<void> {
    while (!this.#isOver) {
      post.program = await this.#options.bench.run(settings)
      const code = await post.program.exit(2 ** 31 - 1)
      if (code !== 'SIGKILL' && !this.#isOver) this.ended.push(`${code}: ${post.program.all.slice(-2_000)}`)
      await delay(RESTART_MS)
    }
  }

  async #declareDead(pid: number): Promise<void> {
    const duties = this.#options.couch.database(CHECKPOINTS)
    try {
      const rows = await duties.range({ ...dutyRange(this.#options.template), includeDocs: true })
      const dead = rows.flatMap(({ doc }) => (doc && (doc as unknown as Duty).pid === pid ? [doc] : []))
      await duties.bulk(dead.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })))
    } catch {
      // The server is down, or has no such database yet: the next one waits for as long as it waits for anybody.
    }
  }
}
