// Plays a sequence of requests against a server, and tells what it answered in names that mean the same on every server.
import { setTimeout as delay } from 'node:timers/promises'
import sortBy from 'lodash/sortBy.js'
import type { Couch } from '../../../src/couch/client.ts'
import type { Database } from '../../../src/couch/database.ts'
import type {
  Attachment,
  Change,
  DatabaseInfo,
  Doc,
  Row,
  Seq,
  StoredDoc,
  Written,
} from '../../../src/couch/document.ts'
import { isFault } from '../../../src/couch/fault.ts'
import { generationOf } from '../../../src/documents/revisions.ts'
import { hashOf } from '../memory-database.ts'
import { Names } from './names.ts'
import type { Body, Step, Which } from './steps.ts'

/** The view that sequences ask, beside a function that takes everything. */
const DESIGN = {
  _id: '_design/d',
  views: { values: { map: 'function (doc) { if (doc.value !== undefined) emit(doc.value, doc._id) }' } },
  validate_doc_update: 'function () {}',
}

/** Documents that nobody has: so many are asked for otherwise than a few. */
const STRANGERS = Array.from({ length: 12 }, (_, at) => `stranger-${at}`)

const MOST_TRIES = 10
const PAUSE_MS = 50

/** In what servers are known to differ: there nothing is asked. */
export interface Rules {
  /** Over a tombstone nothing is written but a document that names no revision. PouchDB takes others. */
  tombstonesAreLast: boolean
  /** Where there is no such document, a write that names a revision is taken. PouchDB refuses it. */
  takesStrangeRevisions: boolean
  /** What is attached to a tombstone stays. PouchDB forgets it. */
  tombstonesHoldFiles: boolean
  /** Contents of attachments that an earlier revision has are left out (`atts_since`). PouchDB sends all. */
  knowsWhatIsThere: boolean
}

export const COUCHDB: Rules = {
  tombstonesAreLast: true,
  takesStrangeRevisions: true,
  tombstonesHoldFiles: true,
  knowsWhatIsThere: true,
}
export const POUCHDB: Rules = {
  tombstonesAreLast: false,
  takesStrangeRevisions: false,
  tombstonesHoldFiles: false,
  knowsWhatIsThere: false,
}

/**
 * Plays steps against a database of that name, which is created before, and dropped after.
 * @returns what the server answered to each
 * @throws whatever is no refusal of the server
 */
export async function play(
  couch: Couch,
  name: string,
  steps: readonly Step[],
  rules: Rules,
): Promise<unknown[]> {
  const player = new Player(couch, name, rules)
  try {
    return await player.play(steps)
  } finally {
    await couch.database(name).drop()
  }
}

class Player {
  readonly #couch: Couch
  readonly #database: Database
  readonly #rules: Rules
  readonly #names = new Names()
  /** The revisions of each document, as they became known. */
  readonly #known = new Map<string, string[]>()
  /** Each revision with those before it. */
  readonly #histories = new Map<string, string[]>()
  /** Where a page of changes ended. */
  #ends: Seq[] = []
  #pushed = 0

  constructor(couch: Couch, name: string, rules: Rules) {
    this.#couch = couch
    this.#rules = rules
    this.#database = couch.database(name)
  }

  async play(steps: readonly Step[]): Promise<unknown[]> {
    const answers: unknown[] = []
    await this.#database.create(1)
    if (steps.some(({ kind }) => kind === 'view')) {
      const written = await this.#database.put(DESIGN)
      if (written.ok) this.#names.learn(written.rev)
    }
    for (const step of steps) answers.push(await this.#answer(step))
    return answers
  }

  async #answer(step: Step): Promise<unknown> {
    for (let tries = 1; ; tries += 1)
      try {
        return this.#names.rename(await this.#take(step))
      } catch (error) {
        if (!isFault(error)) throw error
        // CouchDB answers so for a moment where it has just dropped the database.
        if (error.code !== 'server_error' || tries === MOST_TRIES) return { refused: error.code }
        await delay(PAUSE_MS)
      }
  }

