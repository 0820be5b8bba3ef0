// What documents grant, by whom it is granted to: a user's name, or `role:` and a role.
function grants(doc) {
  if (doc.type !== 'route') return
  doc.access.forEach(function (grant) {
    emit(grant.to, { to: grant.to, channel: grant.channel })
  })
  doc.roles.forEach(function (grant) {
    emit(grant.user, { to: grant.user, role: grant.role })
  })
}
