// For those who replicate a share by hand: ?filter=share_filters/share&id=<share id>. The daemon's own replications
// select by the range of ids instead, which CouchDB evaluates without JavaScript.
function share(doc, req) {
  return doc._id.indexOf('share/' + req.query.id + '/') === 0
}
