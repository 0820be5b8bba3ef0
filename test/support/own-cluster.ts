// A cluster of the tests' own: several nodes on this machine, and what stands before them, which sends each request to the next one.
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { OwnCouchdb, type Admin } from './own-couchdb.ts'
import { listen, passOn, placeOf, stopListening, urlOf } from './pass-on.ts'
import { basic } from './visitor.ts'

const run = promisify(execFile)

/** CouchDB makes none of them itself where there are several nodes. */
const SYSTEM_DATABASES = ['_users', '_replicator', '_global_changes']
const LOOK_MS = 100
const LOOKS = 300

/** https://docs.couchdb.org/en/stable/setup/cluster.html */
export class OwnCluster {
  readonly #nodes: readonly OwnCouchdb[]
  readonly #balancer: Server
  readonly #admin: Admin
  #turn = 0

  private constructor(nodes: readonly OwnCouchdb[], admin: Admin) {
    this.#nodes = nodes
    this.#admin = admin
    this.#balancer = createServer((asked, answer) => passOn(asked, answer, placeOf(this.#next().url)))
  }

  /**
   * @param program the `couchdb` of a release
   * @param ports one for each node
   * @throws {Error} where they do not find each other within half a minute
   */
  static async start(program: string, ports: readonly number[], admin: Admin): Promise<OwnCluster> {
    const secret = randomBytes(16).toString('hex')
    const nodes: OwnCouchdb[] = []
    try {
      for (const port of ports)
        nodes.push(await OwnCouchdb.start(program, port, admin, { secret, copies: ports.length }))
      const cluster = new OwnCluster(nodes, admin)
      await cluster.#join()
      await listen(cluster.#balancer)
      return cluster
    } catch (error) {
      await Promise.all(nodes.map((node) => node.stop()))
      throw error
    }
  }

  /** Where it is to be had: each request goes to another node that runs. */
  get url(): string {
    return urlOf(this.#balancer)
  }

  /** The nodes themselves. */
  get urls(): string[] {
    return this.#nodes.map(({ url }) => url)
  }

  /** Ends a node without a word (SIGKILL), and has it there again after a while, with what it had. */
  async crash(random: () => number, ms: number): Promise<void> {
    const node = this.#one(random)
    await node.kill()
    await delay(ms)
    await node.resume()
    await this.#areTogether()
  }

  /** For a while a node and the others do not see each other; users and daemons see all of them. */
  async cutOff(random: () => number, ms: number): Promise<void> {
    const node = this.#one(random)
    const others = this.#nodes.filter((one) => one !== node)
    for (const other of others) await this.#keepFrom(node, other, 'nobody')
    await delay(ms)
    for (const other of others) await this.#keepFrom(node, other, node.cookie)
    await this.#areTogether()
  }

  async stop(): Promise<void> {
    await stopListening(this.#balancer)
    await Promise.all(this.#nodes.map((node) => node.stop()))
  }

  #next(): OwnCouchdb {
    const running = this.#nodes.filter(({ isRunning }) => isRunning)
    this.#turn += 1
    const node = running[this.#turn % running.length]
    if (node === undefined) throw new Error('Expected a node that runs')
    return node
  }

  #one(random: () => number): OwnCouchdb {
    const node = this.#nodes[Math.floor(random() * this.#nodes.length)]
    if (node === undefined) throw new Error('Expected a node')
    return node
  }

  /** Nodes talk only where each has the cookie that the other expects. https://www.erlang.org/doc/system/distributed.html#security */
  async #keepFrom(node: OwnCouchdb, other: OwnCouchdb, cookie: string): Promise<void> {
    await this.#call(node, `erlang set_cookie ['${other.name}', '${cookie}']`)
    await this.#call(node, `erlang disconnect_node ['${other.name}']`)
  }

  async #call(node: OwnCouchdb, what: string): Promise<void> {
    await run(node.erlCall, ['-n', node.name, '-c', node.cookie, '-a', what])
  }

  async #join(): Promise<void> {
    const [first, ...others] = this.#nodes
    if (first === undefined) throw new Error('Expected a node')
    for (const { name } of others) await this.#ask(first, 'PUT', `_node/_local/_nodes/${name}`, {})
    await this.#areTogether()
    for (const name of SYSTEM_DATABASES) await this.#ask(first, 'PUT', name)
    await this.#hold('have their databases', async (node) => {
      const answers = await Promise.all(SYSTEM_DATABASES.map((name) => this.#ask(node, 'GET', name)))
      return answers.every(({ ok }) => ok)
    })
  }

  /** Waits until each node sees all of them. */
  #areTogether(): Promise<void> {
    return this.#hold('see each other', async (node) => {
      const answer = await this.#ask(node, 'GET', '_membership')
      const { all_nodes } = (await answer.json()) as { all_nodes?: string[] }
      return all_nodes?.length === this.#nodes.length
    })
  }

  async #hold(what: string, holds: (node: OwnCouchdb) => Promise<boolean>): Promise<void> {
    for (let looks = 0; looks < LOOKS; looks += 1) {
      const all = await Promise.all(this.#nodes.map((node) => holds(node).catch(() => false)))
      if (all.every(Boolean)) return
      await delay(LOOK_MS)
    }
    throw new Error(`Expected the nodes to ${what} within 30 s`)
  }

  #ask(node: OwnCouchdb, method: string, path: string, body?: unknown): Promise<Response> {
    const headers = {
      authorization: basic(this.#admin.user, this.#admin.pass),
      'content-type': 'application/json',
    }
    return fetch(`${node.url}/${path}`, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
}
