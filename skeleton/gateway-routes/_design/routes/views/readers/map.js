// The gateway's users: all of them, those with a channel, those with a role; and whose a database is.
function readers(doc) {
  if (doc.type !== 'user') return
  function tell(of) {
    emit(of, { of: of, name: doc.name })
  }
  tell('database ' + doc.database)
  if (doc.state !== 'active') return
  tell('all')
  doc.channels.forEach(function (channel) {
    tell('channel ' + channel)
  })
  doc.roles.forEach(function (role) {
    tell('role ' + role)
  })
}
