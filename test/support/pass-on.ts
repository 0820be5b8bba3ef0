// What the tests' proxies have in common: a port of their own, and that a request goes on to the server as it came, and so does its answer.
import { once } from 'node:events'
import {
  request,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** Has a proxy take requests, on a port that nobody else has. */
export async function listen(proxy: Server): Promise<void> {
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
}

/** Where a proxy is to be had that listens. */
export const urlOf = (proxy: Server): string => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`

/** Ends all connections of a proxy, and takes no more; nothing where that was done before. */
export async function stopListening(proxy: Server): Promise<void> {
  proxy.closeAllConnections()
  if (proxy.listening) await new Promise((resolve) => proxy.close(resolve))
}

/** Where a server is, for `passOn`. */
export const placeOf = (url: string): { hostname: string; port: string } => {
  const { hostname, port } = new URL(url)
  return { hostname, port }
}

/**
 * @param onAnswer told of an answer before it is passed back; false: nobody is to hear it
 * @param body what was asked, where it was read already
 */
export function passOn(
  asked: IncomingMessage,
  answer: ServerResponse,
  where: RequestOptions,
  onAnswer: (given: IncomingMessage) => void | boolean = () => undefined,
  body: Buffer | null = null,
): void {
  const { method = '', url: path = '', headers } = asked
  const passed = request({ ...where, method, path, headers }, (given) => {
    if (onAnswer(given) === false) return void given.resume()
    answer.writeHead(given.statusCode ?? 502, given.headers)
    // Cut in the middle: whoever asked is to know.
    given.on('error', () => answer.destroy())
    given.pipe(answer)
  })
  passed.on('error', () => answer.destroy())
  answer.on('close', () => passed.destroy())
  if (body === null) asked.pipe(passed)
  else passed.end(body)
}
