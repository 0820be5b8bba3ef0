// Subscriptions: who may take part in a share, what arrives, and what is left when it is over.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { REGISTRY } from '../../../src/documents/names.ts'
import type { Doc } from '../../../src/couch/document.ts'
import {
  ACTIVE,
  becomes,
  edit,
  open,
  read,
  received,
  remove,
  shared,
  signUp,
  standing,
  standingOf,
  stands,
  stranger,
  subscribe,
  subscriptionDoc,
  withPeople,
  type Person,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, put, shareDoc, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { baseId, invitationDocumentId, subscriptionEntryId } from '../../../src/shares/model/ids.ts'

/** What gzip begins with. */
const GZIP = Buffer.from([0x1f, 0x8b])
const MAY_NOT_READ = 'You may no longer read this share.'
const HAS_ENDED = 'The share has ended.'
const BY_ADMIN = "The server's admin has ended this."

/** Gives a share another access, and waits until its owner reads that it is in force. */
async function allow(space: Space, owner: Person, id: string, access: unknown): Promise<void> {
  await edit(space, owner.db, `$share/${id}`, { access })
  await space.settled()
}

const order = async (space: Space, entry: string, what: string): Promise<void> => {
  const registry = space.couch.database(REGISTRY)
  await edit(space, registry, entry, { order: what })
}

onEachServer('subscriptions', ({ it }) => {
  it('bring the objects of a share as real ones', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { read: [ann.name] },
        shared(id, 'todo/whole', { name: 'milk', tags: ['a', 'b'] }),
        shared(id, 'todo/part', { name: 'bread', secret: 'mine' }, ['name']),
        shared(id, 'todo/there', { name: 'eggs' }, []),
        { _id: 'todo/private', name: 'diary' },
      )
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/whole', received(id, { name: 'milk', tags: ['a', 'b'] }))
      await becomes(space, ann.db, 'todo/part', received(id, { name: 'bread' }))
      await becomes(space, ann.db, 'todo/there', received(id, {}))
      await put(joe.db, shared(id, 'todo/later', { name: 'butter' }))
      await becomes(space, ann.db, 'todo/later', received(id, { name: 'butter' }))
      await edit(space, joe.db, 'todo/part', { name: 'white bread' })
      await becomes(space, ann.db, 'todo/part', received(id, { name: 'white bread' }))
      await edit(space, joe.db, 'todo/whole', { $shares: { [id]: false } })
      await becomes(space, ann.db, 'todo/whole', null)
      await edit(space, joe.db, 'todo/part', { $shares: { [id]: ['secret'] } })
      await becomes(space, ann.db, 'todo/part', received(id, { secret: 'mine' }))
      await space.settled()
      assert.equal(await ann.db.get('todo/private'), null)
      assert.deepEqual(await standing(ann, id), ACTIVE)
    }))

  it('show the owner who takes part', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'], async ({ joe, ann, bob }) => {
      await space.start()
      const id = await open(space, joe, { read: [ann.name], write: [bob.name] })
      const participants = async (): Promise<unknown> =>
        (await joe.db.get(`$share/${id}`))?.['$participants'] ?? []
      const are = (...expected: unknown[]): Promise<void> =>
        space.until(`${JSON.stringify(expected)} take part`, async () => {
          const there = (await participants()) as unknown[]
          return JSON.stringify(there) === JSON.stringify(expected)
        })
      await are()
      await subscribe(space, id, [ann, bob])
      await are({ name: ann.name, access: 'read' }, { name: bob.name, access: 'write' })
      await allow(space, joe, id, { write: [ann.name, bob.name] })
      await are({ name: ann.name, access: 'write' }, { name: bob.name, access: 'write' })
      await remove(space, ann.db, `$subscription/${id}`)
      await are({ name: bob.name, access: 'write' })
      await allow(space, joe, id, false)
      await are()
      assert.deepEqual(standingOf((await joe.db.get(`$share/${id}`)) ?? { _id: '', _rev: '' }), ACTIVE)
    }))

  it('are refused to those who may not read, in the words for a share that is not there', (space) =>
    withPeople(space, ['joe', 'eve'], async ({ joe, eve }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, false, shared(id, 'todo/1', { name: 'milk' }))
      await put(eve.db, subscriptionDoc(id), subscriptionDoc('nobody-has-this'))
      await stands(space, eve, id, { state: 'error', error: 'not_allowed' })
      await stands(space, eve, 'nobody-has-this', { state: 'error', error: 'not_allowed' })
      const said = async (of: string): Promise<string> =>
        JSON.stringify(await read(eve.db, `$subscription/${of}`)).replaceAll(of, '')
      assert.equal(await said(id), await said('nobody-has-this'))
      await space.settled()
      assert.equal(await eve.db.get('todo/1'), null)
      assert.equal(await eve.db.get(`$invitation/${id}`), null)
    }))

  it('that were refused come in force when the share is opened for their user', (space) =>
    withPeople(space, ['joe', 'ann', 'bob', 'cid'], async ({ joe, ann, bob, cid }) => {
      await space.start()
      const id = space.shareId()
      for (const { db } of [ann, bob]) await put(db, subscriptionDoc(id))
      for (const one of [ann, bob]) await stands(space, one, id, { state: 'error', error: 'not_allowed' })
      await open(space, joe, false, shared(id, 'todo/1', { name: 'milk' }))
      await put(cid.db, subscriptionDoc(id))
      await stands(space, cid, id, { state: 'error', error: 'not_allowed' })
      await allow(space, joe, id, { read: [ann.name] })
      await stands(space, ann, id, ACTIVE)
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await allow(space, joe, id, { read: true })
      for (const one of [bob, cid]) {
        await stands(space, one, id, ACTIVE)
        await becomes(space, one.db, 'todo/1', received(id, { name: 'milk' }))
      }
    }))

  it('need the password of a share that has one, and take it off the document', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await put(
        joe.db,
        shareDoc(id, { access: { read: true }, password: 'open sesame' }),
        shared(id, 'todo/1', { name: 'milk' }),
      )
      await becomesActive(space, joe.hash, id)
      await put(ann.db, subscriptionDoc(id))
      await stands(space, ann, id, { state: 'error', error: 'password_needed' })
      await edit(space, ann.db, `$subscription/${id}`, { password: 'open barley' })
      await stands(space, ann, id, { state: 'error', error: 'wrong_password' })
      await space.settled()
      assert.deepEqual(await standing(ann, id), { state: 'error', error: 'wrong_password' })
      assert.equal(await ann.db.get('todo/1'), null)
      await edit(space, ann.db, `$subscription/${id}`, { password: 7 })
      await stands(space, ann, id, { state: 'error', error: 'invalid_password' })
      await edit(space, ann.db, `$subscription/${id}`, { password: 'open sesame' })
      await stands(space, ann, id, ACTIVE)
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await space.settled()
      assert.deepEqual(await read(ann.db, `$subscription/${id}`), { type: '$subscription', $state: 'active' })
      const { $state, password } = (await read(joe.db, `$share/${id}`)) as Record<string, unknown>
      assert.deepEqual(
        { $state, isSet: (password as { set: unknown }).set },
        { $state: 'active', isSet: true },
      )
      for (const text of ['open sesame', 'open barley']) {
        assert(!JSON.stringify(space.lines).includes(text))
        assert(!JSON.stringify(await space.entry(id)).includes(text))
      }
    }))

  it('are refused for a while after too many wrong passwords', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'], async ({ joe, ann, bob }) => {
      await space.start()
      const id = space.shareId()
      await put(joe.db, shareDoc(id, { access: { read: true }, password: 'open sesame' }))
      await becomesActive(space, joe.hash, id)
      await put(ann.db, subscriptionDoc(id))
      for (let tries = 1; tries <= 5; tries += 1) {
        await edit(space, ann.db, `$subscription/${id}`, { password: `guess ${tries}` })
        await space.until(
          'the guess is judged',
          async () => (await ann.db.get(`$subscription/${id}`))?.['password'] === undefined,
        )
        await stands(space, ann, id, { state: 'error', error: 'wrong_password' })
      }
      await edit(space, ann.db, `$subscription/${id}`, { password: 'open sesame' })
      await stands(space, ann, id, { state: 'error', error: 'too_many_tries' })
      await put(bob.db, subscriptionDoc(id, { password: 'open sesame' }))
      await stands(space, bob, id, ACTIVE)
    }))

  it('need no password where the user is named, and outlive a new one', (space) =>
    withPeople(space, ['joe', 'ann', 'bob', 'cid'], async ({ joe, ann, bob, cid }) => {
      await space.start()
      const id = space.shareId()
      await put(
        joe.db,
        shareDoc(id, { access: { read: [ann.name], write: true }, password: 'one' }),
        shared(id, 'todo/1', { name: 'milk' }),
      )
      await becomesActive(space, joe.hash, id)
      await subscribe(space, id, [ann])
      await subscribe(space, id, [bob], { password: 'one' })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'milk' }))
      await edit(space, joe.db, `$share/${id}`, { password: 'two' })
      await space.settled()
      await put(cid.db, subscriptionDoc(id, { password: 'one' }))
      await stands(space, cid, id, { state: 'error', error: 'wrong_password' })
      for (const one of [ann, bob]) assert.deepEqual(await standing(one, id), ACTIVE)
      await edit(space, bob.db, 'todo/1', { name: 'milk of bob' })
      await becomes(space, joe.db, 'todo/1', received(id, { name: 'milk of bob' }))
      await allow(space, joe, id, { read: [ann.name] })
      // A password is for shares that are public: what was in force stays in force until it is taken off.
      await edit(space, joe.db, `$share/${id}`, { password: undefined })
      await stands(space, bob, id, { state: 'ended', reason: MAY_NOT_READ })
      await becomes(space, bob.db, 'todo/1', null)
      assert.deepEqual(await standing(ann, id), ACTIVE)
    }))

  it('are refused for a share of one’s own', (space) =>
    withPeople(space, ['joe'], async ({ joe }) => {
      await space.start()
      const id = await open(space, joe, { read: true })
      await put(joe.db, shared(id, 'todo/1', { name: 'milk' }), subscriptionDoc(id))
      await stands(space, joe, id, { state: 'error', error: 'own_share' })
      await space.settled()
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
      assert.equal((await space.entry(id))?.['state'], 'active')
    }))

  it('say what is wrong with their documents, and heal', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      const wrong: [string, Content, string][] = [
        ['$subscription/Not an id', { type: '$subscription' }, 'invalid_share_id'],
        [`$subscription/${id}-a`, { type: 'todo' }, 'wrong_type'],
        [`$subscription/${id}-b`, { onEnd: 'explode' }, 'invalid_on_end'],
        ['todo/not-at-all', { type: '$subscription' }, 'wrong_type'],
      ]
      await put(ann.db, ...wrong.map(([_id, content]) => ({ _id, ...content })))
      for (const [_id, , code] of wrong)
        await space.until(`${_id} says ${code}`, async () => {
          const doc = await ann.db.get(_id)
          return (doc?.['$error'] as { code?: unknown } | undefined)?.code === code
        })
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await edit(space, ann.db, `$subscription/${id}`, { onEnd: ['keep'] })
      await stands(space, ann, id, { state: 'error', error: 'invalid_on_end' })
      // What was in force stays in force.
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await edit(space, ann.db, `$subscription/${id}`, { onEnd: 'keep' })
      await stands(space, ann, id, ACTIVE)
      await edit(space, ann.db, `$subscription/${id}-b`, { onEnd: undefined })
      await stands(space, ann, `${id}-b`, { state: 'error', error: 'not_allowed' })
    }))

  it('are offered by invitations, which come and go with the access', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'], async ({ joe, ann, bob }) => {
      await space.start()
      const id = await open(space, joe, { read: [ann.name] })
      const invitation = (access: string): Content => ({
        type: '$invitation',
        ...{ share: id, owner: joe.name, access },
      })
      await becomes(space, ann.db, `$invitation/${id}`, invitation('read'))
      await allow(space, joe, id, { write: [ann.name] })
      await becomes(space, ann.db, `$invitation/${id}`, invitation('write'))
      await allow(space, joe, id, { read: true, write: [bob.name] })
      await becomes(space, ann.db, `$invitation/${id}`, null)
      await becomes(space, bob.db, `$invitation/${id}`, invitation('write'))
      await allow(space, joe, id, { read: [ann.name, bob.name] })
      await becomes(space, ann.db, `$invitation/${id}`, invitation('read'))
      await becomes(space, bob.db, `$invitation/${id}`, invitation('read'))
      await subscribe(space, id, [ann])
      await remove(space, joe.db, `$share/${id}`)
      await becomes(space, ann.db, `$invitation/${id}`, null)
      await becomes(space, bob.db, `$invitation/${id}`, null)
      await stands(space, ann, id, { state: 'ended', reason: HAS_ENDED })
    }))

  it('are not offered again where the invitation was deleted', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'], async ({ joe, ann, bob }) => {
      await space.start()
      const id = await open(space, joe, { read: [ann.name] })
      const invitation = invitationDocumentId(id)
      await space.until('ann is invited', async () => (await ann.db.get(invitation)) !== null)
      await remove(space, ann.db, invitation)
      await space.settled()
      await allow(space, joe, id, { read: [ann.name, bob.name] })
      await space.until('bob is invited', async () => (await bob.db.get(invitation)) !== null)
      await edit(space, ann.db, 'todo/other', { name: 'something else' })
      await space.settled()
      await space.stop()
      await space.start()
      await space.settled()
      assert.equal(await ann.db.get(invitation), null)
      await subscribe(space, id, [ann])
      await space.settled()
      assert.equal(await ann.db.get(invitation), null)
    }))

  it('are offered to a user who signs up after being named', (space) =>
    withPeople(space, ['joe'], async ({ joe }) => {
      await space.start()
      const late = stranger(space, 'late')
      const id = await open(space, joe, { read: [late.name] })
      await put(joe.db, shared(id, 'todo/1', { name: 'milk' }))
      await space.settled()
      await signUp(space, late)
      await becomes(space, late.db, `$invitation/${id}`, {
        type: '$invitation',
        ...{ share: id, owner: joe.name, access: 'read' },
      })
      await subscribe(space, id, [late])
      await becomes(space, late.db, 'todo/1', received(id, { name: 'milk' }))
    }))
})

