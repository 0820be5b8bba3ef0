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
  next(id: string): Promise<number> {
    return this.all([id], PATIENCE_MS)
  }

  /** When the next revisions of all of these are there. */
  async all(ids: readonly string[], patienceMs: number): Promise<number> {
    if (ids.length === 0) return performance.now()
    const left = new Set(ids)
    let limit: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      const fail = (): void => {
        const which = ids.length === 1 ? ids[0] : `${left.size} of ${ids.length} documents`
        reject(new Error(`Expected ${which} to arrive in ${this.#database} within ${patienceMs / 1000} s`))
      }
      limit = setTimeout(fail, patienceMs)
    })
    const arrival = new Promise<number>((resolve) => {
      for (const id of ids)
        this.#awaited.set(id, (at) => {
          left.delete(id)
          if (left.size === 0) resolve(at)
        })
    })
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
