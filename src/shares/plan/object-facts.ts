// What an object is planned from, and what a plan of it may hold.
import type { Agreed, Base } from '../model/base.ts'
import type { Held, Histories } from '../model/history.ts'
import type { Content, ObjectDoc, Selection } from '../../documents/content.ts'
import type { Problem } from '../../documents/problem.ts'
import type { Clock } from '../../documents/time.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { Rival } from './leaves.ts'

/**
 * How a share stands to the object's author. `opening`: the author's, and not in place (again) yet: what is shared
 * waits as it is · `absent`: unknown, or over.
 */
export type Standing = 'open' | 'opening' | 'ending' | 'foreign' | 'absent'

/** A copy as the outbox has it; null: there is none, or a tombstone. */
export type CopyState = ObjectDoc | null

export interface ObjectFacts {
  object: string
  /** The winning leaf, or null where the object is deleted or was never there. */
  doc: ObjectDoc | null
  /** There is not even a tombstone: nobody has deleted it from this database. */
  isMissing: boolean
  /** There is not even a tombstone because an admin has purged it. */
  isPurged?: true
  rivals: readonly Rival[]
  /** Where there are rivals: the revisions of the winner, the newest first. */
  line?: readonly string[]
  base: Base | null
  /** What it held at the revision from which a device brought it back, where the base tells of a later one. */
  ground?: Held
  /** For every share that the object or its base names, and that goes one way: from the outbox into the share. */
  standings: ReadonlyMap<string, Standing>
  copies: ReadonlyMap<string, CopyState>
  /** Shares in which others write, or that are somebody else's. */
  exchanges: ReadonlyMap<string, ExchangeFacts>
  /** It waits for long for shares that are not there: its author is told. */
  isLate?: boolean
  /** The most bytes of a copy; absent: without a limit. */
  mostBytes?: number
  clock: Clock
}

/** Where a copy is written: into the owner's outbox, or into the share itself. */
export type Home = 'outbox' | 'share'

/** Effects come in the order in which they must land. */
export type ObjectEffect =
  /** `rev` is that of the base as the facts had it. An empty base is deleted. */
  | {
      kind: 'put-base'
      object: string
      shares: Record<string, Selection>
      agreed: Record<string, Agreed>
      rev: string | null
      stage: 'before' | 'after'
      /** The shares that it lists no more, and of which there was no copy in the outbox. */
      hidden?: string[]
      /** What the object and its copies are known to have held; where `rev` is null, what this turn writes. */
      seen?: Histories
    }
  | {
      kind: 'put-copy'
      home: Home
      share: string
      object: string
      content: Content
      over: CopyState
      from: ObjectDoc
      sources: readonly Source[]
    }
  /** `over` is null where there is none, not even a tombstone: others are told by one that it is gone. */
  | { kind: 'delete-copy'; home: Home; share: string; object: string; over: ObjectDoc | null }
  /** A further leaf of a copy goes. */
  | { kind: 'drop-copy-leaf'; share: string; object: string; rev: string }
  /** A content that gave way is kept, as a deleted conflict of the copy, or of the object where `share` is null. */
  | {
      kind: 'keep-loser'
      share: string | null
      object: string
      content: Content
      sources: readonly Source[]
    }
  /** What others changed goes into the user's object. */
  | {
      kind: 'put-object'
      object: string
      doc: ObjectDoc
      over: ObjectDoc | null
      sources: readonly Source[]
    }
  | { kind: 'remove-object'; object: string; rev: string }
  /** What the share database still holds of old revisions is to be really removed; `isFirst`: there is more to do then. */
  | { kind: 'withdraw'; share: string; object: string; isFirst?: true }
  | { kind: 'settle-object'; doc: ObjectDoc; strip: string[]; problems: ReportedProblem[] }
  | { kind: 'drop-leaf'; object: string; rev: string; content?: Content | null }
  /** What its author wrote and what was not carried over is listed; null: it is healed. */
  | { kind: 'report'; share: string; object: string; problem: Problem | null }

/** A leaf that may hold attachments: of the copy in a share, or of the object itself where `share` is null. */
export interface Source {
  share: string | null
  leaf: ObjectDoc
}

/** A problem of one key of `$shares`, or of all of `$shares` where `share` is null. */
export interface ReportedProblem {
  share: string | null
  problem: Problem
}
