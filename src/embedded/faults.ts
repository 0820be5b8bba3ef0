// How a fault is answered, so that every answer is JSON in CouchDB's words and none of PouchDB's slip through.
import type { Request, Response } from './router.ts'

/** A refusal in CouchDB's words: a status, a word and a reason. */
export class CouchFault extends Error {
  readonly status: number
  readonly error: string
  readonly reason: string
  constructor(status: number, error: string, reason: string) {
    super(`${error}: ${reason}`)
    this.status = status
    this.error = error
    this.reason = reason
  }
}

/** 400 */
export const badRequest = (reason: string) => new CouchFault(400, 'bad_request', reason)
/** 404 */
export const notFound = (reason: string) => new CouchFault(404, 'not_found', reason)
/** 404, as CouchDB says it of a database. */
export const databaseMissing = () => notFound('Database does not exist.')
/** 409 */
export const conflict = () => new CouchFault(409, 'conflict', 'Document update conflict.')
/** CouchDB's word for an attribute with `_` before its name that it does not have, or that has not the form it should. */
export const badSpecialMember = (name: string) =>
  new CouchFault(400, 'doc_validation', `Bad special document member: ${name}`)
/** 501, for what the embedded server does not have. */
export const notImplemented = (what: string) =>
  new CouchFault(501, 'not_implemented', `The embedded server has no ${what}.`)

interface PouchFault {
  status?: number
  name?: string
  message?: string
  reason?: string
}

/** A thrown thing as CouchDB would say it; `unexpected` marks what belongs in the log. */
export function toFault(thrown: unknown): CouchFault & { unexpected?: boolean } {
  if (thrown instanceof CouchFault) return thrown
  const fault: PouchFault = typeof thrown === 'object' && thrown !== null ? thrown : {}
  if (thrown instanceof URIError) return badRequest('The address is not valid.')
  if (fault.name === 'conflict') return conflict()
  if (fault.name === 'doc_validation') return badSpecialMember(fault.reason ?? 'unknown')
  if (fault.name === 'badarg') return badRequest(fault.reason ?? fault.message ?? '')
  if (typeof fault.status === 'number' && fault.status >= 400 && fault.status < 500) {
    const name = fault.name ?? 'bad_request'
    return new CouchFault(
      fault.status,
      name === 'Error' ? 'bad_request' : name,
      fault.reason ?? fault.message ?? '',
    )
  }
  const reason = fault.message ?? 'unknown'
  return Object.assign(new CouchFault(500, 'internal_server_error', reason), { unexpected: true })
}

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

/** Says on stderr what nobody is told of. */
export function logFault(thrown: unknown): void {
  // Not `instanceof Error`: what a design document's function throws comes from another context.
  const stack = (thrown as { stack?: unknown } | null | undefined)?.stack
  const text = typeof stack === 'string' ? stack : JSON.stringify(thrown)
  process.stderr.write(`couch-shares embedded server: ${text}\n`)
}

/** What PouchDB has, or null where there is no such document, or no such revision of it. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (fault) {
    if ((fault as { status?: unknown } | null)?.status === 404) return null
    throw fault
  }
}
