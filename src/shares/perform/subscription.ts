// Performs what was planned for a user's part in somebody else's share, step by step.
import { isOurs } from '../model/entry.ts'
import type { SubscriptionEntry } from '../model/subscription.ts'
import type { SubscriptionEffect } from '../plan/subscription.ts'
import type { Deps } from '../deps.ts'
import { createOutbox } from '../outboxes.ts'
import { tellOwner } from './announce.ts'
import { beginScan } from '../scans.ts'
import { writeUserDocument } from './share.ts'
import { START } from '../../engine/checkpoint.ts'
import { shareCheckpoint } from '../model/ids.ts'

/**
 * Performs effects in their order, up to a change of an entry that says something else by now.
 * @param read the entry that they were planned from
 * @returns false where the rest is to be planned again
 * @throws {CouchFault} where CouchDB fails; what has landed stays
 */
export async function performSubscription(
  deps: Deps,
  subscriber: string,
  effects: readonly SubscriptionEffect[],
  read: SubscriptionEntry | null,
): Promise<boolean> {
  // Noted first: a crash in between would leave the owner with what was before.
  const told = effects.find(({ kind }) => kind === 'tell-owner')
  if (told && 'share' in told) await noteForOwner(deps, told.share)
  let there = read
  for (const effect of effects) {
    if (effect.kind !== 'change-subscription') await perform(deps, subscriber, effect)
    else {
      there = await change(deps, subscriber, effect, there)
      if (there === null) return false
    }
  }
  return true
}

async function change(
  { registry, users, log }: Deps,
  subscriber: string,
  { share, change: wanted }: Extract<SubscriptionEffect, { kind: 'change-subscription' }>,
  read: SubscriptionEntry | null,
): Promise<SubscriptionEntry | null> {
  const db = users.database(subscriber)
  const there = await registry.changeSubscription(share, subscriber, db, wanted, read)
  if (there !== null && wanted.state) log.info({ db, share, state: wanted.state }, 'subscription')
  return there
}

async function perform(
  deps: Deps,
  subscriber: string,
  effect: Exclude<SubscriptionEffect, { kind: 'change-subscription' }>,
): Promise<void> {
  const { checkpoints, users, mark } = deps
  const database = users.database(subscriber)
  switch (effect.kind) {
    case 'follow':
      checkpoints.set(shareCheckpoint(effect.share, database), START)
      await checkpoints.flush()
      mark(subscriber, { feeds: new Set([effect.share]) })
      return
    case 'create-outbox':
      return createOutbox(deps, subscriber)
    case 'scan':
      return beginScan(deps, subscriber, [effect.share])
    case 'tell-owner': {
      const owner = await noteForOwner(deps, effect.share)
      if (owner !== null) await tellOwner(deps, owner, effect.share)
      return
    }
    case 'put-document':
      return writeUserDocument(deps, subscriber, effect.doc)
    case 'drop-leaf':
      return writeUserDocument(deps, subscriber, { _id: effect.id, _rev: effect.rev, _deleted: true })
    default:
      return effect satisfies never
  }
}

/** The owner's document has something new to tell. @returns whose that is, where there is still one */
async function noteForOwner({ registry, users }: Deps, share: string): Promise<string | null> {
  const entry = await registry.entry(share)
  if (!entry || entry.state === 'ended' || !isOurs(entry, users)) return null
  await registry.change(share, { due: true })
  return entry.owner
}
