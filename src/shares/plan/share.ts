// What is to be done for a share: its document, its registry entry and its database, brought to agree.
import { isDeepStrictEqual } from 'node:util'
import { amongReaders, OWNER_ONLY, type Access } from '../model/access.ts'
import { isToBeThere, type ShareEntry } from '../model/entry.ts'
import { shownPassword } from '../model/password.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import {
  ADMIN_ONLY,
  bothAllow,
  isPublic,
  narrowsReading,
  type FoundSecurity,
} from '../../documents/security.ts'
import { parseShareLeaves, withoutPublic } from '../model/share.ts'
import { grantedTo, hidePassword, mark, markAsIs, redundantShareLeaves } from './share-document.ts'
import type { ShareFacts, ShareEffect, EntryChange } from './share-facts.ts'
import { isToFill, open, planFilled } from './opening.ts'
import {
  changeEntry,
  count,
  enlist,
  isFirst,
  planRotation,
  remade,
  reopened,
  restoreAccount,
  securityOf,
  turnHome,
} from './share-steps.ts'

/** Plans one share of one owner. Seeing the same facts again after the effects have landed plans nothing. */
export function planShare(facts: ShareFacts): ShareEffect[] {
  const { doc, rivals } = facts
  if (doc === null) return planLife(facts)
  const redundant = redundantShareLeaves(doc, rivals)
  const drops = redundant.map((rev) => ({ kind: 'drop-leaf', id: doc._id, rev }) as const)
  // Where the winner itself goes, the user's own leaf takes its place, and is planned when that change comes by.
  if (redundant.includes(doc._rev)) return drops
  return [
    ...planLife({ ...facts, rivals: rivals.filter(({ leaf }) => !redundant.includes(leaf._rev)) }),
    ...drops,
  ]
}

function planLife(facts: ShareFacts): ShareEffect[] {
  const { share, doc, entry, database } = facts
  const mine = entry !== null && entry.database === database
  if (mine && entry.state !== 'ended') {
    const isDeleted = doc === null && !facts.isMissing
    if (isDeleted || entry.state === 'ending' || entry.order === 'end') return end(facts, entry)
    if (entry.order === 'suspend')
      return [...suspend(facts, entry), ...(doc ? markAsIs(facts, doc, problem('suspended')) : [])]
    if (entry.state === 'suspended' && facts.databaseExists) return resume(facts)
    if (isResuming(facts, entry)) return []
  }
  if (doc === null) return mine ? keepInForce(facts, entry) : []
  // An ended one is not opened while an order stands.
  if (mine && entry.order === 'end') return markAsIs(facts, doc, problem('ended_by_admin'))
  if (mine && entry.order === 'suspend') return markAsIs(facts, doc, problem('suspended'))

  const losers = facts.rivals.map(({ leaf }) => leaf)
  const request = parseShareLeaves(doc, losers)
  if (request.kind === 'malformed')
    return [...(mine ? keepInForce(facts, entry) : []), ...markAsIs(facts, doc, request.problem)]
  if (entry !== null && !mine) return markAsIs(facts, doc, problem('id_taken', share))
  // Of an ended share nothing is left: what stands under its name is somebody else's, too.
  const isFree = entry === null || entry.state === 'ended'
  if (isFree && facts.databaseExists) return markAsIs(facts, doc, problem('database_exists', share))
  if (isFree && facts.mostShares !== undefined)
    return markAsIs(facts, doc, problem('too_many_own_shares', String(facts.mostShares)))
  const { password } = request
  const access = heldBack(facts, request.access)
  const fault = passwordFault(facts, password)
  if (fault) return [...(mine ? keepInForce(facts, entry) : []), ...markAsIs(facts, doc, fault)]
  if (password.kind === 'new' && !facts.isPasswordInForce)
    return [
      ...begin(facts),
      ...lockOut(facts, access),
      { kind: 'set-password', share, password: password.password },
    ]
  const effects: ShareEffect[] = []
  let left = facts
  if (entry?.password && password.kind === 'none') {
    // In one step with the access that goes without it: in between everybody would be let in.
    effects.push({ kind: 'remove-account', share }, changeEntry(share, { password: undefined, access }))
    const { password: _, ...rest } = entry
    left = { ...facts, entry: { ...rest, access } }
  }
  const isInPlace = left.entry?.state === 'active' && facts.databaseExists
  if (!isInPlace && isToFill(left, access))
    return [...effects, ...open(left, access), ...hidePassword(left, doc, password)]
  return [
    ...effects,
    ...(isInPlace && left.entry ? bringInForce(left, left.entry, access) : open(left, access)),
    ...mark(left, doc, { access, password, found: isInPlace ? (left.entry?.problem ?? null) : null }),
  ]
}

