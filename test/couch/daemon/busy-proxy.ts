// A proxy that refuses requests now and then, as a server under load does, or certain ones, or bounds the rate.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, passOn, placeOf, stopListening, urlOf } from '../../support/pass-on.ts'

export interface Refusals {
  /** `cut` closes the connection. */
  status: 429 | 502 | 503 | 'cut'
  /** Every so many requests one is refused. */
  every?: number
  /** No more in a second: each has its slot, as nginx' `limit_req` without a burst has it. */
  perSecond?: number
  /** Those that match (`GET /path?query`). */
  matching?: RegExp
  /** The server carries out what is refused. */
  isCarriedOut?: boolean
}

export interface BusyProxy {
  url: string
  /** Requests so far that were refused. */
  readonly refused: number
  stop: () => Promise<void>
}

/** @param url the server's (http) */
export async function startBusyProxy(url: string, refusals: Refusals): Promise<BusyProxy> {
  const where = placeOf(url)
  const { status, every = Infinity, perSecond = Infinity, matching = /$./, isCarriedOut = false } = refusals
  let asked = 0
  let refused = 0
  let nextSlot = 0
  const isRefused = ({ method, url: path }: IncomingMessage): boolean => {
    asked += 1
    if (matching.test(`${method} ${path}`)) return true
    if (asked % every === 0) return true
    if (Date.now() < nextSlot) return true
    nextSlot = Date.now() + 1_000 / perSecond
    return false
  }
  const refuse = (answer: ServerResponse): void => {
    if (status === 'cut') return void answer.destroy()
    const seconds = status === 429 ? { 'retry-after': '0' } : {}
    answer.writeHead(status, { 'content-type': 'text/html', ...seconds }).end('<html>come back later</html>')
  }
  const server = createServer((request: IncomingMessage, answer: ServerResponse) => {
    if (!isRefused(request)) return passOn(request, answer, where)
    refused += 1
    if (!isCarriedOut) return void request.resume().once('end', () => refuse(answer))
    passOn(request, answer, where, (given) => {
      if (status !== 'cut') given.statusCode = status
    })
  })
  await listen(server)
  return {
    url: urlOf(server),
    get refused() {
      return refused
    },
    stop: () => stopListening(server),
  }
}
