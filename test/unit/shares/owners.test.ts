// Whose shares are, told by entries of the registry.
import assert from 'node:assert/strict'
import { userDatabases } from '../../../src/documents/names.ts'
import { claimedEntry, type ShareEntry } from '../../../src/shares/model/entry.ts'
import { ownersOfShares } from '../../../src/shares/owners.ts'

const users = userDatabases('user/{id}')
const entry = (share: string, more: Partial<ShareEntry> = {}): ShareEntry => ({
  ...claimedEntry(share, 'joe', 'user/joe', '2026-01-01T00:00:00.000Z'),
  ...more,
})

describe('shares/owners', () => {
  const cases: readonly [string, Map<string, ShareEntry>, [string, string][]][] = [
    ['a share of ours', new Map([['milk', entry('milk')]]), [['milk', 'joe']]],
    ['one that ends', new Map([['milk', entry('milk', { state: 'ending' })]]), [['milk', 'joe']]],
    ['one that is ended', new Map([['milk', entry('milk', { state: 'ended' })]]), []],
    ['one of another template', new Map([['milk', entry('milk', { database: 'userdb-6a6f65' })]]), []],
    ['one that nobody knows', new Map(), []],
  ]
  for (const [what, entries, owners] of cases)
    it(`says whose ${what} is`, async () => {
      const registry = { entries: () => Promise.resolve(entries) }
      assert.deepEqual([...(await ownersOfShares(['milk'], { registry, users }))], owners)
    })
})
