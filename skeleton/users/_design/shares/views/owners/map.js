// From an owner hash to the user: by a role that is the hash (Hoodie), or by a name whose hex is the hash
// (couch_peruser). Only `name` and `roles` count: users may write the rest of their document themselves. CouchDB logs
// users in by the `_id`.
function owners(doc) {
  if (doc.type !== 'user' || typeof doc.name !== 'string') return
  if (doc._id !== 'org.couchdb.user:' + doc.name) return
  var bytes = unescape(encodeURIComponent(doc.name))
  var hex = ''
  for (var i = 0; i < bytes.length; i += 1) hex += ('0' + bytes.charCodeAt(i).toString(16)).slice(-2)
  emit(hex, { by: 'name', name: doc.name })
  ;(doc.roles || []).forEach(function (role) {
    emit(role, { by: 'role', name: doc.name })
  })
}
