// Objects may come before their shares, from a device that was offline. One whose share does not come is told to its author.
import { sharesAwaited } from '../plan/object.ts'
import type { ObjectFacts } from '../plan/object-facts.ts'
import type { Context } from './context.ts'

/** Objects of one user that are remembered at once: where more wait, one mistake is behind most of them. */
export const MOST_AWAITING = 200

/** Remembers which of the objects wait for a share that is not there, and forgets those that do not, or say so by now. */
export async function noteAwaiting(context: Context, facts: readonly ObjectFacts[]): Promise<void> {
  const { checkpoints, now } = context.deps
  const checkpoint = await context.checkpoint(context.user.name)
  const awaiting = new Map(Object.entries(checkpoint.awaiting ?? {}))
  const before = [...awaiting.keys()].join()
  for (const one of facts)
    if (sharesAwaited(one).length === 0 || context.late.has(one.object)) awaiting.delete(one.object)
    else if (!awaiting.has(one.object) && awaiting.size < MOST_AWAITING) awaiting.set(one.object, now())
  if (before === [...awaiting.keys()].join()) return
  const { awaiting: _, ...rest } = checkpoint
  checkpoints.set(context.user.name, {
    ...rest,
    ...(awaiting.size === 0 ? {} : { awaiting: Object.fromEntries(awaiting) }),
  })
}

/** The objects that were noted by then. */
export async function awaitingSince(context: Context, lateSince: number): Promise<string[]> {
  const { awaiting = {} } = await context.checkpoint(context.user.name)
  return Object.entries(awaiting).flatMap(([object, since]) => (since <= lateSince ? object : []))
}
