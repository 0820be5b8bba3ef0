// From the name of a user to the owner hashes that may name the user's database: roles (Hoodie), and the name in hex
// (couch_peruser). A name with a prefix, such as user/joe, is also found without it. Only `name` and `roles` count:
// users may write the rest of their document themselves. CouchDB logs users in by the `_id`.
function hashes(doc) {
  if (doc.type !== 'user' || typeof doc.name !== 'string') return
  if (doc._id !== 'org.couchdb.user:' + doc.name) return
  var bytes = unescape(encodeURIComponent(doc.name))
  var hex = ''
  for (var i = 0; i < bytes.length; i += 1) hex += ('0' + bytes.charCodeAt(i).toString(16)).slice(-2)
  var short = doc.name.indexOf('user/') === 0 ? doc.name.slice('user/'.length) : ''
  ;(doc.roles || []).concat([hex]).forEach(function (hash) {
    emit(doc.name, hash)
    if (short !== '') emit(short, hash)
  })
}
