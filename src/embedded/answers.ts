// How requests are answered: every answer is JSON in CouchDB's form, a fault too.
import type { Request, Response } from './request.ts'
import { toFault, logFault } from './faults.ts'

/** Answers with JSON, once. */
export function sendJson(
  response: Response,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) return
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'must-revalidate',
    ...headers,
  })
  // HEAD keeps the headers; node leaves the body out.
  response.end(text)
}

/** Answers 304 where the client says that it has just this. Returns whether it did. */
export function isUnchanged({ headers }: Request, response: Response, etag: string): boolean {
  const isKnown = headers['if-none-match']?.split(/\s*,\s*/).includes(etag) === true
  if (isKnown) response.writeHead(304, { etag }).end()
  return isKnown
}

/** Answers with the fault, or cuts a response that has already begun: its reader must not take it for complete. */
export function sendFault(response: Response, thrown: unknown): void {
  const fault = toFault(thrown)
  if (fault.unexpected) logFault(thrown)
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy()
    return
  }
  const headers: Record<string, string> =
    fault.status === 401 && isNavigation(response)
      ? { 'www-authenticate': 'Basic realm="couch-shares embedded"' }
      : {}
  sendJson(response, fault.status, { error: fault.error, reason: fault.reason }, headers)
}

/** Somebody typed the address: the browser is to ask for a password. Apps ask for it themselves. */
const isNavigation = ({ req }: Response): boolean => req.headers.accept?.includes('text/html') === true
