// The one place that sends requests to CouchDB: encodes every name, bounds every wait, and turns failures into CouchFault.
import { setMaxListeners } from 'node:events'
import { Agent, type Dispatcher } from 'undici'
import type { Readable } from 'node:stream'
import { Deadline } from './deadline.ts'
import { endpointOf, type Answered } from './endpoint.ts'
import { CouchFault, faultOfStatus, isFault } from './fault.ts'
import { decodeJsonInSlices } from './json-in-slices.ts'
import { decodeJson, encodeJson } from '../documents/json.ts'
import { Database } from './database.ts'
import { Pace, type PaceOptions } from './pace.ts'
import type { DatabaseInfo, Seq } from './document.ts'
import type { Flow, Opened, Request, Requester, Upload } from './request.ts'

/** How long an ordinary request may take before it counts as lost, and an upload may stand still. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * A body of more bytes than this may be what closed a connection: CouchDB does not wait until one that is larger than
 * `[chttpd] max_http_request_size` was sent, and its answer gets lost. Neither do proxies.
 */
const SUSPECT_BYTES = 1024 * 1024

/** An answer with more bytes is parsed in slices: nobody's documents hold up others. */
const LONG_BYTES = 1024 * 1024

const JSON_BODY = { 'content-type': 'application/json' }

/**
 * How answers are wanted: a proxy may compress them for whoever says nothing of it, and some do.
 * https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
 */
const AS_THEY_ARE = { 'accept-encoding': 'identity' }

/** The most databases that one `_dbs_info` may ask for. https://docs.couchdb.org/en/stable/api/server/common.html#dbs-info */
const DBS_INFO_KEYS = 100

export interface CouchOptions {
  /** Without credentials and trailing slash; may have a path prefix. */
  url: string
  user: string
  pass: string
  /** Sockets that may be open at once. */
  connections?: number
  /** How long an ordinary request may take. */
  timeoutMs?: number
  /** Awaited before each request that writes; where it fails, nothing is sent. */
  beforeWriting?: (() => Promise<void>) | undefined
  /** What is done around each upload. */
  aside?: Aside
  /** Told of each request, when its answer begins, or does not come. */
  onAnswered?: ((answered: Answered) => void) | undefined
  /** Told where the server refuses requests for the time being. */
  onRefused?: PaceOptions['onRefused']
}

/** Waits for something, and lets others have what whoever waits would keep from them. */
export type Aside = <Result>(wait: () => Promise<Result>) => Promise<Result>

/** What a request has beside its place. */
interface Sent {
  headers: Record<string, string>
  body: string | AsyncIterable<Uint8Array> | null
  signal: AbortSignal | null
}

/** What was to be sent could not be read to its end: nothing is wrong with where it was to go. */
class BrokenOff extends CouchFault {}

/** What `GET /` says. */
export interface ServerInfo {
  couchdb: string
  version: string
  vendor?: { name?: string }
}

/** The databases of a server. */
export type Databases = Pick<Couch, 'database' | 'dbsInfo'>

/** A server, spoken to as its admin. */
export class Couch implements Requester {
  readonly url: string
  /** Requests sent so far; the benchmarks read it. */
  requests = 0
  readonly #agent: Dispatcher
  /** Uploads have sockets of their own, and what is handed on: neither is to wait for the other, nor anybody for them. */
  readonly #uploads: Dispatcher
  readonly #origin: string
  /** What stands before each path, without a slash at its end. */
  readonly #prefix: string
  readonly #authorization: string
  readonly #timeoutMs: number
  readonly #beforeWriting: CouchOptions['beforeWriting']
  readonly #aside: Aside
  readonly #onAnswered: CouchOptions['onAnswered']
  readonly #pace: Pace
  readonly #stop = new AbortController()

