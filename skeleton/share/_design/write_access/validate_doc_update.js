// Who may write into a share: its writers, who stand in `_security` under a key of ours, and the server's admins.
// The replicator writes as `_admin`: what this function refused to it would be dropped for good.
function validate(newDoc, oldDoc, userCtx, secObj) {
  if (userCtx.roles.indexOf('_admin') !== -1) return

  var writers = (secObj && secObj.writers) || {}
  var names = writers.names || []
  var roles = writers.roles || []
  var isWriter =
    (userCtx.name !== null && names.indexOf(userCtx.name) !== -1) ||
    userCtx.roles.some(function (role) {
      return roles.indexOf(role) !== -1
    })
  if (!isWriter && userCtx.name === null) throw { unauthorized: 'Log in to write into this share.' }
  if (!isWriter) throw { forbidden: 'You may not write into this share.' }

  var prefix = userCtx.db + '/'
  var object = newDoc._id.slice(prefix.length)
  if (newDoc._id.indexOf(prefix) !== 0 || object === '')
    throw { forbidden: 'The `_id` of a document in this share must begin with ' + prefix }
  if (object.charAt(0) === '_' || object.charAt(0) === '$')
    throw { forbidden: 'Ids of objects that begin with _ or $ are reserved.' }
  ;['$shares', '$state', '$error', '$rejected'].forEach(function (attribute) {
    if (Object.prototype.hasOwnProperty.call(newDoc, attribute))
      throw { forbidden: 'The attribute ' + attribute + ' is reserved.' }
  })
}
