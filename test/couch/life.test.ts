// A share's life and an object's life, row by row of DESIGN.md's tables, with the daemon running.
import assert from 'node:assert/strict'
import { onEachServer } from '../support/suites.ts'

onEachServer('the life of a share and its objects', ({ it }) => {
  it('carries an object by `true`, by a list, and takes it back by `false`', async (space) => {
    const share = space.shareId()
    const joe = space.user('joe')
    await joe.create()
    await space.start()
    await joe.bulk([{ _id: `$share/${share}`, type: '$share' }])
    await space.until(
      'the share is active',
      async () => (await joe.get(`$share/${share}`))?.['$state'] === 'active',
    )
    const todo = { _id: 'todo/abc4567', type: 'todo', name: 'Remember the milk', owner: 'joe@example.com' }
    await space.write(joe, { ...todo, $shares: { [share]: true } })
    await space.until('the copy is there', async () => (await space.copy(share, todo._id)) !== null)
    assert.deepEqual(await space.copy(share, todo._id), { type: 'todo', name: todo.name, owner: todo.owner })

    await space.write(joe, { ...todo, $shares: { [share]: ['name'] } })
    await space.until(
      'the copy is narrowed',
      async () => !('owner' in ((await space.copy(share, todo._id)) ?? { owner: 1 })),
    )
    assert.deepEqual(await space.copy(share, todo._id), { name: todo.name })

    await space.write(joe, { ...todo, $shares: { [share]: false } })
    await space.until(
      '`$shares` is gone',
      async () => !('$shares' in ((await joe.get(todo._id)) ?? { $shares: 1 })),
    )
    assert.equal(await space.copy(share, todo._id), null)
    await space.settled()
  })
})
