// May this user have this document? A role that is its `_id` gives access, and so does `number_domain:<domain>` to the numbers
// and endpoints of that domain. views/roles and selectors/from say the same; a test holds them to it.
// A tombstone is judged by what it still says: one of a plain deletion says nothing but its `_id`.
function from(doc, req) {
  // What lies about the roles is an error and not a no: a replication goes past what it was refused, for good.
  var roles = JSON.parse(req.query.roles)
  if (!Array.isArray(roles)) throw new Error('Expected `roles` to be a list')

  if (/^[_$]/.test(doc._id) || doc.user_access === false) return false
  var type = /^(number|endpoint):/.exec(doc._id)
  var at = doc._id.lastIndexOf('@')
  var domain = type && at !== -1 ? doc._id.slice(at + 1) : ''
  if (type && typeof doc.number_domain === 'string') {
    // An endpoint's domain is what it says, as the host behind its @ may be another's. A number's domain is in its `_id`,
    // which nobody can change; saying otherwise does not move it, but takes it from everybody.
    if (type[1] === 'endpoint') domain = doc.number_domain
    else if (at !== -1 && doc.number_domain !== domain) return false
  }
  return roles.indexOf(doc._id) !== -1 || (domain !== '' && roles.indexOf('number_domain:' + domain) !== -1)
}
