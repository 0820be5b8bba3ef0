// The sync function's API, as one text for both places that run it: the router's sandbox, and CouchDB itself.

/** What stands in the lines before the source: line numbers of errors are counted from there. */
export const LINES_BEFORE_SOURCE = 2

/** The most channels that a document may be in. */
export const MOST_CHANNELS = 1_000
/** The most grants of a document, channels and roles together: each concerns somebody, who is seen to. */
export const MOST_GRANTS = 1_000
/** What the reason begins with where a document is past these. */
export const TOO_MANY = 'Too many '

/** Names of a document that are held at all, repeated ones too: what a function makes of two long lists has no end. */
const MOST_HELD = 20 * MOST_GRANTS

/** Sync Gateway's own messages. https://github.com/couchbase/sync_gateway/blob/main/base/constants.go */
const WRONG_USER = 'sg wrong user'
const MISSING_ROLE = 'sg missing role'
const MISSING_ACCESS = 'sg missing channel access'
const NO_ADMIN = 'sg admin required'

/**
 * Text of a function of nothing that gives `judge(doc, oldDoc, writer)`, in ES5 but for what is in the source. `judge` never
 * throws, unless memory or time run out. `lacks` of its answer is true where the function has asked for a role or a channel that
 * the writer is not known to have: with another grant the answer may be another one.
 *
 * The source stands alone in its scope, so that a name it forgot to declare is never one of ours. What it may call follows
 * https://github.com/couchbase/sync_gateway/blob/main/channels/sync_runner.go and `ReflectExpiry` of base/util.go:
 * - What is no string is passed over in `channel`, `access` and `role`; null is, and in `expiry`, too. Not so in `require…`,
 *   whatever the documentation says: `requireUser(doc.owner)` refuses where nobody owns the document.
 * - Names are looked at in the end, only where nothing was refused.
 * - Only a `forbidden` or `unauthorized` that is true-ish refuses, also on an Error; all else that is thrown broke it.
 *
 * Ours: nobody is no user, whatever `requireUser` is asked for; a promise breaks it, for what it refuses would come too late;
 * `Math.random` throws, for the router is to give the same answer twice; `user/` may be before the name of a user, as Hoodie has it.
 */
