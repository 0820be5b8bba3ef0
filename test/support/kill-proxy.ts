// A proxy that counts the requests of the daemon, and ends it at one of them.
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { passOn, placeOf } from './pass-on.ts'

/** Where the daemon dies: before the server hears of the request, when it has answered and nobody knows, or once the answer is there. */
export const MOMENTS = ['unheard', 'unanswered', 'answered'] as const
export type Moment = (typeof MOMENTS)[number]

export interface Death {
  /** The request, counted from 1. */
  at: number
  moment: Moment
  kill: () => void
}

/** Waits for changes, or says that the daemon is there: such come as time goes by, whatever there is to do. */
const isOfTime = (path: string, body: string): boolean =>
  /[?&]feed=/.test(path) || (path.startsWith('/shares%2Fcheckpoints') && body.includes('"daemon '))

export class KillProxy {
  readonly #server: Server
  readonly #where: ReturnType<typeof placeOf>
  #death: Death | null = null
  #lastAt = Date.now()
  /** Requests so far, as `GET /path?query`. */
  readonly requests: string[] = []

  private constructor(url: string) {
    this.#where = placeOf(url)
    this.#server = createServer((asked, answer) => void this.#take(asked, answer))
  }

  /** A proxy to the server at `url` (http). */
  static async start(url: string): Promise<KillProxy> {
    const proxy = new KillProxy(url)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** For so long nothing was asked that time alone does not bring, in milliseconds. */
  get quietMs(): number {
    return Date.now() - this.#lastAt
  }

  /** The daemon dies at a request that is still to come. */
  arm(death: Death): void {
    this.#death = death
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #take(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = asked
    // Whether it is of time alone stands in the body of what is written there.
    const isDoubtful = method !== 'GET' && path.startsWith('/shares%2Fcheckpoints')
    const body = isDoubtful ? await readAll(asked) : null
    if (isOfTime(path, body?.toString() ?? '')) return void this.#pass(asked, answer, body)
    this.requests.push(`${method} ${path}`)
    this.#lastAt = Date.now()
    const death = this.#death
    if (death === null || death.at !== this.requests.length) return void this.#pass(asked, answer, body)
    this.#death = null
    if (death.moment === 'unheard') {
      death.kill()
      answer.destroy()
    } else if (death.moment === 'answered') {
      answer.once('finish', death.kill)
      this.#pass(asked, answer, body)
    } else this.#swallow(asked, body, death.kill)
  }

  #pass(asked: IncomingMessage, answer: ServerResponse, body: Buffer | null): void {
    answer.once('finish', () => (this.#lastAt = Math.max(this.#lastAt, this.#countedAt(asked))))
    if (body === null) return passOn(asked, answer, this.#where)
    this.#send(asked, body, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers)
      given.pipe(answer)
    })
  }

  #countedAt({ url = '' }: IncomingMessage): number {
    return isOfTime(url, '') ? 0 : Date.now()
  }

  /** The server answers, and nobody hears it. */
  #swallow(asked: IncomingMessage, body: Buffer | null, kill: () => void): void {
    this.#send(asked, body, (given) => {
      kill()
      given.resume()
    })
  }

  #send(asked: IncomingMessage, body: Buffer | null, onAnswer: (given: IncomingMessage) => void): void {
    const { method = '', url: path = '', headers } = asked
    const passed = request({ ...this.#where, method, path, headers }, onAnswer)
    passed.on('error', () => asked.destroy())
    if (body === null) asked.pipe(passed)
    else passed.end(body)
  }
}

async function readAll(asked: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of asked) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
