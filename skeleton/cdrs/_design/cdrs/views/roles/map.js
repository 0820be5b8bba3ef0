// Every role that gives access to a call detail record, as filters/from has it.
function roles(doc) {
  if (doc._id.indexOf('cdr:') !== 0) return
  var number = typeof doc.number === 'string' ? doc.number : ''
  var at = number.lastIndexOf('@')
  var said = typeof doc.number_domain === 'string' ? doc.number_domain : doc.domain
  if (typeof said === 'string' && at !== -1 && said !== number.slice(at + 1)) return
  var domain = typeof said === 'string' ? said : at === -1 ? '' : number.slice(at + 1)
  if (number !== '') emit('number:' + number, null)
  if (number !== '' && domain !== '' && at === -1 && domain.indexOf('@') === -1)
    emit('number:' + number + '@' + domain, null)
  if (domain !== '') emit('number_domain:' + domain, null)
}
