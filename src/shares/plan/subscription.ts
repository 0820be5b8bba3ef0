// What is to be done for one user's part in somebody else's share: the `$subscription`, the `$invitation`, the entry.
import { publicRight, type Right } from '../model/access.ts'
import { isToBeThere, type ShareEntry } from '../model/entry.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { isOurProblem, problem, type Problem } from '../../documents/problem.ts'
import {
  parseSubscriptionRequest,
  rightOf,
  type OnEnd,
  type SubscriptionEntry,
} from '../model/subscription.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { redundantLeaves, type Rival } from './leaves.ts'
import { invitationDocumentId, shareOfSubscription } from '../model/ids.ts'

export interface SubscriptionFacts {
  share: string
  /** The user database that the document stands in. */
  database: string
  /** `$subscription/<id>` as it is there, or null where it is deleted or never was. */
  doc: ObjectDoc | null
  rivals: readonly Rival[]
  /** What the document said when it was deleted, where that is known. */
  lastWords?: ObjectDoc | null
  /** The document is not there and was not deleted either: its database was created again, and it may come back. */
  isMissing: boolean
  shareEntry: ShareEntry | null
  entry: SubscriptionEntry | null
  /** `$invitation/<id>` as it is there. */
  invitation: ObjectDoc | null
  /** The revisions of its conflicts. */
  invitationRivals?: readonly string[]
  /** It is not there, and was not deleted either: it went with an earlier database. */
  isInvitationMissing?: boolean
  /** How the share's owner is called, where anybody knows it. */
  ownerName: string | null
  /** What the password on the document is, where the share has one. */
  password: 'none' | 'right' | 'wrong' | 'too many tries'
  /** Whether the user's objects are being gone through for this share. */
  scanning: boolean
  /** Whether the user database exists. */
  databaseExists: boolean
}

/** What may change in an entry; undefined takes an attribute out. */
export type SubscriptionChange = { [Key in ChangingKey]?: SubscriptionEntry[Key] | undefined }
type ChangingKey =
  | 'state'
  | 'granted'
  | 'invited'
  | 'admitted'
  | 'onEnd'
  | 'reason'
  | 'paused'
  | 'forgotten'
  | 'due'
  | 'rejected'
  | 'joinedAt'

/** Effects come in the order in which they must land; each is idempotent. */
export type SubscriptionEffect =
  | { kind: 'change-subscription'; share: string; change: SubscriptionChange }
  /** The share is followed from its first change on. */
  | { kind: 'follow'; share: string }
  | { kind: 'create-outbox' }
  /** Has all objects of the user gone through again, and the subscription planned again after that. */
  | { kind: 'scan'; share: string }
  /** The share's owner is to see who takes part. */
  | { kind: 'tell-owner'; share: string }
  | { kind: 'put-document'; doc: ObjectDoc }
  | { kind: 'drop-leaf'; id: string; rev: string }

/** Plans one user's part in one share. Seeing the same facts again after the effects have landed plans nothing. */
export function planSubscription(facts: SubscriptionFacts): SubscriptionEffect[] {
  const { doc, rivals } = facts
  if (!facts.databaseExists) return vanish(facts)
  const redundant = doc === null ? [] : redundantSubscriptionLeaves(doc, rivals)
  const drops = redundant.map((rev) => ({ kind: 'drop-leaf', id: doc?._id ?? '', rev }) as const)
  if (doc && redundant.includes(doc._rev)) return drops
  const part = planPart(facts)
  const isMoved = part.some((effect) => effect.kind === 'change-subscription' && effect.change.state)
  return [...part, ...planInvitation(facts), ...settle(facts, isMoved), ...drops]
}

/** Besides what `redundantLeaves` knows of, the daemon says why it ended, and takes the password off. */
function redundantSubscriptionLeaves(doc: ObjectDoc, rivals: readonly Rival[]): string[] {
  const redundant = rivals.flatMap(({ leaf, ancestor }) =>
    redundantLeaves(subscriptionAsWritten(doc, ancestor), [
      {
        leaf: subscriptionAsWritten(leaf, ancestor),
        ancestor: ancestor && subscriptionAsWritten(ancestor, ancestor),
      },
    ]),
  )
  return [...new Set(redundant)]
}

