// A TCP proxy that fails as networks do: connections are cut, refused, swallowed by a black hole, or fed only in part.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** End of the head of an HTTP message. */
const HEAD_END = '\r\n\r\n'

/** One connection of a client. A dead one stays open, and nothing comes out of it any more. */
interface Connection {
  client: Socket
  upstream: Socket
  isDead: boolean
}

export class FaultProxy {
  readonly #target: URL
  readonly #open = new Set<Connection>()
  #server: Server | null = null
  #port = 0
  #isBlackHole = false
  #deafTo: RegExp | null = null
  #cutAt: RegExp | null = null
  /** Connections so far. */
  connections = 0
  /** Chunks of requests and answers that did not get through. */
  swallowed = 0

  private constructor(target: URL) {
    this.#target = target
  }

  /** A proxy to the server at `url` (http) that lets everything through. */
  static async start(url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(url))
    await proxy.heal()
    return proxy
  }

  /** Where the server is to be had through this proxy. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Lets new connections through. Those that fell into a black hole never come out of it. */
  async heal(): Promise<void> {
    this.#isBlackHole = false
    this.#deafTo = this.#cutAt = null
    if (this.#server !== null) return
    const server = createServer((client) => this.#connect(client))
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Ends all connections that are open; new ones are let through. */
  cut(): void {
    for (const { client, upstream } of this.#open) {
      client.destroy()
      upstream.destroy()
    }
  }

  /** Ends all connections and refuses new ones; also how the proxy is stopped. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = null
    const closed = server && once(server, 'close')
    server?.close()
    this.cut()
    await closed
  }

  /** Nothing passes any more and nobody is told, neither on open connections nor on new ones. */
  blackHole(): void {
    this.#isBlackHole = true
    for (const connection of this.#open) bury(connection)
  }

  /** Of answers to requests that match (`GET /path?query HTTP/1.1`) only the head gets through from now on. */
  swallowAnswersTo(requests: RegExp): void {
    this.#deafTo = requests
  }

  /** The connection of the next request that matches is cut before the server has heard of it; only of that one. */
  cutNext(requests: RegExp): void {
    this.#cutAt = requests
  }

  #connect(client: Socket): void {
    this.connections += 1
    const upstream = connect(Number(this.#target.port || 80), this.#target.hostname)
    const connection = { client, upstream, isDead: false }
    this.#open.add(connection)
    client.on('error', () => undefined)
    client.on('close', () => {
      this.#open.delete(connection)
      upstream.destroy()
    })
    upstream.on('error', () => undefined)
    upstream.on('close', () => {
      if (!connection.isDead) client.end()
    })
    if (this.#isBlackHole) bury(connection)
    this.#carry(connection)
  }

  #carry(connection: Connection): void {
    const { client, upstream } = connection
    let isDeaf = false
    let isInHead = false
    client.on('data', (chunk: Buffer) => {
      if (connection.isDead) return void (this.swallowed += 1)
      const line = chunk.toString('latin1').split('\r\n', 1)[0] ?? ''
      isDeaf = this.#deafTo?.test(line) ?? false
      isInHead = isDeaf
      if (this.#cutAt?.test(line)) {
        this.#cutAt = null
        this.swallowed += 1
        return void client.destroy()
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (!isDeaf) return void client.write(chunk)
      this.swallowed += 1
      const end = isInHead ? chunk.indexOf(HEAD_END) : -1
      if (end < 0) return
      isInHead = false
      client.write(chunk.subarray(0, end + HEAD_END.length))
    })
  }
}

function bury(connection: Connection): void {
  connection.isDead = true
  connection.upstream.destroy()
}
