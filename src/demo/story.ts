// What the demo tells: the example of seed 004, step by step, and what has to stand where after each step.
import type { Doc } from '../couch/document.ts'
import { copyId, entryId, REGISTRY, replicationId, shareDatabase, shareDocumentId } from '../model/names.ts'

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

export interface Step {
  title: string
  /** What the user does. */
  sentence: string
  /** What is written: a document over the one that is there, its deletion, or a new database. */
  action: { kind: 'create'; db: string } | { kind: 'write' | 'delete'; db: string; doc: Doc }
  exhibits: Exhibit[]
}

const SHARE = 'uuid567'
const USER = 'user/hash567'
const OUTBOX = `${USER}/$shares`
const SHARE_DB = shareDatabase(SHARE)

const todo = { _id: 'todo/abc4567', type: 'todo', name: 'Remember the milk', owner: 'joe@example.com' }
const share = { _id: shareDocumentId(SHARE), type: '$share' }
const copy = copyId(SHARE, todo._id)

const exists = (doc: Doc | null): boolean => doc !== null
/** Nobody but those who are named gets in. */
const isSecured = (doc: Doc | null): boolean =>
  ((doc?.['members'] as { roles?: string[] } | undefined)?.roles ?? []).length > 0
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

const object = (note: string, holds: Exhibit['holds']): Exhibit => ({ db: USER, id: todo._id, note, holds })
const inOutbox = (note: string, holds: Exhibit['holds']): Exhibit => ({ db: OUTBOX, id: copy, note, holds })
const inShare = (note: string, holds: Exhibit['holds']): Exhibit => ({ db: SHARE_DB, id: copy, note, holds })
const formerInShare = (note: string): Exhibit => ({
  db: SHARE_DB,
  id: copy,
  isFormer: true,
  note,
  holds: isGone,
})
const entry = (note: string, state: string): Exhibit => ({
  db: REGISTRY,
  id: entryId(SHARE),
  note,
  holds: has('state', state),
})
const replication = (note: string, holds: Exhibit['holds']): Exhibit => ({
  db: '_replicator',
  id: replicationId(OUTBOX, SHARE),
  note,
  holds,
})

export const STORY: readonly Step[] = [
  {
    title: 'Joe signs up',
    sentence: 'His app gives Joe a private database, the only one that it will ever sync with.',
    action: { kind: 'create', db: USER },
    exhibits: [
      {
        db: OUTBOX,
        id: '_security',
        note: 'An outbox appears beside it, which only server admins can open.',
        holds: isSecured,
      },
    ],
  },
  {
    title: 'Joe starts a share',
    sentence: 'Joe asks for a share by a document in his own database.',
    action: { kind: 'write', db: USER, doc: share },
    exhibits: [
      {
        db: USER,
        id: share._id,
        note: 'The daemon answers in the same document: the share is active.',
        holds: has('$state', 'active'),
      },
      entry('The registry, for admins only, remembers whose share it is.', 'active'),
      {
        db: SHARE_DB,
        id: '_security',
        note: 'The share has a database of its own, and so far nobody but Joe gets in.',
        holds: isSecured,
      },
      replication('A continuous replication carries copies from the outbox into it.', exists),
    ],
  },
  {
    title: 'Joe shares a to-do',
    sentence: 'Joe adds the share to one of his objects; `true` stands for all of it.',
    action: { kind: 'write', db: USER, doc: { ...todo, $shares: { [SHARE]: true } } },
    exhibits: [
      object('The object stays as Joe wrote it.', exists),
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
    action: { kind: 'write', db: USER, doc: { ...todo, $shares: { [SHARE]: ['name'] } } },
    exhibits: [
      object('The object still has all its attributes.', exists),
      inOutbox('The copy in the outbox has the name alone.', shows('name')),
      inShare('And so has the copy in the share.', shows('name')),
      formerInShare('The revision that showed everything cannot be read there any more.'),
    ],
  },
  {
    title: 'Joe takes the to-do out of the share',
    sentence: 'Joe sets the share to `false`.',
    action: { kind: 'write', db: USER, doc: { ...todo, $shares: { [SHARE]: false } } },
    exhibits: [
      object('The object is private again: the daemon has taken `$shares` out.', lacks('$shares')),
      inOutbox('The copy has left the outbox.', isGone),
      inShare('It has left the share.', isGone),
      formerInShare('Nor can its last revision be read there.'),
    ],
  },
  {
    title: 'Joe ends the share',
    sentence: 'Joe deletes the document by which he had asked for it.',
    action: { kind: 'delete', db: USER, doc: share },
    exhibits: [
      { db: USER, id: share._id, note: 'What Joe deleted.', holds: isGone },
      {
        db: SHARE_DB,
        id: '_security',
        note: 'The database of the share, with all that was in it.',
        holds: isGone,
      },
      replication('The replication.', isGone),
      entry('The registry keeps the id for Joe: nobody else can ever take it.', 'ended'),
      object('And Joe has his to-do, as before.', exists),
    ],
  },
]
