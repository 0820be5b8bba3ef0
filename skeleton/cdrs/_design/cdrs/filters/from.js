// May this user have this call detail record? A role that is its number gives access, `number:<number>` or
// `number:<number>@<domain>`, and so does `number_domain:<domain>`. views/roles and selectors/from say the same; a test holds
// them to it.
function from(doc, req) {
  // What lies about the roles is an error and not a no: a replication goes past what it was refused, for good.
  var roles = JSON.parse(req.query.roles)
  if (!Array.isArray(roles)) throw new Error('Expected `roles` to be a list')

  if (doc._id.indexOf('cdr:') !== 0) return false
  var number = typeof doc.number === 'string' ? doc.number : ''
  var at = number.lastIndexOf('@')
  var said = typeof doc.number_domain === 'string' ? doc.number_domain : doc.domain
  // It is not in two domains by saying two things.
  if (typeof said === 'string' && at !== -1 && said !== number.slice(at + 1)) return false
  var domain = typeof said === 'string' ? said : at === -1 ? '' : number.slice(at + 1)
  return (
    (number !== '' && roles.indexOf('number:' + number) !== -1) ||
    (number !== '' &&
      domain !== '' &&
      at === -1 &&
      domain.indexOf('@') === -1 &&
      roles.indexOf('number:' + number + '@' + domain) !== -1) ||
    (domain !== '' && roles.indexOf('number_domain:' + domain) !== -1)
  )
}