/** What is wanted, without those who were not let in before, where they are not to be let in yet. */
const heldBack = ({ entry, isBehind }: ShareFacts, wanted: Access): Access =>
  isBehind && entry?.access && entry.state !== 'ended' ? amongReaders(entry.access, wanted) : wanted

/** What stands in place of a password names its account; another name is none of the daemon's. */
export function passwordFault({ entry }: ShareFacts, wish: { kind: string; name?: string }): Problem | null {
  return wish.kind === 'kept' && wish.name !== entry?.password?.name
    ? problem('password_account_taken', wish.name ?? '')
    : null
}

/** An id has to be one's own before anything is noted for it. */
function begin({ share, entry }: ShareFacts): ShareEffect[] {
  if (entry === null) return [{ kind: 'claim', share }]
  return entry.state === 'ended' ? reopened(share) : []
}

/**
 * Where those who know the password may do less from now on, nobody has the new one and the right that goes with the
 * old one: until it is set, only users of a name are let in.
 */
function lockOut(facts: ShareFacts, access: Access): ShareEffect[] {
  const { share, entry, security } = facts
  if (!entry?.password || security?.writers?.everyone !== true || access.write === true) return []
  const named = securityOf(facts, entry, withoutPublic(access))
  return [
    ...turnHome(facts, entry, access),
    changeEntry(share, { access }),
    { kind: 'secure', share, security: named },
  ]
}

/** What was asked for last and was in order goes on: users may have come or gone meanwhile. */
function keepInForce(facts: ShareFacts, entry: ShareEntry): ShareEffect[] {
  if (entry.state === 'ended' || !entry.access) return []
  const isInPlace = entry.state === 'active' && facts.databaseExists
  return isInPlace ? bringInForce(facts, entry, entry.access) : open(facts, entry.access)
}

/**
 * A share that is in place: who loses access is out before anybody is told, who gets it is let in last, and where copies are
 * written is turned before anybody new may write there.
 */
function bringInForce(facts: ShareFacts, entry: ShareEntry, access: Access): ShareEffect[] {
  const move = moveTo(facts, entry, access)
  const { isNarrowed, turning } = move
  const noted = noteMove(facts, move)
  const secured = secureForMove(facts, move)
  const told = [...enlist(facts, grantedTo(facts, access)), ...tellOfMove(facts, move)]
  return [
    ...(isNarrowed
      ? [...noted, ...secured, ...turning, ...told]
      : [...turning, ...noted, ...told, ...secured]),
    ...restoreAccount(facts, entry),
    ...restartForMove(facts, move),
    ...count(facts, entry),
  ]
}

/** From what is in force in a share to what is wanted. */
interface Move {
  access: Access
  /** The `_security` that is wanted. */
  wanted: FoundSecurity
  /** Another one is in force. */
  isOther: boolean
  /** Somebody reads by that who is not to. */
  isNarrowed: boolean
  /** The entry has another access. */
  isNew: boolean
  /** The database was to be made anew already. */
  isRebuildDue: boolean
  /** Old revisions that are to go are shown to nobody new; making the database anew sets what is wanted. */
  isHeldBack: boolean
  /** Has copies written into the share itself from now on; nothing where they are, or need not be. */
  turning: ShareEffect[]
}

