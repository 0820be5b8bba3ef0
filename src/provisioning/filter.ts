// What a replication of a master brings to a user: a selector where the skeleton can say it so, else the filter function.
import type { MasterPolicy, User } from './master-policy.ts'
import type { MasterFilter } from './replication.ts'

/** Ids that begin with `_` or `$` are CouchDB's own, and the daemon's. */
const NO_SYSTEM_DOCUMENT = { _id: { $regex: '^[^_$]' } }

/** CouchDB evaluates selectors itself; each document that a function judges costs a round trip to a JavaScript process. */
export function filterOf(policy: MasterPolicy, { name, roles }: User): MasterFilter {
  const selector = policy.selector({ name, roles })
  // Whatever a skeleton says: a master's design documents would take the place of those that guard the personal database.
  if (selector !== null) return { kind: 'selector', selector: { $and: [NO_SYSTEM_DOCUMENT, selector] } }
  return { kind: 'function', filter: `${policy.design}/from`, roles: [...roles], name }
}
