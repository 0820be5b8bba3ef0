// One database: the few CouchDB calls that the daemon makes, typed, with the expected refusals as values.
import chunk from 'lodash/chunk.js'
import type {
  Change,
  ChangesPage,
  DatabaseInfo,
  Doc,
  Row,
  Security,
  Seq,
  StoredDoc,
  Written,
} from './document.ts'
import { CouchFault, isFault, orNull } from './fault.ts'
import { own } from '../documents/own.ts'
import { isNameable } from '../documents/revisions.ts'
import { halvesOf, purgesOf, type Revisions } from './purge.ts'
import type { Flow, Requester, Upload } from './request.ts'
import { leavesIn, rowsOfLeaves, toRow, type AllDocsRow, type BulkGetAnswer } from './rows.ts'

/** A create straight after a drop may answer 412 though nothing is there: ask, and try again so often, 9 s in all. */
const CREATE_TRIES = 14
/** The pauses grow by this. */
const CREATE_PAUSE_MS = 100

/** Answers with documents are read in smaller parts where they have more bytes than this; a single document always fits. */
const MOST_BYTES = 16 * 1024 * 1024
const SINGLE_BYTES = Number.MAX_SAFE_INTEGER

/** A disk that is full, as a row of `_bulk_docs` says it: CouchDB 3.5 spells it wrong, in chttpd.erl. */
const FULL: ReadonlySet<string> = new Set(['insufficent_storage', 'insufficient_storage'])

/** A revision that no document has, of a generation that none reaches. */
const NEWER_THAN_ALL = `${2 ** 31 - 1}-${'0'.repeat(32)}`

export interface ChangesOptions {
  since: Seq
  limit: number
  includeDocs: boolean
  /** All leaf revisions of a document, not only the winning one. */
  allLeaves?: boolean
}

export interface RangeOptions {
  startKey?: string
  endKey?: string
  limit?: number
  includeDocs?: boolean
  /** An answer with more bytes fails as `answer_too_large`. */
  mostBytes?: number
  signal?: AbortSignal
}

/** A revision that is asked for; every leaf where none is named. */
interface Wanted {
  id: string
  rev?: string
  /** Of its attachments, those that it has had since this earlier revision come as stubs. */
  since?: string
}

/** So few documents take as long one by one as all at once. */
const FEW_IDS = 10
/** Documents with more leaves are read one by one. */
const FEW_LEAVES = 10

/** More revisions of one document than this are asked for together. */
const FEW_REVISIONS = 10
/** As many as fit into a URL that every server takes. */
const MOST_IN_URL = 100
const LONGEST_ID = 1000
/** CouchDB's own have 32 characters and their generation, but who pushes revisions calls them as they like. */
const LONGEST_IN_URL = 50

/** A database of the server by its name, whether or not it exists. What throws, throws a CouchFault. */
export class Database {
  readonly name: string
  readonly #couch: Requester

  constructor(couch: Requester, name: string) {
    this.#couch = couch
    this.name = name
  }

