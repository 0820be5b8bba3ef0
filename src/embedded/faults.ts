// What goes wrong, in CouchDB's words, so that none of PouchDB's slip through.

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
