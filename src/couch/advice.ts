// What to do about a server that answers, and not as CouchDB does: waiting alone may not help.
import { CouchFault } from './fault.ts'
import { plainWords } from './plain-words.ts'

/** A redirect says where else to ask, and anything from 500 that somebody there fails; 502 and 503 are a server that is away. */
const AWAY = [502, 503]
/** What `[disk_monitor]` of CouchDB 3.4 and later answers. */
const FULL = 507

/** The end of a sentence about a server that is waited for; null: there is nothing to do but wait. */
export function adviceOn({ status, reason }: Pick<CouchFault, 'status' | 'reason'>): string | null {
  if (status === FULL) return `its disk is full (${plainWords(reason)})`
  if (status === null || AWAY.includes(status)) return null
  if (status >= 300 && status < 400)
    return `what answers at HOODIE_SERVER sends us elsewhere (${reason}): set HOODIE_SERVER to where CouchDB itself answers`
  if (status >= 500)
    return `what answers at HOODIE_SERVER fails with status ${status}: is it CouchDB, and what does its log say?`
  return null
}

/** What is said of a server that could not be asked, a whole sentence. */
export function sayUnanswered(url: string, fault: Pick<CouchFault, 'code' | 'status' | 'reason'>): string {
  return fault.code === 'locked_out'
    ? `the server at ${url} has locked our account for this address for some minutes: ${fault.reason}`
    : `the server at ${url} does not answer: ${adviceOn(fault) ?? plainWords(fault.reason)}`
}

/** A fault of the server, whatever was asked of it, in words for whoever typed a command. */
export class UnansweredFault extends CouchFault {
  constructor(url: string, { code, reason, status, error }: CouchFault) {
    super(code, url, reason, status, error)
    this.message = sayUnanswered(url, this)
  }
}
