// Tells when a document arrives in a database, by a `_changes` feed that stays open: the same eye for subject and baseline.
import type { Couch } from '../../src/couch/client.ts'
import type { Database } from '../../src/couch/database.ts'

const PATIENCE_MS = 60_000

export class Arrivals {
  readonly #stop = new AbortController()
  readonly #awaited = new Map<string, (at: number) => void>()
  readonly #database: string

  private constructor(database: string) {
    this.#database = database
  }

  static async open(couch: Couch, database: Database): Promise<Arrivals> {
    const arrivals = new Arrivals(database.name)
    const stream = await couch.stream({
      path: [database.name, '_changes'],
      query: { feed: 'continuous', since: 'now', heartbeat: 10_000 },
      signal: arrivals.#stop.signal,
    })
    void arrivals.#listen(stream).catch(() => undefined)
    return arrivals
  }

  /** When the next revision of a document is there, by `performance.now()`. Ask before it is written. */
  async next(id: string): Promise<number> {
    let limit: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      const message = `Expected ${id} to arrive in ${this.#database} within ${PATIENCE_MS / 1000} s`
      limit = setTimeout(() => reject(new Error(message)), PATIENCE_MS)
    })
    const arrival = new Promise<number>((resolve) => this.#awaited.set(id, resolve))
    return Promise.race([arrival, late]).finally(() => clearTimeout(limit))
  }

  close(): void {
    this.#stop.abort()
  }

  async #listen(stream: AsyncIterable<Buffer>): Promise<void> {
    let rest = ''
    for await (const chunk of stream) {
      const at = performance.now()
      const lines = (rest + chunk.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line.trim() === '') continue
        const { id } = JSON.parse(line) as { id: string }
        this.#awaited.get(id)?.(at)
        this.#awaited.delete(id)
      }
    }
  }
}