  /** What CouchDB says of the database, or null where there is none. */
  async info(): Promise<DatabaseInfo | null> {
    return orNull(this.#couch.request<DatabaseInfo>({ path: [this.name] }))
  }

  /** Creates the database; false where it was there. @param q shards; the server's default where it is left out. */
  async create(q?: number): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#couch.request({ method: 'PUT', path: [this.name], query: { q } })
        return true
      } catch (error) {
        // `conflict` where somebody else creates it at this moment.
        if (!isFault(error, 'exists') && !isFault(error, 'conflict')) throw error
        if (await this.#isThere()) return false
        if (tries >= CREATE_TRIES) throw error
        await new Promise((resolve) => setTimeout(resolve, CREATE_PAUSE_MS * tries))
      }
    }
  }

  /** For a moment after a drop CouchDB answers 500, that no shards can be opened: that is no database. */
  async #isThere(): Promise<boolean> {
    try {
      return (await this.info()) !== null
    } catch (error) {
      if (isFault(error, 'server_error')) return false
      throw error
    }
  }

  /** Drops the database; false where there was none. */
  async drop(): Promise<boolean> {
    return (await orNull(this.#couch.request({ method: 'DELETE', path: [this.name] }))) !== null
  }

  /** How many revisions of a document's history are kept. https://docs.couchdb.org/en/stable/api/database/misc.html#db-revs-limit */
  async revsLimit(): Promise<number> {
    return this.#couch.request<number>({ path: [this.name, '_revs_limit'] })
  }

  async limitRevs(limit: number): Promise<void> {
    await this.#couch.request({ method: 'PUT', path: [this.name, '_revs_limit'], body: limit })
  }

  async security(): Promise<Security> {
    return this.#couch.request<Security>({ path: [this.name, '_security'] })
  }

  async putSecurity(security: Security): Promise<void> {
    await this.#couch.request({ method: 'PUT', path: [this.name, '_security'], body: security })
  }

  /**
   * A page of changes, with the documents and the revisions of their conflicts where asked for. Large documents make
   * it a shorter page than `limit`.
   */
  async changes({ since, limit, includeDocs, allLeaves = false }: ChangesOptions): Promise<ChangesPage> {
    try {
      const page = await this.#couch.request<{ results: Change[]; last_seq: Seq; pending?: number }>({
        path: [this.name, '_changes'],
        query: {
          since,
          limit,
          ...(includeDocs ? { include_docs: true, conflicts: true } : {}),
          ...(allLeaves ? { style: 'all_docs' } : {}),
        },
        mostBytes: limit === 1 ? SINGLE_BYTES : MOST_BYTES,
      })
      return { ...page, pending: page.pending ?? (page.results.length < limit ? 0 : 1) }
    } catch (error) {
      if (!isFault(error, 'answer_too_large')) throw error
      return this.changes({ since, limit: Math.ceil(limit / 5), includeDocs, allLeaves })
    }
  }

  /** Waits until something changes. @returns false where nothing did for so long */
  async waitForChange(since: Seq, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { results } = await this.#couch.request<ChangesPage>({
      path: [this.name, '_changes'],
      query: { feed: 'longpoll', since, limit: 1, timeout: timeoutMs },
      timeoutMs: timeoutMs * 2,
      signal,
    })
    return results.length > 0
  }

  /** What stands under each id, in the order of the ids: a live document, a tombstone, or nothing. */
  async fetch(ids: string[], { includeDocs = true, conflicts = false } = {}): Promise<Row[]> {
    const isOrdinary = includeDocs && ids.every(isOfDocument)
    const found = await this.#fetchByLeaves(isOrdinary ? ids : [], conflicts)
    const left = ids.filter((id) => !found.has(id))
    const rows = await this.#fetchByKeys(left, { includeDocs, conflicts })
    for (const row of rows) found.set(row.id, row)
    return ids.flatMap((id) => found.get(id) ?? [])
  }

  async #fetchByKeys(
    ids: string[],
    { includeDocs, conflicts }: { includeDocs: boolean; conflicts: boolean },
  ): Promise<Row[]> {
    return inParts(ids, async (keys, mostBytes) => {
      const { rows } = await this.#couch.request<{ rows: AllDocsRow[] }>({
        method: 'POST',
        path: [this.name, '_all_docs'],
        query: { ...(includeDocs ? { include_docs: true } : {}), ...(conflicts ? { conflicts: true } : {}) },
        body: { keys },
        mostBytes,
      })
      return rows.map(toRow)
    })
  }

  /**
   * CouchDB answers `_all_docs` by keys one document after the other, and `_bulk_get` all at once: 200 documents in a third of the
   * time. But it reads a document's tree once for each leaf: one with 4,000 takes it half a minute, and is left to the keys.
   * @returns rows by id, without what is as well asked for by keys: a few, what is too large, and what could not be read
   */
  async #fetchByLeaves(ids: string[], conflicts: boolean): Promise<Map<string, Row>> {
    if (ids.length <= FEW_IDS) return new Map()
    const leaves = await this.#namesOfLeaves(ids)
    const few = ids.filter((id) => (leaves.get(id)?.length ?? 0) <= FEW_LEAVES)
    const ask = async (part: string[], mostBytes: number): Promise<[string, Row][]> => {
      const answer = await this.#couch.request<BulkGetAnswer>({
        method: 'POST',
        path: [this.name, '_bulk_get'],
        body: { docs: part.map((id) => ({ id })) },
        mostBytes,
      })
      return [...rowsOfLeaves(answer, conflicts)]
    }
    return new Map(await inParts(few, ask, FEW_IDS))
  }

  /** Like `fetch`; nothing where the database is not there. */
  async fetchIfThere(
    ids: string[],
    options: { includeDocs?: boolean; conflicts?: boolean } = {},
  ): Promise<Row[]> {
    return (await orNull(this.fetch(ids, options))) ?? []
  }

  /**
   * Which documents are not as they were: asked for by the names of leaves, which takes CouchDB a third of the time of `_all_docs` by
   * keys. @param known the revision of each, null where there was nothing
   * @returns by id, what stands now under those that may have another one, or have conflicts
   */
  async changedFrom(known: ReadonlyMap<string, string | null>): Promise<Map<string, Row>> {
    const ids = [...known.keys()]
    const leaves = await this.leafRevisions(ids)
    const isAsBefore = (id: string): boolean => {
      const [leaf = null, ...others] = leaves.get(id) ?? []
      return others.length === 0 && leaf === known.get(id)
    }
    const rows = await this.fetch(
      ids.filter((id) => !isAsBefore(id)),
      { includeDocs: false },
    )
    return new Map(rows.map((row) => [row.id, row]))
  }

  /** Live documents of an id range, in order, without its end. */
  async range({ startKey, endKey, limit, includeDocs = false, ...bounds }: RangeOptions): Promise<Row[]> {
    const { rows } = await this.#couch.request<{ rows: AllDocsRow[] }>({
      ...bounds,
      path: [this.name, '_all_docs'],
      query: {
        ...(startKey === undefined ? {} : { startkey: JSON.stringify(startKey) }),
        ...(endKey === undefined ? {} : { endkey: JSON.stringify(endKey) }),
        ...(limit === undefined ? {} : { limit }),
        ...(includeDocs ? { include_docs: true } : {}),
        inclusive_end: false,
      },
    })
    return rows.map(toRow)
  }

  /** The document, or null. Asked for by body: an id such as `..` cannot stand in a URL. */
  async get(id: string, { conflicts = false } = {}): Promise<StoredDoc | null> {
    const [row] = await this.fetch([id], { conflicts })
    return row?.doc ?? null
  }

  /**
   * Every leaf of each id, or the revisions that are named, with whole histories. Missing ones are left out.
   * @param attachments with their contents, base64: only for what is known to be small
   * @param encodings with how attachments are stored. https://docs.couchdb.org/en/stable/api/document/common.html#get--db-docid
   */
  async leaves(wanted: Wanted[], { attachments = false, encodings = false } = {}): Promise<StoredDoc[]> {
    const [many, few] = attachments ? [[], wanted] : manyOfOne(wanted)
    const found: StoredDoc[] = []
    for (const { id, revs } of many) found.push(...(await this.#revisionsOf(id, revs, encodings)))
    return [...found, ...(await this.#namedLeaves(few, { attachments, encodings }))]
  }

  async #namedLeaves(
    wanted: Wanted[],
    { attachments, encodings }: { attachments: boolean; encodings: boolean },
  ): Promise<StoredDoc[]> {
    return inParts(wanted, async (docs, mostBytes) => {
      const answer = await this.#couch.request<BulkGetAnswer>({
        method: 'POST',
        path: [this.name, '_bulk_get'],
        query: {
          revs: true,
          ...(attachments ? { attachments: true } : {}),
          ...(encodings ? { att_encoding_info: true } : {}),
        },
        body: {
          docs: docs.map(({ since, ...one }) =>
            since === undefined ? one : { ...one, atts_since: [since] },
          ),
        },
        mostBytes,
      })
      return leavesIn(answer)
    })
  }

  /**
   * Many revisions of one document. `_bulk_get` reads the document's tree once for each of them, this once for all: with
   * thousands of leaves it takes a twentieth of the time. https://docs.couchdb.org/en/stable/api/document/common.html#get--db-docid
   */
  async #revisionsOf(id: string, wanted: string[], encodings: boolean): Promise<StoredDoc[]> {
    return inParts(wanted, async (revs, mostBytes) => {
      const answers = await this.#couch.request<({ ok: StoredDoc } | { missing: string })[]>({
        path: [this.name, id],
        query: {
          ...{ open_revs: JSON.stringify(revs), revs: true },
          ...(encodings ? { att_encoding_info: true } : {}),
        },
        mostBytes,
      })
      return answers.flatMap((answer) => ('ok' in answer ? [answer.ok] : []))
    })
  }

  /**
   * Those of these revisions that are not here, by id. https://docs.couchdb.org/en/stable/api/database/misc.html#db-revs-diff
   */
  async missing(revisions: Record<string, string[]>): Promise<Record<string, string[]>> {
    const asked = pickRevisions(revisions, isNameable)
    const answer =
      Object.keys(asked).length === 0
        ? {}
        : await this.#couch.request<Record<string, { missing?: string[] }>>({
            method: 'POST',
            path: [this.name, '_revs_diff'],
            body: asked,
          })
    // Nobody can bring such a one here by its name.
    const unasked = pickRevisions(revisions, (rev) => !isNameable(rev))
    const ids = new Set([...Object.keys(answer), ...Object.keys(unasked)])
    return Object.fromEntries(
      [...ids].flatMap((id) => {
        const missing = [...(own(answer, id)?.missing ?? []), ...(own(unasked, id) ?? [])]
        return missing.length === 0 ? [] : [[id, missing]]
      }),
    )
  }

  /**
   * Writes documents. What became of each is told by id; with `newEdits: false` CouchDB tells only of failures.
   * @throws {CouchFault} `too_large` where one of them exceeds the server's limit, and then none was written; `no_room` where there is none for
   *   one of them
   */
  async bulk(docs: Doc[], { newEdits = true } = {}): Promise<Written[]> {
    if (docs.length === 0) return []
    const rows = await this.#couch.request<{ id: string; rev?: string; error?: string; reason?: string }[]>({
      method: 'POST',
      path: [this.name, '_bulk_docs'],
      body: { docs, ...(newEdits ? {} : { new_edits: false }) },
    })
    // Not wrong with the document: it is to be written again, and all that was to be written with it.
    const full = rows.find(({ error }) => error !== undefined && FULL.has(error))
    if (full) throw new CouchFault('no_room', this.name, full.reason ?? 'no room', 507, full.error ?? null)
    return rows.map(({ id, rev, error, reason }) =>
      error === undefined
        ? { id, ok: true, rev: rev ?? '' }
        : { id, ok: false, error, reason: reason ?? error },
    )
  }

  /** Writes one document; a conflict is told, not thrown. */
  async put(doc: Doc): Promise<Written> {
    const [written] = await this.bulk([doc])
    return (
      written ?? {
        id: doc._id,
        ok: false,
        error: 'unknown',
        reason: 'the server said nothing of the document',
      }
    )
  }

  /**
   * Writes a document whose body comes as a stream; with `newEdits: false` as the revision that it says.
   * @param open called for each try
   * @returns the new revision
   * @throws {CouchFault}
   */
  async putFlow(id: string, open: Upload['open'], { newEdits = true } = {}): Promise<string> {
    try {
      const { rev } = await this.#couch.upload<{ rev: string }>({
        method: 'PUT',
        path: [this.name, id],
        ...(newEdits ? {} : { query: { new_edits: false } }),
        open,
      })
      return rev
    } catch (error) {
      // CouchDB closes the connection where there is no such database: the answer may be lost.
      const isUnclear = isFault(error) && error.status === null && error.code === 'too_large'
      if (isUnclear && (await this.info()) === null)
        throw new CouchFault('not_found', this.name, 'Database does not exist.', 404)
      throw error
    }
  }

  /**
   * A revision with its history and its attachments, as a body that `putFlow` takes as it is.
   * https://docs.couchdb.org/en/stable/api/document/common.html#get--db-docid
   * @param since attachments that it has had since this earlier revision come as stubs
   * @throws {CouchFault}
   */
  async flow(
    id: string,
    rev: string,
    { signal, since }: { signal: AbortSignal; since?: string },
  ): Promise<Flow> {
    const after = since === undefined ? {} : { atts_since: JSON.stringify([since]) }
    return this.#couch.open({
      path: [this.name, id],
      query: { rev, revs: true, attachments: true, ...after },
      accept: 'multipart/related, application/json;q=0.5',
      signal,
      isHandedOn: true,
    })
  }

  /** The bytes of an attachment as they are stored, compressed ones too. @throws {CouchFault} */
  async attachment(
    id: string,
    name: string,
    rev: string,
    { signal }: { signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    const path = [this.name, id, name]
    return this.#couch.stream({ path, query: { rev }, acceptEncoding: 'gzip', signal, isHandedOn: true })
  }

  /**
   * Really removes leaf revisions with all that only they hold, in as many requests as it takes; of a document, the
   * revision named last goes last. https://docs.couchdb.org/en/stable/api/database/misc.html#db-purge
   * What CouchDB lets nobody name stays, and keeps nothing else from being removed.
   */
  async purge(revisions: Readonly<Record<string, string[]>>): Promise<void> {
    for (const part of purgesOf(pickRevisions(revisions, isNameable))) await this.#purge(part)
  }

  async #purge(part: Revisions): Promise<void> {
    try {
      const body = Object.fromEntries(part)
      await this.#couch.request({ method: 'POST', path: [this.name, '_purge'], body })
    } catch (error) {
      // That many are too many where an admin has lowered the limits.
      const halves = isFault(error, 'bad_request') ? halvesOf(part) : null
      if (halves === null) throw error
      for (const half of halves) await this.#purge(half)
    }
  }

  /**
   * The names of all leaves of each document, deleted ones too, without what they say: CouchDB names them as ancestors
   * of a revision that is newer than all. A server that does not is asked for the leaves themselves.
   * https://docs.couchdb.org/en/stable/api/database/misc.html#db-revs-diff
   */
  async leafRevisions(ids: readonly string[]): Promise<Map<string, string[]>> {
    if (ids.length === 0) return new Map()
    const found = await this.#namesOfLeaves(ids)
    const unsaid = ids.filter((id) => !found.has(id))
    for (const { _id, _rev } of await this.leaves(unsaid.map((id) => ({ id }))))
      found.set(_id, [...(found.get(_id) ?? []), _rev])
    return found
  }

  /** Those that the server tells. */
  async #namesOfLeaves(ids: readonly string[]): Promise<Map<string, string[]>> {
    const answer = await this.#couch.request<Record<string, { possible_ancestors?: string[] }>>({
      method: 'POST',
      path: [this.name, '_revs_diff'],
      body: Object.fromEntries(ids.map((id) => [id, [NEWER_THAN_ALL]])),
    })
    return new Map(
      Object.entries(answer).flatMap(([id, { possible_ancestors: revs }]) => (revs ? [[id, revs]] : [])),
    )
  }

  /**
   * What was purged, by document the revisions that were leaves; CouchDB remembers the last thousand or so
   * (`_purged_infos_limit`), also of what was written anew since. Empty on servers that do not tell: CouchDB before 3.4.
   * https://docs.couchdb.org/en/stable/api/database/misc.html#get--db-_purged_infos
   */
  async purged(): Promise<Map<string, string[]>> {
    const answer = await orNull(
      this.#couch
        .request<{ purged_infos: { id: string; revs: string[] }[] }>({ path: [this.name, '_purged_infos'] })
        .catch((error: unknown) => {
          // Before 3.4 it is taken for a document, whose id may not begin so.
          if (isFault(error, 'bad_request')) return null
          throw error
        }),
    )
    const purged = new Map<string, string[]>()
    for (const { id, revs } of answer?.purged_infos ?? [])
      purged.set(id, [...(purged.get(id) ?? []), ...revs])
    return purged
  }

  /** Rows of a view for the given keys. */
  async view<Value>(
    design: string,
    view: string,
    keys: readonly string[],
  ): Promise<{ id: string; key: string; value: Value }[]> {
    const { rows } = await this.#couch.request<{ rows: { id: string; key: string; value: Value }[] }>({
      method: 'POST',
      path: [this.name, '_design', design, '_view', view],
      body: { keys },
    })
    return rows
  }

  /** The first rows of a view, up to and with a key. */
  async viewUpTo<Value>(
    design: string,
    view: string,
    { endKey, limit }: { endKey: number; limit: number },
  ): Promise<{ id: string; key: number; value: Value }[]> {
    const { rows } = await this.#couch.request<{ rows: { id: string; key: number; value: Value }[] }>({
      method: 'POST',
      path: [this.name, '_design', design, '_view', view],
      body: { end_key: endKey, limit },
    })
    return rows
  }

  /**
   * Asks for no row of a view, which CouchDB answers when the view's index is up to date; building one takes as long as
   * it takes, and goes on when nobody asks. https://docs.couchdb.org/en/stable/api/ddoc/views.html
   * @throws {CouchFault} `timeout` where the index is not ready by then
   */
  async buildIndex(design: string, view: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#couch.request({
      path: [this.name, '_design', design, '_view', view],
      query: { limit: 0 },
      timeoutMs,
      signal,
    })
  }

  /**
   * False while the last seconds of building are in memory only: where the design document goes then, they are lost.
   * https://docs.couchdb.org/en/stable/api/ddoc/common.html#get--db-_design-ddoc-_info
   */
  async isIndexOnDisk(design: string): Promise<boolean> {
    const { view_index } = await this.#couch.request<{ view_index: { waiting_commit?: boolean } }>({
      path: [this.name, '_design', design, '_info'],
    })
    return view_index.waiting_commit !== true
  }

  /** Calls an update function for a document. https://docs.couchdb.org/en/stable/api/ddoc/render.html */
  async callUpdate(design: string, name: string, id: string): Promise<void> {
    await this.#couch.request({
      method: 'PUT',
      path: [this.name, '_design', design, '_update', name, id],
      body: {},
    })
  }
}

