// What the demo tells: the example of the README, and more, step by step, and what has to stand where after each step.
import type { Doc } from '../couch/document.ts'
import { REGISTRY, shareDatabase } from '../documents/names.ts'
import {
  copyId,
  entryId,
  invitationDocumentId,
  shareDocumentId,
  subscriptionDocumentId,
  subscriptionEntryId,
  replicationId,
} from '../shares/model/ids.ts'

/** A document to look at after a step, and what it has to be for the step to have come to pass. */
export interface Exhibit {
  db: string
  /** A document; `_security` is the database's. */
  id: string
  /** The revision that an earlier step showed under this id, in place of the present one. */
  isFormer?: true
  note: string
  holds: (doc: Doc | null) => boolean
}

/** What somebody does: a new database, a document written over the one that is there, or deleted. */
export type Action = { by: string } & (
  { kind: 'create'; db: string } | { kind: 'write' | 'delete'; db: string; doc: Doc }
)

export interface Step {
  title: string
  sentence: string
  actions: Action[]
  exhibits: Exhibit[]
}

const SHARE = 'uuid567'
const SHARE_DB = shareDatabase(SHARE)
const [JOE, ANN] = ['hash567', 'hash890']
const [JOES_DB, ANNS_DB] = [`user/${JOE}`, `user/${ANN}`]
const OUTBOX = `${JOES_DB}/$shares`

const todo = { _id: 'todo/abc4567', type: 'todo', name: 'Remember the milk', owner: 'joe@example.com' }
const annsTodo = { _id: 'todo/def8901', type: 'todo', name: 'Buy stamps' }
const share = { _id: shareDocumentId(SHARE), type: '$share' }
const subscription = { _id: subscriptionDocumentId(SHARE), type: '$subscription' }
const account = (name: string, hash: string): Doc => ({
  _id: `org.couchdb.user:user/${name}`,
  type: 'user',
  name: `user/${name}`,
  roles: [hash],
})

const isThere = (doc: Doc | null): boolean => doc !== null
const isGone = (doc: Doc | null): boolean => doc === null
const has = (attribute: string, value: unknown) => (doc: Doc | null) => doc?.[attribute] === value
const lacks = (attribute: string) => (doc: Doc | null) => doc !== null && !(attribute in doc)
/** Exactly these attributes, besides `_id` and `_rev`. */
const shows =
  (...attributes: string[]) =>
  (doc: Doc | null): boolean =>
    doc !== null &&
    Object.keys(doc)
      .filter((name) => !name.startsWith('_'))
      .sort()
      .join() === attributes.sort().join()
/** Exactly these roles among a database's `members` or `writers`. */
const lists =
  (key: 'members' | 'writers', ...roles: string[]) =>
  (security: Doc | null): boolean =>
    (security?.[key] as { roles?: string[] } | undefined)?.roles?.join() === roles.join()

/** Ended, and everybody has learnt of it. */
const isOver = (doc: Doc | null): boolean => has('state', 'ended')(doc) && lacks('due')(doc)

type Look = (note: string, holds: Exhibit['holds']) => Exhibit
const at =
  (db: string, id: string): Look =>
  (note, holds) => ({ db, id, note, holds })
const inOutbox = at(OUTBOX, copyId(SHARE, todo._id))
const inShare = at(SHARE_DB, copyId(SHARE, todo._id))
const atJoes = at(JOES_DB, todo._id)
const atAnns = at(ANNS_DB, todo._id)
const security = at(SHARE_DB, '_security')
const joesShare = at(JOES_DB, share._id)
const annsSubscription = at(ANNS_DB, subscription._id)
const invitation = at(ANNS_DB, invitationDocumentId(SHARE))
const entry = at(REGISTRY, entryId(SHARE))
const annsEntry = at(REGISTRY, subscriptionEntryId(SHARE, ANN))
const replication = at('_replicator', replicationId(OUTBOX, SHARE))
const former = (note: string): Exhibit => ({ ...inShare(note, isGone), isFormer: true })

const writes = (by: string, db: string, doc: Doc): Action => ({ by, kind: 'write', db, doc })
const signsUp = (name: string, hash: string): Action[] => [
  { by: 'The app', kind: 'create', db: `user/${hash}` },
  writes('The app', '_users', account(name, hash)),
]

