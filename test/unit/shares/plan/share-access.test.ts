// "Access", row by row, passwords, and a user's own conflicts in a `$share`: who is let in, and in which order.
import assert from 'node:assert/strict'
import { OWNER_ONLY, type Access } from '../../../../src/shares/model/access.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import { planHalted } from '../../../../src/shares/plan/share.ts'
import {
  ACCOUNT,
  active,
  allInWords,
  BEGIN_END,
  docOf,
  END,
  entryOf,
  factsOf,
  FILL_AGAIN,
  filling,
  inPlace,
  inWords,
  letIn,
  MINE,
  MINE_ALONE,
  MOST_BYTES,
  OWNER,
  plan,
  PRIVATE,
  PUBLIC,
  putOf,
  reader,
  rotate,
  securityOf,
  SHOWN,
  steps,
  theirs,
  there,
  words,
} from './share-facts.ts'
import type { ShareFacts } from '../../../../src/shares/plan/share-facts.ts'
import type { ShareSecurity } from '../../../../src/shares/model/security.ts'

describe('shares/plan/share, access', () => {
  describe('access', () => {
    const all = { everyone: true, mostBytes: MOST_BYTES }
    const table: [unknown, Access, string, string | false, boolean][] = [
      [undefined, OWNER_ONLY, MINE_ALONE, false, false],
      [false, OWNER_ONLY, MINE_ALONE, false, false],
      [{}, OWNER_ONLY, MINE_ALONE, false, false],
      [{ read: [], write: [] }, OWNER_ONLY, MINE_ALONE, false, false],
      [true, { read: true, write: true }, 'r:all w:me,all', false, true],
      [{ write: true }, { read: true, write: true }, 'r:all w:me,all', false, true],
      [{ read: true }, { read: true, write: [] }, 'r:all w:me', false, false],
      [{ read: ['u1'] }, { read: ['u1'], write: [] }, 'r:me,u1 w:me', 'enlist u1=read', false],
      [{ write: ['u1'] }, { read: ['u1'], write: ['u1'] }, 'r:me,u1 w:me,u1', 'enlist u1=write', true],
      [
        { read: true, write: ['u1'] },
        { read: true, write: ['u1'] },
        'r:all w:me,u1',
        'enlist u1=write',
        true,
      ],
      [
        { read: ['u1'], write: ['u2'] },
        { read: ['u1', 'u2'], write: ['u2'] },
        'r:me,u1,u2 w:me,u2',
        'enlist u1=read u2=write',
        true,
      ],
      // who stands as a name has no database to be invited in, and nobody else gets in by a name that nobody has
      [{ read: ['n', 'x'] }, { read: ['n', 'x'], write: [] }, 'r:n,me w:me', false, false],
    ]
    for (const [value, access, whom, enlist, turns] of table) {
      it(`${JSON.stringify(value)} of a new share`, () => {
        const doc = docOf(value === undefined ? {} : { access: value })
        const effects = plan({ doc })
        const expected = steps(
          'claim, entry access, create-outbox, prepare-database',
          // What is copied in when home turns finds a database that is closed.
          turns && 'turn-home',
          'entry filled, scan',
        )
        assert.equal(allInWords(effects), expected)
        const filled = filling(true, { access, ...(turns ? { home: 'share' } : {}) })
        assert.equal(words({ doc, ...filled }), `${letIn(whom, enlist)}, doc active`)
        const [change] = effects.flatMap((one) => (one.kind === 'change-entry' ? [one.change] : []))
        assert.deepEqual(change?.access, access)
      })

      it(`${JSON.stringify(value)} of a share that is in place`, () => {
        const isOther = whom !== MINE_ALONE
        const effects = plan({ doc: docOf({ ...active, access: value }), ...there() })
        const expected = steps(
          turns && 'turn-home',
          access !== OWNER_ONLY && 'entry access',
          enlist,
          isOther && `tell-participants, secure ${whom}`,
          turns && 'start-replication',
          JSON.stringify(value)?.includes('"n"') && 'doc active',
        )
        assert.equal(allInWords(effects), expected)
        const security = effects.find((one) => one.kind === 'secure')?.security as ShareSecurity | undefined
        if (whom.endsWith('all')) assert.deepEqual(security?.writers, { names: [], roles: ['me'], ...all })
        else if (isOther) assert.ok(!('everyone' in (security?.writers ?? {})))
      })
    }

    const rows: [string, Partial<ShareFacts>, string][] = [
      [
        'a reader who is taken out: rotation',
        {
          doc: docOf({ ...active, access: { read: ['u2'] } }),
          entry: inPlace({ read: ['u1', 'u2'], write: [] }),
          security: securityOf(['me', 'u1', 'u2'], ['me']),
          participants: [reader('u1'), reader('u2')],
        },
        `entry access rotate, secure r:me,u2 w:me, enlist u2=read, tell-participants, ${rotate('r:me,u2 w:me')}`,
      ],
      [
        'a writer who may only read now: no rotation',
        {
          doc: docOf({ ...active, access: { read: ['u1'] } }),
          entry: inPlace({ read: ['u1'], write: ['u1'] }, { home: 'share' }),
          security: securityOf(['me', 'u1'], ['me', 'u1']),
          participants: [{ ...reader('u1'), granted: 'write' }],
        },
        'entry access, enlist u1=read, tell-participants, secure r:me,u1 w:me',
      ],
      [
        'a reader who may write now: home turns before he is let in',
        {
          doc: docOf({ ...active, access: { write: ['u1'] } }),
          entry: inPlace({ read: ['u1'], write: [] }),
          security: securityOf(['me', 'u1'], ['me']),
          participants: [reader('u1')],
        },
        'turn-home, entry access, enlist u1=write, tell-participants, secure r:me,u1 w:me,u1, start-replication',
      ],
      [
        'a reader is taken out, and somebody else may write: closed while home turns',
        {
          doc: docOf({ ...active, access: { write: ['u2'] } }),
          entry: inPlace({ read: ['u1'], write: [] }),
          security: securityOf(['me', 'u1'], ['me']),
          participants: [reader('u1')],
        },
        `entry access rotate, secure for nobody, turn-home, enlist u2=write, tell-participants, ${rotate('r:me,u2 w:me,u2')}`,
      ],
      [
        'home does not turn a second time, nor back',
        {
          doc: docOf({ ...active, access: { write: ['u1'] } }),
          entry: inPlace(OWNER_ONLY, { home: 'share' }),
          security: PRIVATE,
        },
        'entry access, enlist u1=write, tell-participants, secure r:me,u1 w:me,u1',
      ],
      [
        'nobody else may write any more: home stays',
        {
          doc: docOf({ ...active, access: { read: true } }),
          entry: inPlace({ read: true, write: true }, { home: 'share' }),
          security: { ...PUBLIC, writers: { ...PUBLIC.writers, everyone: true, mostBytes: MOST_BYTES } },
        },
        'entry access, tell-participants, secure r:all w:me',
      ],
      [
        'somebody wrote into the share himself: home turns',
        { doc: docOf(active), ...there(), isWrittenDirectly: true },
        'turn-home, start-replication',
      ],
      [
        'public, then for some: rotation, though who is named could read before',
        {
          doc: docOf({ ...active, access: { read: ['u1'] } }),
          entry: inPlace({ read: true, write: [] }),
          security: PUBLIC,
        },
        `entry access rotate, secure r:me,u1 w:me, enlist u1=read, tell-participants, ${rotate('r:me,u1 w:me')}`,
      ],
      [
        'a rotation that was begun goes on',
        { doc: docOf(active), ...there({ rotate: true }) },
        rotate(MINE_ALONE),
      ],
      [
        'old revisions that are to go are shown to nobody new',
        {
          doc: docOf({ ...active, access: { read: true } }),
          ...there({ rotate: true }),
        },
        `entry access, tell-participants, ${rotate('r:all w:me')}`,
      ],
      [
        'old revisions that are to go are shown to nobody new, and who loses access is out at once',
        {
          doc: docOf({ ...active, access: { read: ['u2'] } }),
          entry: inPlace({ read: ['u1'], write: [] }, { rotate: true }),
          security: securityOf(['me', 'u1'], ['me']),
          participants: [reader('u1')],
        },
        `entry access, secure for nobody, enlist u2=read, tell-participants, ${rotate('r:me,u2 w:me')}`,
      ],
      [
        'a user who is named signs up',
        {
          doc: docOf({ ...active, access: { read: ['u1'] } }),
          entry: inPlace({ read: ['u1'], write: [] }),
          security: PRIVATE,
        },
        'enlist u1=read, tell-participants, secure r:me,u1 w:me',
      ],
      [
        'a user who is named signs up, while access is malformed',
        {
          doc: docOf({ ...active, access: 'x' }),
          entry: inPlace({ read: ['u1'], write: [] }),
          security: PRIVATE,
        },
        'enlist u1=read, tell-participants, secure r:me,u1 w:me, doc error invalid_access',
      ],
      [
        'a user who is named goes, while access is malformed',
        {
          doc: docOf({ ...active, access: 'x' }),
          entry: inPlace({ read: ['u1'], write: [] }),
          security: securityOf(['me', 'u1'], ['me']),
          named: new Map(),
        },
        `entry rotate, secure ${MINE_ALONE}, tell-participants, ${rotate(MINE_ALONE)}, doc error invalid_access`,
      ],
      [
        'an owner who names himself is not invited',
        {
          doc: docOf({ ...active, access: { write: ['joe'] } }),
          entry: inPlace({ read: ['joe'], write: ['joe'] }, { home: 'share' }),
          security: PRIVATE,
          named: new Map([['joe', { grants: OWNER, owners: ['me'] }]]),
        },
        '',
      ],
      [
        'somebody else has set the security of the share: put right, and who got in is out',
        { doc: docOf(active), ...there(), security: PUBLIC },
        `entry rotate, secure ${MINE_ALONE}, tell-participants, ${rotate(MINE_ALONE)}`,
      ],
      [
        'somebody else has taken the security of the share out',
        { doc: docOf(active), ...there(), security: {} },
        `entry rotate, secure ${MINE_ALONE}, tell-participants, ${rotate(MINE_ALONE)}`,
      ],
    ]
    for (const [row, given, expected] of rows)
      it(row, () => assert.equal(words({ databaseExists: true, ...given }), expected))

    it('malformed in any way is an $error, and nothing else happens', () => {
      const values = ['everyone', null, 1, [1], { read: 'everyone' }, { read: null }, { admin: true }]
      const lists = [{ read: [1] }, { read: [''] }, { read: [['u1']] }, { write: [{ name: 'u1' }] }]
      for (const access of [...values, ...lists])
        assert.equal(words({ doc: docOf({ ...active, access }), ...there() }), 'doc error invalid_access')
      const names = Array.from({ length: 1001 }, (_, at) => `u${String(at)}`)
      assert.equal(
        words({ doc: docOf({ ...active, access: { read: names } }), ...there() }),
        'doc error too_many_names',
      )
    })
  })

  describe('password', () => {
    const access = { read: true, write: [] } as const
    const withRole = securityOf(['me', ACCOUNT.role], ['me'])
    const rows: [string, Partial<ShareFacts>, string][] = [
      [
        'of a new share: its id is claimed, and the password in force, before anything is open',
        { doc: docOf({ access: true, password: 'p1' }) },
        'claim, set-password',
      ],
      [
        'of an id that is used again',
        { doc: docOf({ access: true, password: 'p1' }), entry: entryOf('ended') },
        'forget-copies, entry -problem state=opening, set-password',
      ],
      [
        'is in force: the document shows the account, before the share is open',
        {
          doc: docOf({ access: { read: true }, password: 'p1' }),
          entry: entryOf('opening', MINE, { password: ACCOUNT }),
          isPasswordInForce: true,
        },
        `${FILL_AGAIN}, doc undefined`,
      ],
      [
        'is in force: the share opens for those who know it',
        {
          doc: docOf({ access: { read: true }, password: SHOWN }),
          ...filling(true, { password: ACCOUNT }),
        },
        `${letIn('r:me,share/s/1 w:me')}, doc active`,
      ],
      [
        'the first one of a public share',
        {
          doc: docOf({ ...active, access: { read: true }, password: 'p1' }),
          entry: inPlace(access),
          security: PUBLIC,
        },
        'set-password',
      ],
      [
        'the first one of a public share is a narrowing',
        {
          doc: docOf({ ...active, access: { read: true }, password: 'p1' }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: PUBLIC,
          isPasswordInForce: true,
        },
        `entry rotate, secure r:me,share/s/1 w:me, tell-participants, ${rotate('r:me,share/s/1 w:me')}, doc active`,
      ],
      [
        'a new one',
        {
          doc: docOf({ ...active, access: { read: true }, password: 'p2' }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        'set-password',
      ],
      [
        'a new one, and less for those who know it: nobody has the new one and the old right',
        {
          doc: docOf({ ...active, access: { read: true, write: ['u1'] }, password: 'p2' }),
          entry: inPlace({ read: true, write: true }, { password: ACCOUNT, home: 'share' }),
          security: { ...withRole, writers: { ...withRole.writers, everyone: true, mostBytes: MOST_BYTES } },
        },
        'entry access, secure r:me,u1 w:me,u1, set-password',
      ],
      [
        'a new one is in force: rotation, as it is ordered with it',
        {
          doc: docOf({ ...active, access: { read: true }, password: 'p2' }),
          entry: inPlace(access, { password: { ...ACCOUNT, derivedKey: 'p2' }, rotate: true }),
          security: withRole,
          isPasswordInForce: true,
        },
        `${rotate('r:me,share/s/1 w:me')}, doc active`,
      ],
      [
        'in force, and said',
        {
          doc: docOf({ ...active, access: { read: true }, password: SHOWN }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        '',
      ],
      [
        'its holder has changed the account: restored',
        {
          doc: docOf({ ...active, access: { read: true }, password: SHOWN }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
          account: 'changed',
        },
        'restore-account',
      ],
      [
        'its holder has changed the account, while access is malformed: restored',
        {
          doc: docOf({ ...active, access: 'x', password: SHOWN }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
          account: 'changed',
        },
        'restore-account, doc error invalid_access',
      ],
      ...[{ password: null }, {}].map((none): [string, Partial<ShareFacts>, string] => [
        `taken away by ${JSON.stringify(none)}: the account goes before the share is open to all`,
        {
          doc: docOf({ ...active, access: { read: true }, ...none }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        steps(
          'remove-account, entry -password access, tell-participants, secure r:all w:me',
          'password' in none && 'doc active',
        ),
      ]),
      [
        'taken away, with access for some: never public in between, for subscribers neither',
        {
          doc: docOf({ ...active, access: { read: ['u1'] } }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        `remove-account, entry -password access, entry rotate, secure r:me,u1 w:me, enlist u1=read, tell-participants, ${rotate('r:me,u1 w:me')}`,
      ],
      [
        'on a share that is not public: an error, and what was in force stays',
        {
          doc: docOf({ ...active, access: { read: ['u1'] }, password: 'p2' }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        'doc error password_not_public',
      ],
      [
        'malformed: an error, and what was in force stays',
        {
          doc: docOf({ ...active, access: true, password: 5 }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        'doc error invalid_password',
      ],
      [
        'that names an account of another share: an error, and what was in force stays',
        {
          doc: docOf({ ...active, access: true, password: { set: true, name: 'share-t-1' } }),
          entry: inPlace(access, { password: ACCOUNT }),
          security: withRole,
        },
        'doc error password_account_taken',
      ],
      [
        'that names an account, on a new share: nothing opens',
        { doc: docOf({ access: true, password: SHOWN }) },
        'doc error password_account_taken',
      ],
      [
        'that names an account, on an ended share: nothing opens',
        { doc: docOf({ access: true, password: SHOWN }), entry: entryOf('ended') },
        'doc error password_account_taken',
      ],
      [
        'of a share that ends: the account goes first',
        { entry: inPlace(access, { password: ACCOUNT }), security: withRole },
        `${BEGIN_END}, remove-account, entry -password, ${END}`,
      ],
    ]
    for (const [row, given, expected] of rows)
      it(row, () =>
        assert.equal(
          words({ databaseExists: given.security !== undefined, ...given }),
          expected,
          JSON.stringify(plan({ databaseExists: given.security !== undefined, ...given })),
        ),
      )

    it('is replaced by the account’s name, and leaves the document when it was taken away', () => {
      const given = {
        entry: inPlace(access, { password: ACCOUNT }),
        security: withRole,
        databaseExists: true,
      }
      const set = plan({
        ...given,
        doc: docOf({ access: { read: true }, password: 'p1' }),
        isPasswordInForce: true,
      })
      assert.deepEqual(putOf(set)['password'], SHOWN)
      const gone = plan({ ...given, doc: docOf({ access: { read: true }, password: null }) })
      assert.ok(!('password' in putOf(gone)))
    })

    it('stays on the document as it was written while it is not in force', () => {
      const doc = docOf({ access: true, password: 'p1' })
      const refused: Partial<ShareFacts>[] = [
        { ...theirs('active') },
        { databaseExists: true },
        { entry: entryOf('ended', MINE, { order: 'end' }) },
        { entry: entryOf('suspended', MINE, { order: 'suspend' }) },
      ]
      for (const given of refused) {
        assert.deepEqual(putOf(plan({ doc, ...given }))['password'], 'p1')
        const noted = { ...doc, password: SHOWN }
        assert.deepEqual(putOf(plan({ doc: noted, ...given }))['password'], SHOWN)
      }
    })

    it('in clear text is in no effect but the one that sets it, and in no document that is in force', () => {
      const doc = docOf({ access: { read: true }, password: 'secret' })
      for (const entry of [null, entryOf('opening'), inPlace(access)])
        for (const effect of plan({
          doc,
          entry,
          databaseExists: entry?.state === 'active',
          security: PUBLIC,
        }))
          if (effect.kind !== 'set-password') assert.ok(!JSON.stringify(effect).includes('secret'))
      const inForce = plan({
        doc,
        entry: inPlace(access, { password: ACCOUNT }),
        databaseExists: true,
        security: PUBLIC,
        isPasswordInForce: true,
      })
      assert.ok(!JSON.stringify(inForce).includes('secret'))
    })

    it('stays on the document where it could not be put in force: else the share would open without', () => {
      const doc = docOf({ access: true, password: 'p1' })
      const taken = problem('password_account_taken', 'x')
      const [put] = planHalted(factsOf({ doc }), taken)
      assert.ok(put?.kind === 'put-document')
      assert.equal(put.doc['password'], 'p1')
      assert.deepEqual(planHalted(factsOf({ doc: put.doc }), taken), [])
    })

    it('that was taken away does not come back where the share could not be opened', () => {
      const entry = entryOf('opening', MINE, { password: ACCOUNT })
      const doc = docOf({ access: true, password: null })
      const [put] = planHalted(factsOf({ doc, entry }), problem('replication_failed'))
      assert.ok(put?.kind === 'put-document')
      assert.ok(!put.doc['password'])
    })

    it('in force is shown by its account where the share could not be opened', () => {
      const entry = entryOf('opening', MINE, { password: ACCOUNT })
      const doc = docOf({ access: true, password: 'p1' })
      const halted = planHalted(
        factsOf({ doc, entry, isPasswordInForce: true }),
        problem('replication_failed'),
      )
      assert.deepEqual(putOf(halted)['password'], SHOWN)
    })
  })

  describe('conflicts in a $share: access is what all leaves allow', () => {
    const rival = (
      attributes: Record<string, unknown>,
      ancestor: ObjectDoc | null = docOf({ name: 'old' }),
    ) => ({
      leaf: { ...docOf(attributes), _rev: '2-r' },
      ancestor,
    })
    const opened = (doc: ObjectDoc, ...leaves: Record<string, unknown>[]): string =>
      plan({ doc, rivals: leaves.map((leaf) => rival(leaf)), ...there() })
        .filter(({ kind }) => kind === 'secure')
        .map(inWords)
        .join(', ')
    const rows: [unknown, unknown, string][] = [
      [true, false, ''],
      [false, true, ''],
      [true, { read: ['u1'] }, 'secure r:me,u1 w:me'],
      [{ read: ['u1'] }, true, 'secure r:me,u1 w:me'],
      [true, { read: true }, 'secure r:all w:me'],
      [{ write: ['u1'] }, { read: ['u1', 'u2'] }, 'secure r:me,u1 w:me'],
      [{ write: ['u1', 'u2'] }, { write: ['u2', 'u3'] }, 'secure r:me,u2 w:me,u2'],
      [{ read: ['u1'] }, { read: ['u2'] }, ''],
      [{ read: true, write: ['u1'] }, { write: true }, 'secure r:all w:me,u1'],
    ]
    for (const [one, other, expected] of rows)
      it(`${JSON.stringify(one)} and ${JSON.stringify(other)}`, () => {
        const doc = docOf({ access: one, name: 'a' })
        assert.equal(opened(doc, { access: other, name: 'b' }), expected)
      })

    it('of three', () =>
      assert.equal(
        opened(docOf({ access: true }), { access: { read: true } }, { access: { write: ['u1'] } }),
        'secure r:me,u1 w:me',
      ))

    it('a malformed leaf is an $error, and what was in force stays', () =>
      assert.equal(
        words({ doc: docOf({ access: true }), rivals: [rival({ access: 'x' })], ...there() }),
        'doc error invalid_access',
      ))

    it('a leaf without the password opens nothing', () => {
      const entry = inPlace({ read: true, write: [] }, { password: ACCOUNT })
      const given = { entry, databaseExists: true, security: securityOf(['me', ACCOUNT.role], ['me']) }
      const doc = docOf({ access: { read: true }, name: 'a' })
      for (const password of [SHOWN, 'p2']) {
        const effects = words({ ...given, doc, rivals: [rival({ access: { read: true }, password })] })
        assert.ok(!effects.includes('r:all'), effects)
        assert.ok(!effects.includes('remove-account'))
      }
    })

    it('a new password of a leaf that lost is in force nowhere, and nobody gets in without', () => {
      const rivals = [rival({ access: true, password: 'p1' })]
      const effects = plan({ doc: docOf({ access: true, name: 'a' }), rivals, ...filling(true) })
      assert.ok(allInWords(effects).includes(`secure ${MINE_ALONE}`))
      assert.ok(!JSON.stringify(effects).includes('p1'))
    })

    it('what the daemon wrote is no conflict: participants, and a password that is in force', () => {
      const old = docOf({ access: true, password: 'p1' })
      const daemons = {
        ...active,
        access: true,
        password: SHOWN,
        $participants: [{ name: 'u1', access: 'read' }],
      }
      const own = { access: true, password: 'p1', name: 'new' }
      const given = { entry: inPlace({ read: true, write: true }, { password: ACCOUNT, home: 'share' }) }
      assert.equal(words({ ...given, doc: docOf(daemons), rivals: [rival(own, old)] }), 'drop 2-d')
      const kept = words({
        ...given,
        doc: docOf(own),
        rivals: [rival(daemons, old)],
        isPasswordInForce: true,
      })
      assert.ok(kept.includes('drop 2-r'))
      const none = docOf({ access: true, password: null })
      const { password: _, ...left } = daemons
      assert.equal(words({ ...given, doc: docOf(left), rivals: [rival({ access: {} }, none)] }), 'drop 2-d')
    })

    it('a password that the user changed is no work of the daemon’s', () => {
      const old = docOf({ access: true, password: SHOWN })
      const given = {
        entry: inPlace({ read: true, write: true }, { password: ACCOUNT, home: 'share' }),
        databaseExists: true,
        security: securityOf(['me', ACCOUNT.role], ['me']),
      }
      const rivals = [rival({ ...active, access: true, password: 'p2' }, old)]
      const effects = words({ ...given, doc: docOf({ access: true, password: SHOWN, name: 'a' }), rivals })
      assert.ok(!effects.includes('drop '), effects)
      const none = [rival({ ...active, access: true }, old)]
      const left = words({ ...given, doc: docOf({ access: true, password: SHOWN, name: 'a' }), rivals: none })
      assert.ok(!left.includes('drop '), left)
    })
  })
})
