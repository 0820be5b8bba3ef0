// Follows one database of the server's own, `_users` or the registry: what changed there concerns many lanes.
import type { Database } from '../couch/database.ts'
import type { Change } from '../couch/document.ts'
import { START, type Checkpoints } from './checkpoints.ts'

const PAGE = 500

export interface FollowerOptions {
  database: Database
  checkpoints: Checkpoints
  /** The template of user databases: daemons with another one read for themselves. */
  template: string
  /** Told of each page, with documents; the checkpoint moves when it resolves. */
  onChanges: (changes: readonly Change[]) => Promise<void>
}

/** The name of its checkpoint; no database is called so. */
const checkpointOf = (name: string, template: string): string => `feed ${name} ${template}`

export class Follower {
  readonly #options: FollowerOptions
  #reading: Promise<void> | null = null
  #isMore = false

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** There may be something new. Resolves when it was read; two calls at once are one. @throws {CouchFault} */
  async look(): Promise<void> {
    this.#isMore = true
    this.#reading ??= this.#read().finally(() => (this.#reading = null))
    await this.#reading
  }

  async #read(): Promise<void> {
    const { database, checkpoints, onChanges, template } = this.#options
    const name = checkpointOf(database.name, template)
    while (this.#isMore) {
      this.#isMore = false
      const info = await database.info()
      if (info === null) return
      const there = (await checkpoints.read([name])).get(name) ?? START
      const instance = info.instance_start_time
      const checkpoint = there.instance === instance ? there : { ...START, instance }
      if (checkpoint.updateSeq === info.update_seq) return
      const page = await database.changes({ since: checkpoint.since, limit: PAGE, includeDocs: true })
      await onChanges(page.results)
      const isLast = page.pending === 0
      checkpoints.set(name, {
        ...checkpoint,
        since: page.last_seq,
        updateSeq: isLast ? info.update_seq : checkpoint.updateSeq,
      })
      this.#isMore ||= !isLast
    }
  }
}
