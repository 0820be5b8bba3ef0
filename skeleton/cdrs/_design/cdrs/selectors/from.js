// The same as filters/from, for CouchDB to evaluate without JavaScript. What is not obvious about its selectors:
// - Attributes are compared as views collate them, where "a" equals "a\u200d". A regular expression is exact, but slower.
// - `$not` never matches an attribute that is not there.
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
  function is(attribute, condition) {
    var selector = {}
    selector[attribute] = condition
    return selector
  }
  function isNot(attribute, condition) {
    return { $or: [is(attribute, { $exists: false }), { $not: is(attribute, condition) }] }
  }
  function isExactly(attribute, text) {
    return is(attribute, { $regex: '^' + exactly(text) })
  }
  function isNumberOf(numbers) {
    var each = numbers.map(function (number) {
      return isExactly('number', number)
    })
    return { $and: [is('number', { $in: numbers }), { $or: each }] }
  }
  /** What the attributes say of the domain; a text in `number_domain` counts before one in `domain`. */
  function says(domain) {
    var inTheOther = { $and: [isNoDomain, isExactly('domain', domain)] }
    return { $or: [isExactly('number_domain', domain), inTheOther] }
  }
  /** Lists by domain, without a prototype, so that `__proto__` is a domain like any other. */
  function add(lists, domain, number) {
    lists[domain] = (lists[domain] || []).concat([number])
  }

  var PREFIX = 'number_domain:'
  var isNoDomain = isNot('number_domain', { $type: 'string' })
  var saysNothing = { $and: [isNoDomain, isNot('domain', { $type: 'string' })] }
  var hasNoDomainInNumber = isNot('number', { $regex: '@' })

  var plain = []
  var whole = Object.create(null)
  var parted = Object.create(null)
  var domains = []
  roles.forEach(function (role) {
    if (role.indexOf(PREFIX) === 0 && role !== PREFIX) domains.push(role.slice(PREFIX.length))
    var number = role.indexOf('number:') === 0 ? role.slice('number:'.length) : ''
    if (number === '') return
    var at = number.lastIndexOf('@')
    if (at === -1) return plain.push(number)
    var domain = number.slice(at + 1)
    var before = number.slice(0, at)
    add(whole, domain, number)
    if (domain !== '' && before !== '' && before.indexOf('@') === -1) add(parted, domain, before)
  })

  var ways = []
  if (plain.length > 0) ways.push(isNumberOf(plain))
  Object.keys(whole).forEach(function (domain) {
    ways.push({ $and: [isNumberOf(whole[domain]), { $or: [saysNothing, says(domain)] }] })
  })
  Object.keys(parted).forEach(function (domain) {
    ways.push({ $and: [isNumberOf(parted[domain]), says(domain)] })
  })
  domains.forEach(function (domain) {
    ways.push({ $and: [hasNoDomainInNumber, says(domain)] })
    // Behind the last @ there is none.
    if (domain.indexOf('@') !== -1) return
    var isOfDomain = is('number', { $regex: '@' + exactly(domain) })
    ways.push({ $and: [isOfDomain, { $or: [saysNothing, says(domain)] }] })
  })

  if (ways.length === 0) return { _id: { $exists: false } }
  return { $and: [{ _id: { $regex: '^cdr:' } }, { $or: ways }] }
}
