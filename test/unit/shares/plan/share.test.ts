// "A share's life", row by row, orders of an admin, and what else an owner reads on a `$share`.
import assert from 'node:assert/strict'
import { OWNER_ONLY } from '../../../../src/shares/model/access.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import type { Rejection } from '../../../../src/documents/rejected.ts'
import { ADMIN_ONLY } from '../../../../src/documents/security.ts'
import { planHalted, planScanned } from '../../../../src/shares/plan/share.ts'
import { planRotation } from '../../../../src/shares/plan/share-steps.ts'
import {
  ACCOUNT,
  ACTIVATE,
  active,
  allInWords,
  BEGIN_END,
  BEGIN_END_LOST,
  docOf,
  END,
  entryOf,
  factsOf,
  FILL_AGAIN,
  FILL_CLAIMED,
  FILL_NEW,
  filling,
  inPlace,
  inWords,
  letIn,
  FILLED_AGAIN,
  MINE,
  MINE_ALONE,
  NAMED,
  OVER,
  plan,
  PRIVATE,
  PUBLIC,
  putOf,
  reader,
  rotate,
  securityOf,
  SHOWN,
  THEIRS,
  theirs,
  there,
  words,
} from './share-facts.ts'
import type { Participant, ShareEffect, ShareFacts } from '../../../../src/shares/plan/share-facts.ts'