  constructor(options: CouchOptions) {
    const { url, user, pass, connections = 32, timeoutMs = REQUEST_TIMEOUT_MS } = options
    this.url = url
    const { origin, pathname } = new URL(url)
    this.#origin = origin
    this.#prefix = pathname.replace(/\/$/, '')
    this.#timeoutMs = timeoutMs
    this.#beforeWriting = options.beforeWriting
    this.#onAnswered = options.onAnswered
    this.#aside = options.aside ?? ((wait) => wait())
    // As many listeners as there are requests under way.
    setMaxListeners(0, this.#stop.signal)
    this.#pace = new Pace({ onRefused: options.onRefused })
    const patient = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 10_000 }
    this.#agent = new Agent({ ...patient, connections }).compose(this.#pace.heedRetryAfter)
    this.#uploads = new Agent(patient).compose(this.#pace.heedRetryAfter)
    this.#authorization = `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`
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
    const body = request.body === undefined ? null : encodeJson(request.body)
    const send = (): Promise<Buffer> => this.#keep(request, () => this.#sendOnce(request, body))
    const isSuspect = body !== null && body.length > SUSPECT_BYTES
    return parsed<T>(await (isSuspect ? this.#insist(request, send) : send()), request)
  }

  /**
   * Sends a body as it comes, however long that takes, as long as it goes on.
   * @throws {CouchFault}
   */
  async upload<T>(upload: Upload): Promise<T> {
    return parsed<T>(await this.#aside(() => this.#insist(upload, () => this.#flow(upload))), upload)
  }

  /** Sends again where the connection was closed though the server answers; where that happens twice, the body is why. */
  async #insist(request: Pick<Request, 'method' | 'path'>, send: () => Promise<Buffer>): Promise<Buffer> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await send()
      } catch (error) {
        if (!isFault(error, 'unreachable') || error.status !== null) throw error
        await this.server()
        if (tries < 2) continue
        if (error instanceof BrokenOff) throw error
        throw new CouchFault('too_large', where(request), 'the connection was closed while the body was sent')
      }
    }
  }

