// What most tests begin with, and wait for: a user with a share, an object whose copy becomes right.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../../src/couch/database.ts'
import type { Doc } from '../../src/couch/document.ts'
import type { Space } from './space.ts'

/** What a copy shows, without `_id` and `_rev`. */
export type Content = Record<string, unknown>

/** The document that asks for a share. */
export const shareDoc = (share: string, more: Content = {}): Doc => ({
  _id: `$share/${share}`,
  type: '$share',
  ...more,
})

/** Writes new documents; each has to be taken. */
export const put = async (user: Database, ...docs: Doc[]): Promise<void> => {
  for (const row of await user.bulk(docs)) assert.ok(row.ok, JSON.stringify(row))
}

/** Waits until the owner reads that a share is active. */
export async function becomesActive(space: Space, owner: string, share: string): Promise<void> {
  await space.until(
    `share ${share} of ${owner} is active`,
    async () => (await space.user(owner).get(`$share/${share}`))?.['$state'] === 'active',
  )
}

/** A user with a share, and the daemon at work. */
export async function joeShares(space: Space): Promise<{ joe: Database; share: string }> {
  const share = space.shareId()
  const joe = space.user('joe')
  await joe.create()
  await space.start()
  await put(joe, shareDoc(share))
  await becomesActive(space, 'joe', share)
  return { joe, share }
}

/** Waits until a copy is as expected, null for none; fails with the difference. */
export async function copyBecomes(
  space: Space,
  share: string,
  object: string,
  expected: Content | null,
): Promise<void> {
  let seen: Content | null = null
  const look = async () => isDeepStrictEqual((seen = await space.copy(share, object)), expected)
  await space.until(`the copy of ${object} is right`, look, 40_000).catch(() => {
    assert.deepEqual(seen, expected, `copy of ${object} in ${share}`)
  })
}
