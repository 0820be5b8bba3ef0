// Names by tables: what may be a share, what is whose, and which templates would swallow the daemon's own databases.
import assert from 'node:assert/strict'
import {
  CHECKPOINTS,
  isObjectId,
  isShareId,
  REGISTRY,
  shareDatabase,
  TemplateError,
  userDatabases,
} from '../../../src/documents/names.ts'

describe('documents/names', () => {
  describe('share ids', () => {
    const good = ['a', '0', 'uuid567', 'a_b-c', '9-', 'a'.repeat(100), 'constructor', 'tostring', 'x--__']
    for (const id of good) it(`takes ${id.slice(0, 20)} (${id.length})`, () => assert.ok(isShareId(id)))

    const bad: [string, string][] = [
      ['the empty one', ''],
      ['101 characters', 'a'.repeat(101)],
      ['300 characters', 'a'.repeat(300)],
      ['a slash', 'a/b'],
      ['two dots', '..'],
      ['one dot', 'a.b'],
      ['a capital', 'Abc'],
      ['a capital inside', 'abC'],
      ['$', '$abc'],
      ['$ inside', 'a$b'],
      ['+', 'a+b'],
      ['a space', 'a b'],
      ['a space before', ' a'],
      ['a line break after', 'a\n'],
      ['ä', 'ä'],
      ['ä inside', 'bär'],
      ['a leading -', '-a'],
      ['a leading _', '_a'],
      ['__proto__', '__proto__'],
      ['a NUL', 'a\u0000'],
      ['parentheses', 'a(b)'],
      ['%2f', 'a%2fb'],
    ]
    for (const [what, id] of bad) it(`refuses ${what}`, () => assert.ok(!isShareId(id)))
  })
  describe('objects', () => {
    const objects: [string, boolean][] = [
      ['todo/abc4567', true],
      ['a', true],
      ['share/x/y', true],
      ['a$', true],
      ['a/_b', true],
      ['constructor', true],
      ['ä', true],
      ['', false],
      ['_design/x', false],
      ['_local/x', false],
      ['_x', false],
      ['$share/x', false],
      ['$subscription/x', false],
      ['$invitation/x', false],
      ['$x', false],
    ]
    for (const [id, expected] of objects)
      it(`${JSON.stringify(id)} is ${expected ? 'an' : 'no'} object`, () =>
        assert.equal(isObjectId(id), expected))
  })

  describe('templates', () => {
    const good: [string, string, string, string][] = [
      ['user/{id}', 'hash567', 'user/hash567', 'user/hash567/$shares'],
      ['userdb-{id}', '6a6f65', 'userdb-6a6f65', 'userdb-6a6f65/$shares'],
      ['user/{id}/db', 'a-1', 'user/a-1/db', 'user/a-1/db/$shares'],
      ['u{id}', '1', 'u1', 'u1/$shares'],
    ]
    for (const [template, owner, database, outbox] of good)
      it(`takes ${template}`, () => {
        const users = userDatabases(template)
        assert.equal(users.template, template)
        assert.equal(users.database(owner), database)
        assert.equal(users.outbox(owner), outbox)
        assert.equal(users.ownerOf(database), owner)
        assert.equal(users.ownerOfOutbox(outbox), owner)
        assert.equal(users.ownerOf(outbox), null, 'an outbox is no user database')
        assert.equal(users.ownerOfOutbox(database), null, 'a user database is no outbox')
        for (const other of ['_users', '_replicator', '_global_changes', '_dbs', REGISTRY, CHECKPOINTS])
          assert.equal(users.ownerOf(other), null, other)
        for (const other of [shareDatabase('abc'), 'skeleton/user', 'skeleton/share'])
          assert.equal(users.ownerOf(other), null, other)
      })

    const bad: [string, string][] = [
      ['no {id}', 'user/hash'],
      ['nothing at all', ''],
      ['two {id}', 'user/{id}/{id}'],
      ['a capital', 'User/{id}'],
      ['a capital inside', 'userDB-{id}'],
      ['{ID}', 'user/{ID}'],
      ['nothing before {id}', '{id}'],
      ['nothing before {id}, something after', '{id}/db'],
      ['a digit first', '1user/{id}'],
      ['a space', 'user {id}'],
      ['a dot', 'user.{id}'],
      ['share databases', 'share/{id}'],
      ['share databases, deeper', 'share/{id}/db'],
      ['share databases, by a longer prefix', 'share/u-{id}'],
      ['the registry', 's{id}'],
      ['the registry, by its ending', 'sh{id}s'],
      ['the checkpoints', 'shares/{id}'],
      ['the skeletons', 'skeleton/{id}'],
      ['_users', '_users'],
      ['CouchDB’s own', '_{id}'],
      ['outboxes', 'user/{id}/$shares'],
    ]
    for (const [what, template] of bad)
      it(`refuses ${what}: ${template}`, () => assert.throws(() => userDatabases(template), TemplateError))

    for (const [accountRole, role] of [
      ['{id}', 'abc'],
      ['id:{id}', 'id:abc'],
      ['user:{id}', 'user:abc'],
    ] as const)
      it(`knows accounts by the role ${accountRole}`, () => {
        const users = userDatabases('user/{id}', accountRole)
        assert.equal(users.roleOf('abc'), role)
        assert.equal(users.ownerOfRole(role), 'abc')
        if (accountRole !== '{id}') assert.equal(users.ownerOfRole('abc'), null)
        assert.equal(users.ownerOfRole(''), null)
      })

    for (const accountRole of ['', 'user', '{id}{id}', '_{id}'])
      it(`refuses a role that names nobody, several or CouchDB’s own: ${accountRole}`, () =>
        assert.throws(() => userDatabases('user/{id}', accountRole), TemplateError))

    it('knows owners only where the whole name fits', () => {
      const users = userDatabases('user/{id}')
      for (const db of ['user', 'user/', 'user/a/b', 'user/A', 'user/ä', 'xuser/a', 'users/a', 'user/a\n'])
        assert.equal(users.ownerOf(db), null, JSON.stringify(db))
      for (const db of [
        'user/$shares',
        'user/a/b/$shares',
        '$shares',
        'user/a/$shares/$shares',
        'other/$shares',
      ])
        assert.equal(users.ownerOfOutbox(db), null, db)
    })

    it('takes the database that couch_peruser makes for the account of a password for nobody’s', () => {
      const users = userDatabases('userdb-{id}')
      const hexOf = (name: string): string => Buffer.from(name, 'utf8').toString('hex')
      const account = `share-abc-${'0123456789abcdef'.repeat(2)}`
      assert.equal(users.ownerOf(`userdb-${hexOf(account)}`), null)
      assert.equal(users.ownerOfOutbox(`userdb-${hexOf(account)}/$shares`), null)
      for (const name of ['joe', 'share-abc', `${account}0`, `x${account}`])
        assert.equal(users.ownerOf(`userdb-${hexOf(name)}`), hexOf(name), name)
    })

    it('takes the text around {id} literally', () => {
      const users = userDatabases('a+(b)${id}')
      assert.equal(users.ownerOf('a+(b)$x'), 'x')
      assert.equal(users.ownerOf('aa(b)$x'), null)
      assert.equal(users.ownerOf('a+b$x'), null)
    })
  })
})
