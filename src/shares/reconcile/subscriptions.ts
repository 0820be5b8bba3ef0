// Plans a user's parts in the shares of others, and has them carried out.
import { concernsOneDocument, isFault } from '../../couch/fault.ts'
import { gatherSubscription } from '../gather/subscription.ts'
import type { UserDoc } from '../gather/user-docs.ts'
import { planLeft, planSubscription } from '../plan/subscription.ts'
import { performSubscription } from '../perform/subscription.ts'
import type { Context } from './context.ts'
import { shareOfSubscription, subscriptionDocumentId } from '../model/ids.ts'

/** @param extra shares in which the user's part is to be planned whether or not its document is among `docs` */
export async function planSubscriptions(
  context: Context,
  docs: readonly UserDoc[],
  extra: ReadonlySet<string>,
): Promise<void> {
  const absent = [...extra].filter((share) => !docs.some(({ id }) => id === subscriptionDocumentId(share)))
  for (const doc of docs) await planOne(context, shareOfSubscription(doc.id) ?? '', doc)
  for (const share of absent) await planOne(context, share, null)
}

async function planOne(context: Context, share: string, first: UserDoc | null): Promise<void> {
  const { deps, owner } = context
  try {
    for (let found = first; ; found = null) {
      const { scan } = await context.checkpoint(context.user.name)
      const facts = await gatherSubscription(deps, owner, share, found, {
        scanning: scan?.shares.includes(share) ?? false,
        isOrphan: context.orphans.has(share),
      })
      if (await performSubscription(deps, owner, planSubscription(facts), facts.entry)) return
    }
  } catch (error) {
    if (isFault(error) && !concernsOneDocument(error)) throw error
    context.setAside(subscriptionDocumentId(share), error)
  }
}

/**
 * What is left when the objects of a user were gone through for a share. Where another daemon was faster, that is over.
 * @param isForEnd for the end of the user's part: one that came to its end meanwhile was gone through as one that goes on
 */
export async function finishSubscription(context: Context, share: string, isForEnd: boolean): Promise<void> {
  const { deps, owner } = context
  const facts = await gatherSubscription(deps, owner, share, null, { scanning: false })
  if (facts.entry?.state === 'ending' && !isForEnd) return
  await performSubscription(deps, owner, planLeft(facts), facts.entry)
}
