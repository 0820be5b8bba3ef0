// Subscriptions and invitations, row by row: who gets in, how it ends, and what a user reads about it.
import assert from 'node:assert/strict'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import type { Rejection } from '../../../../src/documents/rejected.ts'
import { planLeft, type SubscriptionFacts } from '../../../../src/shares/plan/subscription.ts'
import {
  allInWords,
  ANN,
  docOf,
  factsOf,
  invitationOf,
  NOBODY,
  partOf,
  plan,
  putOf,
  READ_ALL,
  shareOf,
  taking,
  withPassword,
  words,
} from './subscription-facts.ts'

const active = { $state: 'active' }
const refused = (code: Parameters<typeof problem>[0], ...details: string[]): ObjectDoc =>
  docOf({ $state: 'error', $error: (problem as (...all: string[]) => unknown)(code, ...details) })

/** What begins a part that is not there yet; everything is gone through before the registry says so. */
const JOIN = 'create-outbox, follow, scan'
const JOINED = 'entry -admitted -joinedAt -reason -rejected onEnd=remove state=active'
const IN = `${JOIN}, ${JOINED}, tell-owner, doc active`
const GO = 'scan, tell-owner'
const VANISHED = 'entry -admitted -due -invited -joinedAt -onEnd -paused -reason -rejected'
const GONE = '-admitted -joinedAt -onEnd -paused'

const table = (rows: [row: string, Partial<SubscriptionFacts>, string][]): void => {
  for (const [row, given, expected] of rows) it(row, () => assert.equal(words(given), expected))
}

