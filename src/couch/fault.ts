// What can go wrong when CouchDB is asked, as a few words that the rest of the program can decide by.
import { plainWords } from './plain-words.ts'

interface Meaning {
  /** It may heal by waiting; the others will not. */
  retryable: boolean
  /**
   * `server`: the server is away, or will not have us, whatever is asked of it · `either`: that, or what is asked for takes too long ·
   * `document`: a refusal that says nothing about the server · `request`: anything else that is wrong with what is asked for.
   */
  concerns: 'server' | 'either' | 'document' | 'request'
  /** Nobody has said yes or no: what is told is that the server does not answer. */
  unanswered?: true
}

/** How each kind of fault is to be met. */
const FAULTS = {
  unreachable: { retryable: true, concerns: 'server', unanswered: true },
  timeout: { retryable: true, concerns: 'either', unanswered: true },
  server_error: { retryable: true, concerns: 'request' },
  /** A disk is full: the server's, or the one that a database is on. */
  no_room: { retryable: true, concerns: 'request' },
  too_many_requests: { retryable: true, concerns: 'request' },
  stopped: { retryable: false, concerns: 'request' },
  unauthorized: { retryable: false, concerns: 'server' },
  /** Somebody tried wrong passwords for our name, from an address that CouchDB takes for ours: the right one does not help. */
  locked_out: { retryable: true, concerns: 'server', unanswered: true },
  forbidden: { retryable: false, concerns: 'document' },
  not_found: { retryable: false, concerns: 'request' },
  conflict: { retryable: false, concerns: 'request' },
  exists: { retryable: false, concerns: 'document' },
  too_large: { retryable: false, concerns: 'document' },
  /** Not CouchDB's: the answer has more bytes than the caller wants to hold. */
  answer_too_large: { retryable: false, concerns: 'request' },
  bad_request: { retryable: false, concerns: 'document' },
  not_couchdb: { retryable: false, concerns: 'request' },
} as const satisfies Record<string, Meaning>

export type FaultCode = keyof typeof FAULTS

/**
 * A request that CouchDB did not fulfil. It carries no request and no document: its message may be logged, `reason`, CouchDB's own words, is
 * for whoever compares it, and for the user whose document it is about.
 */
export class CouchFault extends Error {
  readonly code: FaultCode
  readonly status: number | null
  /** CouchDB's own `error` word, such as `file_exists` or `missing_stub`. */
  readonly error: string | null
  readonly reason: string

  constructor(
    code: FaultCode,
    where: string,
    reason: string,
    status: number | null = null,
    error: string | null = null,
  ) {
    super(`${where}: ${plainWords(reason)}`)
    this.name = 'CouchFault'
    this.code = code
    this.status = status
    this.error = error
    this.reason = reason
  }

  /** True where the same request may succeed later without anybody's doing. */
  get retryable(): boolean {
    return FAULTS[this.code].retryable
  }
}

/** CouchDB's words, since 3.5: `LOCKOUT_MSG` in its couch_httpd_auth.erl. The status is that of any refusal. */
const LOCKED_OUT = 'Account is temporarily locked due to multiple authentication failures'

/** The fault that an HTTP status of CouchDB stands for, with the words that came with it. */
export function faultOfStatus(status: number, error: string | null, reason: string | null = null): FaultCode {
  switch (status) {
    case 401:
      return 'unauthorized'
    case 403:
      return reason === LOCKED_OUT ? 'locked_out' : 'forbidden'
    case 404:
      return 'not_found'
    case 409:
      return 'conflict'
    case 412:
      return error === 'file_exists' ? 'exists' : 'bad_request'
    case 413:
      return 'too_large'
    case 429:
      return 'too_many_requests'
    // A proxy has nobody behind it who answers, or CouchDB will not for now.
    case 502:
    case 503:
      return 'unreachable'
    case 408:
      return 'timeout'
    case 507:
      return 'no_room'
    default:
      return status >= 500 ? 'server_error' : 'bad_request'
  }
}

/** True for a CouchFault, of the given code where one is given. */
export const isFault = (error: unknown, code?: FaultCode): error is CouchFault =>
  error instanceof CouchFault && (code === undefined || error.code === code)

/** The answer, or null where what was asked for, or was to be changed, is not there. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (isFault(error, 'not_found')) return null
    throw error
  }
}

/** True where the server is away, or will not have us, whatever is asked of it. */
export const concernsServer = (fault: CouchFault): boolean => meaningOf(fault).concerns === 'server'

/** True where the server is away, or will not have us, or may be: what takes too long may be a server that is away, too. */
export const mayConcernServer = (fault: CouchFault): boolean =>
  concernsServer(fault) || meaningOf(fault).concerns === 'either'

/** True where the server may take no writes, whatever is written: its disk is full, or it fails. */
export const mayConcernWrites = ({ code, status }: CouchFault): boolean =>
  code === 'no_room' || (code === 'server_error' && status !== null)

/** True for refusals that waiting does not heal, and that say nothing about the server. */
export const concernsOneDocument = (fault: CouchFault): boolean => meaningOf(fault).concerns === 'document'

/** True where the server has said neither yes nor no. */
export const isUnanswered = (fault: CouchFault): boolean => meaningOf(fault).unanswered === true

const meaningOf = ({ code }: CouchFault): Meaning => FAULTS[code]

/** In so many turns one after the other nobody is faster by chance. */
const MOST_RACES = 5

/**
 * True where somebody else wrote what was to be written, a user or another daemon: it is planned anew, and mostly goes through.
 * @param tries how often it went so one after the other
 */
export const isRace = (error: unknown, tries: number): boolean =>
  isFault(error, 'conflict') && tries < MOST_RACES
