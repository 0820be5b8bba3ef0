// A proxy that counts the requests of the daemon, and ends it at one of them.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { listen, passOn, placeOf, stopListening, urlOf } from '../pass-on.ts'

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
  /[?&]feed=/.test(path) ||
  (path.startsWith('/shares%2Fcheckpoints') && (path.includes('daemon+') || body.includes('"daemon ')))

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
    await listen(proxy.#server)
    return proxy
  }

  get url(): string {
    return urlOf(this.#server)
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
    await stopListening(this.#server)
  }

  async #take(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = asked
    // Whether it is of time alone stands in the body of what is written there.
    const isDoubtful = method !== 'GET' && path.startsWith('/shares%2Fcheckpoints')
    const body = isDoubtful ? await readAll(asked) : null
    const pass = (onAnswer?: () => false): void => passOn(asked, answer, this.#where, onAnswer, body)
    if (isOfTime(path, body?.toString() ?? '')) return pass()
    this.requests.push(`${method} ${path}`)
    this.#lastAt = Date.now()
    answer.once('finish', () => (this.#lastAt = Date.now()))
    const death = this.#death
    if (death === null || death.at !== this.requests.length) return pass()
    this.#death = null
    switch (death.moment) {
      case 'unheard':
        death.kill()
        return void answer.destroy()
      case 'unanswered':
        return pass(() => {
          death.kill()
          return false
        })
      case 'answered':
        answer.once('finish', death.kill)
        return pass()
    }
  }
}

async function readAll(asked: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of asked) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
