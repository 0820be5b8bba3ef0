// The provisioned users by their roles: whom a change in a master may concern.
function peopleByRole(doc) {
  if (doc.type !== 'person' || doc.state !== 'active' || !Array.isArray(doc.roles)) return
  doc.roles.forEach(function (role) {
    emit(role, doc.name)
  })
}
