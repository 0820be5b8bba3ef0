// Which folders of SKELETON nobody reads, and what they are taken for, by a table.
import assert from 'node:assert/strict'
import { loadConfig } from '../../../src/config/config.ts'
import { logUnused, sayUnused, unusedFolders } from '../../../src/config/skeleton-checks.ts'
import { FIXED_KINDS } from '../../../src/skeletons/kinds.ts'
import { kindsInSkeleton } from '../../../src/skeletons/folder.ts'
import { SHIPPED_SKELETON } from '../../../src/skeletons/overlay.ts'
import { createLogger } from '../../../src/log.ts'

describe('folders of SKELETON that nobody reads', () => {
  let shipped: Set<string>
  before(async () => {
    shipped = await kindsInSkeleton(SHIPPED_SKELETON)
  })

  const SETTINGS = {
    EMBEDDED: 'true',
    DATABASES: 'notes-*=notes, project_*=authors, archive=team-a',
    MASTER_DATABASES: 'provisioning, cdr-master=cdrs',
  }
  /** By their names. */
  const unused = (own: string[], env: Record<string, string> = SETTINGS) =>
    unusedFolders({ folder: '/s', own: new Set(own), shipped }, loadConfig(env)).map(
      ({ path, meant }): [string, string | null] => [path.slice('/s/'.length), meant],
    )

  const misspelled: [string, string][] = [
    ['gatway', 'gateway'],
    ['gateways', 'gateway'],
    ['gatewya', 'gateway'],
    ['shares', 'share'],
    ['usr', 'user'],
    ['outboxes', 'outbox'],
    ['registery', 'registry'],
    ['replicators', 'replicator'],
    ['gateway-route', 'gateway-routes'],
    ['note', 'notes'],
    ['autors', 'authors'],
    ['provisoning', 'provisioning'],
    ['provisioning-users', 'provisioning-user'],
    ['cdr-user', 'cdrs-user'],
    ['cdr', 'cdrs'],
  ]
  for (const [name, meant] of misspelled)
    it(`takes ${name}/ for ${meant}/`, () => assert.deepEqual(unused([name]), [[name, meant]]))

  const others = ['example', 'archive', 'docs', 'scripts', 'inbox', 'test', 'store', 'notes-user']
  for (const name of others)
    it(`takes ${name}/ for nothing else, and names it`, () =>
      assert.deepEqual(unused([name]), [[name, null]]))

  it('names none that is read, nor one that is shipped', () => {
    const read = [...FIXED_KINDS, 'notes', 'authors', 'team-a', 'provisioning', 'provisioning-user', 'cdrs']
    assert.deepEqual(unused(read), [])
    assert.deepEqual(unused([...shipped], { EMBEDDED: 'true' }), [])
  })

  it('takes none for a folder that is there as well', () => {
    assert.deepEqual(unused(['team-a', 'team-b', 'user', 'users2']), [
      ['team-b', null],
      ['users2', 'users'],
    ])
    assert.deepEqual(unused(['team-b']), [['team-b', 'team-a']])
  })

  it('takes none for what the settings do not name', () =>
    assert.deepEqual(unused(['note', 'cdr-user'], { EMBEDDED: 'true' }), [
      ['cdr-user', null],
      ['note', null],
    ]))

  it('says so in a sentence, and in the log only where something else was meant', () => {
    const folders = [
      { path: '/s/gatway', meant: 'gateway' },
      { path: '/s/example', meant: null },
    ]
    assert.deepEqual(folders.map(sayUnused), [
      '/s/gatway is not used: was gateway meant?',
      '/s/example is not used: neither DATABASES nor MASTER_DATABASES names it',
    ])
    const lines: string[] = []
    const log = createLogger({
      level: 'debug',
      pretty: false,
      destination: { write: (line) => void lines.push(line) },
    })
    logUnused(folders, log)
    assert.deepEqual(
      lines.map((line) => {
        const { level, path, msg } = JSON.parse(line) as Record<string, unknown>
        return [level, path, msg]
      }),
      [['warn', '/s/gatway', '/s/gatway is not used: was gateway meant?']],
    )
  })
})
