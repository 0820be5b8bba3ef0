// Whoever is logged in creates documents; only admins change and delete them.
import { rules } from 'couch-shares/rules'

export default rules(({ isDatabaseAdmin, enforceLoggedIn, enforceDirectWrite, event, forbidden }) => {
  if (isDatabaseAdmin()) return
  enforceLoggedIn()
  // A history of one's own begins anew beside a document that is there, and might win over it.
  enforceDirectWrite()
  if (event !== 'create') forbidden('Only admins may change or delete documents of this database.')
})