  async #take(step: Step): Promise<unknown> {
    const database = this.#database
    switch (step.kind) {
      case 'write':
        return this.#write(step)
      case 'push':
        return this.#push(step)
      case 'purge': {
        const revs = step.which.flatMap((which) => this.#revision(step.id, which) ?? [])
        if (revs.length === 0) return 'nothing to purge'
        await database.purge({ [step.id]: [...new Set(revs)].map((rev) => this.#names.real(rev)) })
        return 'purged'
      }
      case 'secure':
        return database.putSecurity({ admins: { roles: ['_admin'] }, members: { names: [step.name] } })
      case 'security':
        return database.security()
      case 'drop':
        return database.drop()
      case 'create':
        return this.#create()
      case 'info':
        return this.#infos()
      case 'purged':
        return [...(await database.purged())]
          .map(([id, revs]) => [id, sortBy(revs.map((rev) => this.#names.nameOf(rev)))])
          .sort()
      case 'changes':
        return this.#changes(step)
      case 'fetch':
        return (await database.fetch([...step.ids, ...(step.isMany ? STRANGERS : [])], step)).map((row) =>
          shownRow(row, step.includeDocs),
        )
      case 'range': {
        const { from, to, limit, includeDocs } = step
        const rows = await database.range({ startKey: from, endKey: to, limit, includeDocs })
        return rows.map((row) => shownRow(row, includeDocs))
      }
      case 'leaves': {
        const leaves = await database.leaves(
          step.ids.map((id) => ({ id })),
          step,
        )
        return sortBy(
          leaves.map(shownDoc),
          ({ _id }) => _id,
          ({ _rev = '' }) => this.#names.nameOf(_rev),
        )
      }
      case 'revision': {
        const rev = this.#revision(step.id, step.which)
        if (rev === null) return 'no revision'
        const { knowsWhatIsThere } = this.#rules
        const since = knowsWhatIsThere && step.since !== null ? this.#revision(step.id, step.since) : null
        const wanted = {
          id: step.id,
          rev: this.#names.real(rev),
          ...(since === null ? {} : { since: this.#names.real(since) }),
        }
        return (await database.leaves([wanted], { attachments: since !== null })).map(shownDoc)
      }
      case 'leafRevisions':
        return [...(await database.leafRevisions(step.ids))]
          .map(([id, revs]) => [id, sortBy(revs.map((rev) => this.#names.nameOf(rev)))])
          .sort()
      case 'changedFrom': {
        const nameOf = ([id, which]: [string, Which | null]): [string, string | null] => {
          const rev = which === null ? null : this.#revision(id, which)
          return [id, rev === null ? null : this.#names.real(rev)]
        }
        const changed = await database.changedFrom(new Map(step.known.map(nameOf)))
        return sortBy([...changed.values()], 'id').map((row) => shownRow(row, false))
      }
      case 'missing': {
        const known = step.which.flatMap((which) => this.#revision(step.id, which) ?? [])
        const revs = [
          ...known.map((rev) => this.#names.real(rev)),
          ...(step.strange ? [`9-${'9'.repeat(32)}`] : []),
        ]
        if (revs.length === 0) return 'nothing to ask for'
        const missing = await database.missing({ [step.id]: [...new Set(revs)] })
        return Object.entries(missing).map(([id, some]) => [
          id,
          sortBy(some.map((rev) => this.#names.nameOf(rev))),
        ])
      }
      case 'view': {
        const rows = await database.view('d', 'values', step.keys as unknown as string[])
        return sortBy(rows, 'key', 'id').map(({ id, key, value }) => ({ id, key, value }))
      }
    }
  }

  #revision(id: string, which: number): string | null {
    const known = this.#known.get(id) ?? []
    return known[which % Math.max(known.length, 1)] ?? null
  }

  async #create(): Promise<boolean> {
    const isNew = await this.#database.create(1)
    if (!isNew) return false
    // Of a database that went nothing is left: it is another one.
    for (const kind of ['update', 'purges']) this.#names.forget(kind)
    this.#ends = []
    return true
  }

  async #write({ id, over, body }: Extract<Step, { kind: 'write' }>): Promise<unknown> {
    const [row] = await this.#database.fetch([id])
    const winner = row?.rev ?? null
    const names = this.#names
    const named =
      over === 'nothing'
        ? null
        : over === 'winner'
          ? winner && names.nameOf(winner)
          : this.#revision(id, over)
    const before = named ?? (winner && names.nameOf(winner))
    const generation = before === null ? 1 : generationOf(before) + 1
    // Which of two that a server made wins is by its hash, and each server has its own.
    const isTie = (this.#known.get(id) ?? []).some(
      (rev) => names.isMade(rev) && generationOf(rev) === generation,
    )
    if (isTie) return 'left out'
    if (named !== null && row?.deleted === true && !this.#rules.tombstonesAreLast) return 'left out'
    if (named !== null && row?.rev === null && !this.#rules.takesStrangeRevisions) return 'left out'
    const _attachments = await this.#attachments(id, named, body)
    const written = await this.#database.put({
      ...{ _id: id, of: id, value: body.value },
      ...(named === null ? {} : { _rev: names.real(named) }),
      ...(body.isDeleted ? { _deleted: true } : {}),
      ..._attachments,
    })
    if (!written.ok) return shownRefusal(written)
    this.#learn(id, names.learn(written.rev), before)
    return written
  }

  async #push(step: Extract<Step, { kind: 'push' }>): Promise<unknown> {
    const { id, between, told, rank, body } = step
    const after = step.after === null ? null : this.#revision(id, step.after)
    const path = after === null ? [] : (this.#histories.get(after) ?? [after])
    const start = (after === null ? 0 : generationOf(after)) + between + 1
    const fresh = Array.from({ length: between + 1 }, (_, age) => {
      this.#pushed += 1
      return `${start - age}-${rank.repeat(12)}${this.#pushed.toString(16).padStart(20, '0')}`
    })
    const history = [...fresh, ...path]
    const [rev = ''] = history
    const ids = history.slice(0, told).map((one) => hashOf(this.#names.real(one)))
    // A revision that is pushed brings all that is attached to it.
    const _attachments =
      body.file === null || this.#isDropped(body)
        ? {}
        : { _attachments: { file: { ...fileOf(body.file), revpos: start } } }
    const doc: Doc = {
      ...{ _id: id, _rev: rev, _revisions: { start, ids }, value: body.value },
      ...(body.isDeleted ? { _deleted: true } : {}),
      ..._attachments,
    }
    const refused = await this.#database.bulk([doc], { newEdits: false })
    for (const [age, one] of fresh.entries()) this.#histories.set(one, history.slice(age))
    this.#known.set(id, [...(this.#known.get(id) ?? []), rev])
    return refused.map((one) => (one.ok ? one : shownRefusal(one)))
  }

  #learn(id: string, rev: string, before: string | null): void {
    const known = this.#known.get(id) ?? []
    this.#histories.set(rev, [rev, ...(before === null ? [] : (this.#histories.get(before) ?? [before]))])
    if (!known.includes(rev)) this.#known.set(id, [...known, rev])
  }

  /** What a write names: an attachment of its own, and stubs of what the revision before has. */
  async #attachments(id: string, over: string | null, body: Body): Promise<Partial<Doc>> {
    if (this.#isDropped(body)) return {}
    const { file, isKept } = body
    const [before] =
      over !== null && isKept ? await this.#database.leaves([{ id, rev: this.#names.real(over) }]) : []
    const kept: Record<string, Attachment> = before?._attachments ?? {}
    const all = { ...kept, ...(file === null ? {} : { file: fileOf(file) }) }
    return Object.keys(all).length === 0 ? {} : { _attachments: all }
  }

  #isDropped({ isDeleted }: Body): boolean {
    return isDeleted && !this.#rules.tombstonesHoldFiles
  }

  async #infos(): Promise<unknown> {
    const info = await this.#database.info()
    const listed = (await this.#couch.dbsInfo([this.#database.name])).get(this.#database.name)
    return [info, listed ?? null].map((one) => one && this.#shownInfo(one))
  }

  #shownInfo({ update_seq, purge_seq, doc_count, doc_del_count }: DatabaseInfo): unknown {
    return {
      ...{ doc_count, doc_del_count },
      update_seq: this.#names.number('update', update_seq),
      purge_seq: this.#names.number('purges', purge_seq),
    }
  }

  async #changes({
    since,
    limit,
    includeDocs,
    allLeaves,
  }: Extract<Step, { kind: 'changes' }>): Promise<unknown> {
    const from = since === null ? 0 : (this.#ends[since % Math.max(this.#ends.length, 1)] ?? 0)
    const page = await this.#database.changes({ since: from, limit, includeDocs, allLeaves })
    this.#ends.push(page.last_seq)
    return { isMore: page.pending > 0, results: page.results.map((change) => this.#shownChange(change)) }
  }

  #shownChange({ id, deleted, changes, doc }: Change): unknown {
    const revs = changes.map(({ rev }) => this.#names.nameOf(rev)).sort()
    return { id, deleted, revs, doc: doc && shownDoc(doc) }
  }
}

/** No text: CouchDB compresses that, and its digest is of what it stores. */
const fileOf = (file: number): Attachment => ({
  content_type: 'image/png',
  data: Buffer.from(`file ${file}`).toString('base64'),
})

const shownRefusal = ({ error }: Extract<Written, { ok: false }>): unknown => ({ refused: error })

const shownRow = ({ id, rev, deleted, doc }: Row, includeDocs: boolean): unknown => ({
  ...{ id, rev, deleted },
  ...(includeDocs ? { doc: doc && shownDoc(doc) } : {}),
})

/** Nobody looks at the order of conflicts. */
function shownDoc(doc: StoredDoc): Doc {
  const { _conflicts, ...rest } = doc
  return _conflicts ? { ...rest, _conflicts: [..._conflicts].sort() } : rest
}
