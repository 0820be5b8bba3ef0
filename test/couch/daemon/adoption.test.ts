// What `couch-shares check` and `couch-shares skeleton diff` say before a first start beside databases that are there already.
import assert from 'node:assert/strict'
import { check } from '../../../src/commands/check.ts'
import { skeletonDiff } from '../../../src/commands/skeleton-diff.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

async function said(space: Space, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const settings = {
    HOODIE_SERVER: space.server.url,
    HOODIE_ADMIN_USER: space.server.user,
    HOODIE_ADMIN_PASS: space.server.pass,
    USER_DATABASES: space.config.userDatabases.template,
    ...env,
  }
  const lines = { check: [] as string[], diff: [] as string[] }
  await check(settings, (text) => lines.check.push(text.trim().replace(/^· /, '')))
  await skeletonDiff(settings, (text) => lines.diff.push(text.trim()))
  const isOfAdoption = (line: string): boolean => /next start makes|OUTBOX=/.test(line)
  const told = lines.check.filter(isOfAdoption)
  assert.deepEqual(lines.diff.filter(isOfAdoption), told)
  return told
}

onEachServer('before a first start', ({ it }) => {
  it('it is said how many databases and design documents will be made', async (space) => {
    for (const name of ['joe', 'ann', 'tom']) await space.user(name).create()
    const [start = '', ...more] = await said(space)
    assert.match(start, /makes [0-9]+ databases: 3 outboxes /)
    assert.match(start, /writes [0-9]+ design documents: 3 in 3 user databases/)
    assert.deepEqual(more, [])
    for (const text of await said(space, { OUTBOX: 'first-share' })) assert.doesNotMatch(text, /outboxes/)

    await space.start()
    await space.settled()
    await space.stop()
    assert.deepEqual(await said(space), [])
    await space.user('eve').create()
    assert.match((await said(space)).join(), /makes 1 database: 1 outbox .* 1 in 1 user database/)
  })
})
