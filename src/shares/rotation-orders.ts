// Orders that a share database be made anew: they outlive the daemon.
import type { ShareEntry } from './model/entry.ts'
import type { Deps } from './deps.ts'

/** Makes the share database anew, later: the registry remembers it, so that bases may be narrowed at once. */
export async function orderRotation(
  { registry, rotations }: Deps,
  owner: string,
  share: string,
  more: Pick<ShareEntry, 'refilled' | 'forgotten'> = {},
): Promise<void> {
  await registry.orderRotation(share, more)
  rotations.set(owner, new Set([...(rotations.get(owner) ?? []), share]))
}
