// A proxy before a server that lets a daemon go on for as many requests as it is given, or lets it die between two of them.
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { listen, passOn, placeOf, stopListening, urlOf } from '../../support/pass-on.ts'

/** With no request for so long, the daemon waits for somebody else. */
const IDLE_MS = 700

/** What waits for something to happen is no step of the daemon's. */
const isFeed = (path: string): boolean => /[?&]feed=/.test(path)

export class HoldProxy {
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })
  #left = Number.POSITIVE_INFINITY
  #underWay = 0
  #lastAt = Date.now()
  #isCut = false
  readonly #waiting: (() => void)[] = []

  private constructor(target: string) {
    const where = placeOf(target)
    this.#server = createServer((asked, answer) => void this.#take(asked, answer, where))
  }

  static async start(target: string): Promise<HoldProxy> {
    const proxy = new HoldProxy(target)
    await listen(proxy.#server)
    return proxy
  }

  get url(): string {
    return urlOf(this.#server)
  }

  /** Lets all through from now on. */
  open(): void {
    this.#left = Number.POSITIVE_INFINITY
    for (const go of this.#waiting.splice(0)) go()
  }

  /** Lets so many requests through, or as many as come, and then none. Resolves when none is under way. */
  async pass(count: number): Promise<void> {
    this.#left = count
    this.#lastAt = Date.now()
    while (this.#left > 0 && this.#waiting.length > 0) {
      this.#left -= 1
      this.#waiting.shift()?.()
    }
    while (this.#left > 0 && Date.now() - this.#lastAt < IDLE_MS) await delay(5)
    this.#left = 0
    while (this.#underWay > 0) await delay(5)
  }

  /** Nothing passes any more, neither what is held back nor what comes. */
  async cut(): Promise<void> {
    this.#isCut = true
    this.open()
    await stopListening(this.#server)
    this.#agent.destroy()
  }

  async #take(
    asked: IncomingMessage,
    answer: ServerResponse,
    where: { hostname: string; port: string },
  ): Promise<void> {
    const counts = !isFeed(asked.url ?? '')
    if (counts) {
      this.#lastAt = Date.now()
      if (this.#left > 0) this.#left -= 1
      else await new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (this.#isCut) return void answer.destroy()
      this.#underWay += 1
      answer.once('close', () => (this.#underWay -= 1))
    }
    passOn(asked, answer, { ...where, agent: this.#agent })
  }
}
