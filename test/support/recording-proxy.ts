// A proxy that writes down how large the bodies are that pass it, and lets everything through as it comes.
import { createServer, type Server } from 'node:http'
import { listen, passOn, placeOf, stopListening, urlOf } from './pass-on.ts'

export interface Recorded {
  /** `GET /path?query` */
  what: string
  /** The type of the request's body. */
  type: string
  sent: number
  /** The type and the bytes of the answer. */
  answerType: string
  received: number
}

export class RecordingProxy {
  readonly #server: Server
  readonly requests: Recorded[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  /** A proxy to the server at `url` (http). */
  static async start(url: string): Promise<RecordingProxy> {
    const where = placeOf(url)
    const server = createServer((asked, answer) => {
      const { method = '', url: path = '', headers } = asked
      const one = { what: `${method} ${path}`, type: headers['content-type'] ?? '', sent: 0 }
      const recorded: Recorded = { ...one, answerType: '', received: 0 }
      proxy.requests.push(recorded)
      asked.on('data', (chunk: Buffer) => void (recorded.sent += chunk.length))
      passOn(asked, answer, where, (given) => {
        recorded.answerType = given.headers['content-type'] ?? ''
        given.on('data', (chunk: Buffer) => void (recorded.received += chunk.length))
      })
    })
    const proxy = new RecordingProxy(server)
    await listen(server)
    return proxy
  }

  get url(): string {
    return urlOf(this.#server)
  }

  /** The largest body of JSON, sent or received. */
  get largestJson(): number {
    const sizes = this.requests.flatMap(({ type, sent, answerType, received }) => [
      type.startsWith('application/json') ? sent : 0,
      answerType.startsWith('application/json') ? received : 0,
    ])
    return Math.max(0, ...sizes)
  }

  async stop(): Promise<void> {
    await stopListening(this.#server)
  }
}
