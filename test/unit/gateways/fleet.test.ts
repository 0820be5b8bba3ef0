// The fleet's function by tables: each model and action, each rejection, each channel and grant; then what it must not be tricked into.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { parseScript, tokenize } from 'esprima'
import {
  ADMIN,
  COMPANY,
  FLEET_FOLDER,
  MODELS,
  NOW,
  OTHER,
  fleet,
  modelOf,
  said,
  writer,
  type Doc,
} from '../../support/fleet.ts'
import type { Writer } from '../../../src/gateways/function/sync-function.ts'

const sync = await fleet()
const ES5 =
  /^(Program|Identifier|Literal|Property|SwitchCase|CatchClause|VariableDeclarator|(Function|Variable)Declaration|(Array|Assignment|Binary|Call|Conditional|Function|Logical|Member|New|Object|Sequence|This|Unary|Update)Expression|(Block|Break|Continue|DoWhile|Empty|Expression|ForIn|For|If|Return|Switch|Throw|Try|While)Statement)$/
const MISSING_ROLE = 'forbidden: sg missing role'
const MISSING_ACCESS = 'forbidden: sg missing channel access'
const ADMIN_REQUIRED = 'forbidden: sg admin required'

const say = (doc: object, oldDoc: object | null, by: Writer) =>
  said(sync.evaluate({ doc, oldDoc, writer: by, now: NOW }))

const accepted = (what: unknown) => assert.equal(typeof what, 'object', String(what))

const types = MODELS.map(({ doc }) => String(doc.type))
const roleOf = (type: string, action: string, company = COMPANY) => `${company}.${type}.${action}`
const everyRole = (company: string) =>
  types.flatMap((type) => ['creating', 'updating', 'deleting'].map((action) => roleOf(type, action, company)))
const without = (role: string) => writer(everyRole(COMPANY).filter((one) => one !== role))

