// What the tests' proxies have in common: a request goes on to the server as it came, and so does its answer.
import { request, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http'

/** Where a server is, for `passOn`. */
export const placeOf = (url: string): { hostname: string; port: string } => {
  const { hostname, port } = new URL(url)
  return { hostname, port }
}

/** @param onAnswer told of an answer before it is passed back */
export function passOn(
  asked: IncomingMessage,
  answer: ServerResponse,
  where: RequestOptions,
  onAnswer: (given: IncomingMessage) => void = () => undefined,
): void {
  const { method = '', url: path = '', headers } = asked
  const passed = request({ ...where, method, path, headers }, (given) => {
    onAnswer(given)
    answer.writeHead(given.statusCode ?? 502, given.headers)
    given.pipe(answer)
  })
  passed.on('error', () => answer.destroy())
  answer.on('close', () => passed.destroy())
  asked.pipe(passed)
}
