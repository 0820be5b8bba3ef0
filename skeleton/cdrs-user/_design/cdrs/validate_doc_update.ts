// Call detail records come from the master; nobody but admins writes them. All else in a personal database is up to others.
import { rules } from 'couch-shares/rules'

export default rules(({ id, isAdmin, isLoggedIn, forbidden, unauthorized }) => {
  if (isAdmin() || id?.indexOf('cdr:') !== 0) return
  const refuse = isLoggedIn ? forbidden : unauthorized
  refuse('Call detail records are read-only: only admins may write documents whose `_id` begins with cdr:.')
})
