// How a share is opened: its database is filled while nobody may enter it, and then those are let in who may.
import { isDeepStrictEqual } from 'node:util'
import type { Access } from '../model/access.ts'
import { isToBeFilled, type ShareEntry } from '../model/entry.ts'
import { ADMIN_ONLY, narrowsReading } from '../../documents/security.ts'
import { grantedTo } from './share-document.ts'
import type { ShareEffect, ShareFacts } from './share-facts.ts'
import {
  changeEntry,
  changeState,
  count,
  enlist,
  isFirst,
  planRotation,
  reopened,
  restoreAccount,
  securityOf,
  turnHome,
} from './share-steps.ts'

/** All that a share needs, from whichever step it stopped at. */
export function open(facts: ShareFacts, access: Access): ShareEffect[] {
  const { entry } = facts
  return entry === null || isToFill(facts, access) ? fill(facts, access) : letIn(facts, entry, access)
}

/** True for a share whose objects are not all in place yet: nobody is let in, and its owner is not told that it is open. */
export function isToFill(facts: ShareFacts, access: Access): boolean {
  const { entry } = facts
  if (entry?.filled !== undefined && facts.databaseExists) return !entry.filled
  return !isRemade(facts, access)
}

/**
 * True where the database is to be made anew, or was there in this life of the share's and is not any more: it is filled from the
 * outbox, of which nothing is readable but what the bases allow.
 */
function isRemade(facts: ShareFacts, access: Access): boolean {
  const { entry, databaseExists, security } = facts
  if (!databaseExists) return entry !== null && !isFirst(entry)
  const isNarrowed = narrowsReading(security ?? ADMIN_ONLY, securityOf(facts, entry, access))
  return entry?.rotate === true || isNarrowed
}

/** Has the objects copied in while the database is the admins' alone; the share is planned again when all are there. */
function fill(facts: ShareFacts, access: Access): ShareEffect[] {
  const { share, entry, security, scanning, fromStart } = facts
  if (entry?.filled === undefined) return beginFilling(facts, access)
  return [
    ...(isDeepStrictEqual(entry.access, access) ? [] : [changeEntry(share, { access })]),
    ...(isDeepStrictEqual(security, ADMIN_ONLY) ? [] : [{ kind: 'prepare-database', share } as const]),
    ...turnHome(facts, entry, access),
    // Another daemon has begun it, and its word of how far it has come may get lost.
    ...(scanning || fromStart ? [] : [{ kind: 'scan', share } as const]),
  ]
}

function beginFilling(facts: ShareFacts, access: Access): ShareEffect[] {
  const { share, entry, databaseExists, fromStart } = facts
  const isReopened = entry !== null && !databaseExists
  return [
    ...(entry === null
      ? [{ kind: 'claim', share } as const]
      : entry.state === 'ended'
        ? reopened(share)
        : []),
    // Sequences of the database that was mean nothing to the one that will be.
    changeEntry(share, { access, ...(isReopened ? { rotations: (entry.rotations ?? 0) + 1 } : {}) }),
    { kind: 'create-outbox' },
    // A job that outlived its target goes on from where it was, and would leave the first copies out.
    ...(isReopened ? [{ kind: 'stop-replication', share } as const] : []),
    { kind: 'prepare-database', share },
    ...turnHome(facts, entry, access),
    // From now on objects are copied. Only what is gone through after that counts for it.
    changeEntry(share, { filled: false }),
    ...(fromStart ? [] : [{ kind: 'scan', share } as const]),
  ]
}

/** What is left when the objects of an owner were gone through for a share that is being filled. */
export const planFilled = (share: string, entry: ShareEntry): ShareEffect[] =>
  isToBeFilled(entry) ? [changeEntry(share, { filled: true })] : []

/** All is in place, or is brought from the outbox: members come in, and their subscriptions after them. */
function letIn(facts: ShareFacts, entry: ShareEntry, access: Access): ShareEffect[] {
  const { share, security, databaseExists, fromStart } = facts
  const wanted = securityOf(facts, entry, access)
  const isAnew = isRemade(facts, access)
  const isLost = !databaseExists && !entry.saved
  const turned = turnHome(facts, entry, access)
  return [
    // Before anything else: nobody who finds a database takes it for the one that was.
    ...(isLost ? noteLoss(facts, entry) : []),
    ...(entry.state === 'opening' ? [] : [changeState(share, 'opening')]),
    changeEntry(share, { access, ...(isAnew && !isLost && !entry.rotate ? { rotate: true } : {}) }),
    { kind: 'create-outbox' },
    // Turning home copies something in, and finds the database closed.
    ...(!databaseExists && turned.length > 0 ? [{ kind: 'create-database', share } as const] : []),
    ...(turned.length > 0 && !isDeepStrictEqual(security, ADMIN_ONLY)
      ? [{ kind: 'secure', share, security: ADMIN_ONLY } as const]
      : []),
    ...turned,
    ...(isAnew
      ? planRotation(facts, wanted)
      : [{ kind: 'complete', share } as const, { kind: 'secure', share, security: wanted } as const]),
    ...restoreAccount(facts, entry),
    ...(isAnew ? [] : [{ kind: 'start-replication', share } as const]),
    ...(isAnew && !fromStart ? [{ kind: 'scan', share } as const] : []),
    // Before anything is given to subscribers: what they were given by name earlier may have been more.
    ...enlist(facts, grantedTo(facts, access)),
    changeEntry(share, {
      state: 'active',
      problem: undefined,
      ...(entry.filled === undefined ? {} : { filled: undefined }),
    }),
    { kind: 'tell-participants', share },
    ...count(facts, entry),
  ]
}

const noteLoss = ({ share }: ShareFacts, { losses = 0 }: ShareEntry): ShareEffect[] => [
  changeEntry(share, { losses: losses + 1, rotate: true }),
  { kind: 'pause-participants', share },
]
