// Cancels a replication without knowing its revision: POST or PUT _design/shares/_update/cancel/<id>.
function cancel(doc) {
  if (!doc)
    return [null, { code: 404, json: { error: 'not_found', reason: 'There is no such replication.' } }]
  return [{ _id: doc._id, _rev: doc._rev, _deleted: true }, { json: { ok: true } }]
}