describe('shares/plan/share', () => {
  const rows: [row: string, Partial<ShareFacts>, string][] = [
    ['a new share', { doc: docOf() }, FILL_NEW],
    ['a new share without a type', { doc: { _id: '$share/s', _rev: '1-a' } }, FILL_NEW],
    [
      'a new share of a user whose objects are all still to come',
      { doc: docOf(), fromStart: true },
      FILL_NEW.replace(', scan', ''),
    ],
    ['active, and said', { doc: docOf(active), ...there() }, ''],
    ['active, and not said yet', { doc: docOf(), ...there() }, 'doc active'],
    // taken
    ['an id that another user has', { doc: docOf(), ...theirs('active') }, 'doc error id_taken'],
    ['an id that another user is opening', { doc: docOf(), ...theirs('opening') }, 'doc error id_taken'],
    ['an id that another user is ending', { doc: docOf(), ...theirs('ending') }, 'doc error id_taken'],
    ['an id that another user ever had', { doc: docOf(), ...theirs('ended') }, 'doc error id_taken'],
    ['an id that is suspended', { doc: docOf(), ...theirs('suspended') }, 'doc error id_taken'],
    [
      'an id of another user, and said',
      { doc: docOf({ $state: 'error', $error: problem('id_taken', 's') }), ...theirs('ended') },
      '',
    ],
    ['a $share of an id of another user is deleted', { doc: null, ...theirs('active') }, ''],
    [
      'an id of another user, with a new password',
      { doc: docOf({ access: true, password: 'p1' }), ...theirs('active') },
      'doc error id_taken',
    ],
    [
      'a database that no entry is known for',
      { doc: docOf(), databaseExists: true },
      'doc error database_exists',
    ],
    [
      'a database that no entry is known for, asked for with a password',
      { doc: docOf({ access: true, password: 'p1' }), databaseExists: true },
      'doc error database_exists',
    ],
    // one too many
    ['one share too many', { doc: docOf(), mostShares: 3 }, 'doc error too_many_own_shares'],
    [
      'one too many, and said',
      { doc: docOf({ $state: 'error', $error: problem('too_many_own_shares', '3') }), mostShares: 3 },
      '',
    ],
    ['one too many, malformed', { doc: docOf({ access: 'x' }), mostShares: 3 }, 'doc error invalid_access'],
    [
      'one too many, which had ended',
      { doc: docOf(), entry: entryOf('ended', MINE), mostShares: 3 },
      'doc error too_many_own_shares',
    ],
    ['one too many, deleted again', { doc: null, mostShares: 3 }, ''],
    // malformed
    ['a malformed $share', { doc: docOf({ type: 'todo' }) }, 'doc error wrong_type'],
    ['a malformed access', { doc: docOf({ access: { read: 'everyone' } }) }, 'doc error invalid_access'],
    ['an illegal id', { share: 'A', doc: docOf({}, '$share/A') }, 'doc error invalid_share_id'],
    [
      'malformed while active: what was in force stays in force',
      { doc: docOf({ access: 'x', ...active }), ...there() },
      'doc error invalid_access',
    ],
    [
      'corrected: it heals',
      { doc: docOf({ $state: 'error', $error: problem('invalid_access', 'x') }), ...there() },
      'doc active',
    ],
    [
      'corrected before it ever was active',
      { doc: docOf({ $state: 'error', $error: problem('invalid_access', 'x') }) },
      FILL_NEW,
    ],
    [
      'malformed while ending: the end goes on',
      { doc: docOf({ type: 'x' }), entry: entryOf('ending', MINE, { saved: true }), databaseExists: true },
      END,
    ],
    [
      'malformed, claimed, and nothing was ever in force',
      { doc: docOf({ access: 'x' }), entry: entryOf('opening') },
      'doc error invalid_access',
    ],
    [
      'malformed while it is being opened: what was asked for last and was in order goes on',
      { doc: docOf({ access: 'x' }), entry: entryOf('opening', MINE, { access: OWNER_ONLY }) },
      `${FILL_AGAIN}, doc error invalid_access`,
    ],
    [
      'type $share under another _id: $error, and no $state',
      { share: 'todo/1', doc: docOf({}, 'todo/1') },
      'doc undefined wrong_type',
    ],
    [
      'type $share under another _id, with a $state of its own',
      { share: 'todo/1', doc: docOf({ $state: 'mine' }, 'todo/1') },
      'doc mine wrong_type',
    ],
    [
      'type $share under another _id, and said',
      { share: 'todo/1', doc: docOf({ $error: problem('wrong_type', 'todo/1', '$share') }, 'todo/1') },
      '',
    ],
    // deleted
    ['deleted', there(), `${BEGIN_END}, ${END}`],
    ['deleted while opening', { entry: entryOf('opening') }, `${BEGIN_END}, ${END}`],
    [
      'deleted while suspended',
      { entry: entryOf('suspended'), databaseExists: true },
      `${BEGIN_END}, ${END}`,
    ],
    [
      'deleted while opening for the first time, and there is a database',
      { entry: entryOf('opening'), databaseExists: true },
      `${BEGIN_END}, ${END}`,
    ],
    ...(['active', 'suspended'] as const).map((state): [string, Partial<ShareFacts>, string] => [
      `deleted while ${state}, and its database was lost`,
      { entry: entryOf(state) },
      `${BEGIN_END_LOST}, ${END}`,
    ]),
    [
      'deleted while its database is made anew',
      { entry: entryOf('active', MINE, { rotate: true, saved: true }) },
      `entry state=ending, tell-participants, ${END}`,
    ],
    [
      'deleted while the objects are gone through for its beginning',
      { entry: entryOf('ending', MINE, { saved: true }), scanning: true },
      END,
    ],
    [
      'deleted, and the objects are being gone through',
      { entry: entryOf('ending', MINE, { emptied: true }), scanning: true },
      '',
    ],
    ['deleted, and all over', { entry: entryOf('ended') }, ''],
    ['never there', {}, ''],
    [
      'stuck in ending',
      { entry: entryOf('ending'), databaseExists: true },
      `entry saved, tell-participants, ${END}`,
    ],
    ['stuck in ending, with the database gone', { entry: entryOf('ending', MINE, { saved: true }) }, END],
    [
      'stuck in ending, and the database was lost',
      { entry: entryOf('ending', MINE, { losses: 1 }) },
      `entry losses saved, tell-participants, ${END}`,
    ],
    [
      'written again while ending: first the end',
      { doc: docOf(), entry: entryOf('ending', MINE, { saved: true }), databaseExists: true },
      END,
    ],
    [
      'written again while ending, and the objects are being gone through',
      { doc: docOf(), entry: entryOf('ending', MINE, { emptied: true }), scanning: true },
      '',
    ],
    [
      'the same owner uses an ended id again',
      { doc: docOf(), entry: entryOf('ended') },
      `forget-copies, entry -problem state=opening, ${FILL_AGAIN}`,
    ],
    // the user database is created again, and its documents may come back
    ['missing while active: it stays in force', { isMissing: true, ...there() }, ''],
    ['missing and never there', { isMissing: true }, ''],
    ['missing, and all over', { isMissing: true, entry: entryOf('ended') }, ''],
    [
      'missing while ending: the end goes on',
      { isMissing: true, entry: entryOf('ending', MINE, { saved: true }) },
      END,
    ],
    ['missing, of another user', { isMissing: true, ...theirs('active') }, ''],
    [
      'missing, and a user who is named has gone',
      {
        isMissing: true,
        entry: inPlace({ read: ['u1'], write: [] }),
        databaseExists: true,
        security: securityOf(['me', 'u1'], ['me']),
        named: new Map(),
        participants: [{ subscriber: 'u1', name: 'u1', isActive: false, granted: 'read', right: 'read' }],
      },
      `entry rotate, secure ${MINE_ALONE}, enlist, tell-participants, ${rotate(MINE_ALONE)}`,
    ],
    // the user database is gone
    [
      'the user database is gone',
      { ...there(), ownerExists: false },
      `${BEGIN_END_LOST}, stop-replication, drop-database, ${OVER}`,
    ],
    [
      'the user database is gone while ending',
      { entry: entryOf('ending', MINE, { saved: true }), ownerExists: false },
      `stop-replication, drop-database, ${OVER}`,
    ],
    // filled
    ['its objects are gone through', { doc: docOf(), ...filling(false), scanning: true }, ''],
    ['the user’s objects all come by the feed', { doc: docOf(), ...filling(false), fromStart: true }, ''],
    ['nobody goes through them any more', { doc: docOf(), ...filling(false) }, 'scan'],
    [
      'somebody opened it by hand before all was there',
      { doc: docOf(), ...filling(false), scanning: true, security: PUBLIC },
      'prepare-database',
    ],
    [
      'another access while they are gone through: nobody is let in yet',
      { doc: docOf({ access: { write: ['u1'] } }), ...filling(false), scanning: true },
      'entry access, turn-home',
    ],
    [
      'malformed while they are gone through',
      { doc: docOf({ access: 7 }), ...filling(false), scanning: true },
      'doc error invalid_access',
    ],
    ['all of them are there', { doc: docOf(), ...filling(true) }, `${letIn(MINE_ALONE)}, doc active`],
    [
      'all are there, and its database is lost: filled from the outbox',
      { doc: docOf(), ...filling(true), databaseExists: false, security: null },
      `entry losses rotate, pause-participants, entry access, create-outbox, ${rotate(MINE_ALONE)}, scan, entry -filled -problem state=active, tell-participants, doc active`,
    ],
    [
      'old revisions are to go: not before all are there',
      { doc: docOf(), ...filling(false, { rotate: true }), scanning: true },
      '',
    ],
    ['deleted before it is open', { doc: null, ...filling(false), scanning: true }, `${BEGIN_END}, ${END}`],
    // unfinished
    ['stuck in opening, nothing there', { doc: docOf(), entry: entryOf('opening') }, FILL_AGAIN],
    [
      'stuck in opening, database there',
      { doc: docOf(), entry: entryOf('opening'), databaseExists: true, security: ADMIN_ONLY },
      FILL_CLAIMED,
    ],
    [
      'the database is missing while active: lost, and filled again',
      { doc: docOf(active), ...there(), databaseExists: false, security: null },
      `entry losses rotate, pause-participants, ${FILLED_AGAIN}`,
    ],
    [
      'the database is missing while it is made anew: all is in the outbox',
      { doc: docOf(active), ...there({ rotate: true, saved: true }), databaseExists: false, security: null },
      FILLED_AGAIN,
    ],
    [
      'old revisions that are to go are gone before a share is open again',
      {
        doc: docOf(active),
        entry: entryOf('opening', MINE, { access: OWNER_ONLY, rotate: true }),
        databaseExists: true,
        security: ADMIN_ONLY,
      },
      `entry access, create-outbox, ${rotate(MINE_ALONE)}, scan, ${ACTIVATE}, tell-participants`,
    ],
    [
      'narrowed while it is being opened: feeds that are open end',
      {
        doc: docOf(active),
        entry: entryOf('opening', MINE, { access: { read: true, write: [] } }),
        databaseExists: true,
        security: PUBLIC,
      },
      `entry access rotate, create-outbox, ${rotate(MINE_ALONE)}, scan, ${ACTIVATE}, tell-participants`,
    ],
    // trouble
    [
      'a replication in trouble is shown',
      { doc: docOf(active), ...there({ problem: problem('replication_failed') }) },
      'doc error replication_failed',
    ],
    [
      'a replication that is well again, likewise',
      { doc: docOf({ $state: 'error', $error: problem('replication_failed') }), ...there() },
      'doc active',
    ],
    [
      'an $error of the application is left alone',
      { doc: docOf({ $error: { message: 'x' } }), ...there() },
      'doc active',
    ],
    // conflicts
    [
      'a losing leaf of the daemon’s alone is folded in',
      {
        doc: docOf({ ...active, name: 'new' }),
        rivals: [{ leaf: { ...docOf(active), _rev: '2-r' }, ancestor: docOf() }],
        ...there(),
      },
      'drop 2-r',
    ],
    [
      'a winning leaf of the daemon’s alone goes',
      {
        doc: docOf(active),
        rivals: [{ leaf: { ...docOf({ name: 'new' }), _rev: '2-r' }, ancestor: docOf() }],
        ...there(),
      },
      'drop 2-d',
    ],
  ]
  for (const [row, given, expected] of rows) it(row, () => assert.equal(words(given), expected))

  describe('an admin’s order', () => {
    const suspend = { order: 'suspend' } as const
    const CLOSE =
      'entry -problem rotate state=suspended, secure for nobody, tell-participants, stop-replication, rotate for nobody, entry -rotate rotations'
    const rows: [string, Partial<ShareFacts>, string][] = [
      [
        'to suspend: closed for everybody, the owner too, and feeds that are open end',
        { doc: docOf(active), ...there(suspend) },
        `${CLOSE}, doc error suspended`,
      ],
      [
        'to suspend, begun: it goes on where it stopped',
        { doc: docOf(active), ...there({ ...suspend, state: 'suspended', rotate: true }) },
        'secure for nobody, tell-participants, stop-replication, rotate for nobody, entry -rotate rotations, doc error suspended',
      ],
      [
        'to suspend, closed and not made anew yet',
        {
          doc: docOf(active),
          ...there({ ...suspend, state: 'suspended', rotate: true }),
          security: ADMIN_ONLY,
        },
        'tell-participants, stop-replication, rotate for nobody, entry -rotate rotations, doc error suspended',
      ],
      [
        'to suspend, carried out and said',
        {
          doc: docOf({ $state: 'error', $error: problem('suspended') }),
          ...there({ ...suspend, state: 'suspended' }),
          security: ADMIN_ONLY,
        },
        '',
      ],
      [
        'to suspend, while access is malformed',
        { doc: docOf({ ...active, access: 'x' }), ...there(suspend) },
        `${CLOSE}, doc error suspended`,
      ],
      [
        'to suspend, while a password names a foreign account',
        { doc: docOf({ ...active, access: true, password: SHOWN }), ...there(suspend) },
        `${CLOSE}, doc error suspended`,
      ],
      ['to suspend, while the document is missing', { isMissing: true, ...there(suspend) }, CLOSE],
      [
        'to suspend, while it is being opened',
        {
          doc: docOf(),
          entry: entryOf('opening', MINE, { ...suspend, access: OWNER_ONLY }),
          databaseExists: true,
          security: PRIVATE,
        },
        `${CLOSE}, doc error suspended`,
      ],
      [
        'to suspend, without a database',
        { doc: docOf(active), entry: inPlace(OWNER_ONLY, suspend) },
        'entry -problem state=suspended, tell-participants, stop-replication, doc error suspended',
      ],
      [
        'to suspend, and somebody wrote into the share himself before: home turns, else it is looked at for ever',
        { doc: docOf(active), ...there(suspend), isWrittenDirectly: true },
        `${CLOSE.replace('stop-', 'turn-home, stop-')}, doc error suspended`,
      ],
      [
        'to suspend an ended share: it is not opened',
        { doc: docOf(), entry: entryOf('ended', MINE, suspend) },
        'doc error suspended',
      ],
      ['to suspend, and deleted: it ends', there(suspend), `${BEGIN_END}, ${END}`],
      [
        'to suspend, taken out: it goes on, and its objects are gone through',
        {
          doc: docOf({ $state: 'error', $error: problem('suspended') }),
          ...there({ state: 'suspended' }),
          security: ADMIN_ONLY,
        },
        'scan, entry -problem rotate state=active',
      ],
      [
        'to suspend, taken out: nobody is let in while its objects are gone through',
        {
          doc: docOf({ $state: 'error', $error: problem('suspended') }),
          ...there({ rotate: true }),
          ...{ security: ADMIN_ONLY, scanning: true },
        },
        '',
      ],
      [
        'to suspend, taken out: it is made anew after that',
        {
          doc: docOf({ $state: 'error', $error: problem('suspended') }),
          ...there({ rotate: true }),
          security: ADMIN_ONLY,
        },
        `tell-participants, ${rotate(MINE_ALONE)}, doc active`,
      ],
      [
        'to suspend, taken out while access is malformed: what was in force is again',
        { doc: docOf({ access: 'x' }), ...there({ rotate: true }), security: ADMIN_ONLY },
        `tell-participants, ${rotate(MINE_ALONE)}, doc error invalid_access`,
      ],
      ['to end', { doc: docOf(active), ...there({ order: 'end' }) }, `${BEGIN_END}, ${END}`],
      ['to end, and deleted', there({ order: 'end' }), `${BEGIN_END}, ${END}`],
      ['to end, while missing', { isMissing: true, ...there({ order: 'end' }) }, `${BEGIN_END}, ${END}`],
      [
        'to end, while access is malformed',
        { doc: docOf({ access: 'x' }), ...there({ order: 'end' }) },
        `${BEGIN_END}, ${END}`,
      ],
      [
        'to end a suspended share',
        { doc: docOf(active), ...there({ state: 'suspended', order: 'end' }), security: ADMIN_ONLY },
        `${BEGIN_END}, ${END}`,
      ],
      [
        'to end, carried out: said, and not opened while the order stands',
        { doc: docOf(active), entry: entryOf('ended', MINE, { order: 'end' }) },
        'doc error ended_by_admin',
      ],
      [
        'to end, carried out, and said',
        {
          doc: docOf({ $state: 'error', $error: problem('ended_by_admin') }),
          entry: entryOf('ended', MINE, { order: 'end' }),
        },
        '',
      ],
      [
        'to end, carried out, while missing',
        { isMissing: true, entry: entryOf('ended', MINE, { order: 'end' }) },
        '',
      ],
      [
        'to end, taken out: it opens again',
        { doc: docOf({ $state: 'error', $error: problem('ended_by_admin') }), entry: entryOf('ended') },
        `forget-copies, entry -problem state=opening, ${FILL_AGAIN}`,
      ],
      [
        'that is none is none',
        { doc: docOf(active), ...there({ order: 'explode' as unknown as 'end' }) },
        '',
      ],
      [
        'about somebody else’s share is not told to who asks for its id',
        { doc: docOf(), entry: entryOf('active', THEIRS, { order: 'suspend' }) },
        'doc error id_taken',
      ],
    ]
    for (const [row, given, expected] of rows) it(row, () => assert.equal(words(given), expected))
  })

  describe('the end of a share that others write into', () => {
    const entry = inPlace({ read: true, write: true }, { home: 'share' })
    const given = { entry, databaseExists: true, security: PUBLIC }
    it('no more comes in, what is there is taken in, and only then it goes', () => {
      const before = 'entry state=ending, secure for nobody, drain'
      assert.equal(words(given), before)
      const ending = { ...given, entry: { ...entry, state: 'ending' as const }, security: ADMIN_ONLY }
      assert.equal(words(ending), 'secure for nobody, drain')
      // Those who take part let go of it when its owner has all that is in it.
      assert.equal(words({ ...ending, isDrained: true }), `entry saved, tell-participants, ${END}`)
      const saved = { ...ending, entry: { ...ending.entry, saved: true as const } }
      assert.equal(words({ ...saved, isDrained: true }), END)
      assert.equal(words({ ...saved, databaseExists: false }), END)
    })

    it('takes nothing in where the owner’s database is gone', () =>
      assert.equal(
        words({ ...given, ownerExists: false }),
        `${BEGIN_END_LOST}, stop-replication, drop-database, ${OVER}`,
      ))

    it('takes in what its owner wrote into it directly, too', () =>
      assert.equal(
        words({ ...there(), isWrittenDirectly: true }),
        'entry state=ending, secure for nobody, turn-home, drain',
      ))

    it('who was named is not invited any more', () => {
      const participants = [reader('u1'), { ...reader('u2'), granted: null }]
      assert.equal(
        words({ ...there(), participants }),
        `entry saved state=ending, enlist, tell-participants, ${END}`,
      )
    })
  })

  describe('what the owner sees', () => {
    const takesPart = (subscriber: string, more: Partial<Participant> = {}): Participant => ({
      subscriber,
      name: `name of ${subscriber}`,
      isActive: true,
      granted: 'read',
      right: 'read',
      admitted: false,
      ...more,
    })
    const access = { read: ['u1', 'u2'], write: [] }
    const given: Partial<ShareFacts> = {
      entry: inPlace(access),
      databaseExists: true,
      security: securityOf(['me', 'u1', 'u2'], ['me']),
    }

    it('who takes part, and how', () => {
      const participants = [takesPart('u1'), takesPart('u2', { isActive: false })]
      const effects = plan({ ...given, doc: docOf({ ...active, access }), participants })
      assert.equal(allInWords(effects), 'entry counts, doc active')
      assert.deepEqual(putOf(effects)['$participants'], [{ name: 'name of u1', access: 'read' }])
      const noted = {
        ...given,
        entry: inPlace(access, { counts: { objects: 0, subscribers: 1 } }),
        participants,
      }
      assert.equal(words({ ...noted, doc: putOf(effects) }), '')
    })

    it('whom it waits for: names that nobody has, and users without a database', () => {
      const named = { read: ['u1', 'n', 'x'], write: ['x'] }
      const codes = (doc: ObjectDoc): unknown =>
        (doc['$waiting'] as { name: string; code: string }[]).map(({ name, code }) => [name, code])
      const waiting = [
        ['n', 'no_user_database'],
        ['x', 'no_account'],
      ]
      const isNew = putOf(plan({ doc: docOf({ access: named }), ...filling(true) }))
      assert.deepEqual(codes(isNew), waiting)
      const there = { ...given, entry: inPlace(named), doc: docOf({ ...active, access: named }) }
      assert.deepEqual(codes(putOf(plan(there))), waiting)
      const withoutRole = new Map([
        ['owner', 'o'],
        ['n', 'r'],
      ])
      assert.deepEqual(codes(putOf(plan({ ...there, withoutRole }))), [
        ['owner', 'no_role'],
        ['n', 'no_role'],
        ['x', 'no_account'],
      ])
      // They have come.
      const users = new Map(NAMED)
      for (const name of ['n', 'x']) users.set(name, { grants: { names: [], roles: [name] }, owners: [name] })
      const come = putOf(plan({ ...there, doc: isNew, named: users }))
      assert.ok(!('$waiting' in come))
      const foreign = plan({ doc: docOf({ access: named }), entry: entryOf('active', 'user/else') })
      assert.ok(!('$waiting' in putOf(foreign)))
    })

    it('a hash where nobody knows a name, and a hundred at most', () => {
      const participants = [
        takesPart('u1', { name: null }),
        takesPart('u2'),
        ...Array.from({ length: 120 }, (_, at) =>
          takesPart(`v${String(at)}`, { granted: null, right: 'read' }),
        ),
      ]
      const doc = putOf(
        plan({
          doc: docOf({ access: { read: true } }),
          entry: inPlace({ read: true, write: [] }),
          databaseExists: true,
          security: PUBLIC,
          participants,
        }),
      )
      const shown = doc['$participants'] as { name: string }[]
      assert.equal(shown[0]?.name, 'u1')
      assert.equal(shown.length, 100)
    })

    it('how participants stand as soon as access has changed', () => {
      const effects = plan({
        ...given,
        doc: docOf({ ...active, access: { write: ['u1'] } }),
        participants: [takesPart('u1'), takesPart('u2')],
      })
      assert.deepEqual(putOf(effects)['$participants'], [{ name: 'name of u1', access: 'write' }])
    })

    it('those who knew the password when they joined stay, those who did not do not', () => {
      const effects = plan({
        doc: docOf({ access: true, password: 'p1' }),
        entry: inPlace({ read: true, write: true }, { password: ACCOUNT, home: 'share' }),
        databaseExists: true,
        security: PUBLIC,
        isPasswordInForce: true,
        participants: [
          takesPart('a', { granted: null, admitted: true }),
          takesPart('b', { granted: null, right: 'write' }),
        ],
      })
      assert.deepEqual(putOf(effects)['$participants'], [{ name: 'name of a', access: 'write' }])
    })

    it('nothing of participants when there are none, whatever the document said', () => {
      const effects = plan({
        doc: docOf({ ...active, $participants: [{ name: 'x' }], $rejected: [1] }),
        ...there(),
      })
      assert.deepEqual(effects, [{ kind: 'put-document', doc: docOf(active) }])
    })

    const rejected: Rejection[] = [
      { document: 'todo/1', code: 'unshared_attributes', reason: 'x', at: '2024-01-01T00:00:00.000Z' },
    ]

    it('what was rejected, also while the document is malformed, and nothing when it is healed', () => {
      const [put] = plan({ doc: docOf(active), ...there({ rejected }) })
      assert.deepEqual(put, { kind: 'put-document', doc: docOf({ ...active, $rejected: rejected }) })
      const malformed = plan({ doc: docOf({ access: 'x' }), ...there({ rejected }) })
      assert.deepEqual(putOf(malformed)['$rejected'], rejected)
      const [healed] = plan({ doc: docOf({ ...active, $rejected: rejected }), ...there() })
      assert.deepEqual(healed, { kind: 'put-document', doc: docOf(active) })
      assert.equal(words({ doc: docOf({ ...active, $rejected: rejected }), ...there({ rejected }) }), '')
    })

    it('how many take part, written down where it differs; objects alone are counted by the sweep', () => {
      const participants = [takesPart('u1'), takesPart('u2', { isActive: false })]
      const doc = docOf({ ...active, access, $participants: [{ name: 'name of u1', access: 'read' }] })
      const counts = { objects: 3, subscribers: 1 }
      const [change, ...more] = plan({ ...given, doc, participants, objects: 3 })
      assert.deepEqual(change, { kind: 'change-entry', share: 's', change: { counts } })
      assert.deepEqual(more, [])
      const noted = { ...given, doc, participants, entry: inPlace(access, { counts }) }
      assert.equal(words({ ...noted, objects: 3 }), '')
      assert.equal(words({ ...noted, objects: 8 }), '')
    })

    it('nothing of somebody else’s share with the same id', () => {
      const real = entryOf('active', THEIRS, {
        access: { read: ['joe'], write: [] },
        password: ACCOUNT,
        problem: problem('replication_failed'),
        rejected,
        counts: { objects: 7, subscribers: 3 },
      })
      const participants = [takesPart('u1')]
      for (const attributes of [{}, { access: 'x' }, { access: true, password: 'p1' }, { type: 'todo' }]) {
        const doc = docOf({ ...attributes, $participants: ['mine'], $rejected: ['mine'] })
        const effects = plan({
          ...{ doc, participants, objects: 7, databaseExists: true, security: PRIVATE, entry: real },
          account: 'changed',
        })
        assert.deepEqual(
          effects.map(({ kind }) => kind),
          ['put-document'],
        )
        const { $error, ...rest } = putOf(effects)
        assert.deepEqual(rest, { ...docOf(attributes), $state: 'error' })
        assert.ok(['id_taken', 'invalid_access', 'wrong_type'].includes(($error as { code: string }).code))
      }
    })
  })

  it('keeps the application’s $error and all else of the document', () => {
    const doc = docOf({ $error: { message: 'x' }, name: 'n', _attachments: {} })
    const [put] = plan({ doc, ...there() })
    assert.deepEqual(put, { kind: 'put-document', doc: { ...doc, $state: 'active' } })
  })

  it('gives code and sentence', () => {
    const found = problem('invalid_access', 'a string')
    assert.deepEqual(putOf(plan({ doc: docOf({ access: 'x' }) }))['$error'], found)
  })

  it('clears an old problem of the entry when a share opens', () => {
    const effects = plan({ doc: docOf(), entry: entryOf('ended', MINE, { problem: problem('failed') }) })
    const changes = effects.flatMap((one) => (one.kind === 'change-entry' ? [one.change] : []))
    assert.ok(changes.some((change) => 'problem' in change && change.problem === undefined))
  })

  it('gives a database that is made anew a number of its own', () => {
    const rotationsOf = (effects: ShareEffect[]): unknown[] =>
      effects.flatMap((one) =>
        one.kind === 'change-entry' && one.change.rotations !== undefined ? [one.change.rotations] : [],
      )
    assert.deepEqual(
      rotationsOf(plan({ doc: docOf(), entry: entryOf('ended', MINE, { rotations: 4 }) })),
      [5],
    )
    assert.deepEqual(rotationsOf(plan({ doc: docOf(active), ...there({ rotate: true }) })), [1])
    assert.deepEqual(rotationsOf(plan({ doc: docOf() })), [])
  })

  it('says why a share could not be opened, once', () => {
    const [put, ...more] = planHalted(factsOf({ doc: docOf() }), problem('replication_failed'))
    assert.deepEqual(more, [])
    assert.ok(put?.kind === 'put-document')
    assert.equal(inWords(put), 'doc error replication_failed')
    assert.deepEqual(planHalted(factsOf({ doc: put.doc }), problem('replication_failed')), [])
    assert.deepEqual(planHalted(factsOf({}), problem('replication_failed')), [])
  })

  it('ends a share when its owner’s objects were gone through, and nothing else', () => {
    // First told, then written down: a crash in between tells them again.
    assert.equal(allInWords(planScanned('s', entryOf('ending', MINE, { emptied: true }))), OVER)
    // Asked to end while its objects were gone through for its beginning, it is yet to be taken apart.
    for (const entry of [
      null,
      entryOf('ending'),
      entryOf('active'),
      entryOf('opening'),
      entryOf('suspended'),
      entryOf('ended'),
    ])
      assert.deepEqual(planScanned('s', entry), [])
  })

  it('rotates: no job is left, nobody gets in until all is back, and the feed comes last', () => {
    const effects = planRotation(factsOf(there({ rotations: 2 })), PRIVATE)
    assert.equal(allInWords(effects), rotate(MINE_ALONE))
    const changes = effects.flatMap((one) => (one.kind === 'change-entry' ? [one.change] : []))
    assert.deepEqual(changes, [{ rotate: undefined, rotations: 3 }])
  })
})
