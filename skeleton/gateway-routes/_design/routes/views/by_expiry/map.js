// Documents that are to be deleted, by when: seconds since the epoch.
function byExpiry(doc) {
  if (doc.type === 'route' && doc.expiry !== null) emit(doc.expiry, doc.rev)
}
