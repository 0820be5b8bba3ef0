// DATABASES by tables: what is read, what is refused, and which databases no pattern ever gets.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { fits, kindsOf, parseAssignments } from '../../../src/skeletons/kinds.ts'
import { parseMasters } from '../../../src/provisioning/masters-setting.ts'
import { userDatabases } from '../../../src/documents/names.ts'
import { SettingError } from '../../../src/documents/setting.ts'

const users = userDatabases('user/{id}')
const peruser = userDatabases('userdb-{id}')
const parse = (text: string, of = users) => parseAssignments(text, of)

describe('skeletons/kinds', () => {
  it('reads a list', () =>
    assert.deepEqual(parse(' project_*=authors , notes=read-only,, '), [
      { pattern: 'project_*', kind: 'authors' },
      { pattern: 'notes', kind: 'read-only' },
    ]))

  it('reads nothing from nothing', () => assert.deepEqual(parse(''), []))

  const refused: [string, string, RegExp][] = [
    ['no kind', 'notes', /pattern=kind/],
    ['two kinds', 'notes=a=b', /pattern=kind/],
    ['an empty pattern', '=authors', /names of databases/],
    ['an empty kind', 'notes=', /folders of the skeleton/],
    ['a capital letter', 'Notes=authors', /names of databases/],
    ['a database of CouchDB', '_users=authors', /names of databases/],
    ['all databases of CouchDB', '_*=authors', /names of databases/],
    ['a kind of another form', 'notes=My_kind', /folders of the skeleton/],
    ['a pattern twice', 'notes=a, notes=b', /each pattern once/],
    ...['user', 'outbox', 'share', 'registry', 'users', 'replicator', 'personal'].map(
      (kind): [string, string, RegExp] => [`the kind ${kind}`, `notes=${kind}`, /another kind/],
    ),
    ...[
      'shares',
      'shares/*',
      'shares/checkpoints',
      'share/*',
      'share/a',
      'skeleton/*',
      'user/*',
      'user/joe',
    ].map((pattern): [string, string, RegExp] => [pattern, `${pattern}=authors`, /free/]),
    ['outboxes', 'user/*/$shares=authors', /free/],
    ['all outboxes', '*/$shares=authors', /free/],
  ]
  for (const [name, text, expected] of refused)
    it(`refuses ${name}`, () =>
      assert.throws(
        () => parse(text),
        (error) => error instanceof SettingError && expected.test(error.expected),
      ))

  const kindOf = (text: string, db: string, of = users): string | null => {
    const place = kindsOf(parse(text, of), of).placeOf(db)
    return place?.kind === 'policy' ? place.policy : (place?.kind ?? null)
  }

  const table: [string, string, string | null][] = [
    ['project_*=a', 'project_1', 'a'],
    ['project_*=a', 'project_', 'a'],
    ['project_*=a', 'project', null],
    ['project_*=a', 'my/project_1', null],
    ['*_log=a', 'deep/x_log', 'a'],
    ['a*b*c=a', 'abc', 'a'],
    ['a*b*c=a', 'axxbyyc', 'a'],
    ['a*b*c=a', 'acb', null],
    ['a*a=a', 'a', null],
    ['notes=a', 'notes', 'a'],
    ['notes=a', 'notes2', null],
    ['a.*=a'.replace('.', '+'), 'a+x', 'a'],
    ['project_1=b, project_*=a', 'project_1', 'b'],
    ['project_*=a, project_1=b', 'project_1', 'a'],
  ]
  for (const [text, db, expected] of table)
    it(`${text}: ${db} is ${expected}`, () => assert.equal(kindOf(text, db), expected))

  const never: [string, string | null][] = [
    ['_users', null],
    ['_replicator', null],
    ['shares', null],
    ['shares/checkpoints', null],
    ['skeleton/authors', null],
    ['share/abc', 'share'],
    ['share/Not_an_id', null],
    ['user/joe', 'user'],
    ['user/joe/$shares', 'outbox'],
    ['userdb-6a6f65/$shares', null],
    ['userdb-6a6f65', null],
    ['fleet/$routes', null],
    ['user/joe/fleet', null],
  ]
  for (const [db, expected] of never)
    it(`* never gets ${db}`, () => assert.equal(kindOf('*=authors', db), expected))

  describe('with masters', () => {
    const personal = 'u0123abcd-0123-4567-89ab-0123456789ab'
    const masters = parseMasters('m, n=cdrs, o=cdrs', users)
    const kinds = kindsOf(parse('*=authors, o*=read-only'), users, masters)

    it('lists the kinds of masters before those of patterns, each once', () => {
      assert.deepEqual(kinds.policies, ['provisioning', 'cdrs', 'authors', 'read-only'])
      assert.deepEqual(kinds.userKinds, ['provisioning-user', 'cdrs-user'])
      assert.deepEqual(kindsOf(parse('a=b'), users).userKinds, [])
    })

    it('puts a master under its kind, whatever pattern fits it', () => {
      assert.deepEqual(kinds.placeOf('m'), { kind: 'policy', db: 'm', policy: 'provisioning' })
      assert.deepEqual(kinds.placeOf('o'), { kind: 'policy', db: 'o', policy: 'cdrs' })
      assert.deepEqual(kinds.placeOf('m2'), { kind: 'policy', db: 'm2', policy: 'authors' })
      assert.deepEqual([kinds.isMaster('o'), kinds.isMaster('m2')], [true, false])
    })

    it('leaves personal databases to the registry, whatever pattern fits them', () => {
      assert.deepEqual(kinds.placeOf(personal), { kind: 'personal', db: personal })
      assert.deepEqual(kinds.placeOf(personal.toUpperCase().replace('U', 'u'))?.kind, 'policy')
      assert.deepEqual(kinds.placeOf(`${personal}/x`)?.kind, 'policy')
      assert.deepEqual(kindsOf([], users, masters).placeOf(personal), { kind: 'personal', db: personal })
    })

    it('gives what is called as a personal database to no pattern, without masters either', () => {
      assert.equal(kindOf('*=authors', personal), null)
      assert.equal(kindsOf([], users).placeOf(personal), null)
      assert.throws(() => parse(`${personal}=authors`), SettingError)
    })

    const confusing: [string, string, RegExp][] = [
      ['a master’s kind', 'x=cdrs', /another kind than cdrs and cdrs-user, which belong to the master n/],
      ['a master’s -user kind', 'x=provisioning-user', /belong to the master m/],
      ['a master by name', 'm=authors', /those of MASTER_DATABASES/],
      ['a personal database by name', `${personal}=authors`, /personal/],
    ]
    for (const [name, text, expected] of confusing)
      it(`refuses ${name}`, () =>
        assert.throws(
          () => parseAssignments(text, users, masters),
          (error) => error instanceof SettingError && expected.test(error.expected) && error.found === text,
        ))
  })

  it('leaves the database of a password’s account alone', () => {
    const account = `userdb-${Buffer.from(`share-abc-${'0'.repeat(32)}`).toString('hex')}`
    assert.equal(peruser.ownerOf(account), null)
    assert.equal(kindOf('*=authors', account, peruser), null)
    assert.equal(kindOf('*=authors', 'userdb-6a6f65', peruser), 'user')
  })

  it('fits as a regular expression of the same meaning does', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 })
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 })
    fc.assert(
      fc.property(word, name, (pattern, db) =>
        assert.equal(
          fits({ pattern, kind: 'k' }, db),
          new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(db),
        ),
      ),
      { numRuns: 500 },
    )
  })
})
