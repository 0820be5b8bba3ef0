// The shares whose `access` names a user, by the name as it is written there, and those with a password, by the name of its
// account: they may have to change when that user does.
function byName(doc) {
  if (doc.type !== 'share' || doc.state === 'ended') return
  var access = doc.access || {}
  var names = [].concat(
    Array.isArray(access.read) ? access.read : [],
    Array.isArray(access.write) ? access.write : [],
  )
  if (doc.password && typeof doc.password.name === 'string') names.push(doc.password.name)
  names.forEach(function (name, at) {
    if (typeof name === 'string' && names.indexOf(name) === at) emit(name, null)
  })
}
