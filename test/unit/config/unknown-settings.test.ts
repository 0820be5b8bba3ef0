// Which variables of an environment are taken for misspelled settings, by a table, and which never are.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { editDistance, nearest } from '../../../src/config/edit-distance.ts'
import { unknownSettings } from '../../../src/config/unknown-settings.ts'
import { SETTINGS } from '../../../src/config/settings.ts'

const meant = (variable: string): string | undefined => unknownSettings({ [variable]: 'x' })[0]?.meant

describe('unknown settings', () => {
  const misspelled: [string, string][] = [
    ['USER_DATABASE', 'USER_DATABASES'],
    ['USERS_DATABASES', 'USER_DATABASES'],
    ['LOG_LEVL', 'LOG_LEVEL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['log_level', 'LOG_LEVEL'],
    ['HOODIE_SERVR', 'HOODIE_SERVER'],
    ['HODIE_SERVER', 'HOODIE_SERVER'],
    ['COUCH_URL', 'COUCHDB_URL'],
    ['HOODIE_ADMIN_PASSWORD', 'HOODIE_ADMIN_PASS'],
    ['HOODIE_ADMIN', 'HOODIE_ADMIN_USER'],
    ['MASTER_DATABASE', 'MASTER_DATABASES'],
    ['SWEEP_INTERVALL', 'SWEEP_INTERVAL'],
    ['OUTBOXS', 'OUTBOX'],
  ]
  for (const [variable, setting] of misspelled)
    it(`takes ${variable} for ${setting}`, () => assert.equal(meant(variable), setting))

  const others = [
    ...[
      'PATH',
      'HOME',
      'HOST',
      'PORT',
      'USER',
      'USERNAME',
      'LOGNAME',
      'HOSTNAME',
      'SHELL',
      'PWD',
      'TZ',
      'LANG',
    ],
    ...['NODE_ENV', 'NODE_OPTIONS', 'DEBUG', 'CI', 'TERM', 'NO_COLOR', 'FORCE_COLOR', 'COLORTERM'],
    ...['COUCHDB_USER', 'COUCHDB_PASSWORD', 'COUCHDB_SECRET', 'NODENAME', 'COUCHDB_ERLANG_COOKIE'],
    ...['APP_PORT', 'WEB_PORT', 'DB_HOST', 'WEB_CONCURRENCY', 'DATABASE_URL', 'PUBLIC_URL', 'SERVER_PORT'],
    // Kubernetes, for services called couchdb and ops: https://kubernetes.io/docs/concepts/services-networking/service/
    ...['COUCHDB_PORT', 'COUCHDB_SERVICE_HOST', 'COUCHDB_SERVICE_PORT', 'COUCHDB_PORT_5984_TCP'],
    ...['OPS_PORT_80_TCP', 'OPS_SERVICE_HOST', 'CREDENTIALS_DIRECTORY', 'INVOCATION_ID', 'JOURNAL_STREAM'],
    ...['npm_config_loglevel', 'npm_package_name', 'npm_lifecycle_event', 'NODE', 'INIT_CWD'],
  ]
  for (const variable of others)
    it(`leaves ${variable} to others`, () => assert.equal(meant(variable), undefined))

  it('takes no setting for another one', () => {
    for (const name of Object.keys(SETTINGS)) assert.equal(meant(name), undefined, name)
  })

  it('passes over what has no value, and sorts the others', () => {
    const env = { USER_DATABASE: '', LOG_LEVL: ' ', OUTBOXS: undefined, SKELETONS: 's', MASTER_DATABASE: 'm' }
    assert.deepEqual(unknownSettings(env), [
      { variable: 'MASTER_DATABASE', meant: 'MASTER_DATABASES' },
      { variable: 'SKELETONS', meant: 'SKELETON' },
    ])
  })
})

describe('the distance of words', () => {
  const table: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['author', 'authors', 1],
    ['ab', 'ba', 2],
    ['😀', '😁', 1],
  ]
  for (const [one, other, distance] of table)
    it(`is ${distance} from ${one} to ${other}`, () => assert.equal(editDistance(one, other), distance))

  it('is nothing but for what was put in, taken out or exchanged', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (one, other, third) => {
        const distance = editDistance(one, other)
        assert.equal(distance === 0, one === other)
        assert.equal(distance, editDistance(other, one))
        assert.ok(distance <= editDistance(one, third) + editDistance(third, other))
      }),
    ))

  it('gives the nearest word, and none that is too far', () => {
    assert.equal(nearest('author', ['owner-only', 'authors'], 2), 'authors')
    assert.equal(nearest('nobody', ['owner-only', 'authors'], 2), null)
    assert.equal(nearest('ab', ['abcd', 'abc', 'abd'], 2), 'abc')
  })
})