interface Ending {
  name: string
  /** What brings the end about. */
  end: (space: Space, people: { joe: Person; ann: Person }, share: string) => Promise<void>
  /** How the subscription stands then; null: the document is gone. */
  reason: string | null
}

const ENDINGS: readonly Ending[] = [
  {
    name: 'leaving',
    end: (space, { ann }, id) => remove(space, ann.db, `$subscription/${id}`),
    reason: null,
  },
  {
    name: 'losing access',
    end: (space, { joe }, id) => allow(space, joe, id, false),
    reason: MAY_NOT_READ,
  },
  {
    name: 'the end of the share',
    end: (space, { joe }, id) => remove(space, joe.db, `$share/${id}`),
    reason: HAS_ENDED,
  },
  {
    name: 'an admin’s end of the subscription',
    end: (space, { ann }, id) => order(space, subscriptionEntryId(id, ann.hash), 'end'),
    reason: BY_ADMIN,
  },
  {
    name: 'an admin’s end of the share',
    end: (space, _, id) => order(space, `share/${id}`, 'end'),
    reason: HAS_ENDED,
  },
]

onEachServer('the end of a subscription', ({ it }) => {
  for (const [at, how] of ['the document', 'its tombstone'].entries())
    it(`keeps what came with it where ${how} said so last, before anybody looked`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
        await subscribe(space, id, [ann])
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
        await space.settled()
        await space.stop()
        const [document, tombstone] = at === 0 ? [{ onEnd: 'keep' }, {}] : [{}, { onEnd: 'keep' }]
        await edit(space, ann.db, `$subscription/${id}`, document)
        await space.write(ann.db, { _id: `$subscription/${id}`, _deleted: true, ...tombstone })
        await space.start()
        await becomes(space, ann.db, 'todo/1', { name: 'milk' })
        await space.settled()
        assert.deepEqual(await read(ann.db, 'todo/1'), { name: 'milk' })
      }))

  for (const { name, end, reason } of ENDINGS)
    for (const onEnd of ['remove', 'keep'] as const)
      it(`by ${name}: ${onEnd}s what came with it`, (space) =>
        withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
          await space.start()
          const id = space.shareId()
          await open(
            space,
            joe,
            { write: [ann.name] },
            shared(id, 'todo/1', { name: 'milk' }),
            shared(id, 'todo/2', { name: 'bread', secret: 'mine' }, ['name']),
          )
          await subscribe(space, id, [ann], onEnd === 'keep' ? { onEnd } : {})
          for (const [object, text] of [
            ['todo/1', 'milk'],
            ['todo/2', 'bread'],
          ] as const)
            await becomes(space, ann.db, object, received(id, { name: text }))
          await put(ann.db, shared(id, 'todo/ann', { name: 'eggs' }), { _id: 'todo/own', name: 'diary' })
          await becomes(space, joe.db, 'todo/ann', received(id, { name: 'eggs' }))
          await space.settled()
          await end(space, { joe, ann }, id)
          await stands(space, ann, id, reason === null ? null : { state: 'ended', reason })
          await becomes(space, ann.db, 'todo/1', onEnd === 'keep' ? { name: 'milk' } : null)
          await becomes(space, ann.db, 'todo/2', onEnd === 'keep' ? { name: 'bread' } : null)
          // What somebody brought stays with him, and with the share's owner.
          await becomes(space, ann.db, 'todo/ann', { name: 'eggs' })
          await space.settled()
          assert.deepEqual(await read(ann.db, 'todo/own'), { name: 'diary' })
          const isOver = reason === HAS_ENDED
          const own = (content: Content): Content => (isOver ? content : received(id, content))
          assert.deepEqual(await read(joe.db, 'todo/1'), own({ name: 'milk' }))
          assert.deepEqual(await read(joe.db, 'todo/ann'), own({ name: 'eggs' }))
          assert.deepEqual(await read(joe.db, 'todo/2'), {
            ...{ name: 'bread', secret: 'mine' },
            ...(isOver ? {} : { $shares: { [id]: ['name'] } }),
          })
          // Of what stayed is remembered what both had, in case its user comes back; of what went, nothing.
          const bases = await space.outbox(ann.hash).range({ startKey: 'base/', endKey: 'base0' })
          assert.deepEqual(
            bases.map((row) => row.id),
            (onEnd === 'keep' ? ['todo/1', 'todo/2', 'todo/ann'] : ['todo/ann']).map(baseId),
          )
        }))

  it('can be followed by another one', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await allow(space, joe, id, false)
      await stands(space, ann, id, { state: 'ended', reason: MAY_NOT_READ })
      await edit(space, ann.db, `$subscription/${id}`, { $state: undefined, $reason: undefined })
      await stands(space, ann, id, { state: 'error', error: 'not_allowed' })
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await allow(space, joe, id, { read: [ann.name] })
      await stands(space, ann, id, ACTIVE)
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await remove(space, ann.db, `$subscription/${id}`)
      await becomes(space, ann.db, 'todo/1', null)
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      // Left and asked for again in one go, as an offline client would.
      await remove(space, ann.db, `$subscription/${id}`)
      await put(ann.db, subscriptionDoc(id))
      await stands(space, ann, id, ACTIVE)
      await edit(space, joe.db, 'todo/1', { name: 'soy milk' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'soy milk' }))
    }))

  for (const isChanged of [true, false])
    it(`makes what was kept the user’s own, which ${
      isChanged
        ? 'no other subscription overwrites once it was changed'
        : 'is the same object until it is changed'
    }`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
        await subscribe(space, id, [ann], { onEnd: 'keep' })
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
        await remove(space, ann.db, `$subscription/${id}`)
        await becomes(space, ann.db, 'todo/1', { name: 'milk' })
        if (isChanged) await edit(space, ann.db, 'todo/1', { name: 'rice milk' })
        await put(ann.db, subscriptionDoc(id))
        const unrelated = 'unrelated_object'
        await stands(
          space,
          ann,
          id,
          isChanged ? { state: 'active', error: unrelated, rejected: { 'todo/1': unrelated } } : ACTIVE,
        )
        await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
        if (isChanged) {
          await space.settled()
          assert.deepEqual(await read(ann.db, 'todo/1'), { name: 'rice milk' })
          await remove(space, ann.db, 'todo/1')
        }
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
        await stands(space, ann, id, ACTIVE)
      }))

  it('stays one when access comes back, until the user asks again', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await allow(space, joe, id, false)
      await stands(space, ann, id, { state: 'ended', reason: MAY_NOT_READ })
      await allow(space, joe, id, { read: [ann.name] })
      await space.until('ann is invited', async () => (await ann.db.get(`$invitation/${id}`)) !== null)
      await space.settled()
      assert.deepEqual(await standing(ann, id), { state: 'ended', reason: MAY_NOT_READ })
      assert.equal(await ann.db.get('todo/1'), null)
    }))

  it('by an admin is final until the order is taken back', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = await open(space, joe, { read: true })
      await subscribe(space, id, [ann])
      const entry = subscriptionEntryId(id, ann.hash)
      await order(space, entry, 'end')
      await stands(space, ann, id, { state: 'ended', reason: BY_ADMIN })
      await edit(space, ann.db, `$subscription/${id}`, { $state: undefined, $reason: undefined })
      await stands(space, ann, id, { state: 'error', error: 'ended_by_admin' })
      await edit(space, space.couch.database(REGISTRY), entry, { order: undefined })
      await stands(space, ann, id, ACTIVE)
    }))

  it('leaves what was not sent as a private object, and says so', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { read: [ann.name] },
        shared(id, 'todo/1', { name: 'milk' }),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await subscribe(space, id, [ann])
      for (const object of ['todo/1', 'todo/2'])
        await space.until(`${object} arrives`, async () => (await ann.db.get(object)) !== null)
      await edit(space, ann.db, 'todo/1', { name: 'milk of ann' })
      await stands(space, ann, id, { ...ACTIVE, rejected: { 'todo/1': 'read_only' } })
      await allow(space, joe, id, false)
      await stands(space, ann, id, {
        ...{ state: 'ended', reason: MAY_NOT_READ },
        rejected: { 'todo/1': 'no_longer_shared' },
      })
      await becomes(space, ann.db, 'todo/1', { name: 'milk of ann' })
      await becomes(space, ann.db, 'todo/2', null)
    }))
})

