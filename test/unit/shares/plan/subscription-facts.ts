// Facts about a user's part in a share that is called `s`, made short, and what is planned for them, in words.
import assert from 'node:assert/strict'
import type { Access } from '../../../../src/shares/model/access.ts'
import type { ShareEntry, ShareState } from '../../../../src/shares/model/entry.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import type { SubscriptionEntry, SubscriptionState } from '../../../../src/shares/model/subscription.ts'
import {
  planSubscription,
  type SubscriptionEffect,
  type SubscriptionFacts,
} from '../../../../src/shares/plan/subscription.ts'
import { ACCOUNT } from './share-facts.ts'

export const ANN = 'user/ann'

const TIMES = { createdAt: '2024-01-01T00:00:00.000Z', updatedAt: '2024-01-01T00:00:00.000Z' }

export const NOBODY: Access = { read: [], write: [] }
export const READ_ALL: Access = { read: true, write: [] }

/** Joe's share. */
export const shareOf = (
  access: Access,
  more: Partial<ShareEntry> = {},
  state: ShareState = 'active',
): ShareEntry => ({
  ...{ _id: 'share/s', _rev: '1-s', type: 'share', owner: 'joe', database: 'user/joe', state, access },
  ...TIMES,
  ...more,
})

export const withPassword = (access: Access): ShareEntry => shareOf(access, { password: ACCOUNT })

/** Ann's part in it, as the registry has it. */
export const partOf = (
  state: SubscriptionState,
  more: Partial<SubscriptionEntry> = {},
): SubscriptionEntry => ({
  ...{ _id: 'subscription/s/ann', _rev: '1-p', type: 'subscription', share: 's' },
  ...{ subscriber: 'ann', database: ANN, state },
  ...TIMES,
  ...more,
})

/** Ann takes part, and it is all written down. */
export const taking = (more: Partial<SubscriptionEntry> = {}): SubscriptionEntry =>
  partOf('active', { onEnd: 'remove', ...more })

/** A `$subscription` as its user wrote it. */
export const docOf = (attributes: Record<string, unknown> = {}, id = '$subscription/s'): ObjectDoc => ({
  ...{ _id: id, _rev: '2-d', type: '$subscription' },
  ...attributes,
})

export const invitationOf = (access: 'read' | 'write', more: Record<string, unknown> = {}): ObjectDoc => ({
  ...{ _id: '$invitation/s', _rev: '1-i', type: '$invitation', share: 's', owner: 'joe', access },
  ...more,
})

/** Facts that differ in this from those of Ann, who has nothing to do with a share that is not there. */
export const factsOf = (given: Partial<SubscriptionFacts>): SubscriptionFacts => ({
  share: 's',
  database: ANN,
  doc: null,
  rivals: [],
  isMissing: false,
  shareEntry: null,
  entry: null,
  invitation: null,
  ownerName: 'joe',
  password: 'none',
  scanning: false,
  databaseExists: true,
  ...given,
})

export const plan = (given: Partial<SubscriptionFacts>): SubscriptionEffect[] =>
  planSubscription(factsOf(given))

/** An effect in a few words; of a document, what the user sees. */
export function inWords(effect: SubscriptionEffect): string {
  switch (effect.kind) {
    case 'change-subscription': {
      const changes = Object.entries(effect.change).map(([key, value]) =>
        value === undefined ? `-${key}` : value === true ? key : `${key}=${JSON.stringify(value)}`,
      )
      return `entry ${changes.sort().join(' ')}`.replaceAll('"', '')
    }
    case 'put-document': {
      const { _id, _deleted, access, $state, $error } = effect.doc
      if (_id.startsWith('$invitation/')) return _deleted ? 'invitation gone' : `invitation ${String(access)}`
      const code = ($error as { code?: string } | undefined)?.code
      return `doc ${String($state)}${code === undefined ? '' : ` ${code}`}`
    }
    case 'drop-leaf':
      return `drop ${effect.rev}`
    default:
      return effect.kind
  }
}

/** All effects, in their order. */
export const allInWords = (effects: readonly SubscriptionEffect[]): string => effects.map(inWords).join(', ')

/** What is planned. */
export const words = (given: Partial<SubscriptionFacts>): string => allInWords(plan(given))

/** The `$subscription` as it is written. */
export const putOf = (effects: readonly SubscriptionEffect[]): ObjectDoc => {
  const found = effects.find(
    (effect) => effect.kind === 'put-document' && !effect.doc._id.startsWith('$invitation/'),
  )
  return found?.kind === 'put-document' ? found.doc : assert.fail('no document is written')
}
