// Who may enter writes notes of their own; only the author of a note, and admins, change and delete it. `_security.json` says
// who may enter: accounts with the role `notes`. It is put on no database until the setting DATABASES says so.
import { fields, rules } from 'couch-shares/rules'

export default rules((context) => {
  const { doc, oldDoc, event, name, validateFields, forbidden } = context

  // The daemon, and CouchDB's replicator, write as an admin of the server: what is refused to them is dropped for good.
  if (context.isAdmin()) return
  context.enforceLoggedIn()
  // With a history of one's own one would be judged by a revision of one's own choice, and might win.
  context.enforceDirectWrite()

  // Who may is decided by the document that is there: the one that comes may say anything.
  if (event !== 'create' && oldDoc?.['author'] !== name)
    forbidden('Only its author changes or deletes a note.')
  if (event === 'delete') return
  if (doc['author'] !== name) forbidden('Nobody writes a note in the name of another.')

  validateFields({ title: fields.text })
})
