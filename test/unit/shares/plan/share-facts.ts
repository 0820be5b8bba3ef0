// Facts about a share that is called `s`, made short, and what is planned for them, in words.
import assert from 'node:assert/strict'
import { OWNER_ONLY, type Access } from '../../../../src/shares/model/access.ts'
import type { ShareEntry, ShareState } from '../../../../src/shares/model/entry.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import type { PasswordAccount } from '../../../../src/shares/model/password.ts'
import { ADMIN_ONLY, type Grants } from '../../../../src/documents/security.ts'
import { planShare } from '../../../../src/shares/plan/share.ts'
import type { Participant, ShareEffect, ShareFacts } from '../../../../src/shares/plan/share-facts.ts'
import type { ShareSecurity } from '../../../../src/shares/model/security.ts'

export const MINE = 'user/me'
export const THEIRS = 'user/them'
export const OWNER: Grants = { names: [], roles: ['me'] }
export const MOST_BYTES = 1000

export const ACCOUNT: PasswordAccount = {
  name: 'share-s-1',
  role: 'share/s/1',
  salt: 'salt',
  derivedKey: 'p1',
  iterations: 1,
}
export const SHOWN = { set: true, name: ACCOUNT.name }

/** u1 and u2 stand as roles, with databases; n as a name, without one; nobody has the name `x`. */
export const NAMED: ShareFacts['named'] = new Map([
  ['u1', { grants: { names: [], roles: ['u1'] }, owners: ['u1'] }],
  ['u2', { grants: { names: [], roles: ['u2'] }, owners: ['u2'] }],
  ['n', { grants: { names: ['n'], roles: [] }, owners: [] }],
])

export const entryOf = (state: ShareState, database = MINE, more: Partial<ShareEntry> = {}): ShareEntry => ({
  _id: 'share/s',
  _rev: '1-e',
  type: 'share',
  owner: database.slice('user/'.length),
  database,
  state,
  createdAt: '2024-01-01T00:00:00.000Z',
  updatedAt: '2024-01-01T00:00:00.000Z',
  ...more,
})

/** An entry of a share that is in place. */
export const inPlace = (access: Access, more: Partial<ShareEntry> = {}): ShareEntry =>
  entryOf('active', MINE, { access, counts: { objects: 0, subscribers: 0 }, ...more })

/** A `$share` as its user wrote it. */
export const docOf = (attributes: Record<string, unknown> = {}, id = '$share/s'): ObjectDoc => ({
  _id: id,
  _rev: '2-d',
  type: '$share',
  ...attributes,
})

/** Facts that differ in this from those of a share that nobody has asked for. */
export const factsOf = (given: Partial<ShareFacts>): ShareFacts => ({
  share: 's',
  database: MINE,
  doc: null,
  rivals: [],
  entry: null,
  databaseExists: false,
  security: null,
  objects: 0,
  ownerExists: true,
  scanning: false,
  fromStart: false,
  isMissing: false,
  owner: OWNER,
  named: NAMED,
  participants: [],
  account: 'in force',
  isPasswordInForce: false,
  isWrittenDirectly: false,
  isDrained: false,
  publicMostBytes: MOST_BYTES,
  ...given,
})

export const plan = (given: Partial<ShareFacts>): ShareEffect[] => planShare(factsOf(given))

/** A `_security` in words: who reads, and who writes. */
function who(security: object): string {
  const { admins, members, writers } = security as ShareSecurity
  assert.deepEqual(admins, ADMIN_ONLY.admins, 'the server’s admins alone are admins')
  if (members.roles.includes('_admin')) return 'for nobody'
  const read = [...members.names, ...members.roles].join(',')
  const write = [...writers.names, ...writers.roles, ...(writers.everyone ? ['all'] : [])].join(',')
  return `r:${read === '' ? 'all' : read} w:${write}`
}