describe('shares/plan/subscription', () => {
  describe('who gets in', () => {
    const granted = { granted: 'read' as const, invited: 'read' as const }
    const invited = { entry: partOf('invited', granted), invitation: invitationOf('read') }
    table([
      ['a share that everybody may read', { doc: docOf(), shareEntry: shareOf(READ_ALL) }, IN],
      ['without a type', { doc: { _id: '$subscription/s', _rev: '1-a' }, shareEntry: shareOf(READ_ALL) }, IN],
      [
        'a share that everybody may write',
        { doc: docOf(), shareEntry: shareOf({ read: true, write: true }) },
        IN,
      ],
      [
        'objects that stay',
        { doc: docOf({ onEnd: 'keep' }), shareEntry: shareOf(READ_ALL) },
        IN.replace('remove', 'keep'),
      ],
      [
        'who is named, and takes the invitation',
        { doc: docOf(), shareEntry: shareOf({ read: ['ann'], write: [] }), ...invited },
        IN,
      ],
      [
        'who was refused and is named now',
        {
          doc: refused('not_allowed', 's'),
          shareEntry: shareOf({ read: ['ann'], write: [] }),
          entry: partOf('refused', { granted: 'read', due: true }),
        },
        `${IN}, invitation read, entry invited=read, entry -due`,
      ],
      [
        'who had a document there before he was named, once',
        {
          doc: docOf(),
          shareEntry: shareOf({ read: ['ann'], write: [] }),
          entry: partOf('ended', { granted: 'read', due: true }),
        },
        `${IN}, invitation read, entry invited=read, entry -due`,
      ],
      [
        'who was named once, and comes because everybody may',
        {
          doc: docOf(),
          shareEntry: shareOf(READ_ALL),
          entry: partOf('invited', { invited: 'read', due: true }),
          invitation: invitationOf('read'),
        },
        `${IN}, invitation gone, entry -invited, entry -due`,
      ],
      ['active, and said', { doc: docOf(active), shareEntry: shareOf(READ_ALL), entry: taking() }, ''],
      [
        'active, and not said yet',
        { doc: docOf(), shareEntry: shareOf(READ_ALL), entry: taking() },
        'doc active',
      ],
      // nobody
      [
        'a share that is not there',
        { doc: docOf(), shareEntry: null },
        'entry -reason state=refused, doc error not_allowed',
      ],
      [
        'a share of its owner alone',
        { doc: docOf(), shareEntry: shareOf(NOBODY) },
        'entry -reason state=refused, doc error not_allowed',
      ],
      [
        'a share that names others',
        { doc: docOf(), shareEntry: shareOf({ read: ['bob'], write: ['cid'] }) },
        'entry -reason state=refused, doc error not_allowed',
      ],
      [
        'refused, and said',
        { doc: refused('not_allowed', 's'), shareEntry: shareOf(NOBODY), entry: partOf('refused') },
        '',
      ],
      [
        'refused, and the document is deleted',
        { shareEntry: shareOf(NOBODY), entry: partOf('refused') },
        'entry -due state=ended',
      ],
      [
        'his own share',
        { doc: docOf(), shareEntry: shareOf(READ_ALL, { owner: 'ann', database: ANN }) },
        'doc error own_share',
      ],
      [
        'his own share, of his alone',
        { doc: docOf(), shareEntry: shareOf(NOBODY, { owner: 'ann', database: ANN }) },
        'doc error own_share',
      ],
      [
        'an admin has ended it: not while the order stands',
        { doc: docOf(), shareEntry: shareOf(READ_ALL), entry: partOf('ended', { order: 'end' }) },
        'doc error ended_by_admin',
      ],
      ['nobody asks', { shareEntry: shareOf(READ_ALL) }, ''],
    ])

    for (const state of ['opening', 'suspended', 'ending', 'ended'] as const)
      it(`a share that is ${state}: not now`, () =>
        assert.equal(
          words({ doc: docOf(), shareEntry: shareOf(READ_ALL, {}, state) }),
          'entry -reason state=refused, doc error not_allowed',
        ))

    it('nobody learns which ids exist', () => {
      const shares = [
        null,
        shareOf(NOBODY),
        shareOf(READ_ALL, {}, 'ended'),
        shareOf(READ_ALL, {}, 'suspended'),
      ]
      const seen = [...shares, shareOf({ read: ['bob'], write: [] }, { password: undefined as never })].map(
        (shareEntry) => putOf(plan({ doc: docOf({ password: 'x' }), shareEntry })),
      )
      for (const doc of seen) assert.deepEqual(doc, refused('not_allowed', 's'))
    })
  })

  describe('a document that is malformed', () => {
    const shareEntry = shareOf(READ_ALL)
    table([
      ['another type', { doc: docOf({ type: 'todo' }), shareEntry }, 'doc error wrong_type'],
      ['an illegal id', { share: 'A', doc: docOf({}, '$subscription/A') }, 'doc error invalid_share_id'],
      [
        'type $subscription under another _id: $error, and no $state',
        { share: '', doc: docOf({}, 'todo/1') },
        'doc undefined wrong_type',
      ],
      [
        'type $subscription under another _id, with a $state of its own, and said',
        {
          share: '',
          doc: docOf({ $state: 'x', $error: problem('wrong_type', 'todo/1', '$subscription') }, 'todo/1'),
        },
        '',
      ],
      ['an onEnd that is none', { doc: docOf({ onEnd: 'burn' }), shareEntry }, 'doc error invalid_on_end'],
      ['an onEnd of null', { doc: docOf({ onEnd: null }), shareEntry }, 'doc error invalid_on_end'],
      [
        'while he takes part: that goes on',
        { doc: docOf({ onEnd: 'burn' }), shareEntry, entry: taking() },
        'doc error invalid_on_end',
      ],
      [
        'while he takes part, and the share comes back: that goes on',
        { doc: docOf({ onEnd: 'burn' }), shareEntry, entry: taking({ paused: true }) },
        'follow, scan, entry -paused, doc error invalid_on_end',
      ],
      [
        'while he takes part, and it ends: as it was wished for last',
        {
          doc: docOf({ onEnd: 'burn' }),
          shareEntry: shareOf(NOBODY),
          entry: taking({ onEnd: 'keep' }),
        },
        `entry reason=You may no longer read this share. state=ending, ${GO}`,
      ],
      ['corrected', { doc: refused('invalid_on_end', 'x'), shareEntry }, IN],
      [
        'corrected, while he takes part',
        { doc: refused('invalid_on_end', 'x'), shareEntry, entry: taking() },
        'doc active',
      ],
    ])
  })

  describe('a password', () => {
    const shareEntry = withPassword({ read: true, write: true })
    const asks = { doc: docOf({ password: 'p' }), shareEntry }
    const REFUSED = 'entry -reason state=refused'
    table([
      ['is needed', { doc: docOf(), shareEntry }, `${REFUSED}, doc error password_needed`],
      ['is wrong', { ...asks, password: 'wrong' }, `${REFUSED}, doc error wrong_password`],
      ['too many tries', { ...asks, password: 'too many tries' }, `${REFUSED}, doc error too_many_tries`],
      [
        'is right',
        { ...asks, password: 'right' },
        IN.replace('-admitted', 'admitted').replace(
          'entry admitted -joinedAt -reason -rejected',
          'entry -joinedAt -reason -rejected admitted',
        ),
      ],
      ['is needed, and said', { doc: refused('password_needed'), shareEntry, entry: partOf('refused') }, ''],
      [
        'was wrong, and was taken off: that is still to be read',
        { doc: refused('wrong_password'), shareEntry, entry: partOf('refused') },
        '',
      ],
      [
        'was the last of too many: that is still to be read',
        { doc: refused('too_many_tries'), shareEntry, entry: partOf('refused') },
        '',
      ],
      [
        'was no text, and was taken off: that is still to be read',
        { doc: refused('invalid_password', 'a number'), shareEntry, entry: partOf('refused') },
        '',
      ],
      [
        'that is no text',
        { doc: docOf({ password: 5 }), shareEntry },
        `${REFUSED}, doc error invalid_password`,
      ],
      [
        'that is no text, of a share that needs none',
        { doc: docOf({ password: 5 }), shareEntry: shareOf(READ_ALL) },
        IN,
      ],
      [
        'that is no text, of somebody who takes part',
        { doc: docOf({ ...active, password: 5 }), shareEntry, entry: taking({ admitted: true }) },
        'doc active',
      ],
      [
        'who is named needs none',
        {
          doc: docOf({ password: 'p' }),
          shareEntry: withPassword({ read: ['ann'], write: true }),
          entry: partOf('invited', { granted: 'write', invited: 'write' }),
          password: 'wrong',
        },
        IN,
      ],
      [
        'who knew it when he joined stays when it changes',
        { doc: docOf(active), shareEntry, entry: taking({ admitted: true }) },
        '',
      ],
      [
        'a wrong one of somebody who takes part changes nothing',
        {
          doc: docOf({ ...active, password: 'p' }),
          shareEntry,
          entry: taking({ admitted: true }),
          password: 'wrong',
        },
        'doc active',
      ],
      [
        'the first one of the share: who does not know it is out',
        { doc: docOf(active), shareEntry, entry: taking() },
        `entry onEnd=remove reason=You may no longer read this share. state=ending, ${GO}`,
      ],
      [
        'the first one of the share: who writes it in time stays',
        { doc: docOf({ ...active, password: 'p' }), shareEntry, entry: taking(), password: 'right' },
        'entry admitted, doc active',
      ],
      [
        'who may read by name, and writes the password, may what everybody may',
        {
          doc: docOf({ ...active, password: 'p' }),
          shareEntry: withPassword({ read: true, write: true }),
          entry: taking({ granted: 'read', invited: 'read' }),
          password: 'right',
        },
        'entry admitted, doc active',
      ],
      [
        'is taken away from the share: nobody is admitted by it any more',
        { doc: docOf(active), shareEntry: shareOf(READ_ALL), entry: taking({ admitted: true }) },
        'entry -admitted',
      ],
      [
        'access is narrowed: nobody is admitted by it any more, who is named stays',
        {
          doc: docOf(active),
          shareEntry: shareOf({ read: ['ann'], write: [] }),
          entry: taking({ admitted: true, granted: 'read', invited: 'read' }),
        },
        'entry -admitted',
      ],
      [
        'of a share that is suspended is not looked at',
        {
          doc: docOf({ password: 'p' }),
          shareEntry: { ...shareEntry, state: 'suspended' },
          password: 'right',
        },
        `${REFUSED}, doc error not_allowed`,
      ],
      [
        'a share that needs one, of its owner alone now',
        { doc: docOf({ password: 'p' }), shareEntry: withPassword(NOBODY), password: 'wrong' },
        `${REFUSED}, doc error not_allowed`,
      ],
    ])

    it('is taken off the document in every case', () => {
      const cases: Partial<SubscriptionFacts>[] = [
        { shareEntry: null },
        ...(['none', 'right', 'wrong', 'too many tries'] as const).map((password) => ({
          password,
          shareEntry,
        })),
        { shareEntry: shareOf(READ_ALL) },
        { shareEntry: shareOf(READ_ALL, { database: ANN }) },
        { shareEntry, entry: taking({ admitted: true }) },
        { shareEntry: { ...shareEntry, state: 'suspended' }, entry: taking({ admitted: true }) },
        { shareEntry, entry: partOf('ended', { order: 'end' }) },
      ]
      for (const given of cases)
        for (const more of [{}, { onEnd: 'burn' }, { type: 'todo' }, { $state: 'ended' }, { password: 7 }]) {
          const effects = plan({ ...given, doc: docOf({ password: 'secret', ...more }) })
          assert.ok(!('password' in putOf(effects)), JSON.stringify([given, more]))
          assert.ok(!JSON.stringify(effects).includes('secret'))
        }
    })
  })

  describe('how it ends', () => {
    const shareEntry = shareOf(READ_ALL)
    table([
      ['he leaves', { shareEntry, entry: taking() }, `entry -reason state=ending, ${GO}`],
      [
        'he leaves a share that is suspended',
        { shareEntry: shareOf(READ_ALL, {}, 'suspended'), entry: taking({ paused: true }) },
        `entry -reason state=ending, ${GO}`,
      ],
      [
        'he loses access',
        { doc: docOf(active), shareEntry: shareOf(NOBODY), entry: taking() },
        `entry onEnd=remove reason=You may no longer read this share. state=ending, ${GO}`,
      ],
      [
        'he loses access, and wishes at once that the objects stay',
        { doc: docOf({ ...active, onEnd: 'keep' }), shareEntry: shareOf(NOBODY), entry: taking() },
        `entry onEnd=keep reason=You may no longer read this share. state=ending, ${GO}`,
      ],
      [
        'he is not named any more: the invitation goes, too',
        {
          doc: docOf(active),
          shareEntry: shareOf(NOBODY),
          entry: taking({ invited: 'read', due: true }),
          invitation: invitationOf('read'),
        },
        `entry onEnd=remove reason=You may no longer read this share. state=ending, ${GO}, invitation gone, entry -invited, entry -due`,
      ],
      [
        'the share is ending, and its owner has not all that is in it yet',
        { doc: docOf(active), shareEntry: shareOf(READ_ALL, {}, 'ending'), entry: taking({ paused: true }) },
        '',
      ],
      ...(['ending', 'ended'] as const).map((state): [string, Partial<SubscriptionFacts>, string] => [
        `the share is ${state}`,
        { doc: docOf(active), shareEntry: shareOf(READ_ALL, { saved: true }, state), entry: taking() },
        `entry onEnd=remove reason=The share has ended. state=ending, ${GO}`,
      ]),
      [
        'the share is not there any more',
        { doc: docOf(active), entry: taking() },
        `entry onEnd=remove reason=The share has ended. state=ending, ${GO}`,
      ],
      [
        'an admin orders it',
        { doc: docOf(active), shareEntry, entry: taking({ order: 'end' }) },
        `entry onEnd=remove reason=The server's admin has ended this. state=ending, ${GO}`,
      ],
      [
        'an admin orders it while the share is suspended',
        {
          doc: docOf(active),
          shareEntry: shareOf(READ_ALL, {}, 'suspended'),
          entry: taking({ order: 'end', paused: true }),
        },
        `entry onEnd=remove reason=The server's admin has ended this. state=ending, ${GO}`,
      ],
      [
        'an order that is none',
        { doc: docOf(active), shareEntry, entry: taking({ order: 'x' as 'end' }) },
        '',
      ],
      // the user's database is created again
      ['missing: it may come back', { isMissing: true, shareEntry, entry: taking() }, ''],
      [
        'missing, and he loses access',
        { isMissing: true, shareEntry: shareOf(NOBODY), entry: taking() },
        `entry reason=You may no longer read this share. state=ending, ${GO}`,
      ],
      ['missing, and never there', { isMissing: true, shareEntry }, ''],
      // on the way
      ['the objects are being gone through', { shareEntry, entry: partOf('ending'), scanning: true }, ''],
      ['stuck: the objects are gone through', { shareEntry, entry: partOf('ending') }, 'scan'],
      [
        'written again while it ends: first the end',
        { doc: docOf(), shareEntry, entry: partOf('ending'), scanning: true },
        '',
      ],
      ['over', { shareEntry, entry: partOf('ended') }, ''],
      ['over, and written again', { doc: docOf(), shareEntry, entry: partOf('ended', { reason: 'x' }) }, IN],
      [
        'over, and still said',
        {
          doc: docOf({ $state: 'ended', $reason: 'x' }),
          shareEntry,
          entry: partOf('ended', { reason: 'x' }),
        },
        '',
      ],
      [
        'over, and edited: over until it does not say so any more',
        { doc: docOf({ $state: 'ended', $reason: 'x', onEnd: 'keep' }), shareEntry, entry: partOf('ended') },
        '',
      ],
      [
        'over, and said without the reason',
        { doc: docOf({ $state: 'ended' }), shareEntry, entry: partOf('ended', { reason: 'x' }) },
        'doc ended',
      ],
      // the user's database is gone
      [
        'the user database is gone',
        { databaseExists: false, shareEntry, entry: taking({ admitted: true, paused: true, due: true }) },
        `${VANISHED} state=ended, tell-owner`,
      ],
      [
        'the user database is gone while it ends',
        { databaseExists: false, shareEntry, entry: partOf('ending', { reason: 'x' }) },
        `${VANISHED} state=ended, tell-owner`,
      ],
      [
        'the user database is gone, and he was invited: he finds an invitation when he comes again',
        { databaseExists: false, shareEntry, entry: partOf('invited', { granted: 'read', invited: 'read' }) },
        `${VANISHED.replace('-due ', '').replace('-rejected', '-rejected due')} state=invited`,
      ],
      [
        'the user database is gone, and he was refused',
        { databaseExists: false, shareEntry, entry: partOf('refused') },
        `${VANISHED} state=ended`,
      ],
      ['the user database is gone, and it was over', { databaseExists: false, entry: partOf('ended') }, ''],
      [
        'the user database is gone, and he is still named',
        { databaseExists: false, entry: partOf('invited', { granted: 'read', due: true }) },
        '',
      ],
    ])

    const left = (given: Partial<SubscriptionFacts>): string => allInWords(planLeft(factsOf(given)))
    const rows: [string, Partial<SubscriptionFacts>, string][] = [
      ['by himself', { entry: partOf('ending') }, `entry ${GONE} state=ended, tell-owner`],
      [
        'by himself, and he is still named',
        { entry: partOf('ending', { granted: 'read', invited: 'read' }), invitation: invitationOf('read') },
        `entry ${GONE} state=invited, tell-owner`,
      ],
      [
        'by himself, and he has asked again meanwhile',
        { doc: docOf(), entry: partOf('ending') },
        `entry ${GONE} state=ended, tell-owner`,
      ],
      // First said, then written down: who finds `ended` in the registry asks anew.
      [
        'for a reason',
        { doc: docOf(active), entry: partOf('ending', { reason: 'The share has ended.' }) },
        `doc ended, entry ${GONE} state=ended, tell-owner`,
      ],
      [
        'for a reason, and the document was deleted meanwhile',
        { entry: partOf('ending', { reason: 'The share has ended.' }) },
        `entry ${GONE} state=ended, tell-owner`,
      ],
      ['not at all', { doc: docOf(active), entry: taking() }, ''],
      ['it was over', { doc: docOf(), entry: partOf('ended') }, ''],
      ['there was nothing', { doc: docOf() }, ''],
    ]
    for (const [row, given, expected] of rows)
      it(`the objects were gone through, and he left ${row}`, () => assert.equal(left(given), expected))

    it('says the reason, and takes an error of ours away', () => {
      const doc = docOf({ ...active, $error: problem('suspended'), name: 'n' })
      const effects = planLeft(factsOf({ doc, entry: partOf('ending', { reason: 'Because.' }) }))
      assert.deepEqual(putOf(effects), docOf({ name: 'n', $state: 'ended', $reason: 'Because.' }))
    })
  })

  describe('a share that is out of reach', () => {
    const suspended = shareOf(READ_ALL, {}, 'suspended')
    const opening = shareOf(READ_ALL, {}, 'opening')
    table([
      [
        'suspended',
        { doc: docOf(active), shareEntry: suspended, entry: taking() },
        'entry paused, doc error suspended',
      ],
      [
        'suspended, and said',
        { doc: refused('suspended'), shareEntry: suspended, entry: taking({ paused: true }) },
        '',
      ],
      [
        'suspended: access that was lost before is seen to when it is back',
        {
          doc: refused('suspended'),
          shareEntry: shareOf(NOBODY, {}, 'suspended'),
          entry: taking({ paused: true }),
        },
        '',
      ],
      ['being opened', { doc: docOf(active), shareEntry: opening, entry: taking() }, 'entry paused'],
      [
        'opened again: everything is compared',
        { doc: refused('suspended'), shareEntry: shareOf(READ_ALL), entry: taking({ paused: true }) },
        'follow, scan, entry -paused, doc active',
      ],
      [
        'opened again, not for him',
        { doc: refused('suspended'), shareEntry: shareOf(NOBODY), entry: taking({ paused: true }) },
        `entry onEnd=remove reason=You may no longer read this share. state=ending, ${GO}`,
      ],
      [
        'missing document, and suspended',
        { isMissing: true, shareEntry: suspended, entry: taking() },
        'entry paused',
      ],
      [
        'missing document, and opened again',
        { isMissing: true, shareEntry: shareOf(READ_ALL), entry: taking({ paused: true }) },
        'follow, scan, entry -paused',
      ],
    ])
  })

  describe('invitations', () => {
    const shareEntry = shareOf({ read: ['ann'], write: [] })
    const named = (more: object = {}) => ({
      shareEntry,
      entry: partOf('invited', { granted: 'read', ...more }),
    })
    table([
      [
        'who is named finds one',
        { ...named({ state: 'ended', due: true }) },
        'invitation read, entry invited=read, entry -due state=invited',
      ],
      [
        'who is named finds one, once',
        { ...named({ invited: 'read' }), invitation: invitationOf('read') },
        '',
      ],
      ['one that he deleted does not come again', named({ invited: 'read' }), ''],
      [
        'the right has changed: it comes again',
        {
          shareEntry: shareOf({ read: ['ann'], write: ['ann'] }),
          entry: partOf('invited', { granted: 'write', invited: 'read' }),
        },
        'invitation write, entry invited=write',
      ],
      [
        'the right has changed',
        {
          shareEntry: shareOf({ read: ['ann'], write: ['ann'] }),
          entry: partOf('invited', { granted: 'write', invited: 'read' }),
          invitation: invitationOf('read'),
        },
        'invitation write, entry invited=write',
      ],
      ['written, and not noted', { ...named(), invitation: invitationOf('read') }, 'entry invited=read'],
      [
        'somebody has scribbled on it',
        { ...named({ invited: 'read' }), invitation: invitationOf('write', { name: 'x' }) },
        'invitation read',
      ],
      [
        'not named any more',
        {
          shareEntry,
          entry: partOf('invited', { invited: 'read', due: true }),
          invitation: invitationOf('read'),
        },
        'invitation gone, entry -invited, entry -due state=ended',
      ],
      [
        'not named any more, and deleted before',
        { shareEntry, entry: partOf('invited', { invited: 'read' }) },
        'entry -invited, entry -due state=ended',
      ],
      [
        'not named any more, and refused then',
        {
          doc: refused('not_allowed', 's'),
          shareEntry: shareOf(NOBODY),
          entry: partOf('invited', { invited: 'read' }),
          invitation: invitationOf('read'),
        },
        'entry -reason state=refused, invitation gone, entry -invited',
      ],
      [
        'of a share that is suspended stay',
        {
          shareEntry: { ...shareEntry, state: 'suspended' },
          entry: partOf('invited', { granted: 'read', invited: 'read' }),
          invitation: invitationOf('read'),
        },
        '',
      ],
      [
        'of a share that is suspended cannot be taken now',
        {
          doc: docOf(),
          shareEntry: { ...shareEntry, state: 'suspended' },
          entry: partOf('invited', { granted: 'read', invited: 'read' }),
          invitation: invitationOf('read'),
        },
        'doc error not_allowed',
      ],
      ...(['ending', 'ended'] as const).map((state): [string, Partial<SubscriptionFacts>, string] => [
        `of a share that is ${state} go`,
        {
          shareEntry: { ...shareEntry, state },
          entry: partOf('invited', { granted: 'read', invited: 'read' }),
          invitation: invitationOf('read'),
        },
        'invitation gone, entry -invited',
      ]),
      [
        'stay while he takes part',
        {
          doc: docOf(active),
          shareEntry,
          entry: taking({ granted: 'read', invited: 'read' }),
          invitation: invitationOf('read'),
        },
        '',
      ],
      ['without a database there is none', { ...named({ due: true }), databaseExists: false }, ''],
    ])

    it('tell share, owner and right', () => {
      const [put] = plan(named())
      const { _rev, ...expected } = invitationOf('read')
      assert.ok(put?.kind === 'put-document')
      assert.deepEqual({ ...put.doc, _rev: 'any' }, { ...expected, _rev: 'any' })
    })

    it('tell no owner where nobody knows his name', () => {
      const [put] = plan({ ...named(), ownerName: null })
      assert.ok(put?.kind === 'put-document' && !('owner' in put.doc))
    })

    it('are deleted over the revision that was seen', () => {
      const [put] = plan({
        shareEntry,
        entry: partOf('invited', { invited: 'read' }),
        invitation: invitationOf('read'),
      })
      assert.deepEqual(put, {
        kind: 'put-document',
        doc: { _id: '$invitation/s', _rev: '1-i', _deleted: true },
      })
    })
  })

  describe('what the user reads', () => {
    const shareEntry = shareOf(READ_ALL)
    const at = '2024-01-01T00:00:00.000Z'
    const readOnly: Rejection = { document: 'todo/1', ...problem('read_only'), at }
    const unrelated: Rejection = { document: 'todo/2', ...problem('unrelated_object'), at }

    it('what was rejected, and nothing when it is healed', () => {
      const entry = taking({ rejected: [readOnly] })
      const listed = docOf({ ...active, $rejected: [readOnly] })
      assert.deepEqual(putOf(plan({ doc: docOf(active), shareEntry, entry })), listed)
      assert.equal(words({ doc: listed, shareEntry, entry }), '')
      assert.deepEqual(putOf(plan({ doc: listed, shareEntry, entry: taking() })), docOf(active))
    })

    it('that another object has the same _id, beside `active`: all others arrive', () => {
      const entry = taking({ rejected: [readOnly, unrelated] })
      const doc = putOf(plan({ doc: docOf(active), shareEntry, entry }))
      assert.deepEqual(
        doc,
        docOf({ ...active, $error: problem('unrelated_object'), $rejected: [readOnly, unrelated] }),
      )
      assert.equal(words({ doc, shareEntry, entry }), '')
      assert.deepEqual(putOf(plan({ doc, shareEntry, entry: taking() })), docOf(active))
    })

    it('a graver problem first', () => {
      const given = { doc: docOf({ onEnd: 1 }), shareEntry, entry: taking({ rejected: [unrelated] }) }
      assert.equal(words(given), 'doc error invalid_on_end')
    })

    it('what became private when it ended', () => {
      const entry = partOf('ending', { reason: 'Because.', rejected: [readOnly, unrelated] })
      const doc = putOf(planLeft(factsOf({ doc: docOf(active), entry })))
      assert.deepEqual(doc, docOf({ $state: 'ended', $reason: 'Because.', $rejected: [readOnly, unrelated] }))
      assert.equal(words({ doc, shareEntry, entry: { ...entry, state: 'ended' } }), '')
    })

    it('nothing of that when he joins anew', () => {
      const entry = partOf('ended', { reason: 'Because.', rejected: [readOnly] })
      const effects = plan({ doc: docOf({ $rejected: [readOnly] }), shareEntry, entry })
      assert.deepEqual(putOf(effects), docOf(active))
    })

    it('his own attributes, and an $error of the application', () => {
      const doc = docOf({ name: 'n', $error: { message: 'x' } })
      assert.deepEqual(putOf(plan({ doc, shareEntry })), { ...doc, $state: 'active' })
      const shut = putOf(plan({ doc, shareEntry: null }))
      assert.deepEqual(shut['$error'], problem('not_allowed', 's'))
      assert.equal(shut['name'], 'n')
    })
  })

  describe('the user’s own conflicts', () => {
    const shareEntry = shareOf(READ_ALL)
    const given = { shareEntry, entry: taking({ onEnd: 'keep' }) }
    const leafOf = (attributes: Record<string, unknown>): ObjectDoc => ({ ...docOf(attributes), _rev: '2-r' })

    it('a losing leaf of the daemon’s alone is folded in', () => {
      const doc = docOf({ ...active, onEnd: 'keep' })
      const rivals = [{ leaf: leafOf(active), ancestor: docOf() }]
      assert.equal(words({ ...given, doc, rivals }), 'drop 2-r')
    })

    it('a winning leaf of the daemon’s alone goes, and nothing else happens', () => {
      const rivals = [{ leaf: leafOf({ onEnd: 'keep' }), ancestor: docOf() }]
      assert.equal(words({ ...given, doc: docOf(active), rivals }), 'drop 2-d')
    })

    it('the reason, and a password that was taken off, are the daemon’s doing', () => {
      const ancestor = docOf({ ...active, password: 'p' })
      const ended = leafOf({ $state: 'ended', $reason: 'Because.' })
      const own = docOf({ ...active, password: 'p', onEnd: 'keep' })
      const effects = words({ ...given, doc: own, rivals: [{ leaf: ended, ancestor }] })
      assert.equal(effects, 'doc active, drop 2-r')
    })

    it('a new password is not', () => {
      const rivals = [{ leaf: leafOf({ ...active, password: 'p2' }), ancestor: docOf({ password: 'p1' }) }]
      const doc = docOf({ ...active, onEnd: 'keep' })
      assert.equal(words({ ...given, doc, rivals }), '')
    })

    it('objects go only where all leaves say so', () => {
      const rivals = [{ leaf: leafOf({ onEnd: 'keep', name: 'b' }), ancestor: docOf({ name: 'a' }) }]
      const lost = {
        doc: docOf({ ...active, name: 'c' }),
        rivals,
        shareEntry: shareOf(NOBODY),
        entry: taking(),
      }
      assert.equal(
        words(lost),
        `entry onEnd=keep reason=You may no longer read this share. state=ending, ${GO}`,
      )
    })
  })
})
