// What an object in a share that others write into, or that is somebody else's, is planned from.
import { seenOf, type Agreed } from '../model/base.ts'
import type { Held, Histories } from '../model/history.ts'
import type { Consent, ObjectDoc, Selection } from '../../documents/content.ts'
import type { Digests } from '../../documents/digests.ts'
import type { Problem } from '../../documents/problem.ts'
import type { Clock } from '../../documents/time.ts'

/**
 * The copy as the share has it; `none`: there is not even a tombstone. `rivals` are further live leaves, `ancestors` what
 * the newest revision held that each of them has in common with the leaf and of which anything is known; `tombstones` are
 * deleted leaves that somebody pushed. `isReadable`: what was there before it was deleted may still be asked for.
 */
export type HomeCopy =
  | {
      kind: 'live'
      leaf: ObjectDoc
      rivals: readonly ObjectDoc[]
      ancestors?: readonly (Held | null)[]
      tombstones?: readonly PushedTombstone[]
      /** Where everybody may write: what leaves together may have. */
      mostBytes?: number
    }
  | { kind: 'deleted'; rev?: string; tombstones?: readonly PushedTombstone[]; isReadable?: true }
  | { kind: 'none' }

export type LiveCopy = Extract<HomeCopy, { kind: 'live' }>

/** A deleted leaf of a copy that was pushed, and that is no more than what clients do not see by themselves. */
export interface PushedTombstone {
  leaf: ObjectDoc
  /**
   * Where it was made from a revision that the live leaf comes from: what the copy held at that revision, and at each one
   * since, but for the live leaf; null where that is not known.
   */
  since?: readonly (Held | null)[]
}

/** What is left to be read of an object, and of its copy, where the base was lost. */
export interface Forgotten {
  /** What the object held before, the latest first, as far as CouchDB has not compacted it away; and what the copy did. */
  here: readonly Digests[]
  there: readonly Digests[]
  /** The object named the share before; null where not all of it can be read. */
  isNamed: boolean | null
}

export interface ExchangeFacts {
  share: string
  role: 'owner' | 'writer' | 'reader'
  /**
   * `waiting`: the share is not in place now · `ending`: this participant leaves, or the share ends for them ·
   * `closing`: the owner's share ends; what others wrote last is still taken in.
   */
  phase: 'active' | 'waiting' | 'ending' | 'closing'
  /** What becomes of the objects when a subscription ends. */
  onEnd: 'keep' | 'remove'
  home: HomeCopy
  /** What the owner shares, or shared until now, of the object; null where the owner has not met it yet. */
  limit: Selection | null
  /** The owner took it out: what comes back all the same is the owner's lane's to take out again. Not looked at for the owner. */
  isUnshared?: true
  /** How often the share database was lost. */
  losses?: number
  /** The share database is away, and nobody has noted yet that it was lost. Looked at where this participant leaves. */
  isAway?: true
  /** There is no copy, and the owner, who knows of one, is about to put it back. */
  isToCome?: true
  /** The base went with a lost outbox: what else tells of what it may have said. */
  forgotten?: Forgotten
  /** The most bytes and objects of somebody who writes only because everybody may. */
  bounds: Bounds | null
  /** The most bytes of an object that any user shares; absent: without a limit. */
  mostBytes?: number
  /** Others have brought as many objects into the owner's share as they may. */
  isFull?: true
  /** What is listed as rejected of this object already. */
  rejected: Problem['code'] | null
  /** By whose hash the share goes. */
  owner: string
}

/** The limits of somebody who writes only because everybody may; `objects` are those that they have brought. */
export interface Bounds {
  mostBytes: number
  mostObjects: number
  mostChanges: number
  objects: number
  /** They have made as many changes as they may for now. */
  isTooFast: boolean
}

export interface ExchangeOptions {
  object: string
  doc: ObjectDoc | null
  /**
   * Nobody has deleted it: the user's database was created again, and a client may bring the object back. Until then a
   * participant is as one who has just joined, and what an owner does not have is not shared.
   */
  isMissing?: boolean
  /** An admin has purged it. */
  isPurged?: boolean
  consent: Consent | undefined
  agreed: Agreed | null
  facts: ExchangeFacts
  /** The object came, or comes, from another share of the same owner's: it is the same object. */
  isRelated?: boolean
  /** The user has no such object; another share is about to bring it. */
  isBack?: boolean
  /** What of it stays because of other shares: all, where it is in a share of one's own; else what those show. */
  staying?: 'all' | ReadonlySet<string>
  /** What other shares of the same owner's show of it now. */
  elsewhere?: readonly Digests[]
  /** What they show, or have in common with this participant. */
  ownersElsewhere?: readonly Digests[]
  /** The share database was lost since: what is agreed is what both may be taken to have had. */
  isAfterLoss?: true
  /** What the object and its copies held before. */
  history?: Histories
  clock: Clock
}

/** What the owner shows a participant; while nobody knows, what was shown last. */
export const shownTo = ({ facts, agreed }: ExchangeOptions): Selection =>
  facts.limit ?? (agreed === null ? true : seenOf(agreed))