/** A leaf as its user left it, with the password that stood there before the daemon took it off. */
export const subscriptionAsWritten = (
  { $reason: _, ...leaf }: ObjectDoc,
  ancestor: ObjectDoc | null,
): ObjectDoc => ({ ...leaf, password: leaf['password'] ?? ancestor?.['password'] })

/** The user database is gone, and all that was done in it; who is named is told of it when there is one again. */
function vanish({ share, entry }: SubscriptionFacts): SubscriptionEffect[] {
  if (!entry) return []
  const change: SubscriptionChange = {
    ...{ state: entry.granted ? 'invited' : 'ended', due: entry.granted ? true : undefined },
    ...{ invited: undefined, admitted: undefined, onEnd: undefined, reason: undefined },
    ...{ paused: undefined, rejected: undefined, joinedAt: undefined },
    ...(entry.forgotten ? { forgotten: undefined } : {}),
  }
  const isSaid = Object.entries(change).every(([key, value]) => entry[key as ChangingKey] === value)
  const tookPart = entry.state === 'active' || entry.state === 'ending'
  return [
    ...(isSaid ? [] : [{ kind: 'change-subscription', share, change } as const]),
    ...(tookPart ? [{ kind: 'tell-owner', share } as const] : []),
  ]
}

function planPart(facts: SubscriptionFacts): SubscriptionEffect[] {
  const { share, doc, entry, shareEntry, database } = facts
  if (entry?.state === 'ending') return facts.scanning ? [] : [{ kind: 'scan', share }]
  if (entry?.state === 'active') return goOn(facts, entry)
  if (doc === null) return []
  const request = parseSubscriptionRequest(doc)
  if (request.kind === 'malformed') return mark(facts, doc, { error: request.problem })
  // Over is over, until the user asks again: by a document that does not say `ended`.
  if (doc['$state'] === 'ended') {
    const said = doc['$reason']
    return mark(facts, doc, { ended: typeof said === 'string' ? said : (entry?.reason ?? '') })
  }
  if (shareEntry?.database === database) return mark(facts, doc, { error: problem('own_share', share) })
  if (entry?.order === 'end') return mark(facts, doc, { error: problem('ended_by_admin') })
  if (entry?.order === 'suspend') return mark(facts, doc, { error: problem('suspended') })

  const isAdmitted = facts.password === 'right'
  const isOpen = shareEntry?.state === 'active'
  const right = isOpen ? rightOf(shareEntry, { ...entry, ...(isAdmitted ? { admitted: true } : {}) }) : null
  if (right === null)
    return [
      // The registry remembers who has asked: the share may be opened for them later.
      ...(entry?.granted || entry?.state === 'refused'
        ? []
        : [{ kind: 'change-subscription', share, change: { state: 'refused', reason: undefined } } as const]),
      ...mark(facts, doc, { error: refusal(facts, isOpen, request.passwordProblem) }),
    ]
  return [
    { kind: 'create-outbox' },
    { kind: 'follow', share },
    // Objects that the user gave the share's id while taking no part. Before the registry says otherwise: a crash
    // in between begins anew.
    { kind: 'scan', share },
    {
      kind: 'change-subscription',
      share,
      change: {
        state: 'active',
        onEnd: onEndOf(facts, request.onEnd),
        reason: undefined,
        rejected: undefined,
        admitted: isAdmitted ? true : undefined,
        joinedAt: undefined,
      },
    },
    { kind: 'tell-owner', share },
    ...mark({ ...facts, entry: null }, doc, {}),
  ]
}

/** Objects go only where all leaves of the document say so. */
function onEndOf({ rivals }: SubscriptionFacts, winners: OnEnd): OnEnd {
  return rivals.some(({ leaf }) => leaf['onEnd'] === 'keep') ? 'keep' : winners
}

/** What was wrong with a password, which was taken off the document. */
const PASSWORD_PROBLEMS: readonly unknown[] = [
  'wrong_password',
  'too_many_tries',
  'invalid_password',
] satisfies Problem['code'][]

