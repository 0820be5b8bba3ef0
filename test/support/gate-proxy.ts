// A proxy that holds back some requests until it is opened: what is slow on a busy server is slow then, and each time.
import { createServer, type Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { listen, passOn, placeOf, stopListening, urlOf } from './pass-on.ts'

/** With no new request for so long, everybody waits. */
const QUIET_MS = 400

export class GateProxy {
  readonly #server: Server
  #lastAt = Date.now()
  #open: () => void = () => undefined
  readonly #isOpen = new Promise<void>((resolve) => (this.#open = resolve))
  /** Requests that were held back so far. */
  held = 0

  private constructor(server: Server) {
    this.#server = server
  }

  /** @param requests `GET /path?query` of those that wait, to the server at `url` (http) */
  static async start(url: string, requests: RegExp): Promise<GateProxy> {
    const where = placeOf(url)
    const server = createServer((asked, answer) => {
      const { method = '', url: path = '' } = asked
      proxy.#lastAt = Date.now()
      const isHeld = requests.test(`${method} ${path}`)
      if (isHeld) proxy.held += 1
      void (isHeld ? proxy.#isOpen : Promise.resolve()).then(() => passOn(asked, answer, where))
    })
    const proxy = new GateProxy(server)
    await listen(server)
    return proxy
  }

  get url(): string {
    return urlOf(this.#server)
  }

  /** Resolves when something is held back, and nobody asks for anything else any more. */
  async quiet(): Promise<void> {
    while (this.held === 0 || Date.now() - this.#lastAt < QUIET_MS) await delay(25)
  }

  /** Lets all through from now on. */
  open(): void {
    this.#open()
  }

  /** Nothing passes any more, neither what is held back nor what comes. */
  async cut(): Promise<void> {
    await stopListening(this.#server)
  }

  async stop(): Promise<void> {
    this.open()
    await this.cut()
  }
}
