// The one place that sends requests to CouchDB: encodes every name, bounds every wait, and turns failures into CouchFault.
import { setMaxListeners } from 'node:events'
import nano from 'nano'
import { Agent, request as undiciRequest } from 'undici'
import type { Readable } from 'node:stream'
import type { Seq } from './document.ts'
import { Deadline } from './deadline.ts'
import { CouchFault, faultOfStatus } from './fault.ts'
import { decodeJson, encodeJson } from './json.ts'
import { Database } from './database.ts'
import { wholeAnswers } from './whole-answers.ts'
import type { DatabaseInfo } from './document.ts'

/** How long an ordinary request may take before it counts as lost. */
const REQUEST_TIMEOUT_MS = 60_000

/** The most databases that one `_dbs_info` may ask for. https://docs.couchdb.org/en/stable/api/server/common.html#dbs-info */
const DBS_INFO_KEYS = 100

export interface CouchOptions {
  /** Without credentials and trailing slash; may have a path prefix. */
  url: string
  user: string
  pass: string
  /** Sockets that may be open at once. */
  connections?: number
}

export interface Request {
  method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Segments of the path, each encoded here. */
  path: string[]
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  signal?: AbortSignal
  timeoutMs?: number
  /** An answer with more bytes than this fails as `answer_too_large` before it fills the memory. */
  mostBytes?: number
}

export interface RawRequest extends Omit<Request, 'body'> {
  body?: Readable
  contentType?: string
}

interface NanoFailure {
  statusCode?: number
  error?: string
  reason?: string
  message: string
}

/** What `GET /` says. */
export interface ServerInfo {
  couchdb: string
  version: string
  vendor?: { name?: string }
}

/** A server, spoken to as its admin. */
export class Couch {
  readonly url: string
  /** Requests sent so far; the benchmarks read it. */
  requests = 0
  readonly #nano: nano.ServerScope
  readonly #agent: Agent
  readonly #authorization: string
  readonly #stop = new AbortController()

  constructor({ url, user, pass, connections = 32 }: CouchOptions) {
    this.url = url
    // As many listeners as there are requests under way.
    setMaxListeners(0, this.#stop.signal)
    this.#agent = new Agent({ connections, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 10_000 })
    this.#authorization = `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`
    this.#nano = nano({
      url,
      parseUrl: false,
      headers: { Authorization: this.#authorization },
      // nano hands this on as fetch's dispatcher; its types know node's own agents only.
      agentOptions: this.#agent.compose(wholeAnswers) as never,
    } as nano.Configuration)
  }

  /** The database of that name, whether or not it exists. */
  database(name: string): Database {
    return new Database(this, name)
  }

