// Whoever writes into a personal database says so, on every document and on every deletion too: the master knows by that who
// changed what.
import { rules } from 'couch-shares/rules'

export default rules(({ doc, oldDoc, name, has, isAdmin, enforceLoggedIn, enforceUpdatedBy, forbidden }) => {
  // The daemon and the replicator: what is refused to them is dropped for good.
  if (isAdmin()) return
  enforceLoggedIn()
  // The daemon's own tombstone comes back from a device that saw it before it was purged and put back here.
  const isThere = oldDoc !== null && oldDoc?._deleted !== true
  if (doc._deleted === true && doc['$removed'] === true && !isThere) return
  if (doc._deleted === true && !has('updated_by'))
    forbidden(
      `A deletion needs the field \`updated_by\` too: write \`${JSON.stringify({ _deleted: true, updated_by: name })}\`.`,
    )
  enforceUpdatedBy()
})
