// _changes in pages, with `pending`, and with an answer where PouchDB hangs: on filters that are unknown or fail.
import { runInNewContext } from 'node:vm'
import { own } from '../documents/own.ts'
import type { Database, Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { badRequest, CouchFault, notFound } from './faults.ts'
import { Bell, Feed, feedKind } from './feed.ts'
import type { Json } from './packages.ts'
import type { Router } from './router.ts'
import { bodyOf, isJson, isTrue, parseJson, queryOf, wholeNumber } from './parameters.ts'
import { checkSelector, hasPattern, selects } from './selector.ts'
import { TimeLimit } from './time-limit.ts'
import type { Handler } from './request.ts'
import { sendJson } from './answers.ts'

/** A feed reads no more than this at once, so that a large database is streamed. */
const PAGE = 500
const COMPILE_LIMIT_MS = 1_000

export interface ChangesPage {
  results: Json[]
  /** Where the next page begins. */
  reached: number
  last_seq: string
  /** Not less than what is left; 0 only when nothing is. */
  pending: number
  /** Nothing was left when the page was read. */
  complete: boolean
}

/** One page of changes after `since`. Throws PouchDB's faults for a filter that is not there or that fails. */
export async function readChanges(
  database: Database,
  since: number,
  limit: number | undefined,
  options: Json,
): Promise<ChangesPage> {
  const done = database.use()
  try {
    // 0 counts as 1, as in CouchDB.
    const bound = limit === undefined ? {} : { limit: Math.max(1, limit) }
    const { pouch } = database
    const read = await pouch.changes({ ...bySelector(options), ...bound, since, return_docs: true })
    const complete = limit === undefined || read.results.length < Math.max(1, limit)
    const reached = options['descending'] ? since : Math.max(since, read.last_seq)
    const { update_seq } = await pouch.info()
    return {
      results: read.results.map((change) => ({ ...change, seq: database.sequence(change.seq) })),
      reached,
      last_seq: database.sequence(reached),
      pending: complete ? 0 : Math.max(0, update_seq - reached),
      complete,
    }
  } finally {
    done()
  }
}

/** A selector is applied here; what it is stays in the options, which name a replication. */
function bySelector({ selector, ...options }: Json): Json {
  if (!isJson(selector)) return options
  const isSelected = (doc: Json): boolean => selects(selector, doc)
  const limit = new TimeLimit()
  const isSelectedInTime = (doc: Json): boolean => limit.run(() => isSelected(doc))
  return { ...options, filter: hasPattern(selector) ? isSelectedInTime : isSelected }
}

/** The filter of a request or a replication as PouchDB's options. Throws where PouchDB would hang or crash. */
export function filterOptions(asked: {
  filter?: unknown
  doc_ids?: unknown
  selector?: unknown
  view?: unknown
  query_params?: unknown
}): Json {
  const { filter } = asked
  if (filter === undefined || filter === null) return {}
  if (filter === '_doc_ids') {
    const { doc_ids } = asked
    if (!Array.isArray(doc_ids) || !doc_ids.every((id) => typeof id === 'string')) {
      throw badRequest('`doc_ids` filter parameter is not a list of doc ids.')
    }
    return { doc_ids }
  }
  if (filter === '_selector') {
    if (!isJson(asked.selector)) throw badRequest('Selector error: expected a JSON object')
    checkSelector(asked.selector)
    return { selector: asked.selector }
  }
  if (filter === '_design') return { selector: { _id: { $gte: '_design/', $lt: '_design0' } } }
  const query_params = isJson(asked.query_params) ? asked.query_params : {}
  if (filter === '_view') {
    if (typeof asked.view !== 'string' || !/^[^/]+\/[^/]+$/.test(asked.view)) {
      throw badRequest('`view` must be of the form `designname/viewname`')
    }
    return { filter, view: asked.view, query_params }
  }
  if (typeof filter !== 'string' || !/^[^/]+\/[^/]+$/.test(filter)) {
    throw badRequest('`filter` must be of the form `designname/filtername`')
  }
  return { filter, query_params }
}

/** PouchDB compiles a filter inside a callback, where its exception would end in nobody's hands: try it before. */
export async function checkFilter(database: Database, options: Json): Promise<void> {
  const named = options['filter'] === '_view' ? options['view'] : options['filter']
  if (typeof named !== 'string') return
  const [ddoc = '', name = ''] = named.split('/')
  const design = await database.pouch.get(`_design/${ddoc}`)
  const group = design[options['filter'] === '_view' ? 'views' : 'filters']
  const found = isJson(group) ? own(group, name) : undefined
  const source = isJson(found) ? found['map'] : found
  if (typeof source !== 'string') throw notFound(`missing json key: ${name}`)
  try {
    runInNewContext(`"use strict"; (${source}\n)`, {}, { timeout: COMPILE_LIMIT_MS })
  } catch (fault) {
    const { message } = fault as { message?: string }
    throw new CouchFault(500, 'compilation_error', `${named} cannot be compiled: ${message ?? 'unknown'}`)
  }
}

/** `_changes`: normal, longpoll and continuous. */
export function addChangesRoute(router: Router, databases: Databases, stopping: AbortSignal): void {
  const handle: Handler = async (request, response) => {
    const database = databaseOf(request, databases)
    const query = queryOf(request)
    const body = bodyOf(request)
    const docIds = query.get('doc_ids')
    const options: Json = {
      ...filterOptions({
        filter: query.get('filter'),
        doc_ids: body['doc_ids'] ?? (docIds === null ? undefined : parseJson(docIds)),
        selector: body['selector'],
        view: query.get('view'),
        query_params: Object.fromEntries(query),
      }),
    }
    await checkFilter(database, options)
    for (const flag of ['include_docs', 'conflicts', 'attachments', 'descending']) {
      if (isTrue(query.get(flag))) options[flag] = true
    }
    if (query.get('style') === 'all_docs') options['style'] = 'all_docs'
    const limit = wholeNumber('limit', query.get('limit'))
    const kind = feedKind(query)
    const asked = query.get('since') ?? '0'
    const since = asked === 'now' ? (await database.pouch.info()).update_seq : database.parseSequence(asked)

    let page = await readChanges(
      database,
      since,
      kind === 'continuous' ? Math.min(limit ?? PAGE, PAGE) : limit,
      options,
    )
    const answer = ({ results, last_seq, pending }: ChangesPage) => ({ results, last_seq, pending })
    if (kind === 'normal' || (kind === 'longpoll' && page.results.length > 0)) {
      return sendJson(response, 200, answer(page))
    }

    const bell = new Bell()
    const unlisten = databases.listen((event) => {
      if (event.name === database.name) bell.ring()
    })
    // Written to between the page and the bell.
    bell.ring()
    const feed = new Feed(request, response, query, [database.gone, stopping])
    try {
      if (kind === 'longpoll') {
        while (page.results.length === 0 && !feed.signal.aborted) {
          await bell.wait(feed.signal)
          if (!feed.signal.aborted) page = await readChanges(database, page.reached, limit, options)
        }
        return feed.end(`${JSON.stringify(answer(page))}\n`)
      }
      let left = limit ?? Infinity
      for (;;) {
        for (const change of page.results) await feed.write(`${JSON.stringify(change)}\n`)
        left -= page.results.length
        if (left <= 0) break
        if (page.complete) await bell.wait(feed.signal)
        if (feed.signal.aborted) break
        page = await readChanges(database, page.reached, Math.min(left, PAGE), options)
      }
      feed.end(`${JSON.stringify({ last_seq: page.last_seq, pending: page.pending })}\n`)
    } catch (fault) {
      // The database went, or the reader did: neither is a fault of the server.
      if (!feed.signal.aborted) throw fault
      feed.end('')
    } finally {
      unlisten()
    }
  }
  router.get('/:db/_changes', handle)
  router.post('/:db/_changes', handle)
}
