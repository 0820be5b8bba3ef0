// What to do about a server that answers, and not as CouchDB does: waiting alone may not help.
import type { CouchFault } from './fault.ts'

/** A redirect says where else to ask, and anything from 500 that somebody there fails; 502 and 503 are a server that is away. */
const AWAY = [502, 503]

/** The end of a sentence about a server that is waited for; null: there is nothing to do but wait. */
export function adviceOn({ status, reason }: Pick<CouchFault, 'status' | 'reason'>): string | null {
  if (status === null || AWAY.includes(status)) return null
  if (status >= 300 && status < 400)
    return `what answers at HOODIE_SERVER sends us elsewhere (${reason}): set HOODIE_SERVER to where CouchDB itself answers`
  if (status >= 500)
    return `what answers at HOODIE_SERVER fails with status ${status}: is it CouchDB, and what does its log say?`
  return null
}
