// The same as filters/from, for CouchDB to evaluate without JavaScript. What is not obvious about its selectors:
// - Attributes are compared as views collate them, where "a" equals "a\u200d". A regular expression is exact; so is `_id`.
// - `$ne` and `$not` never match an attribute that is not there.
// - An empty `$or` matches everything.
// - `$` also matches before a line break at the end.
function from(roles) {
  function exactly(text) {
    // The end of a text, in PCRE and in JavaScript; and ASCII, a NUL too, without a meaning of its own.
    return text.replace(/[^A-Za-z0-9\u0080-\uffff]/g, escaped) + '(?![\\s\\S])'
  }
  function escaped(character) {
    return '\\x' + ('0' + character.charCodeAt(0).toString(16)).slice(-2)
  }
  /** No text, or this one. */
  function saysNothingBut(domain) {
    var another = { number_domain: { $regex: '^(?!' + exactly(domain) + ')' } }
    return { $or: [{ number_domain: { $exists: false } }, { $not: another }] }
  }

  var PREFIX = 'number_domain:'
  var isText = { number_domain: { $type: 'string' } }
  var isNoText = { $or: [{ number_domain: { $exists: false } }, { $not: isText }] }
  var ways = []

  var ids = []
  var domains = []
  // Numbers by the domain in their `_id`; an object without a prototype, so that `__proto__` is a domain like any other.
  var numbers = Object.create(null)
  roles.forEach(function (role) {
    if (/^[_$]/.test(role)) return
    var at = role.lastIndexOf('@')
    if (role.indexOf('number:') === 0 && at !== -1) {
      var domain = role.slice(at + 1)
      numbers[domain] = (numbers[domain] || []).concat([role])
    } else ids.push(role)
    if (role.indexOf(PREFIX) === 0 && role !== PREFIX) domains.push(role.slice(PREFIX.length))
  })

  if (ids.length > 0) ways.push({ _id: { $in: ids } })
  Object.keys(numbers).forEach(function (domain) {
    ways.push({ $and: [{ _id: { $in: numbers[domain] } }, saysNothingBut(domain)] })
  })
  domains.forEach(function (domain) {
    ways.push({
      $and: [{ _id: { $regex: '^endpoint:' } }, { number_domain: { $regex: '^' + exactly(domain) } }],
    })
    // Behind the last @ there is none.
    if (domain.indexOf('@') !== -1) return
    var isOfDomain = '[\\s\\S]*@' + exactly(domain)
    ways.push({ $and: [{ _id: { $regex: '^endpoint:' + isOfDomain } }, isNoText] })
    ways.push({ $and: [{ _id: { $regex: '^number:' + isOfDomain } }, saysNothingBut(domain)] })
  })

  if (ways.length === 0) return { _id: { $exists: false } }
  return {
    $and: [{ $or: ways }, { $or: [{ user_access: { $exists: false } }, { user_access: { $ne: false } }] }],
  }
}
