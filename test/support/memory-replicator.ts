// A `_replicator` in memory, in place of src/couch/replicator.ts: what stands there, and how the scheduler says it is.
import type { Replicator, ReplicationStatus } from '../../src/couch/replicator.ts'
import { sameReplication, type Replication } from '../../src/documents/replication.ts'

export class MemoryReplicator {
  readonly docs = new Map<string, Replication>()
  /** Those of which nothing is said here are accepted, and have nothing to do. */
  readonly said = new Map<string, ReplicationStatus>()
  /** What was done, as `<method> <id>`. */
  readonly done: string[] = []
  /** Waited for before anything is cancelled. */
  ending: Promise<void> = Promise.resolve()

  asReplicator(): Replicator {
    return this as unknown as Replicator
  }

  ensure(replication: Replication): Promise<void> {
    this.done.push(`ensure ${replication._id}`)
    this.docs.set(replication._id, replication)
    return Promise.resolve()
  }

  start(replication: Replication): Promise<ReplicationStatus> {
    this.done.push(`start ${replication._id}`)
    this.docs.set(replication._id, replication)
    return this.status(replication._id)
  }

  async replace(replication: Replication): Promise<boolean> {
    const there = this.docs.get(replication._id)
    if (there && sameReplication(there, replication)) return false
    if (there) await this.stop(replication._id)
    this.done.push(`put ${replication._id}`)
    this.docs.set(replication._id, replication)
    return true
  }

  async stop(id: string): Promise<void> {
    this.done.push(`stop ${id}`)
    this.docs.delete(id)
    await this.ending
  }

  status(id: string): Promise<ReplicationStatus> {
    return Promise.resolve(this.#status(id))
  }

  statuses(): Promise<Map<string, ReplicationStatus>> {
    this.done.push('statuses')
    return Promise.resolve(new Map([...this.docs.keys()].map((id) => [id, this.#status(id)])))
  }

  document(id: string): Promise<Replication | null> {
    return Promise.resolve(this.docs.get(id) ?? null)
  }

  async *documents(mark: 'share' | 'provision'): AsyncGenerator<Replication> {
    for (const doc of [...this.docs.values()]) {
      await Promise.resolve()
      if (mark in doc) yield doc
    }
  }

  #status(id: string): ReplicationStatus {
    if (!this.docs.has(id)) return { kind: 'absent' }
    return this.said.get(id) ?? { kind: 'accepted', caughtUp: true, refused: 0 }
  }
}