function refusal(
  { share, doc, shareEntry, password }: SubscriptionFacts,
  isOpen: boolean,
  passwordProblem: Problem | null,
): Problem {
  if (!isOpen || !shareEntry || !hasPassword(shareEntry)) return problem('not_allowed', share)
  if (passwordProblem) return passwordProblem
  if (password === 'too many tries') return problem('too_many_tries')
  if (password === 'wrong') return problem('wrong_password')
  // What was wrong with the last one is still to be read.
  const said = doc?.['$error'] as Problem | undefined
  const isStill = isOurProblem(said) && PASSWORD_PROBLEMS.includes(said?.code)
  return isStill && said ? said : problem('password_needed')
}

/** True where everybody is let in who knows the password. */
const hasPassword = ({ password, access }: ShareEntry): boolean =>
  password !== undefined && access !== undefined && publicRight(access) !== null

/** A user who takes part: do they still want to, and may they still? */
function goOn(facts: SubscriptionFacts, entry: SubscriptionEntry): SubscriptionEffect[] {
  const { share, doc, shareEntry, isMissing, lastWords = null } = facts
  const words = doc ?? lastWords
  const request = words && parseSubscriptionRequest(words)
  const onEnd = request?.kind === 'valid' ? onEndOf(facts, request.onEnd) : undefined
  // Who is admitted by a password is so while there is one.
  const admitted =
    facts.password === 'right' ||
    (entry.admitted && (shareEntry?.state !== 'active' || hasPassword(shareEntry)))
      ? true
      : undefined
  const reason = reasonToEnd(facts, { ...entry, ...(admitted ? { admitted } : {}) })
  const isLeaving = doc === null && !isMissing
  if (isLeaving || reason !== null)
    return [
      change(share, {
        state: 'ending',
        reason: isLeaving ? undefined : (reason ?? undefined),
        ...(onEnd ? { onEnd } : {}),
      }),
      { kind: 'scan', share },
      { kind: 'tell-owner', share },
    ]
  const isSuspended = shareEntry?.state === 'suspended' || entry.order === 'suspend'
  const isOpen = shareEntry?.state === 'active' && !isSuspended
  const changed: SubscriptionChange = {
    ...(admitted === entry.admitted ? {} : { admitted }),
    ...(onEnd === undefined || onEnd === entry.onEnd ? {} : { onEnd }),
  }
  const error = request?.kind === 'malformed' ? request.problem : isSuspended ? problem('suspended') : null
  return [
    ...(Object.keys(changed).length > 0 ? [change(share, changed)] : []),
    ...(isOpen || entry.paused ? [] : [change(share, { paused: true })]),
    ...(isOpen && entry.paused
      ? [
          { kind: 'follow', share } as const,
          { kind: 'scan', share } as const,
          change(share, { paused: undefined }),
        ]
      : []),
    ...(doc ? mark(facts, doc, { error }) : []),
  ]
}

const change = (share: string, what: SubscriptionChange): SubscriptionEffect => ({
  kind: 'change-subscription',
  share,
  change: what,
})

/** As users read it in `$reason`. */
export const SHARE_ENDED = 'The share has ended.'

function reasonToEnd({ shareEntry }: SubscriptionFacts, entry: SubscriptionEntry): string | null {
  if (entry.order === 'end') return "The server's admin has ended this."
  if (!shareEntry || shareEntry.state === 'ended') return SHARE_ENDED
  // What they gave to a share that ends is its owner's before they let go of it.
  if (shareEntry.state === 'ending') return isToBeThere(shareEntry) ? null : SHARE_ENDED
  if (shareEntry.state === 'opening' || shareEntry.state === 'suspended') return null
  return rightOf(shareEntry, entry) === null ? 'You may no longer read this share.' : null
}

/** What is left when the objects of a user were gone through for a subscription. */
export function planLeft(facts: SubscriptionFacts): SubscriptionEffect[] {
  const { share, doc, entry } = facts
  if (entry?.state === 'active' && entry.forgotten && !entry.paused)
    return [change(share, { forgotten: undefined })]
  if (entry?.state !== 'ending') return []
  return [
    // Who left without being made to, and wrote a new document meanwhile, asks again. Said first: who is found to be over asks, too.
    ...(doc === null || entry.reason === undefined ? [] : mark(facts, doc, { ended: entry.reason })),
    change(share, {
      state: entry.granted ? 'invited' : 'ended',
      admitted: undefined,
      paused: undefined,
      ...(entry.forgotten ? { forgotten: undefined } : {}),
      onEnd: undefined,
      joinedAt: undefined,
    }),
    { kind: 'tell-owner', share },
  ]
}

