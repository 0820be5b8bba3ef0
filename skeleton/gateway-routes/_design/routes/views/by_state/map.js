// Routes that changed, of which somebody concerned may not know yet; and those that lead nowhere because of a fault.
function byState(doc) {
  if (doc.type !== 'route') return
  if (doc.before) emit('unsettled', null)
  if (doc.problem) emit('failed', null)
}