function moveTo(facts: ShareFacts, entry: ShareEntry, access: Access): Move {
  const present = facts.security ?? ADMIN_ONLY
  const asked = securityOf(facts, entry, access)
  // Who signs up, or gets another role, is let in as late as who is named.
  const wanted = facts.isBehind
    ? { ...asked, members: bothAllow<FoundSecurity>(present, asked).members ?? ADMIN_ONLY.members }
    : asked
  const isOther = !isDeepStrictEqual(facts.security, wanted)
  const isRebuildDue = entry.rotate === true
  return {
    ...{ access, wanted, isOther, isRebuildDue },
    isNarrowed: isOther && narrowsReading(present, wanted),
    isNew: !isDeepStrictEqual(entry.access ?? OWNER_ONLY, access),
    isHeldBack: isRebuildDue && narrowsReading(wanted, present),
    turning: turnHome(facts, entry, access),
  }
}

/** What is to be in force, and that the database is to be made anew: a crash in between forgets neither. */
function noteMove({ share }: ShareFacts, { access, isNew, isNarrowed, isRebuildDue }: Move): ShareEffect[] {
  const change: EntryChange = {
    ...(isNew ? { access } : {}),
    ...(isNarrowed && !isRebuildDue ? { rotate: true } : {}),
  }
  return Object.keys(change).length > 0 ? [changeEntry(share, change)] : []
}

function secureForMove({ share }: ShareFacts, move: Move): ShareEffect[] {
  const { wanted, isOther, isNarrowed, isHeldBack, turning } = move
  if (!isOther || (isHeldBack && !isNarrowed)) return []
  // Turning home takes a while. Who is taken out does not read on for so long, and nobody new writes before.
  const isShut = isHeldBack || (isNarrowed && turning.length > 0)
  return [{ kind: 'secure', share, security: isShut ? ADMIN_ONLY : wanted }]
}

const tellOfMove = ({ share }: ShareFacts, { isOther, isNew }: Move): ShareEffect[] =>
  isOther || isNew ? [{ kind: 'tell-participants', share }] : []

/** A database that is made anew gets its replication with that, and ends the feeds of those who were taken out. */
function restartForMove(facts: ShareFacts, move: Move): ShareEffect[] {
  const { wanted, isNarrowed, isRebuildDue, turning } = move
  if (isNarrowed || isRebuildDue) return planRotation(facts, wanted)
  return turning.length > 0 ? [{ kind: 'start-replication', share: facts.share }] : []
}

/** True where everybody may enter a share that is not for everybody: somebody has emptied its `_security`. */
export const isLeftOpen = ({ entry, security }: ShareFacts): boolean =>
  entry?.state === 'active' &&
  security !== null &&
  isPublic(security) &&
  entry.access?.read !== true &&
  entry.access?.write !== true

/** Closed for everybody, the owner too; nothing is lost, and nothing goes in or out. */
function suspend(facts: ShareFacts, entry: ShareEntry): ShareEffect[] {
  const { share, databaseExists } = facts
  const isOpen = databaseExists && !isDeepStrictEqual(facts.security, ADMIN_ONLY)
  const isNew = entry.state !== 'suspended'
  const isRemade = databaseExists && (isOpen || entry.rotate === true)
  const turned = databaseExists && facts.isWrittenDirectly ? turnHome(facts, entry, OWNER_ONLY) : []
  const change: EntryChange = {
    ...(isNew ? { state: 'suspended', problem: undefined } : {}),
    ...(entry.filled === undefined ? {} : { filled: undefined }),
    ...(isOpen && !entry.rotate ? { rotate: true } : {}),
  }
  return [
    ...(Object.keys(change).length > 0 ? [changeEntry(share, change)] : []),
    ...(isOpen ? [{ kind: 'secure', share, security: ADMIN_ONLY } as const] : []),
    ...(isNew || isRemade ? [{ kind: 'tell-participants', share } as const] : []),
    ...turned,
    ...(isNew || isRemade ? [{ kind: 'stop-replication', share } as const] : []),
    ...(isRemade ? [{ kind: 'rotate', share, security: ADMIN_ONLY } as const, remade(facts)] : []),
  ]
}

/**
 * While a share was closed, nothing was taken out of it that its owner un-shared: the owner's objects are gone through first, and
 * the database is made anew after that.
 */
