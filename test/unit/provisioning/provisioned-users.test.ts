// The registry of provisioned users, where somebody has edited it by hand, or has it refuse what is written.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { parseProvisionedUser, provisionedUserId } from '../../../src/provisioning/provisioned-user.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const DATABASE = 'u00000000-0000-4000-8000-000000000000'

const BROKEN: Record<string, Record<string, unknown>> = {
  'another type': { type: 'x' },
  'another name': { name: 7 },
  'a database that is none': { database: 'mine' },
  'no lists': { roles: null, others: null, masters: null, asked: null },
  'texts for lists': { roles: 'number_domain:x', others: 'x', masters: 'x', asked: 'x' },
  'lists of anything': {
    roles: ['a', null, 7, {}],
    others: { voicemail_db: 7 },
    masters: { m: null, n: 7, o: { state: 'complete' } },
    asked: [null, 'user/x'],
  },
  'a state that is none': { state: 'fine' },
}

describe('entries of provisioned users that were edited by hand', () => {
  for (const [title, change] of Object.entries(BROKEN))
    it(title, async () => {
      const couch = new MemoryCouch()
      const registry = couch.create('shares')
      const whole = {
        ...{
          _id: provisionedUserId('anna'),
          type: 'person',
          name: 'anna',
          database: DATABASE,
          state: 'active',
        },
        ...{ roles: [], others: {}, masters: {}, updatedAt: '' },
      }
      registry.write({ ...whole, ...change })
      const provisionedUsers = new ProvisionedUsers(couch.asCouch(), new OwnWrites(), () => 0)
      await provisionedUsers.change('anna', { database: DATABASE, state: 'active' })
      const entry = await provisionedUsers.entry('anna')
      assert.equal(entry?.database, DATABASE)
      assert.equal(entry.state, 'active')
      assert(entry.roles.every((role) => typeof role === 'string'))
      assert(Object.values(entry.others).every((database) => typeof database === 'string'))
      assert(Object.values(entry.masters).every((standing) => typeof standing.times === 'object'))
      assert((entry.asked ?? []).every((database) => typeof database === 'string'))
    })

  it('are none where nothing says whose they are', () => {
    for (const doc of [null, {}, { type: 'person' }, { type: 'person', name: 'anna', database: '_users' }])
      assert.equal(parseProvisionedUser(doc), null)
  })
})

describe('entries of provisioned users', () => {
  for (const state of ['active', 'refused', 'leaving', 'kept', 'dropped'] as const)
    it(`are read as they were written: ${state}`, async () => {
      const couch = new MemoryCouch()
      couch.create('shares')
      const provisionedUsers = new ProvisionedUsers(couch.asCouch(), new OwnWrites(), () => 0)
      const written = await provisionedUsers.change('anna', {
        database: DATABASE,
        state,
        leftAt: '2026-01-01',
      })
      assert.deepEqual(await provisionedUsers.entry('anna'), written)
    })
})

describe('a registry that refuses what is written', () => {
  it('has a claim that is to be closed tried again later, not at once and for ever', async () => {
    const couch = new MemoryCouch()
    couch.create('shares')
    const provisionedUsers = new ProvisionedUsers(couch.asCouch(), new OwnWrites(), () => 0)
    assert(await provisionedUsers.claim(DATABASE, 'anna', 'database'))
    let writes = 0
    couch.refuses = () => {
      writes += 1
      assert(writes < 10, 'Expected one try')
      return 'no'
    }
    await assert.rejects(provisionedUsers.endClaim(DATABASE), (error) => isFault(error, 'forbidden'))
    await assert.rejects(provisionedUsers.claim(DATABASE.replace('0', '1'), 'anna', 'database'), (error) =>
      isFault(error, 'forbidden'),
    )
  })
})
