// The shares of an owner, by the owner's user database.
function byOwner(doc) {
  if (doc.type === 'share') emit(doc.database, doc.state)
}
