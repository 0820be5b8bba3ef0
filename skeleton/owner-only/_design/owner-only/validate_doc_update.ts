// Those whom `_security` names as members write, and admins. Members by role only read.
import { rules } from 'couch-shares/rules'

export default rules(({ isDatabaseAdmin, enforceLoggedIn, isOwner, forbidden }) => {
  if (isDatabaseAdmin()) return
  enforceLoggedIn()
  if (!isOwner) forbidden('Only the owners of this database, its members by name, and admins may write.')
})