  #flow(upload: Upload): Promise<Buffer> {
    return this.#keep({}, () => this.#flowOnce(upload))
  }

  async #flowOnce({ open, ...request }: Upload): Promise<Buffer> {
    await this.#beforeWriting?.()
    this.requests += 1
    const deadline = this.#deadline({})
    const { signal } = deadline
    let broken: unknown = null
    /** The next piece is read when the last one was taken. */
    async function* flowing(body: Flow['body']): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of body) {
          deadline.touch()
          yield chunk
        }
      } catch (error) {
        broken = brokenOff(error, request)
        throw error
      }
    }
    try {
      const { body, contentType } = await opened(open, signal, request)
      const headers = { accept: 'application/json', 'content-type': contentType }
      const answer = await this.#answer(this.#uploads, request, { headers, body: flowing(body), signal })
      return await bytesOf(answer.body, request)
    } catch (error) {
      throw lostFault(broken ?? error, deadline, request, 'the body does not go on')
    } finally {
      deadline.end()
    }
  }

  /**
   * Opens a stream of the answer's bytes, which ends with `signal`.
   * @throws {CouchFault}
   */
  async stream(request: Opened): Promise<Readable> {
    return (await this.open(request)).body
  }

  /** The same, with the type of what comes. @throws {CouchFault} */
  open(request: Opened): Promise<{ body: Readable; contentType: string }> {
    return this.#keep(request, () => this.#openOnce(request))
  }

  async #openOnce(request: Opened): Promise<{ body: Readable; contentType: string }> {
    if (this.#beforeWriting && isWriting(request)) await this.#beforeWriting()
    this.requests += 1
    const { accept = '*/*', acceptEncoding, body, signal = null } = request
    try {
      const answer = await this.#answer(request.isHandedOn ? this.#uploads : this.#agent, request, {
        headers: {
          accept,
          ...(acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding }),
          ...(body === undefined ? {} : JSON_BODY),
        },
        body: body === undefined ? null : encodeJson(body),
        signal,
      })
      return { body: answer.body, contentType: String(answer.headers['content-type'] ?? '') }
    } catch (error) {
      if (isFault(error)) throw error
      if (this.#stop.signal.aborted || signal?.aborted)
        throw new CouchFault('stopped', where(request), 'stopped')
      throw new CouchFault('unreachable', where(request), (error as Error).message)
    }
  }

  /** The bytes of the answer, all of them there. */
  async #sendOnce(request: Request, body: string | null): Promise<Buffer> {
    if (this.#beforeWriting && isWriting(request)) await this.#beforeWriting()
    this.requests += 1
    const deadline = this.#deadline(request)
    try {
      const answer = await this.#answer(this.#agent, request, {
        headers: { accept: 'application/json', ...(body === null ? {} : JSON_BODY) },
        body,
        signal: deadline.signal,
      })
      return await bytesOf(answer.body, request)
    } catch (error) {
      throw lostFault(error, deadline, request, 'no answer in time')
    } finally {
      deadline.close()
    }
  }

  /** Sends as the admin, and gives the answer that has begun. @throws {CouchFault} where it is a refusal; else what undici throws */
  async #answer(
    agent: Dispatcher,
    request: Pick<Request, 'method' | 'path' | 'query'>,
    { headers, ...sent }: Sent,
  ): Promise<Dispatcher.ResponseData> {
    const method = request.method ?? 'GET'
    const ask = (): Promise<Dispatcher.ResponseData> =>
      agent.request({
        ...this.#target(request),
        method,
        headers: { authorization: this.#authorization, ...AS_THEY_ARE, ...headers },
        signal: sent.signal,
        // undici takes an AsyncIterable as well, which its types do not say: docs/docs/api/Dispatcher.md
        body: sent.body as string | null,
      })
    const tell = this.#onAnswered
    const answer = await (tell
      ? timed(ask, ({ status, ms }) => tell({ endpoint: endpointOf(request), method, status, ms }))
      : ask())
    if (answer.statusCode >= 300) throw await faultOf(answer, request)
    return answer
  }

  /** `GET /`. @throws {CouchFault} `not_couchdb` where something else answers. */
  async server(): Promise<ServerInfo> {
    const info = await this.request<ServerInfo>({ path: [], mostBytes: LONG_BYTES })
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
    await Promise.all([this.#agent.destroy(), this.#uploads.destroy()])
  }

  /** Where a request goes: not as a URL, in which `..` would be a step, however it is encoded. */
  #target({ path, query }: Pick<Request, 'path' | 'query'>): { origin: string; path: string } {
    const asked = Object.entries(query ?? {}).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    )
    const search = asked.length === 0 ? '' : `?${new URLSearchParams(asked).toString()}`
    return { origin: this.#origin, path: `${this.#prefix}/${path.map(encodeSegment).join('/')}${search}` }
  }

  /** Sends once more what the server refuses for the time being. */
  #keep<T>({ signal, timeoutMs }: Pick<Request, 'signal' | 'timeoutMs'>, send: () => Promise<T>): Promise<T> {
    const above = signal ? [this.#stop.signal, signal] : [this.#stop.signal]
    return this.#pace.keep(send, { above, patienceMs: timeoutMs ?? this.#timeoutMs })
  }

  #deadline({ timeoutMs = this.#timeoutMs, signal }: Pick<Request, 'timeoutMs' | 'signal'>): Deadline {
    return new Deadline(timeoutMs, signal ? [this.#stop.signal, signal] : [this.#stop.signal])
  }
}

const where = ({ method = 'GET', path }: Pick<Request, 'method' | 'path'>): string =>
  `${method} /${path.slice(0, 2).join('/')}`

/** Dots alone would be taken for a step in the path by whoever reads it on the way. */
const encodeSegment = (segment: string): string =>
  segment === '.' || segment === '..' ? segment.replaceAll('.', '%2E') : encodeURIComponent(segment)

/** @throws {CouchFault} `answer_too_large`, before all of it is in memory */
function bytesOf(body: Readable, request: Pick<Request, 'method' | 'path' | 'mostBytes'>): Promise<Buffer> {
  const { mostBytes = Infinity } = request
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > mostBytes)
        body.destroy(new CouchFault('answer_too_large', where(request), `more than ${mostBytes} bytes`))
    })
    body.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
    body.once('error', reject)
  })
}

