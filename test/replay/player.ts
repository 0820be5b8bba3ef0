// Does what was recorded, one stretch between two pauses after the other.
import assert from 'node:assert/strict'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import { REGISTRY, shareDatabase } from '../../src/documents/names.ts'
import type { Recorded, RecordedWrite } from './fixture.ts'

export type Open = (name: string) => Database
type Act = Exclude<Recorded, { settle: true }>

export class Player {
  readonly #stretches: Act[][] = [[]]
  readonly #open: Open
  /** What a device that is offline has, and what it will write. */
  readonly #replicas = new Map<RecordedWrite, StoredDoc | null>()

  constructor(recorded: readonly Recorded[], open: Open) {
    this.#open = open
    for (const one of recorded) {
      if ('settle' in one) this.#stretches.push([])
      else this.#stretches.at(-1)?.push(one)
    }
  }

  /** How many stretches there are. */
  get length(): number {
    return this.#stretches.length
  }

  /** Does what the users did, in their order. A user's database is there from the first mention on. */
  async play(at: number): Promise<void> {
    for (const [later, stretch] of this.#stretches.entries())
      for (const one of stretch)
        if ('id' in one && one.offline !== undefined && later - one.offline + 1 === at)
          this.#replicas.set(one, await readWithHistory(this.#open(one.db), one.id))
    for (const one of this.#stretches[at] ?? []) {
      const database = this.#open(one.db)
      if (isUsers(one.db)) await database.create()
      if (!('id' in one)) continue
      const replica = this.#replicas.get(one)
      if (replica === undefined) await edit(database, one)
      else await arrive(database, one, replica)
    }
  }
}

const isUsers = (db: string): boolean =>
  db !== '_users' && db !== REGISTRY && !db.startsWith(shareDatabase(''))

/** The edit of a client that has the latest revision; when the daemon was faster, the client tries again. */
async function edit(database: Database, one: RecordedWrite): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    const there = await database.get(one.id)
    const written = await database.put({ ...contentOf(one, there), ...(there ? { _rev: there._rev } : {}) })
    if (written.ok) return
  }
  assert.fail(`could not write ${one.id} into ${database.name}`)
}

/** The edit of a client that was offline: the next revision of what it had, beside whatever stands there now. */
async function arrive(database: Database, one: RecordedWrite, before: StoredDoc | null): Promise<void> {
  const { start, ids } = before?._revisions ?? { start: 0, ids: [] }
  const [{ rev } = { rev: '' }] = one.changes
  const hash = rev.slice(rev.indexOf('-') + 1)
  const leaf: Doc = {
    ...contentOf(one, before),
    _rev: `${start + 1}-${hash}`,
    _revisions: { start: start + 1, ids: [hash, ...ids] },
  }
  await database.bulk([leaf], { newEdits: false })
}

function contentOf({ id, deleted, doc, change }: RecordedWrite, there: StoredDoc | null): Doc {
  if (deleted) return { _id: id, _deleted: true }
  const { _rev, _revisions, ...attributes } = doc ?? { ...there, ...change, _id: id }
  const isTakenOut = (name: string): boolean => change?.[name] === null
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !isTakenOut(name))) as Doc
}

async function readWithHistory(database: Database, id: string): Promise<StoredDoc | null> {
  const [there] = await database.fetchIfThere([id])
  const [leaf] = there?.doc ? await database.leaves([{ id, rev: there.doc._rev }]) : []
  return leaf ?? null
}
