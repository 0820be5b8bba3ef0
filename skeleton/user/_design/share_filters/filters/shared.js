// For clients that want only what is shared: ?filter=share_filters/shared, with &id=<share id> for one share.
function shared(doc, req) {
  var shares = doc.$shares || {}
  if (req.query.id) return Boolean(shares[req.query.id])
  return Object.keys(shares).length > 0
}
