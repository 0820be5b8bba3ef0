// Only admins write.
import { rules } from 'couch-shares/rules'

export default rules(({ isDatabaseAdmin, isLoggedIn, forbidden, unauthorized }) => {
  if (isDatabaseAdmin()) return
  const refuse = isLoggedIn ? forbidden : unauthorized
  refuse('Only admins may write into this database.')
})
