// A server under a path, behind a proxy, as `location /couchdb/ { … }` of nginx makes it.
import { createServer } from 'node:http'
import { listen, passOn, placeOf, stopListening, urlOf } from '../../support/pass-on.ts'

export const PREFIX = '/couchdb'

export interface PrefixProxy {
  /** With the path. */
  url: string
  stop: () => Promise<void>
}

/**
 * @param url the server's (http)
 * @param isDecoding the path is passed on decoded, as `proxy_pass` with a path of its own does
 */
export async function startPrefixProxy(url: string, { isDecoding = false } = {}): Promise<PrefixProxy> {
  const where = placeOf(url)
  const server = createServer((asked, answer) => {
    const path = asked.url ?? ''
    if (!path.startsWith(`${PREFIX}/`)) return void answer.writeHead(404).end('<html>404 Not Found</html>')
    const [inside = '', ...query] = path.slice(PREFIX.length).split('?')
    asked.url = [isDecoding ? encodeURI(decodeURIComponent(inside)) : inside, ...query].join('?')
    passOn(asked, answer, where)
  })
  await listen(server)
  return { url: urlOf(server) + PREFIX, stop: () => stopListening(server) }
}