/** Why no answer came, or none that is whole. */
function lostFault(
  error: unknown,
  { isStopped, isExpired }: Deadline,
  request: Pick<Request, 'method' | 'path'>,
  onExpiry: string,
): CouchFault {
  if (isStopped) return new CouchFault('stopped', where(request), 'stopped')
  if (isExpired) return new CouchFault('timeout', where(request), onExpiry)
  return isFault(error) ? error : new CouchFault('unreachable', where(request), (error as Error).message)
}

/** What is to be sent. @throws {CouchFault} */
async function opened(
  open: Upload['open'],
  signal: AbortSignal,
  request: Pick<Request, 'method' | 'path'>,
): Promise<Flow> {
  try {
    return await open(signal)
  } catch (error) {
    throw brokenOff(error, request)
  }
}

/** Why what was to be sent could not be read: the fault of who was asked for it, or that the connection was lost. */
function brokenOff(error: unknown, request: Pick<Request, 'method' | 'path'>): CouchFault {
  if (isFault(error) && (error.code !== 'unreachable' || error.status !== null)) return error
  return new BrokenOff('unreachable', where(request), `what is sent broke off: ${(error as Error).message}`)
}

async function parsed<T>(answer: Buffer, request: Pick<Request, 'method' | 'path'>): Promise<T> {
  try {
    const text = answer.toString('utf8')
    return (answer.length > LONG_BYTES ? await decodeJsonInSlices(text) : decodeJson(text)) as T
  } catch {
    throw new CouchFault('not_couchdb', where(request), 'the answer is no JSON')
  }
}

async function faultOf(
  { statusCode, body, headers }: Pick<Dispatcher.ResponseData, 'statusCode' | 'body' | 'headers'>,
  request: Pick<Request, 'method' | 'path'>,
): Promise<CouchFault> {
  const { error, reason } = (await body.json().catch(() => ({}))) as { error?: string; reason?: string }
  if (statusCode < 400)
    return new CouchFault(
      'unreachable',
      where(request),
      `redirected to ${placeOf(headers['location'])}`,
      statusCode,
    )
  const code = faultOfStatus(statusCode, error ?? null, reason)
  return new CouchFault(code, where(request), reason ?? `status ${statusCode}`, statusCode, error ?? null)
}

/** Where a redirect leads to, without what could be a secret in it. */
function placeOf(location: string | string[] | undefined): string {
  const text = String(location ?? 'nowhere')
  if (!URL.canParse(text)) return text.replace(/[?#].*$/s, '')
  const { origin, pathname } = new URL(text)
  return origin + pathname
}

/** What is asked for by POST and changes nothing, in its place in the path; behind `_design` comes a name. */
const READS: ReadonlySet<string | undefined> = new Set([
  ...['_all_docs', '_bulk_get', '_changes', '_dbs_info', '_find', '_revs_diff', '_view'],
])

const isWriting = ({ method = 'GET', path }: Pick<Request, 'method' | 'path'>): boolean =>
  method !== 'GET' && !(method === 'POST' && path.some((part, index) => index !== 2 && READS.has(part)))

/** Asks, and tells when the answer has begun, or when it is clear that none comes. */
async function timed(
  ask: () => Promise<Dispatcher.ResponseData>,
  tell: (told: Pick<Answered, 'status' | 'ms'>) => void,
): Promise<Dispatcher.ResponseData> {
  const begun = performance.now()
  let status: number | null = null
  try {
    const answer = await ask()
    status = answer.statusCode
    return answer
  } finally {
    tell({ status, ms: performance.now() - begun })
  }
}
