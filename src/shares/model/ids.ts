// Ids of documents that a share has: in user databases, outboxes, share databases, the registry and the checkpoints.
import { SHARE_PREFIX, isShareId, shareDatabase } from '../../documents/names.ts'

const SHARE_DOCUMENT_PREFIX = '$share/'

const SUBSCRIPTION_DOCUMENT_PREFIX = '$subscription/'

const INVITATION_DOCUMENT_PREFIX = '$invitation/'

const BASE_PREFIX = 'base/'

/** The key after those of all bases. */
export const BASES_END = 'base0'
const SUBSCRIPTION_PREFIX = 'subscription/'

/** `$share/<id>`: the document by which an owner asks for a share. */
export const shareDocumentId = (share: string): string => SHARE_DOCUMENT_PREFIX + share

/** The share id in `$share/<id>`, unchecked, or null where the document is no `$share`. */
export const shareOfDocument = (documentId: string): string | null =>
  documentId.startsWith(SHARE_DOCUMENT_PREFIX) ? documentId.slice(SHARE_DOCUMENT_PREFIX.length) : null

/** `$subscription/<id>`: the document by which a user takes part in somebody else's share. */
export const subscriptionDocumentId = (share: string): string => SUBSCRIPTION_DOCUMENT_PREFIX + share

/** The share id in `$subscription/<id>`, unchecked, or null where the document is none. */
export const shareOfSubscription = (documentId: string): string | null =>
  documentId.startsWith(SUBSCRIPTION_DOCUMENT_PREFIX)
    ? documentId.slice(SUBSCRIPTION_DOCUMENT_PREFIX.length)
    : null

/** `$invitation/<id>`: tells a user of a share that names them. */
export const invitationDocumentId = (share: string): string => INVITATION_DOCUMENT_PREFIX + share

/** The share id in `$invitation/<id>`, unchecked, or null where the document is none. */
export const shareOfInvitation = (documentId: string): string | null =>
  documentId.startsWith(INVITATION_DOCUMENT_PREFIX)
    ? documentId.slice(INVITATION_DOCUMENT_PREFIX.length)
    : null

/** The registry's document for a subscription. */
export const subscriptionEntryId = (share: string, subscriber: string): string =>
  `${SUBSCRIPTION_PREFIX}${share}/${subscriber}`

/** First and last possible id of the registry's documents for a share's subscriptions. */
export const subscriptionRange = (share: string): { startKey: string; endKey: string } => ({
  startKey: `${SUBSCRIPTION_PREFIX}${share}/`,
  endKey: `${SUBSCRIPTION_PREFIX}${share}0`,
})

/** Where it is noted how far a participant has followed a share database. No database is called so. */
export const shareCheckpoint = (share: string, database: string): string =>
  `${SHARE_PREFIX}${share} ${database}`

/** Where it is noted under which revisions objects of a user database were settled. No database is called so. */
export const settledIn = (database: string): string => `settled:${database}`

/** How many design documents a share database is created with. */
export const SHARE_DESIGN_DOCUMENTS = 2

/** The registry's document for a share. */
export const entryId = (share: string): string => SHARE_PREFIX + share

/** The share whose registry document this is, or null. */
export const shareOfEntry = (id: string): string | null =>
  id.startsWith(SHARE_PREFIX) ? id.slice(SHARE_PREFIX.length) : null

/** The document that a copy of `object` is, in the outbox and in the share: `share/<id>/<object id>`. */
export const copyId = (share: string, object: string): string => `${SHARE_PREFIX}${share}/${object}`

/** Share and object of a copy's id, or null where the id is not that of a copy. */
export function parseCopyId(id: string): { share: string; object: string } | null {
  if (!id.startsWith(SHARE_PREFIX)) return null
  const slash = id.indexOf('/', SHARE_PREFIX.length)
  if (slash < 0 || slash === id.length - 1) return null
  const share = id.slice(SHARE_PREFIX.length, slash)
  return isShareId(share) ? { share, object: id.slice(slash + 1) } : null
}

/** First and last possible id of a share's copies; `0` is the character after `/`. */
export const copyRange = (share: string): { startKey: string; endKey: string } => ({
  startKey: `${SHARE_PREFIX}${share}/`,
  endKey: `${SHARE_PREFIX}${share}0`,
})

/** The outbox document that remembers where an object has copies. */
export const baseId = (object: string): string => BASE_PREFIX + object

/** The object of a base's id, or null. */
export const objectOfBase = (id: string): string | null =>
  id.startsWith(BASE_PREFIX) ? id.slice(BASE_PREFIX.length) : null

/**
 * The `_id` of the replication between an owner's outbox and a share, as Hoodie's shares worker named it; where others write into
 * the share, it goes the other way round.
 */
export const replicationId = (outbox: string, share: string, home: 'outbox' | 'share' = 'outbox'): string =>
  home === 'outbox' ? `${outbox} => ${shareDatabase(share)}` : `${shareDatabase(share)} => ${outbox}`
