// Steps of which the plans of a share are made.
import { isDeepStrictEqual } from 'node:util'
import type { Access, Right } from '../model/access.ts'
import type { ShareEntry } from '../model/entry.ts'
import { shareSecurity, type ShareSecurity } from '../model/security.ts'
import type { EntryChange, ShareEffect, ShareFacts } from './share-facts.ts'

/** A share begins anew. What an earlier one of the same id may have left in the outbox is nobody's to read. */
export const reopened = (share: string): ShareEffect[] => [
  { kind: 'forget-copies', share },
  changeState(share, 'opening'),
]

/** A new state; what kept the share from working is over. */
export const changeState = (share: string, state: ShareEntry['state']): ShareEffect => ({
  kind: 'change-entry',
  share,
  change: { state, problem: undefined },
})

/** Something else in the entry. */
export const changeEntry = (share: string, change: EntryChange): ShareEffect => ({
  kind: 'change-entry',
  share,
  change,
})

/** The account of a password, as it is in force. */
export const restoreAccount = ({ share, account }: ShareFacts, entry: ShareEntry | null): ShareEffect[] =>
  entry?.password && account === 'changed' ? [{ kind: 'restore-account', share }] : []

/** The `_security` that an access comes to. */
export const securityOf = (facts: ShareFacts, entry: ShareEntry | null, access: Access): ShareSecurity =>
  shareSecurity({
    owner: facts.owner,
    access,
    users: new Map([...facts.named].map(([name, { grants }]) => [name, grants])),
    passwordRole: entry?.password?.role ?? null,
    publicMostBytes: facts.publicMostBytes,
  })

/** Where anybody else may write, or somebody did, copies are written into the share itself, for good. */
export function turnHome(facts: ShareFacts, entry: ShareEntry | null, { write }: Access): ShareEffect[] {
  const isNeeded = write === true || write.length > 0 || facts.isWrittenDirectly
  return isNeeded && entry?.home !== 'share' ? [{ kind: 'turn-home', share: facts.share }] : []
}

/** Who is named, where the registry has it otherwise. */
export function enlist({ share, participants }: ShareFacts, granted: Record<string, Right>): ShareEffect[] {
  const listed = Object.fromEntries(
    participants.flatMap(({ subscriber, granted: right }) => (right ? [[subscriber, right]] : [])),
  )
  return isDeepStrictEqual(listed, granted) ? [] : [{ kind: 'enlist', share, granted }]
}

/** Objects are counted with those who take part; between that, a slow sweep counts them: no entry changes with each object. */
export function count({ share, objects, participants }: ShareFacts, entry: ShareEntry): ShareEffect[] {
  const subscribers = participants.filter(({ isActive }) => isActive).length
  if (subscribers === (entry.counts?.subscribers ?? 0)) return []
  return [{ kind: 'change-entry', share, change: { counts: { objects, subscribers } } }]
}

/** True where there has been no database in this life of the share's yet, or nothing in it. */
export const isFirst = ({ state, filled, rotations, rotate }: ShareEntry): boolean =>
  state === 'ended' || (state === 'opening' && filled === undefined && rotations === undefined && !rotate)

/** Makes a share database anew, so that old revisions and feeds that were open end with the old one. */
export const planRotation = (facts: ShareFacts, security: object): ShareEffect[] => [
  { kind: 'stop-replication', share: facts.share },
  { kind: 'rotate', share: facts.share, security },
  { kind: 'start-replication', share: facts.share },
  remade(facts),
  { kind: 'tell-participants', share: facts.share },
]

/** The database was made anew. */
export const remade = ({ share, entry }: ShareFacts): ShareEffect =>
  changeEntry(share, { rotate: undefined, rotations: (entry?.rotations ?? 0) + 1 })