/** What is asked of one document often enough to be asked together, in parts that fit into a URL; and the rest. */
function manyOfOne(wanted: Wanted[]): [{ id: string; revs: string[] }[], Wanted[]] {
  const named = new Map<string, string[]>()
  for (const { id, rev } of wanted)
    if (rev !== undefined && id.length <= LONGEST_ID && rev.length <= LONGEST_IN_URL && !DOTS.has(id)) {
      const revs = named.get(id)
      if (revs) revs.push(rev)
      else named.set(id, [rev])
    }
  const many = [...named].filter(([, revs]) => revs.length > FEW_REVISIONS)
  const ids = new Set(many.map(([id]) => id))
  const parts = many.flatMap(([id, revs]) => chunk(revs, MOST_IN_URL).map((some) => ({ id, revs: some })))
  return [parts, wanted.filter(({ id, rev }) => rev === undefined || !ids.has(id))]
}

/** Of these revisions the chosen ones; documents of which none is left are left out. */
const pickRevisions = (
  revisions: Readonly<Record<string, string[]>>,
  isChosen: (rev: string) => boolean,
): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(revisions).flatMap(([id, revs]) => {
      const some = revs.filter(isChosen)
      return some.length === 0 ? [] : [[id, some]]
    }),
  )

/** And not of what stands beside the documents, or of nothing. */
const isOfDocument = (id: string): boolean => id !== '' && !id.startsWith('_')

/** Such an id cannot stand in a URL. */
const DOTS: ReadonlySet<string> = new Set(['.', '..'])

/** Asks for all at once, or in halves where the answer would be too large. @param fewest so many, or fewer, are not asked for */
async function inParts<Wanted, Answer>(
  wanted: Wanted[],
  ask: (part: Wanted[], mostBytes: number) => Promise<Answer[]>,
  fewest = 0,
): Promise<Answer[]> {
  if (wanted.length <= fewest) return []
  try {
    return await ask(wanted, wanted.length === 1 ? SINGLE_BYTES : MOST_BYTES)
  } catch (error) {
    if (!isFault(error, 'answer_too_large')) throw error
    const middle = Math.ceil(wanted.length / 2)
    const inHalf = (from: number, to?: number): Promise<Answer[]> =>
      inParts(wanted.slice(from, to), ask, fewest)
    return [...(await inHalf(0, middle)), ...(await inHalf(middle))]
  }
}
