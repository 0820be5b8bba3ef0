// Performs what was planned for a user's part in somebody else's share, step by step.
import { START } from '../feed/checkpoints.ts'
import { shareCheckpoint } from '../model/names.ts'
import type { SubscriptionEffect } from '../plan/subscription.ts'
import type { Deps } from './deps.ts'
import { beginScan, createOutbox, writeUserDocument } from './shares.ts'

/** Performs effects in their order. @throws {CouchFault} where CouchDB fails; what has landed stays */
export async function performSubscription(
  deps: Deps,
  subscriber: string,
  effects: readonly SubscriptionEffect[],
): Promise<void> {
  // Noted first: a crash in between would leave the owner with what was before.
  const told = effects.find(({ kind }) => kind === 'tell-owner')
  if (told && 'share' in told) await noteForOwner(deps, told.share)
  for (const effect of effects) await perform(deps, subscriber, effect)
}

async function perform(deps: Deps, subscriber: string, effect: SubscriptionEffect): Promise<void> {
  const { checkpoints, registry, users, mark, log } = deps
  const database = users.database(subscriber)
  switch (effect.kind) {
    case 'change-subscription':
      await registry.changeSubscription(effect.share, subscriber, database, effect.change)
      if (effect.change.state)
        log.info({ db: database, share: effect.share, state: effect.change.state }, 'subscription')
      return
    case 'follow':
      checkpoints.set(shareCheckpoint(effect.share, database), START)
      await checkpoints.flush()
      mark(subscriber, { feeds: new Set([effect.share]) })
      return
    case 'create-outbox':
      return createOutbox(deps, subscriber)
    case 'scan':
      return beginScan(deps, subscriber, effect.share)
    case 'tell-owner': {
      const owner = await noteForOwner(deps, effect.share)
      if (owner !== null) mark(owner, { shares: new Set([effect.share]) })
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
  if (!entry || entry.state === 'ended' || users.database(entry.owner) !== entry.database) return null
  await registry.change(share, { due: true })
  return entry.owner
}
