// The documents in each channel.
function byChannel(doc) {
  if (doc.type !== 'route') return
  doc.channels.forEach(function (channel) {
    emit(channel, channel)
  })
}
