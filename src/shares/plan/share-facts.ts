// What a share is planned from, and what a plan of it may hold.
import type { Right } from '../model/access.ts'
import type { ShareEntry } from '../model/entry.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import type { Grants } from '../../documents/security.ts'
import type { Rival } from './leaves.ts'
import type { ShareSecurity } from '../model/security.ts'

/** Somebody who takes part in a share, or is invited to. */
export interface Participant {
  subscriber: string
  /** The user's name, where anybody knows it. */
  name: string | null
  isActive: boolean
  /** What the owner gave them by name, as the registry has it. */
  granted: Right | null
  right: Right | null
  /** They knew the password when joining. Where that is not known, `right` is taken for what they may do. */
  admitted?: boolean
}

export interface ShareFacts {
  share: string
  /** The user database that the document stands in. */
  database: string
  /** `$share/<id>` as it is there, or null where it is deleted or never was. */
  doc: ObjectDoc | null
  rivals: readonly Rival[]
  /** The document is not there and was not deleted either: its database was created again, and it may come back. */
  isMissing: boolean
  entry: ShareEntry | null
  /** Whether `share/<id>` exists. */
  databaseExists: boolean
  /** `_security` of `share/<id>` as it is in force, and how many documents are there. */
  security: Partial<ShareSecurity> | null
  objects: number
  /** Whether the owner's user database exists. */
  ownerExists: boolean
  /** Whether the owner's objects are being gone through for this share. */
  scanning: boolean
  /** Whether they need not be, because all of them are still to come. */
  fromStart: boolean
  /** How the owner stands in CouchDB. */
  owner: Grants
  /** Users whom `access` names, on any leaf or in the entry, as far as there are such: how they stand, and their databases. */
  named: ReadonlyMap<string, { grants: Grants; owners: readonly string[] }>
  /** Accounts, the owner's or named ones, that lack the role by which the user database of their name would be theirs; by name, the role. */
  withoutRole?: ReadonlyMap<string, string>
  participants: readonly Participant[]
  /** How the account of those who know the password stands. */
  account: 'in force' | 'changed'
  /** A password on the document is that of the account already. */
  isPasswordInForce: boolean
  /** Somebody wrote into `share/<id>` directly. */
  isWrittenDirectly: boolean
  /** What others wrote into `share/<id>` was taken in, to the last change. */
  isDrained: boolean
  /** The most bytes of a document that somebody may write who writes only because everybody may. */
  publicMostBytes: number
  /** The most shares of one user, where the owner has as many beside this one, which would be a new one. */
  mostShares?: number
  /**
   * The owner's objects may say less by now than the share shows: whoever has not read there yet is not let in. What is
   * held back is planned when they were looked at.
   */
  isBehind?: boolean
}

/** What may change in an entry; undefined takes an attribute out. */
export type EntryChange = { [Key in ChangingKey]?: ShareEntry[Key] | undefined }

type ChangingKey =
  | 'state'
  | 'access'
  | 'password'
  | 'home'
  | 'filled'
  | 'rotate'
  | 'refilled'
  | 'forgotten'
  | 'saved'
  | 'losses'
  | 'rotations'
  | 'closing'
  | 'emptied'
  | 'problem'
  | 'due'
  | 'rejected'
  | 'counts'

/** Effects come in the order in which they must land; each is idempotent. */
export type ShareEffect =
  /** Claims the id. Where somebody was faster, the rest is off and the share is planned again. */
  | { kind: 'claim'; share: string }
  | { kind: 'change-entry'; share: string; change: EntryChange }
  | { kind: 'create-outbox' }
  | { kind: 'create-database'; share: string }
  /** Creates the database to be filled: the admins' alone, without validation functions that let admins pass. */
  | { kind: 'prepare-database'; share: string }
  /** Brings into the share what the outbox has for it, and the share has not. */
  | { kind: 'complete'; share: string }
  /** Puts design documents and `_security` in place. */
  | { kind: 'secure'; share: string; security: object }
  /** Puts a new password in force; then the share is planned again. */
  | { kind: 'set-password'; share: string; password: string }
  | { kind: 'restore-account'; share: string }
  | { kind: 'remove-account'; share: string }
  /** From now on copies are written into the share itself: others may write there. */
  | { kind: 'turn-home'; share: string }
  /** Lands when the replication document is accepted and not `failed`. */
  | { kind: 'start-replication'; share: string }
  /** Lands when no job is left. */
  | { kind: 'stop-replication'; share: string }
  /** Takes in what others wrote into the share, to the last change; then the share is planned again. */
  | { kind: 'drain'; share: string }
  | { kind: 'drop-database'; share: string }
  /** Nothing is left in the outbox of what the share had. */
  | { kind: 'forget-copies'; share: string }
  /** Makes the share database anew, with everything that is in it now. */
  | { kind: 'rotate'; share: string; security: object }
  /** Has all objects of the owner gone through again, and the share planned again after that. */
  | { kind: 'scan'; share: string }
  /** Writes down who is named, and has everybody who takes part look at the share again. */
  | { kind: 'enlist'; share: string; granted: Record<string, Right> }
  | { kind: 'tell-participants'; share: string }
  /** Has all that participants have compared with the share when it is back: a feed tells nothing of what is not there. */
  | { kind: 'pause-participants'; share: string }
  | { kind: 'put-document'; doc: ObjectDoc }
  | { kind: 'drop-leaf'; id: string; rev: string }