/** The steps, in their order; each begins where the one before ended. */
export const STORY: readonly Step[] = [
  {
    title: 'Joe signs up',
    sentence:
      'His app gives Joe an account and a private database, the only one that it will ever sync with.',
    actions: signsUp('joe', JOE),
    exhibits: [
      at(OUTBOX, '_security')(
        'An outbox appears beside it, which only server admins can open.',
        lists('members', '_admin'),
      ),
    ],
  },
  {
    title: 'Joe starts a share',
    sentence: 'Joe asks for a share by a document in his own database.',
    actions: [writes('Joe', JOES_DB, share)],
    exhibits: [
      joesShare('The daemon answers in the same document: the share is active.', has('$state', 'active')),
      entry('The registry, for admins only, remembers whose share it is.', has('state', 'active')),
      security(
        'The share has a database of its own, and so far nobody but Joe gets in.',
        lists('members', JOE),
      ),
      replication('A continuous replication carries copies from the outbox into it.', isThere),
    ],
  },
  {
    title: 'Joe shares a to-do',
    sentence: 'Joe adds the share to one of his objects; `true` stands for all of it.',
    actions: [writes('Joe', JOES_DB, { ...todo, $shares: { [SHARE]: true } })],
    exhibits: [
      atJoes('The object stays as Joe wrote it.', isThere),
      inOutbox(
        'Its copy in the outbox: without `$shares`, with everything else.',
        shows('type', 'name', 'owner'),
      ),
      inShare('The same copy in the share.', shows('type', 'name', 'owner')),
    ],
  },
  {
    title: 'Joe shares only its name',
    sentence: 'Joe would rather not show who owns it, and lists what may be seen.',
    actions: [writes('Joe', JOES_DB, { ...todo, $shares: { [SHARE]: ['name'] } })],
    exhibits: [
      atJoes('The object still has all its attributes.', isThere),
      inOutbox('The copy in the outbox has the name alone.', shows('name')),
      inShare('And so has the copy in the share.', shows('name')),
      former('The revision that showed everything cannot be read there any more.'),
    ],
  },
  {
    title: 'Joe invites Ann',
    sentence: 'Ann has signed up, too. Joe names her in the `access` of his share.',
    actions: [...signsUp('ann', ANN), writes('Joe', JOES_DB, { ...share, access: { write: ['ann'] } })],
    exhibits: [
      joesShare('The new access is in force.', has('$state', 'active')),
      security('Ann may read the share, and is one of its writers.', lists('writers', JOE, ANN)),
      invitation('She finds an invitation in her own database.', has('access', 'write')),
      annsEntry('The registry knows of it.', has('state', 'invited')),
      replication('Since others may write, copies go straight into the share: no replication.', isGone),
    ],
  },
  {
    title: 'Ann takes part',
    sentence: 'Ann accepts by a document in her own database.',
    actions: [writes('Ann', ANNS_DB, subscription)],
    exhibits: [
      annsSubscription('The daemon answers in the same document.', has('$state', 'active')),
      atAnns('The to-do has arrived, as much of it as Joe shares.', shows('name', '$shares')),
      joesShare('Joe sees who takes part.', (doc) => doc !== null && '$participants' in doc),
      annsEntry('So does the registry.', has('state', 'active')),
    ],
  },
  {
    title: 'Ann edits the to-do',
    sentence: 'She edits it where it is: in her own database.',
    actions: [writes('Ann', ANNS_DB, { _id: todo._id, name: 'Milk and honey', $shares: { [SHARE]: true } })],
    exhibits: [
      inShare('Her edit is in the share.', has('name', 'Milk and honey')),
      atJoes('Joe has it, too. What he does not share is untouched.', has('name', 'Milk and honey')),
    ],
  },
  {
    title: 'Ann adds one',
    sentence: 'An object of her own joins the share in the same way as one of his.',
    actions: [writes('Ann', ANNS_DB, { ...annsTodo, $shares: { [SHARE]: true } })],
    exhibits: [
      at(SHARE_DB, copyId(SHARE, annsTodo._id))('Its copy in the share.', shows('type', 'name')),
      at(JOES_DB, annsTodo._id)('Joe has it in his database.', shows('type', 'name', '$shares')),
    ],
  },
  {
    title: 'Joe takes his to-do out of the share',
    sentence: 'Joe sets the share to `false`.',
    actions: [writes('Joe', JOES_DB, { ...todo, name: 'Milk and honey', $shares: { [SHARE]: false } })],
    exhibits: [
      atJoes('The object is private again: the daemon has taken `$shares` out.', lacks('$shares')),
      inShare('It has left the share.', isGone),
      former('Nor can its last revision be read there.'),
      atAnns('And it has left the database of Ann.', isGone),
    ],
  },
  {
    title: 'Ann loses access',
    sentence: 'Joe takes her out of `access`.',
    actions: [writes('Joe', JOES_DB, share)],
    exhibits: [
      security('Nobody but Joe gets in now.', lists('members', JOE)),
      annsSubscription('Ann reads why nothing comes any more.', has('$state', 'ended')),
      invitation('Her invitation is gone.', isGone),
      at(ANNS_DB, annsTodo._id)('What she brought in stays hers, as a private object.', lacks('$shares')),
      at(JOES_DB, annsTodo._id)('Joe keeps it, too.', has('name', annsTodo.name)),
      annsEntry('The registry keeps that she took part.', isOver),
    ],
  },
  {
    title: 'Joe ends the share',
    sentence: 'Joe deletes the document by which he had asked for it.',
    actions: [{ by: 'Joe', kind: 'delete', db: JOES_DB, doc: share }],
    exhibits: [
      joesShare('What Joe deleted.', isGone),
      security('The database of the share, with all that was in it.', isGone),
      entry('The registry keeps the id for Joe: nobody else can ever take it.', has('state', 'ended')),
      atJoes('And Joe has his to-do, as before.', isThere),
      at(JOES_DB, annsTodo._id)(
        'The one that Ann brought in is private now, like his own.',
        lacks('$shares'),
      ),
    ],
  },
]
