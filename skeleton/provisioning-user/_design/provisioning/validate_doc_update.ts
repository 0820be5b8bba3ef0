// Whoever writes into a personal database says so, on every document and on every deletion too: the master knows by that who
// changed what.
import { rules } from 'couch-shares/rules'

export default rules(({ doc, name, has, isAdmin, enforceLoggedIn, enforceUpdatedBy, forbidden }) => {
  // The daemon and the replicator: what is refused to them is dropped for good.
  if (isAdmin()) return
  enforceLoggedIn()
  if (doc._deleted === true && !has('updated_by'))
    forbidden(
      `A deletion needs the field \`updated_by\` too: write \`${JSON.stringify({ _deleted: true, updated_by: name })}\`.`,
    )
  enforceUpdatedBy()
})