onEachServer('a subscriber', ({ it, kind }) => {
  it('never loses an object of the same `_id`, and gets the others', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await put(ann.db, { _id: 'todo/1', name: 'of ann' })
      await open(
        space,
        joe,
        { write: [ann.name] },
        shared(id, 'todo/1', { name: 'milk' }),
        shared(id, 'todo/2', { name: 'bread' }),
        shared(id, 'todo/3', { name: 'eggs' }),
      )
      await put(ann.db, shared(id, 'todo/2', { name: 'bread of ann' }), subscriptionDoc(id))
      const reported = {
        state: 'active',
        error: 'unrelated_object',
        rejected: { 'todo/1': 'unrelated_object', 'todo/2': 'unrelated_object' },
      }
      await stands(space, ann, id, reported)
      await becomes(space, ann.db, 'todo/3', received(id, { name: 'eggs' }))
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await edit(space, ann.db, 'todo/1', { name: 'still of ann' })
      await edit(space, ann.db, 'todo/2', { name: 'still of ann' })
      await space.settled()
      assert.deepEqual(await read(ann.db, 'todo/1'), { name: 'still of ann' })
      assert.deepEqual(await read(ann.db, 'todo/2'), received(id, { name: 'still of ann' }))
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'oat milk' }))
      assert.deepEqual(await read(joe.db, 'todo/2'), received(id, { name: 'bread' }))
      assert.deepEqual(await standing(ann, id), reported)
      // Out of the way, the other one comes.
      await remove(space, ann.db, 'todo/1')
      await remove(space, ann.db, 'todo/2')
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await becomes(space, ann.db, 'todo/2', received(id, { name: 'bread' }))
      await stands(space, ann, id, ACTIVE)
    }))

  it('keeps an unrelated object when the subscription ends', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await put(ann.db, { _id: 'todo/1', name: 'of ann' })
      await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      await put(ann.db, subscriptionDoc(id))
      await stands(space, ann, id, {
        ...{ state: 'active', error: 'unrelated_object' },
        rejected: { 'todo/1': 'unrelated_object' },
      })
      await remove(space, ann.db, `$subscription/${id}`)
      await stands(space, ann, id, null)
      await space.settled()
      assert.deepEqual(await read(ann.db, 'todo/1'), { name: 'of ann' })
    }))

  it('gets attachments, small and large', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      // The embedded server takes none that is streamed.
      const large = randomBytes(kind === 'couchdb' ? 4_500_000 : 150_000)
      await open(space, joe, { read: [ann.name] })
      await put(joe.db, {
        ...shared(id, 'note/1', { name: 'small' }),
        _attachments: { 'a b.txt': { content_type: 'text/plain', data: btoa('small one') } },
      })
      await put(joe.db, {
        ...shared(id, 'note/2', { name: 'large' }),
        _attachments: { blob: { content_type: 'application/x-blob', data: large.toString('base64') } },
      })
      await subscribe(space, id, [ann])
      const bytes = async (object: string, name: string): Promise<Buffer | null> => {
        const doc = await ann.db.get(object)
        if (!doc?._attachments?.[name]) return null
        const { signal } = new AbortController()
        const parts: Buffer[] = []
        for await (const part of await ann.db.attachment(object, name, doc._rev, { signal }))
          parts.push(part as Buffer)
        // As it is stored: CouchDB keeps text packed.
        const stored = Buffer.concat(parts)
        return stored.subarray(0, 2).equals(GZIP) ? gunzipSync(stored) : stored
      }
      await space.until('the small one is there', async () =>
        Boolean((await bytes('note/1', 'a b.txt'))?.equals(Buffer.from('small one'))),
      )
      await space.until('the large one is there', async () =>
        Boolean((await bytes('note/2', 'blob'))?.equals(large)),
      )
      const { _attachments, ...rest } = (await read(ann.db, 'note/2')) as Record<string, unknown>
      assert.deepEqual(rest, received(id, { name: 'large' }))
      assert.deepEqual(Object.keys(_attachments as object), ['blob'])
    }))

  it('gets several pages of objects, and loses them again', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      const objects = Array.from({ length: 450 }, (_, at) => shared(id, `todo/${at}`, { name: `no. ${at}` }))
      await open(space, joe, { write: [ann.name] })
      await put(joe.db, ...objects.slice(0, 250))
      await put(ann.db, subscriptionDoc(id))
      await put(joe.db, ...objects.slice(250))
      const count = async (): Promise<number> =>
        (await ann.db.range({ startKey: 'todo/', endKey: 'todo0' })).length
      await space.until('all are there', async () => (await count()) === 450, 60_000)
      for (const { doc } of await ann.db.range({ startKey: 'todo/', endKey: 'todo0', includeDocs: true })) {
        const { _id, _rev, ...content } = doc ?? { _id: '', _rev: '' }
        assert.deepEqual(content, received(id, { name: `no. ${_id.slice('todo/'.length)}` }))
      }
      const changed = await ann.db.fetch(objects.map(({ _id }) => _id))
      await put(ann.db, ...changed.map(({ doc }) => ({ ...(doc as Doc), done: true })))
      await space.until(
        'all have come back',
        async () =>
          (await joe.db.range({ startKey: 'todo/', endKey: 'todo0', includeDocs: true })).every(
            ({ doc }) => doc?.['done'] === true,
          ),
        60_000,
      )
      await remove(space, ann.db, `$subscription/${id}`)
      await space.until('all are gone', async () => (await count()) === 0, 60_000)
      assert.equal((await joe.db.range({ startKey: 'todo/', endKey: 'todo0' })).length, 450)
    }))

  it('whose database was created again gets everything again when the client comes back', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { write: [ann.name] },
        shared(id, 'todo/1', { name: 'milk' }),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await subscribe(space, id, [ann])
      for (const object of ['todo/1', 'todo/2'])
        await space.until(`${object} arrives`, async () => (await ann.db.get(object)) !== null)
      await space.settled()
      const device = (await ann.db.range({ includeDocs: true })).flatMap(({ doc }) => (doc ? [doc] : []))
      await ann.db.drop()
      await ann.db.create()
      await space.settled()
      // Nobody has deleted anything: the share and its owner keep all.
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
      await ann.db.bulk(
        device.map((doc) => ({
          ...doc,
          _revisions: {
            start: Number(doc._rev.split('-')[0]),
            ids: [doc._rev.slice(doc._rev.indexOf('-') + 1)],
          },
        })),
        { newEdits: false },
      )
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await edit(space, ann.db, 'todo/2', { name: 'bread of ann' })
      await becomes(space, joe.db, 'todo/2', received(id, { name: 'bread of ann' }))
      await stands(space, ann, id, ACTIVE)
    }))

  it(
    'whose database was created again and stays empty takes no part after the grace time',
    (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { write: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
        await subscribe(space, id, [ann])
        await space.until('it arrives', async () => (await ann.db.get('todo/1')) !== null)
        await space.settled()
        await ann.db.drop()
        await ann.db.create()
        await space.until(
          'ann takes no part',
          async () =>
            (await space.couch.database(REGISTRY).get(subscriptionEntryId(id, ann.hash)))?.['state'] ===
            'invited',
          30_000,
        )
        await space.settled()
        assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
        assert.equal(await ann.db.get('todo/1'), null)
        assert.equal((await joe.db.get(`$share/${id}`))?.['$participants'], undefined)
      }),
    { deletionGraceMs: 2_000 },
  )

  it(
    'whose database is gone takes no part after the grace time',
    (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { write: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
        await subscribe(space, id, [ann])
        await space.until('it arrives', async () => (await ann.db.get('todo/1')) !== null)
        await space.settled()
        await ann.db.drop()
        await space.until(
          'the owner reads that ann takes no part',
          async () => (await joe.db.get(`$share/${id}`))?.['$participants'] === undefined,
          30_000,
        )
        await space.settled()
        assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
      }),
    { deletionGraceMs: 1_000 },
  )

  it(
    'needs no outbox before',
    (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await put(ann.db, { _id: 'todo/own', name: 'diary' })
        await open(space, joe, { write: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
        await space.until('ann is invited', async () => (await ann.db.get(`$invitation/${id}`)) !== null)
        await space.settled()
        assert.equal(await space.outbox(ann.hash).info(), null)
        await subscribe(space, id, [ann])
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
        await edit(space, ann.db, 'todo/1', { name: 'oat milk' })
        await becomes(space, joe.db, 'todo/1', received(id, { name: 'oat milk' }))
        assert.notEqual(await space.outbox(ann.hash).info(), null)
      }),
    { outbox: 'first-share' },
  )

  it('gets and loses everything when the daemon stops between any two steps', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      const id = space.shareId()
      const steps: { what: string; write: () => Promise<unknown>; then: () => Promise<void> }[] = [
        {
          what: 'sharing',
          write: () =>
            put(
              joe.db,
              shareDoc(id, { access: { write: [ann.name] } }),
              shared(id, 'todo/1', { name: 'milk' }),
              shared(id, 'todo/2', { name: 'bread' }),
            ),
          then: () => becomesActive(space, joe.hash, id),
        },
        {
          what: 'subscribing',
          write: () => put(ann.db, subscriptionDoc(id)),
          then: async () => {
            await stands(space, ann, id, ACTIVE)
            await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
            await becomes(space, ann.db, 'todo/2', received(id, { name: 'bread' }))
          },
        },
        {
          what: 'editing on both sides',
          write: async () => {
            await edit(space, ann.db, 'todo/1', { done: true })
            await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
          },
          then: async () => {
            const merged = received(id, { name: 'oat milk', done: true })
            await becomes(space, ann.db, 'todo/1', merged)
            await becomes(space, joe.db, 'todo/1', merged)
          },
        },
        {
          what: 'deleting and adding',
          write: async () => {
            await remove(space, ann.db, 'todo/2')
            await put(ann.db, shared(id, 'todo/3', { name: 'eggs' }))
          },
          then: async () => {
            await becomes(space, joe.db, 'todo/2', { name: 'bread' })
            await becomes(space, joe.db, 'todo/3', received(id, { name: 'eggs' }))
          },
        },
        {
          what: 'narrowing',
          write: () => edit(space, joe.db, `$share/${id}`, { access: false }),
          then: async () => {
            await stands(space, ann, id, { state: 'ended', reason: MAY_NOT_READ })
            await becomes(space, ann.db, 'todo/1', null)
            await becomes(space, ann.db, 'todo/3', { name: 'eggs' })
          },
        },
      ]
      for (const { write, then } of steps) {
        // Written while the daemon is away, begun and broken off at once, and then carried out.
        await write()
        await space.start()
        await space.stop()
        await space.start()
        await then()
        await space.stop()
      }
      await space.start()
      await space.settled()
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'oat milk', done: true }))
    }))

  if (kind === 'couchdb')
    it('reads the share as a member of it', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
        await subscribe(space, id, [ann])
        const ask = async (where: string): Promise<number> => {
          const { name, pass } = ann.account
          const login = Buffer.from(`${name}:${pass}`).toString('base64')
          const answer = await fetch(`${space.server.url}/${where}`, {
            headers: { authorization: `Basic ${login}` },
          })
          await answer.arrayBuffer()
          return answer.status
        }
        const copy = encodeURIComponent(`share/${id}/todo/1`)
        assert.equal(await ask(`${encodeURIComponent(`share/${id}`)}/${copy}`), 200)
        assert.equal(await ask(encodeURIComponent(space.outbox(ann.hash).name)), 403)
        assert.equal(await ask(encodeURIComponent(ann.db.name)), 200)
        await allow(space, joe, id, false)
        assert.equal(await ask(`${encodeURIComponent(`share/${id}`)}/${copy}`), 403)
      }))
})
