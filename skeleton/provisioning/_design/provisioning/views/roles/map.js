// Every role that gives access to a document, as filters/from has it.
function roles(doc) {
  if (/^[_$]/.test(doc._id) || doc.user_access === false) return
  var type = /^(number|endpoint):/.exec(doc._id)
  var at = doc._id.lastIndexOf('@')
  var domain = type && at !== -1 ? doc._id.slice(at + 1) : ''
  if (type && typeof doc.number_domain === 'string') {
    if (type[1] === 'endpoint') domain = doc.number_domain
    else if (at !== -1 && doc.number_domain !== domain) return
  }
  emit(doc._id, null)
  if (domain !== '') emit('number_domain:' + domain, null)
}
