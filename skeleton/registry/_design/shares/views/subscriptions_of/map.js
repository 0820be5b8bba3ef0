// The subscriptions of a user, by the user database that they were made in, with the ids of the shares.
function subscriptionsOf(doc) {
  if (doc.type === 'subscription') emit(doc.database, doc.share)
}