/** An effect in a few words; of a document, what the user sees. */
export function inWords(effect: ShareEffect): string {
  switch (effect.kind) {
    case 'change-entry': {
      const changes = Object.entries(effect.change).map(([key, value]) =>
        value === undefined ? `-${key}` : typeof value === 'string' ? `${key}=${value}` : key,
      )
      return `entry ${changes.sort().join(' ')}`
    }
    case 'secure':
      return `secure ${who(effect.security)}`
    case 'rotate':
      return `rotate ${who(effect.security)}`
    case 'enlist':
      return `enlist ${Object.entries(effect.granted)
        .map(([hash, right]) => `${hash}=${right}`)
        .sort()
        .join(' ')}`.trim()
    case 'put-document': {
      const { $state, $error } = effect.doc
      const code = ($error as { code?: string } | undefined)?.code
      return `doc ${String($state)}${code === undefined ? '' : ` ${code}`}`
    }
    case 'drop-leaf':
      return `drop ${effect.rev}`
    default:
      return effect.kind
  }
}

/** Steps one after the other; those that are not taken are false. */
export const steps = (...some: (string | false)[]): string =>
  some.filter((one) => one !== false && one !== '').join(', ')

/** All effects, in their order. */
export const allInWords = (effects: readonly ShareEffect[]): string => steps(...effects.map(inWords))

/** What is planned. */
export const words = (given: Partial<ShareFacts>): string => allInWords(plan(given))

/** The document as it is written. */
export const putOf = (effects: readonly ShareEffect[]): ObjectDoc =>
  effects.find((effect) => effect.kind === 'put-document')?.doc ?? assert.fail('no document is written')

export const MINE_ALONE = 'r:me w:me'
export const securityOf = (read: string[], write: string[]): ShareSecurity => ({
  admins: { names: [], roles: ['_admin'] },
  members: { names: [], roles: read },
  writers: { names: [], roles: write },
})
export const PRIVATE = securityOf(['me'], ['me'])
export const PUBLIC = securityOf([], ['me'])
/** A share of the owner's alone, in place. */
export const there = (more: Partial<ShareEntry> = {}): Partial<ShareFacts> => ({
  entry: inPlace(OWNER_ONLY, more),
  databaseExists: true,
  security: PRIVATE,
})
export const theirs = (state: ShareState): Partial<ShareFacts> => ({ entry: entryOf(state, THEIRS) })

/** Somebody whom `access` names as a reader, and who does not take part (yet). */
export const reader = (subscriber: string): Participant => ({
  ...{ subscriber, name: subscriber, granted: 'read', right: 'read' },
  ...{ isActive: false, admitted: false },
})

export const ACTIVATE = 'entry -problem state=active'
const FILL = 'prepare-database, entry filled, scan'
/** What begins to fill a share whose id is claimed, and that was not there. */
export const FILL_CLAIMED = `entry access, create-outbox, ${FILL}`
/** The same, of an id that nobody has. */
export const FILL_NEW = `claim, ${FILL_CLAIMED}`
/** Its database is not there: sequences of the one that was mean nothing to the one that will be. */
export const FILL_AGAIN = `entry access rotations, create-outbox, stop-replication, ${FILL}`
/** The entry of a share that nobody may enter yet, with its database. */
export const filling = (filled: boolean, more: Partial<ShareEntry> = {}): Partial<ShareFacts> => ({
  entry: entryOf('opening', MINE, { access: OWNER_ONLY, filled, ...more }),
  databaseExists: true,
  security: ADMIN_ONLY,
})
/** What opens a share when all objects are in it. */
export const letIn = (whom: string, enlist: string | false = false): string =>
  steps(
    'entry access, create-outbox, complete',
    `secure ${whom}, start-replication`,
    // Before it is active: what subscribers were given earlier may have been more.
    enlist,
    'entry -filled -problem state=active, tell-participants',
  )
export const END = 'stop-replication, drop-database, forget-copies, scan, entry emptied'
/** What ends a share is begun with this. */
export const BEGIN_END = 'entry saved state=ending, tell-participants'
/** The same for a share whose database was lost before that, or that of its owner. */
export const BEGIN_END_LOST = 'entry losses saved state=ending, tell-participants'
/** The share database is made anew. */
export const rotate = (whom: string): string =>
  `stop-replication, rotate ${whom}, start-replication, entry -rotate rotations, tell-participants`
/** The share database is filled again from the outbox. */
export const FILLED_AGAIN = `entry -problem state=opening, entry access, create-outbox, ${rotate(MINE_ALONE)}, scan, entry -problem state=active, tell-participants`
export const active = { $state: 'active' }
/** The last that is done for a share that ends. */
export const OVER =
  'tell-participants, entry -access -counts -emptied -filled -forgotten -home -problem -rejected -rotate -saved state=ended'
