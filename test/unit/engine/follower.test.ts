// How far a database of the server's own was read is written down when everybody has done what came of it.
import assert from 'node:assert/strict'
import type { OwnerWork } from '../../../src/shares/work.ts'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { Follower } from '../../../src/engine/follower.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const USERS = '_users'

/** A server with users, and what a daemon knows of it: gone with a crash. */
class Server {
  readonly couch = new MemoryCouch()
  readonly busy = new Set<string>()
  seen: string[] = []
  readonly pages: number[] = []
  #checkpoints = new Checkpoints(this.couch.asCouch())
  follower: Follower<OwnerWork>

  constructor() {
    for (const name of [USERS, CHECKPOINTS]) this.couch.create(name)
    this.follower = this.follow()
  }

  /** Somebody signs up, whom that owner's lane has to look at. */
  signUp(id: string): Promise<unknown> {
    return this.couch.asCouch().database(USERS).put({ _id: id })
  }

  async save(): Promise<void> {
    this.follower.save()
    await this.#checkpoints.flush()
  }

  /** The names under which is written down how far was read. */
  checkpoints(): string[] {
    return [...(this.couch.databases.get(CHECKPOINTS)?.trees.keys() ?? [])].sort()
  }

  crash(): void {
    this.busy.clear()
    this.seen = []
    this.#checkpoints = new Checkpoints(this.couch.asCouch())
    this.follower = this.follow()
  }

  follow(more: { purpose?: string; pageSize?: number } = {}): Follower<OwnerWork> {
    return new Follower<OwnerWork>({
      ...more,
      database: this.couch.asCouch().database(USERS),
      checkpoints: this.#checkpoints,
      template: 'user/{id}',
      onChanges: (changes, mark) => {
        this.pages.push(changes.length)
        for (const { id } of changes) {
          this.seen.push(id)
          mark(`owner of ${id}`, {})
        }
        return Promise.resolve()
      },
      mark: (owner) => void this.busy.add(owner),
      isBusy: (owner) => this.busy.has(owner),
    })
  }
}

describe('engine/follower', () => {
  it('reads what came after it had asked, where somebody looks meanwhile', async () => {
    const server = new Server()
    await server.signUp('joe')
    await server.follower.look()
    const first = server.follower.look()
    // The answer to the first question is under way, and does not know of ann.
    await server.signUp('ann')
    await Promise.all([first, server.follower.look()])
    assert.deepEqual(server.seen, ['joe', 'ann'])
  })

  it('reads again after a crash what somebody had still to do something about', async () => {
    const server = new Server()
    await server.signUp('joe')
    await server.follower.look()
    await server.save()
    server.crash()
    await server.follower.look()
    assert.deepEqual(server.seen, ['joe'])
  })

  it('reads nothing again that everybody is done with', async () => {
    const server = new Server()
    await server.signUp('joe')
    await server.follower.look()
    server.busy.clear()
    await server.save()
    server.crash()
    await server.follower.look()
    assert.deepEqual(server.seen, [])
  })

  it('goes on reading while an owner is busy, and waits for him alone', async () => {
    const server = new Server()
    for (const id of ['joe', 'ann', 'bob']) {
      await server.signUp(id)
      await server.follower.look()
    }
    assert.deepEqual(server.seen, ['joe', 'ann', 'bob'])
    // Of joe nothing is left to do; bob came later than ann, who is busy still.
    server.busy.delete('owner of joe')
    server.busy.delete('owner of bob')
    await server.save()
    server.crash()
    await server.follower.look()
    assert.deepEqual(server.seen, ['ann', 'bob'])
  })

  it('saves the last page when the last owner is done', async () => {
    const server = new Server()
    for (const id of ['joe', 'ann', 'bob']) {
      await server.signUp(id)
      await server.follower.look()
    }
    server.busy.clear()
    await server.save()
    server.crash()
    await server.follower.look()
    assert.deepEqual(server.seen, [])
  })

  it('has a checkpoint of its own for each purpose that a database is read for', async () => {
    const server = new Server()
    await server.signUp('joe')
    const another = server.follow({ purpose: 'provisioning' })
    await server.follower.look()
    server.busy.clear()
    await server.save()
    assert.deepEqual(server.checkpoints(), ['follower/_users user/{id}'])
    server.seen = []
    await another.look()
    assert.deepEqual(server.seen, ['joe'])
    server.busy.clear()
    another.save()
    await server.save()
    assert.deepEqual(server.checkpoints(), [
      'follower/_users user/{id}',
      'follower/_users user/{id} provisioning',
    ])
  })

  it('reads all pages, however small', async () => {
    const server = new Server()
    server.follower = server.follow({ pageSize: 2 })
    for (const id of ['joe', 'ann', 'bob', 'eve', 'kim']) await server.signUp(id)
    await server.follower.look()
    assert.deepEqual(server.seen, ['joe', 'ann', 'bob', 'eve', 'kim'])
    assert.deepEqual(server.pages, [2, 2, 1])
  })
})
