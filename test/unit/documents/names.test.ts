// Names by tables: what may be a share, what is whose, and which templates would swallow the daemon's own databases.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  baseId,
  CHECKPOINTS,
  copyId,
  copyRange,
  isObjectId,
  isShareId,
  objectOfBase,
  parseCopyId,
  REGISTRY,
  replicationId,
  entryId,
  invitationDocumentId,
  shareCheckpoint,
  shareDatabase,
  shareDocumentId,
  shareOfDocument,
  shareOfEntry,
  shareOfInvitation,
  shareOfSubscription,
  subscriptionDocumentId,
  subscriptionEntryId,
  subscriptionRange,
  TemplateError,
  userDatabases,
} from '../../../src/documents/names.ts'

/** Share ids as the documents word them, made without its regular expression. */
const FIRST = [...'abcdefghijklmnopqrstuvwxyz0123456789']
const shareId = fc
  .tuple(
    fc.constantFrom(...FIRST),
    fc.string({ unit: fc.constantFrom(...FIRST, '_', '-'), minLength: 0, maxLength: 99 }),
  )
  .map((parts) => parts.join(''))

describe('model/names', () => {
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

  describe('documents', () => {
    it('finds the share of a $share document, unchecked', () => {
      assert.equal(shareDocumentId('abc'), '$share/abc')
      assert.equal(shareOfDocument('$share/abc'), 'abc')
      assert.equal(shareOfDocument('$share/'), '')
      assert.equal(shareOfDocument('$share/A/..'), 'A/..')
    })

    for (const id of ['abc', 'share/abc', '$share', '$subscription/abc', '$$share/abc', 'x$share/abc'])
      it(`takes ${id} for no $share`, () => assert.equal(shareOfDocument(id), null))

    it('finds the share of a $subscription and of an $invitation, unchecked', () => {
      assert.equal(subscriptionDocumentId('abc'), '$subscription/abc')
      assert.equal(invitationDocumentId('abc'), '$invitation/abc')
      for (const share of ['abc', '', 'A/..']) {
        assert.equal(shareOfSubscription(`$subscription/${share}`), share)
        assert.equal(shareOfInvitation(`$invitation/${share}`), share)
      }
      for (const id of ['abc', '$subscription', '$share/abc', 'x$subscription/abc', 'subscription/abc'])
        assert.deepEqual([shareOfSubscription(id), shareOfInvitation(id)], [null, null], id)
      assert.equal(shareOfSubscription('$invitation/abc'), null)
      assert.equal(shareOfInvitation('$subscription/abc'), null)
    })

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

  describe('copies', () => {
    it('are called share/<id>/<object id>', () => assert.equal(copyId('abc', 'todo/1'), 'share/abc/todo/1'))

    it('give back share and object, whatever the object is called', () => {
      fc.assert(
        fc.property(shareId, fc.string({ minLength: 1, unit: 'grapheme' }), (share, object) => {
          assert.deepEqual(parseCopyId(copyId(share, object)), { share, object })
        }),
      )
    })

    for (const object of ['a/b/c', '/a', 'a/', '_design/x', '$share/x', 'share/x/y', ' ', '..'])
      it(`give back the object ${object}`, () =>
        assert.deepEqual(parseCopyId(`share/x-1/${object}`), { share: 'x-1', object }))

    const none = ['', 'share', 'share/', 'share/x', 'share/x/', 'share//y', 'share/X/y', 'share/_x/y']
    for (const id of [...none, 'base/x', 'todo/1', 'shares/x/y', 'ashare/x/y', '$share/x'])
      it(`are not what ${JSON.stringify(id)} names`, () => assert.equal(parseCopyId(id), null))

    it('lie in the range of their share, and in that of no other', () => {
      const within = (id: string, share: string): boolean => {
        const { startKey, endKey } = copyRange(share)
        const [at, start, end] = [id, startKey, endKey].map((text) => Buffer.from(text))
        return Buffer.compare(at!, start!) >= 0 && Buffer.compare(at!, end!) < 0
      }
      fc.assert(
        fc.property(shareId, shareId, fc.string({ unit: 'grapheme', minLength: 1 }), (one, other, object) => {
          assert.ok(within(copyId(one, object), one))
          assert.equal(within(copyId(other, object), one), one === other)
        }),
      )
    })
  })

  it('calls bases and registry documents so that they can be told from copies', () => {
    assert.equal(objectOfBase(baseId('todo/1')), 'todo/1')
    assert.equal(objectOfBase('share/x/y'), null)
    assert.equal(parseCopyId(baseId('share/x/y')), null)
    assert.equal(shareOfEntry('share/abc'), 'abc')
    assert.equal(shareOfEntry('_design/shares'), null)
    assert.equal(shareOfEntry('subscription/abc'), null)
  })

  describe('registry documents of subscriptions', () => {
    it('are called after share and subscriber, and are none of a share', () => {
      assert.equal(subscriptionEntryId('abc', 'hash'), 'subscription/abc/hash')
      assert.equal(shareOfEntry(subscriptionEntryId('abc', 'hash')), null)
      assert.notEqual(entryId('abc'), subscriptionEntryId('abc', ''))
    })

    it('lie in the range of their share, and in that of no other', () => {
      const owner = fc.string({ unit: fc.constantFrom(...FIRST, '_', '$', '(', ')', '+', '-'), minLength: 1 })
      fc.assert(
        fc.property(shareId, shareId, owner, (one, other, subscriber) => {
          const { startKey, endKey } = subscriptionRange(one)
          const [at, start, end] = [subscriptionEntryId(other, subscriber), startKey, endKey].map((text) =>
            Buffer.from(text),
          )
          const isWithin = Buffer.compare(at!, start!) >= 0 && Buffer.compare(at!, end!) < 0
          assert.equal(isWithin, one === other)
        }),
      )
    })
  })

  it('calls the checkpoint of a share that is followed as no database can be called', () => {
    const name = shareCheckpoint('abc', 'user/hash')
    assert.doesNotMatch(name, /^[a-z][a-z0-9_$()+/-]*$/)
    assert.notEqual(name, shareCheckpoint('abc', 'user/hash2'))
    assert.notEqual(name, shareCheckpoint('ab', 'c user/hash'))
    const users = userDatabases('user/{id}')
    assert.deepEqual([users.ownerOf(name), users.ownerOfOutbox(name)], [null, null])
  })

  it('calls a replication by its outbox and its share, and the other way round where others write', () => {
    const outbox = 'user/hash567/$shares'
    assert.equal(replicationId(outbox, 'uuid567'), 'user/hash567/$shares => share/uuid567')
    assert.equal(replicationId(outbox, 'uuid567', 'outbox'), replicationId(outbox, 'uuid567'))
    assert.equal(replicationId(outbox, 'uuid567', 'share'), 'share/uuid567 => user/hash567/$shares')
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
