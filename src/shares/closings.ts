// Shares that another daemon makes anew, between a look at a copy and the base that says what was agreed there.
import type { ObjectEffect } from './plan/object-facts.ts'
import type { Deps } from './deps.ts'
import type { Progress } from './perform/shared-copies.ts'

/** A copy that was looked at, and what the registry said before of its share (`closing` of the entry). */
export interface Look {
  object: string
  share: string
  closing: string | undefined
}

/**
 * Locks keep the lanes of one daemon out while a share is made anew; those of another one may write into the database
 * that goes, after it was saved. That it is to go was written down before it was saved. So whoever asks after writing, and
 * finds nothing new, has written what was saved; else the objects wait, no base is written, and all is looked at again.
 */
export async function blockClosed(
  { registry }: Pick<Deps, 'registry'>,
  effects: readonly ObjectEffect[],
  looks: readonly Look[],
  progress: Progress,
): Promise<void> {
  const objects = new Set(effects.flatMap((effect) => ('object' in effect ? effect.object : [])))
  const concerned = looks.filter(({ object }) => objects.has(object))
  if (concerned.length === 0) return
  const entries = await registry.entries([...new Set(concerned.map(({ share }) => share))])
  for (const { object, share, closing } of concerned)
    if (entries.get(share)?.closing !== closing) {
      progress.blocked.add(object)
      progress.again.add(object)
    }
}
