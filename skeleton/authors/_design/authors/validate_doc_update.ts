// Whoever is logged in creates documents; those whom a document lists in `users`, and admins, change and delete it.
import { fields, rules } from 'couch-shares/rules'

const isList = (value: unknown): value is unknown[] => Array.isArray(value)

/** At least one user, and nobody twice. */
const isUsers = (value: unknown): boolean =>
  isList(value) &&
  value.length > 0 &&
  value.every((user, index) => typeof user === 'string' && user !== '' && value.indexOf(user) === index)

export default rules((context) => {
  const { doc, oldDoc, event, name, has, required, unchanged, validateFields, enforceUpdatedBy, forbidden } =
    context

  // The replicator writes as an admin of the server: what is refused to it is dropped for good.
  if (context.isAdmin()) return
  context.enforceLoggedIn()
  // With a history of one's own one would be judged by a revision of one's own choice, and might win.
  context.enforceDirectWrite()

  if (event === 'tombstone') forbidden('There is no document to delete.')

  // Who may is decided by the document that is there: the one that comes may say anything.
  const isListed = event !== 'create' && isList(oldDoc?.['users']) && oldDoc['users'].includes(name)
  if (event !== 'create' && !isListed && !context.isDatabaseAdmin())
    forbidden('Only the users of this document, and admins, may change it.')

  if (event === 'delete') {
    // A tombstone needs no fields; those that it has may not say anything else than the document.
    if (has('users')) unchanged('users')
    if (has('created_by')) unchanged('created_by')
    // `put({ ...doc, _deleted: true })` leaves it as it was.
    if (has('updated_by') && doc['updated_by'] !== oldDoc?.['updated_by']) enforceUpdatedBy()
    return
  }

  required('users')
  required('created_by')
  validateFields({ users: isUsers, created_by: fields.text })
  enforceUpdatedBy()
  unchanged('created_by')
  if (event === 'create' && doc['created_by'] !== name)
    forbidden(`Field \`created_by\` must contain \`${name}\`.`)
  if ((event === 'create' || isListed) && !(doc['users'] as string[]).includes(name as string))
    forbidden(
      event === 'create'
        ? `Field \`users\` must contain \`${name}\`.`
        : 'You may not remove yourself from `users`.',
    )
})
