// Who may write, see and hand out what in a fleet of drivers; the README beside this file has it as a table.
// It keeps to ES5 and to Sync Gateway's own functions, so that the same text runs there and here.
function sync(doc, oldDoc) {
  var TYPES = [
    'company',
    'user',
    'user_current_location',
    'user_settings',
    'user_track',
    'mission',
    'missions_placeholder',
    'mission_status_type',
  ]
  var ACTIONS = ['creating', 'updating', 'deleting']
  var TYPES_OF_A_PERSON = ['user', 'user_current_location', 'user_settings', 'user_track']
  var TYPES_OF_A_DAY = ['mission', 'missions_placeholder']

  // No `.`, which divides roles, and no `:`, which divides channels.
  // Of a length that Sync Gateway still takes as part of a role: 239 with the longest type and action.
  var COMPANY = /^company_[A-Za-z0-9_-]{1,200}$/
  // What Sync Gateway takes as the name of a user. A `:` would let a name be `role:…`, and a grant be everyone's with that role.
  var NAME = /^[_.@%+-]*[A-Za-z0-9][A-Za-z0-9_.@%+-]*$/
  var DATE =
    /^(\d{4})-(\d{2})-(\d{2})(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$/

  function isIn(list, value) {
    return list.indexOf(value) !== -1
  }

  function startsWith(text, start) {
    return text.slice(0, start.length) === start
  }

  // `user_track_1` begins with `user_` too: the longest type counts, or the ids of one type could be taken by another.
  function typeOfId(id) {
    return TYPES.reduce(function (longest, type) {
      return startsWith(id, type + '_') && type.length > longest.length ? type : longest
    }, '')
  }

  function isCompany(value) {
    return typeof value === 'string' && COMPANY.test(value)
  }

  // Sync Gateway's GUEST is everybody who is not logged in. A name like a company's id would be granted that company's channels.
  function isName(value) {
    return (
      typeof value === 'string' &&
      value.length <= 239 &&
      NAME.test(value) &&
      value.toUpperCase() !== 'GUEST' &&
      !startsWith(value, 'company_')
    )
  }

  function isDate(value) {
    var parts = typeof value === 'string' ? DATE.exec(value) : null
    if (parts === null) return false
    var year = Number(parts[1])
    var month = Number(parts[2])
    var isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
    var days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return month >= 1 && month <= 12 && Number(parts[3]) >= 1 && Number(parts[3]) <= days[month - 1]
  }

  function isRole(value) {
    var parts = typeof value === 'string' ? value.split('.') : []
    return parts.length === 2 && isIn(TYPES, parts[0]) && isIn(ACTIONS, parts[1])
  }

  // Only what this function gives out itself: `*`, which is all documents of all companies, is none of these.
  function isChannel(value) {
    var parts = typeof value === 'string' ? value.split(':') : []
    if (parts.length === 2 && isIn(TYPES, parts[0]) && isCompany(parts[1])) return true
    if (parts.length === 2) return isIn(TYPES_OF_A_PERSON, parts[0]) && isName(parts[1])
    return parts.length === 3 && parts[0] === 'mission' && isName(parts[1]) && /^\d{8}$/.test(parts[2])
  }

  function isListOf(is, value) {
    return value === undefined || (Array.isArray(value) && value.every(is))
  }

  // The id is always that of the new document: Sync Gateway of old gives none in `oldDoc`.
  function companyOf(body) {
    return body.type === 'company' ? doc._id : body.company_id
  }

  function isOfAnotherCompany(body, channelName) {
    var owner = channelName.split(':')[1]
    return isCompany(owner) && owner !== companyOf(body)
  }

  function problemOf(body) {
    var type = body.type
    if (!isIn(TYPES, type)) return '`type` must be one of ' + TYPES.join(', ') + '.'
    if (typeof doc._id !== 'string' || typeOfId(doc._id) !== type || doc._id === type + '_')
      return 'The `_id` of a ' + type + ' must be `' + type + '_` and something after it.'
    if (type === 'company' && body.company_id !== undefined && body.company_id !== doc._id)
      return 'The `company_id` of a company is its own `_id`.'
    if (!isCompany(companyOf(body)))
      return (
        (type === 'company' ? '`_id`' : '`company_id`') +
        ' must be `company_` and up to 200 letters, digits, `_` or `-` after it.'
      )
    if ((isIn(TYPES_OF_A_PERSON, type) || isIn(TYPES_OF_A_DAY, type)) && !isName(body.sync_user))
      return '`sync_user` must be the name of a user: letters, digits, and `_.@%+-`; not GUEST, and not `company_…`.'
    if (isIn(TYPES_OF_A_DAY, type) && !isDate(body.date))
      return '`date` must be a date of ISO 8601, like 2017-08-23T18:43:56.150Z.'
    if (type === 'user' && !isListOf(isRole, body.roles))
      return '`roles` must be a list of `<type>.<action>`, like mission.updating, without the company.'
    if (type === 'user' && !isListOf(isChannel, body.channels))
      return '`channels` must be a list of channels of this function, like mission:<company_id>.'
    if (
      type === 'user' &&
      (body.channels || []).some(function (channelName) {
        return isOfAnotherCompany(body, channelName)
      })
    )
      return '`channels` must not name channels of another company.'
    return null
  }

  function roleFor(body, action) {
    return companyOf(body) + '.' + body.type + '.' + action
  }

  // The day as it is written, in the writer's own time zone, whatever zone the server is in.
  function channelOfPerson(body) {
    if (isIn(TYPES_OF_A_PERSON, body.type)) return body.type + ':' + body.sync_user
    if (isIn(TYPES_OF_A_DAY, body.type))
      return 'mission:' + body.sync_user + ':' + body.date.slice(0, 10).split('-').join('')
    return null
  }

  function route(body) {
    channel(body.type + ':' + companyOf(body))
    channel(channelOfPerson(body))
  }

  function addedTo(list, before) {
    return (list || []).filter(function (value) {
      return !isIn(before || [], value)
    })
  }

  // A tombstone is no document to be changed or deleted: what follows one is new.
  var old = oldDoc && !oldDoc._deleted ? oldDoc : null

  // What was there before this function, or came past it, belongs to no company that could be asked.
  if (old && problemOf(old) !== null) {
    requireAdmin()
    old = null
  }

  // What counts is the document that goes: a tombstone has no fields, or any that its writer likes.
  if (doc._deleted) {
    if (!old) {
      requireAdmin()
      return
    }
    requireRole(roleFor(old, 'deleting'))
    route(old)
    return
  }

  var problem = problemOf(doc)
  if (problem !== null) throw { forbidden: problem }

  // The old document's role, and before anything else is said about it.
  requireRole(old ? roleFor(old, 'updating') : roleFor(doc, 'creating'))

  if (old) {
    // The type cannot have changed: the `_id` says it.
    if (companyOf(doc) !== companyOf(old)) throw { forbidden: '`company_id` cannot be changed.' }
    // Whoever could rename a user document would hand all its roles to another, and have been asked for none.
    if (isIn(TYPES_OF_A_PERSON, doc.type) && doc.sync_user !== old.sync_user)
      throw { forbidden: '`sync_user` of a ' + doc.type + ' cannot be changed.' }
  }

  route(doc)
  if (channelOfPerson(doc) !== null) access(doc.sync_user, channelOfPerson(doc))
  if (doc.type !== 'user') return

  access(doc.sync_user, ['company:' + companyOf(doc), 'mission_status_type:' + companyOf(doc)])

  // Nobody hands out what they do not have. One call for each: a call with a list is content with one of them.
  addedTo(doc.roles, old && old.roles).forEach(function (name) {
    requireRole(companyOf(doc) + '.' + name)
  })
  addedTo(doc.channels, old && old.channels).forEach(function (name) {
    requireAccess(name)
  })
  var roles = (doc.roles || []).map(function (name) {
    return 'role:' + companyOf(doc) + '.' + name
  })
  role(doc.sync_user, roles)
  access(doc.sync_user, doc.channels)
}
