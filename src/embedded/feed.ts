// A response that stays open: heartbeats, timeouts and the reader's pace are the same for every feed.
import { once } from 'node:events'
import { badRequest } from './faults.ts'
import { wholeNumber } from './parameters.ts'
import type { Request, Response } from './request.ts'

const DEFAULT_TIMEOUT_MS = 60_000

export type FeedKind = 'normal' | 'longpoll' | 'continuous'

/** What `feed` asks for. */
export function feedKind(query: URLSearchParams): FeedKind {
  const feed = query.get('feed') ?? 'normal'
  if (feed === 'normal' || feed === 'longpoll' || feed === 'continuous') return feed
  if (feed === 'live') return 'continuous'
  throw badRequest('Supported `feed` types: normal, continuous, live, longpoll')
}

/** One answer that stays open until its reader, its database or the server is gone. */
export class Feed {
  /** Aborts when the reader is gone, the time is up, or one of `ends` aborts. */
  readonly signal: AbortSignal
  readonly #response: Response
  readonly #abort = new AbortController()
  readonly #heartbeat: NodeJS.Timeout | undefined
  readonly #timeoutMs: number | undefined
  #timeout: NodeJS.Timeout | undefined

  /** Sends the headers at once: the reader of an idle feed must know that it is connected. */
  constructor(request: Request, response: Response, query: URLSearchParams, ends: AbortSignal[]) {
    this.#response = response
    this.signal = AbortSignal.any([this.#abort.signal, ...ends])
    const beat = query.get('heartbeat')
    const heartbeatMs =
      beat === 'true' ? DEFAULT_TIMEOUT_MS : beat === 'false' ? undefined : wholeNumber('heartbeat', beat)
    const timeoutMs = wholeNumber('timeout', query.get('timeout')) ?? DEFAULT_TIMEOUT_MS
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'must-revalidate' })
    response.flushHeaders()
    request.socket.setNoDelay(true)
    response.once('close', () => this.#abort.abort())
    if (heartbeatMs) this.#heartbeat = setInterval(() => response.write('\n'), heartbeatMs)
    else this.#timeoutMs = timeoutMs
    this.#restartTimeout()
    this.signal.addEventListener('abort', () => this.#clear(), { once: true })
  }

  /** Resolves when the reader has room for more; throws once the feed has ended. */
  async write(text: string): Promise<void> {
    this.#restartTimeout()
    if (!this.#response.write(text)) await once(this.#response, 'drain', { signal: this.signal })
  }

  end(text: string): void {
    this.#clear()
    if (!this.#response.destroyed) this.#response.end(text)
  }

  #restartTimeout(): void {
    if (this.#timeoutMs === undefined || this.signal.aborted) return
    clearTimeout(this.#timeout)
    this.#timeout = setTimeout(() => this.#abort.abort(), this.#timeoutMs)
  }

  #clear(): void {
    clearInterval(this.#heartbeat)
    clearTimeout(this.#timeout)
  }
}

/** Something to wait for that may happen between two waits: nothing is missed. */
export class Bell {
  #rung = false
  #wake: (() => void) | null = null

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves at the first ring since the last wait, or when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#wake = wake
        signal.addEventListener('abort', wake)
      })
    }
    this.#rung = false
    this.#wake = null
  }
}