describe('fleet', () => {
  it('has a model of each type', () => assert.equal(new Set(types).size, 8))

  it('is one function in ES5, as Sync Gateway takes it', () => {
    const source = readFileSync(new URL('sync.js', FLEET_FOLDER), 'utf8')
    const later: string[] = []
    const { body } = parseScript(source, {}, (node) => {
      const { type, kind } = node as { type: string; kind?: string }
      if (!ES5.test(type) || (type === 'VariableDeclaration' && kind !== 'var')) later.push(`${type} ${kind}`)
    })
    assert.deepEqual(
      body.map(({ type }) => type),
      ['FunctionDeclaration'],
    )
    assert.deepEqual(later, [])
    // A comma after the last argument came with ES2017.
    assert.doesNotMatch(
      tokenize(source)
        .map(({ value }) => value)
        .join(' '),
      /, \)/,
    )
  })

  for (const { doc, channels, access } of MODELS) {
    const type = String(doc.type)
    const tombstone = { _id: doc._id, _deleted: true }
    const writes: [action: string, doc: Doc, oldDoc: Doc | null, outcome: unknown][] = [
      ['creating', doc, null, { channels, access, roles: [] }],
      ['updating', { ...doc, note: 'changed' }, doc, { channels, access, roles: [] }],
      // Who has it hears of its end, and nothing is granted for it any more.
      ['deleting', tombstone, doc, { channels, access: [], roles: [] }],
      ['creating', { ...doc, note: 'again' }, { ...tombstone }, { channels, access, roles: [] }],
    ]
    describe(type, () => {
      for (const [action, now, before, outcome] of writes) {
        const role = roleOf(type, action)
        const how = before?._deleted ? `${action} over a tombstone` : action
        it(`${how}: with ${role}`, () => assert.deepEqual(say(now, before, writer([role])), outcome))
        it(`${how}: with every role but ${role}`, () =>
          assert.equal(say(now, before, without(role)), MISSING_ROLE))
        it(`${how}: with every role of another company`, () =>
          assert.equal(say(now, before, writer(everyRole(OTHER))), MISSING_ROLE))
        it(`${how}: by an admin, who has no role`, () => assert.deepEqual(say(now, before, ADMIN), outcome))
      }
    })
  }

  describe('the base format', () => {
    const needsType =
      'forbidden: `type` must be one of company, user, user_current_location, user_settings, user_track, mission, missions_placeholder, mission_status_type.'
    const needsId = (type: string) =>
      `forbidden: The \`_id\` of a ${type} must be \`${type}_\` and something after it.`
    const needsCompany =
      'forbidden: `company_id` must be `company_` and up to 200 letters, digits, `_` or `-` after it.'
    const needsName =
      'forbidden: `sync_user` must be the name of a user: letters, digits, and `_.@%+-`; not GUEST, and not `company_…`.'
    const needsDate = 'forbidden: `date` must be a date of ISO 8601, like 2017-08-23T18:43:56.150Z.'
    const needsRoles =
      'forbidden: `roles` must be a list of `<type>.<action>`, like mission.updating, without the company.'
    const needsChannels =
      'forbidden: `channels` must be a list of channels of this function, like mission:<company_id>.'
    const notOthers = 'forbidden: `channels` must not name channels of another company.'

    const mission = modelOf('mission')
    const user = modelOf('user')
    type Case = [name: string, doc: object, expected: string]
    const cases: Case[] = [
      ['no type', { ...mission, type: undefined }, needsType],
      // What the original's list of types has, and its models have not.
      ...[
        'mission_status',
        'track',
        'metadata',
        'current_location',
        'missions',
        'constructor',
        '',
        1,
        null,
        ['user'],
      ].map((type): Case => [`type ${JSON.stringify(type)}`, { ...mission, type }, needsType]),
      ...MODELS.flatMap(({ doc }): Case[] => {
        const type = String(doc.type)
        const stem = type === 'company' ? needsId('company') : needsId(type)
        return [
          [`${type}: an _id without the type`, { ...doc, _id: 'x' }, stem],
          [`${type}: an _id that is only the type`, { ...doc, _id: type }, stem],
          [`${type}: an _id with nothing after the type`, { ...doc, _id: `${type}_` }, stem],
          [`${type}: an _id with the type elsewhere`, { ...doc, _id: `x${type}_1` }, stem],
          [`${type}: an _id with a - after the type`, { ...doc, _id: `${type}-1` }, stem],
        ]
      }),
      ['a user with the _id of a track', { ...user, _id: 'user_track_1' }, needsId('user')],
      ['a user with the _id of settings', { ...user, _id: 'user_settings_1' }, needsId('user')],
      ['a user with the _id of a location', { ...user, _id: 'user_current_location_1' }, needsId('user')],
      [
        'a mission with the _id of a status',
        { ...mission, _id: 'mission_status_type_1' },
        needsId('mission'),
      ],
      // The original's own examples.
      [
        'a placeholder with the _id of a mission',
        { ...modelOf('missions_placeholder'), _id: 'mission_fff3' },
        needsId('missions_placeholder'),
      ],
      [
        'a status called status_…',
        { ...modelOf('mission_status_type'), _id: 'status_completed:lalal' },
        needsId('mission_status_type'),
      ],
      ...[
        undefined,
        null,
        '',
        1,
        'acme',
        'company_',
        'company_a.b',
        'company_a:b',
        'company_*',
        `company_${'a'.repeat(201)}`,
        'company_a\n',
        ['company_a'],
      ].flatMap((company_id): Case[] =>
        MODELS.filter(({ doc }) => doc.type !== 'company').map(({ doc }) => [
          `${String(doc.type)}: company_id ${JSON.stringify(company_id)}`,
          { ...doc, company_id },
          needsCompany,
        ]),
      ),
      ...['company_a.b', 'company_a:b', 'company_*'].map((_id): Case => [
        `company: _id ${_id}`,
        { ...modelOf('company'), _id },
        'forbidden: `_id` must be `company_` and up to 200 letters, digits, `_` or `-` after it.',
      ]),
      [
        'company: company_id of another',
        { ...modelOf('company'), company_id: OTHER },
        'forbidden: The `company_id` of a company is its own `_id`.',
      ],
      [
        'company: company_id null',
        { ...modelOf('company'), company_id: null },
        'forbidden: The `company_id` of a company is its own `_id`.',
      ],
      ...[
        undefined,
        null,
        '',
        1,
        'role:company_acme.user.updating',
        'a b',
        'a:b',
        '*',
        '!',
        'GUEST',
        'guest',
        'company_acme',
        '@_.',
        'b'.repeat(240),
        ['bob', 'eve'],
      ].flatMap((sync_user): Case[] =>
        MODELS.filter(({ doc }) => 'sync_user' in doc).map(({ doc }) => [
          `${String(doc.type)}: sync_user ${JSON.stringify(sync_user)}`,
          { ...doc, sync_user },
          needsName,
        ]),
      ),
      ...[
        ...[
          undefined,
          null,
          '',
          20260817,
          '20260817',
          '2026-8-17',
          '2026-13-01',
          '2026-00-10',
          '2026-08-00',
          '2026-08-32',
        ],
        ...[
          '2026-02-29',
          '2100-02-29',
          '2026-04-31',
          '2026-08-17T8:00:00.000Z',
          '2026-08-17T24:00:00Z',
          '2026-08-17T08:60:00Z',
        ],
        ...['2026-08-17:20260818', 'x2026-08-17', '2026-08-17x', '2026-08-17T08:00:00Z\n', ['2026-08-17']],
      ].flatMap((date): Case[] =>
        ['mission', 'missions_placeholder'].map((type) => [
          `${type}: date ${JSON.stringify(date)}`,
          { ...modelOf(type), date },
          needsDate,
        ]),
      ),
      ...[
        null,
        'mission.updating',
        {},
        ['mission-updating'],
        ['mission.update'],
        ['track.creating'],
        ['current_location.creating'],
        ['company_acme.mission.updating'],
        ['role:mission.updating'],
        ['mission.*'],
        ['mission.updating.x'],
        ['*'],
        [1],
        [null],
        ['constructor.creating'],
        ['mission.updating', 'x'],
      ].map((roles): Case => [`user: roles ${JSON.stringify(roles)}`, { ...user, roles }, needsRoles]),
      ...[
        null,
        'user:bob',
        {},
        ['*'],
        ['!'],
        [''],
        ['XXXX'],
        ['mission'],
        ['mission:'],
        ['mission:*'],
        ['mission:bob'],
        ['mission:bob:*'],
        ['mission:company_acme:20260817'],
        ['mission:bob:2026-08-17'],
        ['missions_placeholder:bob'],
        ['company:bob'],
        ['metadata:company_acme'],
        ['user:role:x'],
        ['user:GUEST'],
        [1],
        [['user:bob']],
      ].map((channels): Case => [
        `user: channels ${JSON.stringify(channels)}`,
        { ...user, channels },
        needsChannels,
      ]),
      ...types.map((type): Case => [
        `user: channels of another company, ${type}`,
        { ...user, channels: [`${type}:${OTHER}`] },
        notOthers,
      ]),
    ]
    for (const [name, doc, expected] of cases)
      it(`refuses ${name}, to admins too`, () => {
        assert.equal(say(doc, null, ADMIN), expected)
        assert.equal(say(doc, null, writer(everyRole(COMPANY))), expected)
      })

    it('does not ask a company for a company_id, and lets it have its own', () => {
      accepted(say({ ...modelOf('company'), company_id: COMPANY }, null, ADMIN))
    })
    it('takes names as Sync Gateway does', () => {
      for (const sync_user of [
        'bob',
        'bob@example.com',
        'b.o-b+1',
        'a%20b',
        'B_1',
        'guests',
        'companyman',
        '_1',
      ])
        accepted(say({ ...mission, sync_user }, null, ADMIN))
    })
    it('refuses what is too long for Sync Gateway, and takes what is not', () => {
      const company_id = `company_${'a'.repeat(200)}`
      const user = { ...modelOf('user'), company_id, sync_user: 'b'.repeat(239) }
      accepted(say({ ...user, roles: ['user_current_location.creating'] }, null, ADMIN))
    })
    it('does not look at what decides nothing', () => {
      accepted(say({ ...modelOf('user_track'), date: 'yesterday', locations: 7 }, null, ADMIN))
      accepted(say({ ...mission, roles: 'none', channels: ['*'] }, null, ADMIN))
      accepted(say({ ...mission, time_windows: [{ start: '2017-08-23T8:00:00.000Z' }] }, null, ADMIN))
    })
  })

  describe('days', () => {
    const cases: [date: string, day: string][] = [
      ['2017-08-23T18:43:56.150Z', '20170823'],
      ['2017-08-23', '20170823'],
      ['2017-08-23T23:30:00-05:00', '20170823'],
      ['2017-08-23T00:30+0200', '20170823'],
      ['2024-02-29T00:00:00Z', '20240229'],
      ['2000-02-29T23:59:59,9Z', '20000229'],
    ]
    for (const [date, day] of cases)
      for (const type of ['mission', 'missions_placeholder'])
        it(`${type}: ${date} is in ${day}, as it is written`, () => {
          const { channels, access } = say({ ...modelOf(type), date }, null, ADMIN) as Record<
            string,
            string[]
          >
          assert.deepEqual(channels, [`mission:bob:${day}`, `${type}:company_acme`])
          assert.deepEqual(access, [`bob -> mission:bob:${day}`])
        })
  })

  describe('updates', () => {
    const every = writer([...everyRole(COMPANY), ...everyRole(OTHER)])
    for (const { doc } of MODELS) {
      const type = String(doc.type)
      // Only `user` and `user_…`, or `mission` and `mission_status_…`, could meet at one _id; the longest one is meant.
      it(`${type}: another type does not fit the _id`, () => {
        for (const other of types.filter((one) => one !== type))
          assert.match(
            String(say({ ...modelOf(other), _id: doc._id }, doc, every)),
            /^forbidden: The `_id` of/,
          )
      })
      if (type !== 'company')
        it(`${type}: company_id stays, even for who has every role in both, and for admins`, () => {
          const moved = { ...doc, company_id: OTHER }
          assert.equal(say(moved, doc, every), 'forbidden: `company_id` cannot be changed.')
          assert.equal(say(moved, doc, ADMIN), 'forbidden: `company_id` cannot be changed.')
          assert.equal(say(moved, doc, writer(everyRole(OTHER))), MISSING_ROLE)
        })
    }
    for (const type of ['user', 'user_current_location', 'user_settings', 'user_track'])
      it(`${type}: sync_user stays`, () => {
        const doc = modelOf(type)
        const reason = `forbidden: \`sync_user\` of a ${type} cannot be changed.`
        assert.equal(say({ ...doc, sync_user: 'eve' }, doc, every), reason)
        assert.equal(say({ ...doc, sync_user: 'eve' }, doc, ADMIN), reason)
      })
    for (const type of ['mission', 'missions_placeholder'])
      it(`${type}: goes to another driver and day, and the first has no grant from it any more`, () => {
        const doc = modelOf(type)
        const next = { ...doc, sync_user: 'eve', date: '2026-08-18' }
        assert.deepEqual(say(next, doc, writer([roleOf(type, 'updating')])), {
          channels: ['mission:eve:20260818', `${type}:company_acme`].sort(),
          access: ['eve -> mission:eve:20260818'],
          roles: [],
        })
      })
  })

  describe('deletions', () => {
    const mission = modelOf('mission')
    it('go by the old document, whatever the tombstone says', () => {
      const forged = { ...mission, company_id: OTHER, type: 'user_track', sync_user: 'eve', _deleted: true }
      assert.equal(say(forged, mission, writer(everyRole(OTHER))), MISSING_ROLE)
      const stolen = { ...mission, company_id: OTHER, _deleted: true }
      assert.equal(say(stolen, mission, writer(everyRole(OTHER))), MISSING_ROLE)
      assert.deepEqual(say(forged, mission, writer([roleOf('mission', 'deleting')])), {
        channels: ['mission:bob:20260817', 'mission:company_acme'],
        access: [],
        roles: [],
      })
    })
    it('of nothing, and of what is deleted already, are the admin’s', () => {
      for (const before of [null, { _id: mission._id, _deleted: true }]) {
        const tombstone = { ...mission, _deleted: true }
        assert.equal(say(tombstone, before, writer(everyRole(COMPANY))), ADMIN_REQUIRED)
        assert.deepEqual(say(tombstone, before, ADMIN), { channels: [], access: [], roles: [] })
      }
    })
    it('of a user end what the user document granted', () => {
      const user = { ...modelOf('user'), roles: ['mission.updating'], channels: ['mission:company_acme'] }
      const outcome = say({ _id: user._id, _deleted: true }, user, writer([roleOf('user', 'deleting')]))
      assert.deepEqual(outcome, { channels: ['user:bob', 'user:company_acme'], access: [], roles: [] })
    })
  })

  describe('documents of before the function', () => {
    const legacy = { _id: 'mission_1', type: 'mission', owners: ['bob'] }
    const mission = modelOf('mission')
    it('are changed by admins alone, and are put in order by that', () => {
      assert.equal(say(mission, legacy, writer(everyRole(COMPANY))), ADMIN_REQUIRED)
      accepted(say(mission, legacy, ADMIN))
      assert.match(String(say({ ...legacy, note: 1 }, legacy, ADMIN)), /^forbidden: `company_id` must/)
    })
    it('are deleted by admins alone', () => {
      const tombstone = { _id: mission._id, _deleted: true }
      assert.equal(say(tombstone, legacy, writer(everyRole(COMPANY))), ADMIN_REQUIRED)
      accepted(say(tombstone, legacy, ADMIN))
    })
    it('count by the _id of the new one, where the old one has none', () => {
      const { _id, ...company } = modelOf('company')
      accepted(say({ _id, ...company, name: 'New' }, company, writer([roleOf('company', 'updating')])))
    })
  })

  describe('what a user document hands out', () => {
    const user = modelOf('user')
    const creating = roleOf('user', 'creating')
    const updating = roleOf('user', 'updating')
    const roles = ['mission.updating', 'user_track.creating']
    const held = roles.map((role) => `${COMPANY}.${role}`)
    const channels = ['mission:company_acme', 'user_track:carla', 'mission:carla:20260817']
    const granted = { ...user, roles, channels }

    it('is what its writer has', () => {
      const expected = {
        channels: ['user:bob', 'user:company_acme'],
        access: [
          'bob -> company:company_acme',
          'bob -> mission:carla:20260817',
          'bob -> mission:company_acme',
          'bob -> mission_status_type:company_acme',
          'bob -> user:bob',
          'bob -> user_track:carla',
        ],
        roles: ['bob -> company_acme.mission.updating', 'bob -> company_acme.user_track.creating'],
      }
      assert.deepEqual(say(granted, null, writer([creating, ...held], channels)), expected)
      assert.deepEqual(say(granted, user, writer([updating, ...held], channels)), expected)
      assert.deepEqual(say(granted, null, ADMIN), expected)
      assert.deepEqual(say(granted, user, ADMIN), expected)
    })
    it('is not a role that its writer has not, however many of the others', () => {
      for (const missing of held) {
        const rest = held.filter((role) => role !== missing)
        assert.equal(say(granted, null, writer([creating, ...rest], channels)), MISSING_ROLE)
        assert.equal(say(granted, user, writer([updating, ...rest], channels)), MISSING_ROLE)
      }
    })
    it('is not a role that its writer has in another company', () => {
      const there = roles.map((role) => `${OTHER}.${role}`)
      assert.equal(say({ ...user, roles }, null, writer([creating, ...there])), MISSING_ROLE)
    })
    it('is not a channel that its writer has not, however many of the others', () => {
      for (const missing of channels) {
        const rest = channels.filter((one) => one !== missing)
        assert.equal(say(granted, null, writer([creating, ...held], rest)), MISSING_ACCESS)
        assert.equal(say(granted, user, writer([updating, ...held], rest)), MISSING_ACCESS)
      }
    })
    it('is nobody’s by a role that its writer hands to themself', () => {
      const own = { ...user, _id: 'user_ann', sync_user: 'ann' }
      const all = types.flatMap((type) => [`${type}.creating`, `${type}.updating`, `${type}.deleting`])
      for (const role of all.filter((one) => one !== 'user.updating'))
        assert.equal(say({ ...own, roles: [role] }, own, writer([updating])), MISSING_ROLE, role)
    })
    it('stays where somebody else gave it, and may be taken away', () => {
      const by = writer([updating])
      assert.deepEqual(
        (say({ ...granted, note: 'changed' }, granted, by) as Record<string, string[]>).roles,
        ['bob -> company_acme.mission.updating', 'bob -> company_acme.user_track.creating'],
      )
      assert.deepEqual((say(user, granted, by) as Record<string, string[]>).roles, [])
      assert.deepEqual(
        (say({ ...user, roles: [], channels: [] }, granted, by) as Record<string, string[]>).roles,
        [],
      )
    })
    it('is asked for again where the user document is made anew', () => {
      const tombstone = { _id: user._id, _deleted: true, roles, channels }
      assert.equal(say(granted, tombstone, writer([creating])), MISSING_ROLE)
    })
    it('is nothing where it is not a user’s', () => {
      for (const { doc } of MODELS.filter((model) => model.doc.type !== 'user')) {
        const { roles: given, access } = say({ ...doc, roles, channels }, null, ADMIN) as Record<
          string,
          string[]
        >
        assert.deepEqual(given, [])
        assert.ok(
          access?.every((one) => !one.includes('carla')),
          String(doc.type),
        )
      }
    })
  })

  describe('a company', () => {
    it('begins with an admin, and with a user document by an admin', () => {
      const company = modelOf('company')
      assert.equal(say(company, null, writer([])), MISSING_ROLE)
      accepted(say(company, null, ADMIN))
      const first = { ...modelOf('user'), roles: ['user.creating', 'company.updating'] }
      assert.equal(say(first, null, writer([])), MISSING_ROLE)
      accepted(say(first, null, ADMIN))
    })
    it('asks the function for nothing of a company whose id begins like its own', () => {
      const other = `${COMPANY}_2`
      const mission = { ...modelOf('mission'), company_id: other }
      assert.equal(say(mission, null, writer(everyRole(COMPANY))), MISSING_ROLE)
      assert.equal(
        say({ ...modelOf('user'), channels: [`mission:${other}`] }, null, ADMIN),
        'forbidden: `channels` must not name channels of another company.',
      )
    })
  })
})
