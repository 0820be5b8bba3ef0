// A proxy that fails as telling as a server can: what it was asked, with its credentials, stands in what it says is wrong.
import { createServer, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { listen, passOn, placeOf, stopListening, urlOf } from './pass-on.ts'

export class EchoProxy {
  readonly #server: Server
  /** Those that fail (`GET /path?query`), and how often still. */
  readonly #failing = new Map<RegExp, number>()

  readonly #status: number

  private constructor(server: Server, status: number) {
    this.#server = server
    this.#status = status
  }

  /** A proxy to the server at `url` (http) that lets everything through; what is to fail is answered with that status. */
  static async start(url: string, status = 500): Promise<EchoProxy> {
    const where = placeOf(url)
    const server = createServer((asked, answer) => {
      const what = `${asked.method ?? ''} ${asked.url ?? ''}`
      if (!proxy.#takes(what)) return passOn(asked, answer, where)
      void buffer(asked).then((body) => {
        const { authorization = '' } = asked.headers
        const reason = `${what} failed, authorization: ${authorization} {badmatch,${body.toString()}}`
        answer.writeHead(proxy.#status, { 'content-type': 'application/json' })
        answer.end(JSON.stringify({ error: 'unforeseen', reason }))
      })
    })
    const proxy = new EchoProxy(server, status)
    await listen(server)
    return proxy
  }

  get url(): string {
    return urlOf(this.#server)
  }

  /** So many requests that match fail from now on. */
  fail(requests: RegExp, times: number): void {
    this.#failing.set(requests, times)
  }

  /** All that are to fail have failed. */
  get hasFailed(): boolean {
    return [...this.#failing.values()].every((left) => left === 0)
  }

  #takes(what: string): boolean {
    for (const [requests, left] of this.#failing)
      if (left > 0 && requests.test(what)) {
        this.#failing.set(requests, left - 1)
        return true
      }
    return false
  }

  async stop(): Promise<void> {
    await stopListening(this.#server)
  }
}