export const judgeText = (source: string): string => `(function () {
  var sync = (function (channel, access, role, expiry, requireUser, requireRole, requireAccess, requireAdmin, Math, log, console) { return [
${source}
  ][0] })(channel, access, role, expiry, requireUser, requireRole, requireAccess, requireAdmin, calculable(), quiet, { log: quiet, error: quiet })
  if (typeof sync !== 'function') throw new TypeError('Expected a function, got ' + (sync === null ? 'null' : typeof sync))
  if (Object.prototype.toString.call(sync) !== '[object Function]') throw new TypeError('Expected a function that is neither async nor a generator')

  var writer, channels, accesses, roles, expires, isTooMuch, lacks

  function quiet() {}
  function calculable() {
    return Object.create(Math, { random: { value: function () {
      throw new TypeError('Math.random() is not there: a sync function gives the same answer each time')
    } } })
  }

  function strings(value) {
    if (typeof value === 'string') return [value]
    var found = []
    if (Array.isArray(value)) for (var i = 0; i < value.length; i += 1) if (typeof value[i] === 'string') found.push(value[i])
    return found
  }
  function pairs(ones, others, into) {
    ones = strings(ones)
    others = strings(others)
    for (var i = 0; i < ones.length; i += 1) for (var j = 0; j < others.length; j += 1) if (!hold(into, [ones[i], others[j]])) return
  }
  function hold(into, one) {
    if (into.length >= ${MOST_HELD}) isTooMuch = true
    else into.push(one)
    return !isTooMuch
  }
  function hasAny(list, asked) {
    var some = Array.isArray(asked) ? asked : [asked]
    var names = Object.create(null)
    var i
    for (i = 0; i < list.length; i += 1) names['=' + list[i]] = true
    for (i = 0; i < some.length; i += 1) if (typeof some[i] === 'string' && names['=' + some[i]] === true) return true
    return false
  }
  function isMoreThan(most, lists) {
    var seen = Object.create(null)
    var count = 0
    for (var i = 0; i < lists.length; i += 1)
      for (var j = 0; j < lists[i].length; j += 1) {
        var key = i + JSON.stringify(lists[i][j])
        if (seen[key] === true) continue
        seen[key] = true
        count += 1
        if (count > most) return true
      }
    return false
  }

  function channel() {
    for (var i = 0; i < arguments.length; i += 1) {
      var names = strings(arguments[i])
      for (var j = 0; j < names.length; j += 1) if (!hold(channels, names[j])) return
    }
  }
  function access(users, names) { pairs(users, names, accesses) }
  function role(users, names) { pairs(users, names, roles) }
  function expiry(value) {
    var seconds = expiryOf(value)
    if (seconds >= 0 && seconds <= 4294967295) expires = seconds
  }
  function expiryOf(value) {
    if (typeof value === 'number') return value < 0 ? Math.ceil(value) : Math.floor(value)
    if (typeof value !== 'string') return NaN
    if (/^[+-]?\\d+$/.test(value)) return Number(value) <= 2147483647 ? Number(value) : NaN
    if (!/^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$/.test(value)) return NaN
    return Math.floor(Date.parse(value) / 1000)
  }
  function requireUser(names) {
    if (!writer.isAdmin && (writer.name === null || !hasAny([writer.name], names))) throw { forbidden: '${WRONG_USER}' }
  }
  function requireRole(names) { needs(writer.roles, names, '${MISSING_ROLE}') }
  function requireAccess(names) { needs(writer.channels, names, '${MISSING_ACCESS}') }
  function needs(list, names, reason) {
    if (writer.isAdmin || (list !== null && hasAny(list, names))) return
    // Nobody can be granted what has no name.
    if (writer.name !== null && strings(names).some(Boolean)) lacks = true
    if (list !== null) throw { forbidden: reason }
  }
  function requireAdmin() {
    if (!writer.isAdmin) throw { forbidden: '${NO_ADMIN}' }
  }

  function isChannel(name) { return name !== '' && name.indexOf(',') === -1 }
  function isPrincipal(name) {
    return name === '' || (name.length <= 239 && !/[\\/:,\`]/.test(name) && /[0-9A-Za-z\\u00aa-\\u1fff\\u2070-\\u2fff\\u3005-\\uffff]/.test(name))
  }
  function principal(to) { return to.indexOf('role:') === 0 ? to.slice(5) : to }
  function isUser(name) { return isPrincipal(name.indexOf('user/') === 0 && name.length > 5 ? name.slice(5) : name) }
  function isGrantee(to) { return to.indexOf('role:') === 0 ? isPrincipal(to.slice(5)) : isUser(to) }
  function problem() {
    var i
    if (isTooMuch || isMoreThan(${MOST_CHANNELS}, [channels])) return '${TOO_MANY}channels or grants: a document may be in ${MOST_CHANNELS} channels, and grant ${MOST_GRANTS} channels and roles'
    if (isMoreThan(${MOST_GRANTS}, [accesses, roles])) return '${TOO_MANY}grants: a document may grant ${MOST_GRANTS} channels and roles'
    for (i = 0; i < channels.length; i += 1)
      if (!isChannel(channels[i])) return 'Illegal channel name ' + JSON.stringify(channels[i])
    for (i = 0; i < accesses.length; i += 1) {
      if (!isChannel(accesses[i][1])) return 'Illegal channel name ' + JSON.stringify(accesses[i][1])
      if (!isGrantee(accesses[i][0])) return 'Invalid principal name ' + JSON.stringify(principal(accesses[i][0])) + ' in access() or role() call'
    }
    for (i = 0; i < roles.length; i += 1) {
      if (roles[i][1].indexOf('role:') !== 0) return 'Value ' + JSON.stringify(roles[i][1]) + ' does not begin with "role:"'
      if (!isUser(roles[i][0])) return 'Invalid principal name ' + JSON.stringify(roles[i][0]) + ' in access() or role() call'
      if (roles[i][1] === 'role:' || !isPrincipal(roles[i][1].slice(5))) return 'Invalid role name ' + JSON.stringify(roles[i][1].slice(5)) + ' in role() call'
    }
    return null
  }
  function described(thrown) {
    // QuickJS throws it where there is no memory left for an error.
    if (thrown === null) return 'it threw null, or ran out of memory'
    if (typeof thrown !== 'object') return 'it threw ' + String(thrown)
    if (typeof thrown.message === 'string') return thrown.name + ': ' + thrown.message
    return 'it threw ' + JSON.stringify(thrown)
  }

  return function (doc, oldDoc, who) {
    var judgement = judge(doc, oldDoc, who)
    judgement.lacks = lacks
    return judgement
  }

  function judge(doc, oldDoc, who) {
    writer = who
    channels = []
    accesses = []
    roles = []
    expires = null
    isTooMuch = false
    lacks = false
    try {
      try {
        var result = sync(doc, oldDoc, { xattrs: {} })
        if (typeof result === 'object' && result !== null && typeof result.then === 'function')
          return { kind: 'failed', reason: 'it returned a promise, and what that refuses would come too late' }
      } catch (thrown) {
        if (thrown === null || thrown === undefined) return { kind: 'failed', reason: described(thrown) }
        if (thrown.forbidden) return { kind: 'rejected', error: 'forbidden', reason: String(thrown.forbidden) }
        if (thrown.unauthorized) return { kind: 'rejected', error: 'unauthorized', reason: String(thrown.unauthorized) }
        return { kind: 'failed', reason: described(thrown) }
      }
      var reason = problem()
      if (reason !== null) return { kind: 'failed', reason: reason }
      return { kind: 'accepted', channels: channels, access: accesses, roles: roles, expiry: expires }
    } catch (thrown) {
      return { kind: 'failed', reason: 'what it threw cannot be read' }
    }
  }
})`
