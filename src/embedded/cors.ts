// Lets pages of this machine in, whatever port they come from, so that a browser app can be tried.
// https://docs.couchdb.org/en/stable/config/http.html#cross-origin-resource-sharing
import type { Request, Response } from './request.ts'

const LOCAL_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/

const METHODS = 'GET, HEAD, PUT, POST, DELETE, OPTIONS'
/** What CouchDB lets pages send, and what caches of browsers add. */
const HEADERS = [
  ...['accept', 'accept-language', 'authorization', 'cache-control', 'content-length', 'content-range'],
  ...['content-type', 'destination', 'expires', 'if-match', 'if-none-match', 'last-modified', 'origin'],
  ...['pragma', 'x-couch-full-commit', 'x-couch-id', 'x-couch-persist', 'x-couchdb-www-authenticate'],
  ...['x-http-method-override', 'x-requested-with'],
].join(', ')
const EXPOSED = [
  ...['accept-ranges', 'cache-control', 'content-length', 'content-type', 'etag', 'location', 'server'],
  ...['x-couch-id', 'x-couch-update-newrev'],
].join(', ')
const MAX_AGE_S = '600'

/**
 * Sets what browsers need; pages of elsewhere get no header, by which their browsers keep the answers from them.
 * @returns whether that was all that was asked
 */
export function answerPage(request: Request, response: Response): boolean {
  response.setHeader('vary', 'Origin')
  const { origin } = request.headers
  if (origin === undefined || !LOCAL_ORIGIN.test(origin)) return false
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-allow-credentials', 'true')
  response.setHeader('access-control-expose-headers', EXPOSED)
  const isPreflight =
    request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
  if (!isPreflight) return false
  response.writeHead(204, {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': HEADERS,
    'access-control-max-age': MAX_AGE_S,
    'content-length': '0',
  })
  response.end()
  return true
}