  /**
   * Sends a request and gives the parsed answer.
   * @throws {CouchFault}
   */
  async request<T>(request: Request): Promise<T> {
    if (request.mostBytes !== undefined) return this.#bounded<T>(request, request.mostBytes)
    const answer = await this.#send<Buffer>(request, {
      ...(request.body === undefined ? {} : { body: encodeJson(request.body), dontStringify: true }),
      dontParse: true,
    })
    try {
      return decodeJson(answer.toString('utf8')) as T
    } catch {
      throw new CouchFault('not_couchdb', where(request), 'the answer is no JSON')
    }
  }

  /**
   * Sends a stream as the body.
   * @throws {CouchFault}
   */
  async upload<T>(request: RawRequest): Promise<T> {
    const answer = await this.#send<Buffer>(request, {
      body: request.body,
      dontStringify: true,
      dontParse: true,
      contentType: request.contentType,
      accept: 'application/json',
    })
    return decodeJson(answer.toString('utf8')) as T
  }

  /**
   * Opens a stream of the answer's bytes, which ends with `signal`. Not by nano: its streams have no listener for
   * the failure of a connection, and a server that goes away would end this process (lib/nano.js, `opts.stream`).
   * @throws {CouchFault}
   */
  async stream(request: Request & { accept?: string }): Promise<Readable> {
    this.requests += 1
    const { path } = this.#options(request)
    let answer
    try {
      answer = await undiciRequest(`${this.url}/${path}`, {
        dispatcher: this.#agent,
        method: request.method ?? 'GET',
        headers: {
          authorization: this.#authorization,
          accept: request.accept ?? '*/*',
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: request.body === undefined ? null : encodeJson(request.body),
        signal: request.signal ?? null,
      })
    } catch (error) {
      if (this.#stop.signal.aborted || request.signal?.aborted)
        throw new CouchFault('stopped', where(request), 'stopped')
      throw new CouchFault('unreachable', where(request), String((error as Error).message))
    }
    const { statusCode, body } = answer
    if (statusCode < 300) return body
    const { error, reason } = (await body.json().catch(() => ({}))) as { error?: string; reason?: string }
    const code = faultOfStatus(statusCode, error ?? null)
    throw new CouchFault(code, where(request), reason ?? `status ${statusCode}`, statusCode, error ?? null)
  }

  /** The parsed answer, read up to a number of bytes. */
  async #bounded<T>(request: Request, mostBytes: number): Promise<T> {
    const deadline = this.#deadline(request)
    const { signal } = deadline
    const chunks: Buffer[] = []
    let bytes = 0
    try {
      for await (const chunk of await this.stream({ ...request, signal, accept: 'application/json' })) {
        chunks.push(chunk as Buffer)
        bytes += (chunk as Buffer).length
        if (bytes > mostBytes)
          throw new CouchFault('answer_too_large', where(request), `more than ${mostBytes} bytes`)
      }
    } catch (error) {
      if (deadline.isExpired) throw new CouchFault('timeout', where(request), 'no answer in time')
      if (error instanceof CouchFault) throw error
      if (deadline.isStopped) throw new CouchFault('stopped', where(request), 'stopped')
      throw new CouchFault('unreachable', where(request), (error as Error).message)
    } finally {
      deadline.close()
    }
    return decodeJson(Buffer.concat(chunks).toString('utf8')) as T
  }

  /** `GET /`. @throws {CouchFault} `not_couchdb` where something else answers. */
  async server(): Promise<ServerInfo> {
    const info = await this.request<ServerInfo>({ path: [] })
    if (typeof info !== 'object' || info === null || typeof info.couchdb !== 'string')
      throw new CouchFault('not_couchdb', 'GET /', 'the server does not say that it is a CouchDB')
    return info
  }

  /** Names of databases in a range, in the server's order. */
  async allDbs(range: { startKey?: string; endKey?: string; limit?: number } = {}): Promise<string[]> {
    return this.request<string[]>({
      path: ['_all_dbs'],
      query: {
        ...(range.startKey === undefined ? {} : { startkey: JSON.stringify(range.startKey) }),
        ...(range.endKey === undefined ? {} : { endkey: JSON.stringify(range.endKey) }),
        ...(range.limit === undefined ? {} : { limit: range.limit }),
      },
    })
  }

  /** What is known of each database that exists, by name. */
  async dbsInfo(names: string[]): Promise<Map<string, DatabaseInfo>> {
    const infos = new Map<string, DatabaseInfo>()
    for (let at = 0; at < names.length; at += DBS_INFO_KEYS) {
      const keys = names.slice(at, at + DBS_INFO_KEYS)
      const rows = await this.request<{ key: string; info?: DatabaseInfo }[]>({
        method: 'POST',
        path: ['_dbs_info'],
        body: { keys },
      })
      for (const { key, info } of rows) if (info) infos.set(key, info)
    }
    return infos
  }

  /** The sequence of `_db_updates` as it is now. */
  async updatesSeq(): Promise<Seq> {
    const page = await this.request<{ last_seq: Seq }>({
      path: ['_db_updates'],
      query: { feed: 'normal', since: 'now', timeout: 0 },
    })
    return page.last_seq
  }

  /** Ends every request and closes the sockets. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#agent.destroy()
  }

  #options({ method = 'GET', path, query }: Pick<Request, 'method' | 'path' | 'query'>): nano.RequestOptions {
    const qs = Object.entries(query ?? {}).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    )
    // `path` goes into the URL as it is, query and all: nano would encode some query values twice, and leaves
    // document ids that contain `_local` unencoded (lib/nano.js, `opts.doc`).
    const search = new URLSearchParams(qs).toString()
    return {
      method,
      path: path.map(encodeURIComponent).join('/') + (search === '' ? '' : `?${search}`),
    }
  }

  async #send<T>(request: Request | RawRequest, extra: object): Promise<T> {
    this.requests += 1
    const deadline = this.#deadline(request)
    try {
      const options = { ...this.#options(request), ...extra, signal: deadline.signal }
      const answer: unknown = await this.#nano.request(options)
      return answer as T
    } catch (error) {
      // nano's errors carry the request with its body and headers: only these few fields leave this place.
      const { statusCode, error: word, reason, message } = error as NanoFailure
      if (deadline.isStopped) throw new CouchFault('stopped', where(request), 'stopped')
      if (deadline.isExpired) throw new CouchFault('timeout', where(request), 'no answer in time')
      if (statusCode === undefined) throw new CouchFault('unreachable', where(request), message)
      const code = faultOfStatus(statusCode, word ?? null)
      throw new CouchFault(
        code,
        where(request),
        reason ?? word ?? `status ${statusCode}`,
        statusCode,
        word ?? null,
      )
    } finally {
      deadline.close()
    }
  }

  #deadline({ timeoutMs = REQUEST_TIMEOUT_MS, signal }: Request | RawRequest): Deadline {
    return new Deadline(timeoutMs, signal ? [this.#stop.signal, signal] : [this.#stop.signal])
  }
}

const where = ({ method = 'GET', path }: Request | RawRequest): string =>
  `${method} /${path.slice(0, 2).join('/')}`