const resume = ({ share }: ShareFacts): ShareEffect[] => [
  { kind: 'scan', share },
  { kind: 'change-entry', share, change: { state: 'active', problem: undefined, rotate: true } },
]

const isResuming = ({ scanning, security }: ShareFacts, { rotate }: ShareEntry): boolean =>
  scanning && rotate === true && isDeepStrictEqual(security, ADMIN_ONLY)

/** True where nobody but those who take part has what they gave: the database was lost before it was read, or its owner's is gone. */
const isLeftWithOthers = ({ databaseExists, ownerExists }: ShareFacts, entry: ShareEntry): boolean =>
  !isFirst(entry) && isToBeThere(entry) && !(databaseExists && ownerExists)

/** Takes a share apart. While its owner's objects are gone through there is nothing more to do; after that it is over. */
function end(facts: ShareFacts, entry: ShareEntry): ShareEffect[] {
  const { share, scanning, ownerExists, databaseExists } = facts
  if (scanning && entry.emptied) return []
  const isBegun = entry.state === 'ending'
  // What others wrote last is their owner's: nothing more comes in, and what is there is taken in before it goes.
  const isHome = entry.home === 'share' || facts.isWrittenDirectly
  if (isHome && databaseExists && ownerExists && !facts.isDrained)
    return [
      ...(isBegun ? [] : [changeEntry(share, { state: 'ending' })]),
      ...enlist(facts, {}),
      { kind: 'secure', share, security: ADMIN_ONLY },
      ...turnHome(facts, entry, OWNER_ONLY),
      { kind: 'drain', share },
    ]
  // Before it goes, and before those who take part hear of it: of one that was lost before, they keep what they gave to it.
  const change: EntryChange = {
    ...(isBegun ? {} : { state: 'ending' }),
    ...(isLeftWithOthers(facts, entry) ? { losses: (entry.losses ?? 0) + 1 } : {}),
    ...(entry.saved ? {} : { saved: true }),
  }
  return [
    ...(Object.keys(change).length > 0 ? [changeEntry(share, change)] : []),
    ...enlist(facts, {}),
    ...(isBegun && entry.saved ? [] : [{ kind: 'tell-participants', share } as const]),
    ...(entry.password
      ? [{ kind: 'remove-account', share } as const, changeEntry(share, { password: undefined })]
      : []),
    { kind: 'stop-replication', share },
    { kind: 'drop-database', share },
    ...(ownerExists
      ? ([
          { kind: 'forget-copies', share },
          { kind: 'scan', share },
          // Only now: a scan that was under way when the share was asked to end is none of its end.
          changeEntry(share, { emptied: true }),
        ] as const)
      : over(share)),
  ]
}

/** Who takes part is told before that is all over: a crash in between tells them again. */
const over = (share: string): ShareEffect[] => [{ kind: 'tell-participants', share }, ended(share)]

const ended = (share: string): ShareEffect => ({
  kind: 'change-entry',
  share,
  change: {
    state: 'ended',
    access: undefined,
    home: undefined,
    filled: undefined,
    rotate: undefined,
    forgotten: undefined,
    saved: undefined,
    emptied: undefined,
    problem: undefined,
    rejected: undefined,
    counts: undefined,
  },
})

/** What is left when the objects of an owner were gone through for a share. */
export function planScanned(share: string, entry: ShareEntry | null): ShareEffect[] {
  if (entry === null) return []
  if (entry.state === 'ending' && entry.emptied) return over(share)
  if (entry.state === 'active' && entry.forgotten) return [changeEntry(share, { forgotten: undefined })]
  return planFilled(share, entry)
}

/** What is left where a share could not be opened: its owner reads why. */
export function planHalted(facts: ShareFacts, found: Problem): ShareEffect[] {
  const { doc, entry, isPasswordInForce } = facts
  if (doc === null) return []
  const account = isPasswordInForce && entry?.password ? { password: shownPassword(entry.password) } : {}
  return markAsIs(facts, doc, found, { ...doc, ...account })
}
