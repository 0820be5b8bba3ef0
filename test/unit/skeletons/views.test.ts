// Views of the skeleton: what they find, and what of a user's own writing they do not believe.
import assert from 'node:assert/strict'
import { viewOf } from './compiled.ts'

describe('skeleton/registry views', () => {
  const entry = (more: object): Record<string, unknown> => ({
    _id: 'share/a',
    type: 'share',
    owner: 'h',
    database: 'user/h',
    state: 'active',
    ...more,
  })
  const keys = async (view: string, doc: Record<string, unknown>): Promise<unknown[]> =>
    (await viewOf('registry', view))(doc).map(([key]) => key)

  it('by_owner: shares in any state', async () => {
    const byOwner = await viewOf('registry', 'by_owner')
    assert.deepEqual(byOwner(entry({})), [['user/h', 'active']])
    assert.deepEqual(byOwner(entry({ state: 'ended' })), [['user/h', 'ended']])
    assert.deepEqual(byOwner({ type: 'subscription', database: 'user/h' }), [])
  })

  const named: [string, object, string[]][] = [
    ['nobody without access', {}, []],
    ['nobody for null', { access: null }, []],
    ['nobody by name where everyone may', { access: { read: true, write: true } }, []],
    ['readers', { access: { read: ['a', 'b'], write: [] } }, ['a', 'b']],
    ['writers of a public share', { access: { read: true, write: ['a'] } }, ['a']],
    ['each once', { access: { read: ['a', 'b'], write: ['b', 'a', 'c'] } }, ['a', 'b', 'c']],
    [
      'odd names',
      { access: { read: ['__proto__', 'ä', 'toString'], write: [] } },
      ['__proto__', 'ä', 'toString'],
    ],
    ['nothing but texts', { access: { read: ['a', 1, null, ['b']], write: 'c' } }, ['a']],
    ['those of a share that is opening', { state: 'opening', access: { read: ['a'], write: [] } }, ['a']],
    ['those of a share that is ending', { state: 'ending', access: { read: ['a'], write: [] } }, ['a']],
    ['nobody of a share that has ended', { state: 'ended', access: { read: ['a'], write: ['b'] } }, []],
    ['nobody of other documents', { type: 'subscription', access: { read: ['a'] } }, []],
  ]
  for (const [what, more, names] of named)
    it(`by_name: ${what}`, async () => assert.deepEqual(await keys('by_name', entry(more)), names))

  it('by_name: a thousand readers who write, too', async () => {
    const many = Array.from({ length: 1000 }, (_, at) => `u${at}`)
    assert.deepEqual(await keys('by_name', entry({ access: { read: many, write: many } })), many)
  })

  it('subscriptions_of: subscriptions, by the database they were made in', async () => {
    const subscriptionsOf = await viewOf('registry', 'subscriptions_of')
    const doc = {
      _id: 'subscription/a/h',
      type: 'subscription',
      share: 'a',
      subscriber: 'h',
      database: 'user/h',
      state: 'active',
    }
    assert.deepEqual(subscriptionsOf(doc), [['user/h', 'a']])
    assert.deepEqual(subscriptionsOf(entry({})), [])
  })
})
