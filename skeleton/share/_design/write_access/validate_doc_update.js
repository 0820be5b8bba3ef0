// Who may write into a share: its writers, who stand in `_security` under a key of ours, and the server's admins.
// The replicator writes as `_admin`: what this function refused to it would be dropped for good.
function validate(newDoc, oldDoc, userCtx, secObj) {
  if (userCtx.roles.indexOf('_admin') !== -1) return

  var writers = (secObj && secObj.writers) || {}
  // No refusal: CouchDB makes status 500 of it, and PouchDB tries again after that, as it never does after a 403. For
  // readers too: a device that syncs offers what it read before, as long as that is not back.
  if (writers.closed === true) throw { unavailable: 'This share is being made anew. Try again in a moment.' }
  var names = writers.names || []
  var roles = writers.roles || []
  var isNamed =
    (userCtx.name !== null && names.indexOf(userCtx.name) !== -1) ||
    userCtx.roles.some(function (role) {
      return roles.indexOf(role) !== -1
    })
  // Everyone is every member, who may be anonymous: CouchDB has let in nobody else.
  var isWriter = isNamed || writers.everyone === true
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

  // Whoever takes part gets it, and may have views, which CouchDB's JavaScript cannot build with it: see src/documents/complexity.ts.
  function isTooComplex() {
    var level = Object.keys(newDoc).map(function (attribute) {
      return attribute === '_revisions' ? null : newDoc[attribute]
    })
    var values = level.length
    for (var levels = 1; level.length > 0; levels += 1) {
      var next = []
      for (var at = 0; at < level.length; at += 1) {
        var one = level[at]
        if (typeof one !== 'object' || one === null) continue
        if (levels >= 1000) return true
        var keys = Array.isArray(one) ? null : Object.keys(one)
        var count = keys ? keys.length : one.length
        values += count
        if (values > 100000) return true
        for (var item = 0; item < count; item += 1) next.push(one[keys ? keys[item] : item])
      }
      level = next
    }
    return false
  }
  if (isTooComplex())
    throw {
      forbidden:
        'A document in a share may have at most 1000 arrays and objects inside each other, and 100000 values in all.',
    }

  // CouchDB takes any number and any text for the revisions of what comes by a replication, and lets nobody name some of them any
  // more, nor purge them: all requests fail that do. Its own are digests, and those of other clients are like them.
  var history = newDoc._revisions || { start: 1, ids: [] }
  var isHistory =
    Math.floor(history.start) === history.start &&
    history.start >= history.ids.length &&
    history.start <= 2147483647 &&
    history.ids.every(function (revision) {
      return /^[0-9A-Za-z._-]{1,100}$/.test(revision)
    })
  if (!isHistory)
    throw {
      forbidden:
        'Revisions have to be called as those of CouchDB are: a number from 1 to 2147483647, "-", and 1 to 100 letters and digits.',
    }

  if (isNamed || typeof writers.mostBytes !== 'number') return

  // In UTF-8, as CouchDB stores it; an emoji is two units of two bytes each.
  function bytesOf(text) {
    var bytes = 0
    for (var i = 0; i < text.length; i += 1) {
      var unit = text.charCodeAt(i)
      bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3
    }
    return bytes
  }

  // The braces; each comma goes with the attribute before it, and behind the last one there is none.
  var bytes = 1
  Object.keys(newDoc).forEach(function (attribute) {
    // What CouchDB notes about history and attachments is not the writer's doing; what is, is counted below.
    if (attribute === '_revisions' || attribute === '_attachments') return
    bytes += bytesOf(JSON.stringify(attribute) + ':' + JSON.stringify(newDoc[attribute]) + ',')
  })
  // A revision has 32 characters. CouchDB takes any text for one that came by a replication, and keeps it.
  var revisions = (newDoc._revisions && newDoc._revisions.ids) || []
  revisions.forEach(function (revision) {
    bytes += Math.max(0, bytesOf(String(revision)) - 32)
  })
  var attachments = newDoc._attachments || {}
  Object.keys(attachments).forEach(function (name) {
    var attachment = attachments[name]
    // A PUT to the attachment itself: CouchDB counts its bytes only after this function had its say.
    if (typeof attachment.length !== 'number')
      throw {
        forbidden:
          'The attachment ' + name + ' came without its length. Write it as a part of the document instead.',
      }
    bytes += bytesOf(name) + bytesOf(String(attachment.content_type || '')) + attachment.length
  })
  if (bytes > writers.mostBytes)
    throw {
      forbidden:
        'This document has ' +
        bytes +
        ' bytes. In this share, those who are not named as its writers may write ' +
        writers.mostBytes +
        ' at most.',
    }
}