/** Who is named finds an invitation, as long as that lasts; one that was deleted does not come again. */
function planInvitation({
  share,
  entry,
  shareEntry,
  invitation,
  invitationRivals = [],
  isInvitationMissing = false,
  ownerName,
}: SubscriptionFacts): SubscriptionEffect[] {
  if (!entry) return []
  const isThere = shareEntry && ['active', 'opening', 'suspended'].includes(shareEntry.state)
  const right: Right | undefined = isThere ? entry.granted : undefined
  const noted = (invited: Right | undefined): SubscriptionEffect[] =>
    entry.invited === invited ? [] : [{ kind: 'change-subscription', share, change: { invited } }]
  if (!right)
    return [
      ...(invitation ? [{ kind: 'put-document', doc: { ...gone(invitation) } } as const] : []),
      // One that is left would be the invitation then.
      ...invitationRivals.map(
        (rev) => ({ kind: 'drop-leaf', id: invitationDocumentId(share), rev }) as const,
      ),
      ...noted(undefined),
    ]
  if (!invitation && !isInvitationMissing && entry.invited === right) return []
  // Who invited stays as it was said: an account may come and go, and nobody is told of that.
  const owner = invitation ? invitation['owner'] : ownerName
  const wanted = {
    _id: invitationDocumentId(share),
    type: '$invitation',
    share,
    ...(owner === null || owner === undefined ? {} : { owner }),
    access: right,
  }
  const { _rev, ...there } = invitation ?? { _rev: '' }
  return [
    ...(isSameJson(there, wanted)
      ? []
      : [{ kind: 'put-document', doc: { ...wanted, _rev } as ObjectDoc } as const]),
    ...noted(right),
  ]
}

const gone = ({ _id, _rev }: ObjectDoc): ObjectDoc => ({ _id, _rev, _deleted: true })

/** The user's database has learnt of everything; the registry says what they are who take no part. */
function settle(facts: SubscriptionFacts, isMoved: boolean): SubscriptionEffect[] {
  const { share, entry } = facts
  if (!entry) return []
  const rests = entry.granted ? 'invited' : asks(facts) ? 'refused' : 'ended'
  const isAtRest = isMoved || entry.state === 'active' || entry.state === 'ending' || entry.state === rests
  if (!entry.due && isAtRest) return []
  return [change(share, { due: undefined, ...(isAtRest ? {} : { state: rests }) })]
}

/** True for a document that asks to be let in, rightly or not. */
function asks({ doc, entry, shareEntry, database }: SubscriptionFacts): boolean {
  if (doc === null || doc['$state'] === 'ended' || entry?.order === 'end') return false
  return shareEntry?.database !== database && parseSubscriptionRequest(doc).kind === 'valid'
}

/** The `$subscription` with its state, or nothing where it says that already. */
function mark(
  { entry }: SubscriptionFacts,
  doc: ObjectDoc,
  { error = null, ended = null }: { error?: Problem | null; ended?: string | null },
): SubscriptionEffect[] {
  const { $state, $error, $reason: _, $rejected: __, password: ___, ...rest } = doc
  const isSubscription = shareOfSubscription(doc._id) !== null
  const rejected = entry?.rejected ?? []
  const unrelated = rejected.filter(({ code }) => code === 'unrelated_object')
  const found = error ?? (unrelated.length > 0 && ended === null ? problem('unrelated_object') : null)
  const state = !isSubscription ? $state : ended !== null ? 'ended' : error ? 'error' : 'active'
  const foreign = $error !== undefined && !isOurProblem($error) && found === null ? { $error } : {}
  const marked = {
    ...rest,
    ...(state === undefined ? {} : { $state: state }),
    ...(found === null ? foreign : { $error: found }),
    ...(ended === null || ended === '' ? {} : { $reason: ended }),
    ...(rejected.length > 0 && isSubscription ? { $rejected: rejected } : {}),
  } as ObjectDoc
  return isSameJson(marked, doc) ? [] : [{ kind: 'put-document', doc: marked }]
}
