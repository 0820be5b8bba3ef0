// A proxy that answers as CouchDB 3.5 does where its disk is full: reading goes on, and nothing is written.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, passOn, placeOf, stopListening, urlOf } from './pass-on.ts'

/**
 * `monitor`: `[disk_monitor]` refuses ordinary writes before there is no room left: 507, or in `_bulk_docs` a row of each document. What
 * replications write it takes (`couch_db:update_docs`) · `no space`: the file system takes nothing: 500 with such rows, and no database can be
 * made (`chttpd_db`, as seen on a file system of 24 MB, until the whole server ended).
 */
export type FullDisk = 'monitor' | 'no space'

const ROWS = {
  monitor: { status: 201, error: 'insufficent_storage', reason: 'database_dir is too full' },
  'no space': { status: 500, error: 'error', reason: 'internal_server_error' },
} as const

/** What is asked for by POST and writes nothing. */
const READS = /\/_(all_docs|bulk_get|changes|dbs_info|find|revs_diff|view\/[^/]+)(\?|$)/

export class FullDiskProxy {
  readonly url: string
  readonly #stop: () => Promise<void>
  #isFull: { how: FullDisk; databases: RegExp } | null = null
  /** Requests so far, of whatever kind. */
  requests = 0
  /** Those that were refused. */
  refused = 0

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url
    this.#stop = stop
  }

  /** @param url the server's (http) */
  static async start(url: string): Promise<FullDiskProxy> {
    const where = placeOf(url)
    const server = createServer((asked, answer) => {
      proxy.requests += 1
      if (!proxy.#refuses(asked)) return passOn(asked, answer, where)
      void proxy.#refuse(asked, answer).then((body) => {
        if (body !== null) passOn(asked, answer, where, () => undefined, body)
      })
    })
    await listen(server)
    const proxy = new FullDiskProxy(urlOf(server), () => stopListening(server))
    return proxy
  }

  /** From now on nothing is written into databases whose names match. */
  fill(how: FullDisk, databases = /^/): void {
    this.#isFull = { how, databases }
  }

  /** There is room again. */
  free(): void {
    this.#isFull = null
  }

  stop(): Promise<void> {
    return this.#stop()
  }

  #refuses({ method = '', url = '' }: IncomingMessage): boolean {
    const [, database = ''] = url.split(/[/?]/)
    return (
      this.#isFull?.databases.test(decodeURIComponent(database)) === true &&
      (method === 'PUT' || method === 'DELETE' || (method === 'POST' && !READS.test(url)))
    )
  }

  /** @returns the body of a request that is to be passed on all the same */
  async #refuse(asked: IncomingMessage, answer: ServerResponse): Promise<Buffer | null> {
    const chunks: Buffer[] = []
    for await (const chunk of asked) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const { status, error, reason } = ROWS[this.#isFull?.how ?? 'no space']
    const isMonitored = this.#isFull?.how === 'monitor'
    const json = (code: number, what: unknown): void =>
      void answer.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(what))
    if (asked.url?.includes('/_bulk_docs')) {
      const { docs = [], new_edits: newEdits = true } = JSON.parse(body.toString()) as {
        docs?: { _id: string }[]
        new_edits?: boolean
      }
      if (isMonitored && !newEdits) return body
      json(
        status,
        docs.map(({ _id }) => ({ id: _id, error, reason })),
      )
    } else if (
      isMonitored &&
      (asked.method === 'DELETE' || /\/_(purge|security|revs_limit)/.test(asked.url ?? ''))
    )
      return body
    else if (isMonitored && /^\/[^/?]+\/./.test(asked.url ?? '')) json(507, { error, reason })
    else json(500, { error: ROWS['no space'].error, reason: ROWS['no space'].reason })
    this.refused += 1
    return null
  }
}
