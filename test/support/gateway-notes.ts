// A sync function for tests of what users write.

/**
 * Notes are in lists, which admins make: members of a list read its notes, editors change notes, owners delete theirs. A note
 * in no list is nobody's to read. Some things nobody may do, an admin neither.
 */
export const NOTES = `function (doc, oldDoc) {
  if (doc._deleted) {
    if (oldDoc && oldDoc.state === 'done') throw({ forbidden: 'what is done stays' })
    if (oldDoc) requireUser(oldDoc.owner)
    return
  }
  if (doc.type === 'list' || (oldDoc && oldDoc.type === 'list')) {
    requireAdmin()
    channel(doc._id)
    access(doc.members, doc._id)
    role(doc.editors, 'role:editor')
    return
  }
  if (doc.burns === 'time') for (;;);
  if (doc.burns === 'memory') for (var all = []; ; ) all.push('x'.repeat(1000000) + all.length)
  if (!doc.text) throw({ forbidden: 'a note has a text' })
  if (!oldDoc && doc.state === 'done') throw({ forbidden: 'what is new is not done' })
  if (oldDoc) requireRole('editor')
  else requireUser(doc.owner)
  if (oldDoc && oldDoc.price !== doc.price) requireRole('pricer')
  channel(doc.lists)
}`
