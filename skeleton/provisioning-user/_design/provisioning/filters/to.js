// May this change of a user go to the master? What nobody signed, what is being restored or removed, and what is the
// daemon's or CouchDB's own stays in the personal database.
function to(doc) {
  var has = Object.prototype.hasOwnProperty
  return (
    !/^[_$]/.test(doc._id) &&
    has.call(doc, 'updated_by') &&
    typeof doc.updated_by === 'string' &&
    !has.call(doc, '$restore') &&
    !has.call(doc, '$removed')
  )
}
