// MASTER_DATABASES by tables: what is read, and what is refused.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isFree } from '../../../src/skeletons/kinds.ts'
import { parseMasters } from '../../../src/provisioning/masters-setting.ts'
import { findDesignTwice } from '../../../src/skeletons/design.ts'
import { isPersonalName, userDatabases } from '../../../src/documents/names.ts'
import { SettingError } from '../../../src/documents/setting.ts'

const users = userDatabases('user/{id}')
const PERSONAL = 'u0123abcd-0123-4567-89ab-0123456789ab'

describe('provisioning/masters-setting', () => {
  it('reads a list; without a kind a master is for provisioning', () =>
    assert.deepEqual(parseMasters(' provisioning , cdr-master=cdrs,, a/b = cdrs ', users), [
      { database: 'provisioning', kind: 'provisioning' },
      { database: 'cdr-master', kind: 'cdrs' },
      { database: 'a/b', kind: 'cdrs' },
    ]))

  it('reads nothing from nothing, whatever the template', () =>
    assert.deepEqual(parseMasters(' , ', userDatabases('u{id}')), []))

  const refused: [string, string, RegExp][] = [
    ['two kinds', 'm=a=b', /database=kind/],
    ['no database', '=a', /exact names/],
    ['a pattern', 'm*=a', /exact names/],
    ['a capital letter', 'Masters', /exact names/],
    ['a database of CouchDB', '_users', /exact names/],
    ...[
      'shares',
      'shares/checkpoints',
      'share/a',
      'skeleton/a',
      'user/joe',
      'user/joe/$shares',
      'x/$shares',
    ].map((database): [string, string, RegExp] => [database, `${database}=a`, /free/]),
    ['what may be a user’s', PERSONAL, /a user’s, u and a UUID/],
    ['an empty kind', 'm=', /folders of the skeleton/],
    ['a kind of another form', 'm=My_kind', /folders of the skeleton/],
    ...['user', 'outbox', 'share', 'registry', 'users', 'replicator', 'personal', 'cdrs-user'].map(
      (kind): [string, string, RegExp] => [`the kind ${kind}`, `m=${kind}`, /another kind/],
    ),
  ]
  for (const [name, entry, expected] of refused)
    it(`refuses ${name}`, () =>
      assert.throws(
        () => parseMasters(`fine, ${entry}`, users),
        (error) => error instanceof SettingError && expected.test(error.expected) && error.found === entry,
      ))

  it('refuses a database twice, under another kind too', () =>
    assert.throws(
      () => parseMasters('m=a, n=a, m=b', users),
      (error) => error instanceof SettingError && /once/.test(error.expected) && error.found === 'm',
    ))

  const templates: [string, boolean][] = [
    ['u{id}', false],
    ['u0{id}', false],
    ['u{id}-000000000000', false],
    ['ab{id}', true],
    ['ux{id}', true],
    ['u{id}/x', true],
    ['user/{id}', true],
    ['userdb-{id}', true],
  ]
  for (const [template, isFine] of templates)
    it(`${isFine ? 'takes' : 'refuses'} masters where user databases are called ${template}`, () => {
      const parse = () => parseMasters('m', userDatabases(template))
      if (isFine) assert.deepEqual(parse(), [{ database: 'm', kind: 'provisioning' }])
      else assert.throws(parse, (error) => error instanceof SettingError && error.expected.includes(template))
    })

  it('takes no database that is not free, or may be a user’s', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z][a-z0-9_$()+/-]{0,20}$/),
      fc.constantFrom('shares/x', 'share/', 'user/', 'user/a/b', '_a', 'skeleton', PERSONAL),
      fc.uuid().map((uuid) => `u${uuid}`),
    )
    fc.assert(
      fc.property(name, (database) => {
        const isFine = isFree(database, users) && !isPersonalName(database)
        if (isFine) assert.equal(parseMasters(database, users)[0]?.database, database)
        else assert.throws(() => parseMasters(database, users), SettingError)
      }),
    )
  })

  it('finds a design document that two kinds have', () => {
    const designs = (...ids: string[]) => ids.map((_id) => ({ _id }))
    assert.deepEqual(
      findDesignTwice([
        ['a', designs('1', '2')],
        ['b', designs('3')],
        ['c', designs('4', '2')],
      ]),
      { id: '2', kinds: ['a', 'c'] },
    )
    assert.equal(
      findDesignTwice([
        ['a', designs('1', '2')],
        ['b', designs('3')],
      ]),
      null,
    )
  })
})
