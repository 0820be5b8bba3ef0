// What is written where nothing was, or a tombstone, by a daemon that another one has overtaken: nothing of that comes back.
import assert from 'node:assert/strict'
import type { Couch } from '../../../../src/couch/client.ts'
import type { Database } from '../../../../src/couch/database.ts'
import { gatherObjects } from '../../../../src/shares/gather/objects.ts'
import { readUserDocs } from '../../../../src/shares/gather/user-docs.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'
import { performObjects, type Footing } from '../../../../src/shares/perform/objects.ts'
import type { Participants, Wish } from '../../../support/participants.ts'
import { joeShowsAnn, JOE } from '../../../support/planned-share.ts'

const COPY = 'share/x/a'
const BASE = 'base/a'

const outboxOf = (people: Participants) => people.outbox(JOE) ?? assert.fail()
const copyIn = (people: Participants) => outboxOf(people).read(COPY)
const shown = (people: Participants): unknown => people.share('x')?.read(COPY)?.['name']

/** What a daemon plans for the object just now. */
async function plannedFor(
  people: Participants,
): Promise<{ effects: ObjectEffect[]; footing: Footing; owner: string }> {
  const { deps } = people.world
  const owner = people.hash(JOE)
  const docs = await readUserDocs(deps.couch.database(people.database(JOE).name), ['a'])
  const { facts, footing } = await gatherObjects(deps, owner, docs)
  return { effects: facts.flatMap(planObject), footing, owner }
}

function wish(people: Participants, how: Wish): void {
  people.act({ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: how })
}

/** Joe has taken the object out of the share, and shows it again: nothing is done about that yet. */
async function shownAgain(): Promise<Participants> {
  const people = await joeShowsAnn()
  wish(people, false)
  await people.world.settle()
  wish(people, true)
  return people
}

/** The server as it is where something happens once, before a document is written into the outbox. */
function before(people: Participants, written: string, happens: () => void): Couch {
  const { couch } = people.world.deps
  const { name } = outboxOf(people)
  let isToCome = true
  const outbox = couch.database(name)
  const bulk: Database['bulk'] = async (docs, options) => {
    if (isToCome && docs.some(({ _id }) => _id === written)) {
      isToCome = false
      happens()
    }
    return outbox.bulk(docs, options)
  }
  const database = (asked: string): Database =>
    asked === name ? Object.assign(Object.create(outbox) as Database, { bulk }) : couch.database(asked)
  return Object.create(couch, { database: { value: database } }) as Couch
}

/** The same server, on which nobody may write the copy into the share. */
function unreached(people: Participants): void {
  people.world.couch.refuses = (db, { _id, _deleted }) => {
    assert.ok(db !== 'share/x' || _id !== COPY || _deleted, 'the copy reaches the share')
    return null
  }
}

describe('shares/perform/new-documents', () => {
  it('bring no copy back that another daemon has shown and taken out meanwhile', async () => {
    const people = await shownAgain()
    const { world } = people
    const { effects, footing, owner } = await plannedFor(people)
    await world.settle()
    assert.notEqual(shown(people), undefined)
    wish(people, false)
    await world.settle()
    assert.deepEqual([copyIn(people), shown(people)], [null, undefined])
    unreached(people)
    await assert.rejects(performObjects(world.deps, owner, effects, footing), {
      code: 'conflict',
      reason: 'somebody else wrote base/a',
    })
    assert.equal(copyIn(people), null)
    await world.settle()
    assert.deepEqual([copyIn(people), shown(people)], [null, undefined])
  })

  it('bring no copy back where only its tombstone is another one', async () => {
    const people = await joeShowsAnn()
    const outbox = outboxOf(people)
    const gone = (): void => void outbox.write({ ...(copyIn(people) ?? assert.fail()), _deleted: true })
    gone()
    const { effects, footing, owner } = await plannedFor(people)
    outbox.write({ _id: COPY, name: 'of another daemon' })
    gone()
    unreached(people)
    const { again } = await performObjects(people.world.deps, owner, effects, footing)
    assert.deepEqual([...again], ['a'])
  })

  it('reach no share where another daemon has written the base before the copy', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    const outbox = outboxOf(people)
    outbox.write({ ...(copyIn(people) ?? assert.fail()), _deleted: true })
    const { effects, footing, owner } = await plannedFor(people)
    assert.deepEqual(
      effects.map(({ kind }) => kind),
      ['put-copy'],
    )
    const couch = before(people, COPY, () =>
      outbox.write({ ...(outbox.read(BASE) ?? assert.fail()), shares: {} }),
    )
    unreached(people)
    const { again } = await performObjects({ ...world.deps, couch }, owner, effects, footing)
    assert.deepEqual([...again], ['a'])
  })

  it('are looked for where a base stops to list what had no copy', async () => {
    const people = await joeShowsAnn()
    const { world } = people
    const outbox = outboxOf(people)
    outbox.write({ ...(copyIn(people) ?? assert.fail()), _deleted: true })
    wish(people, false)
    const { effects, footing, owner } = await plannedFor(people)
    const couch = before(people, BASE, () => outbox.write({ _id: COPY, name: 'of another daemon' }))
    const { again } = await performObjects({ ...world.deps, couch }, owner, effects, footing)
    assert.deepEqual([...again], ['a'])
    await world.settle()
    assert.deepEqual([copyIn(people), shown(people)], [null, undefined])
  })

  it('are looked at again where another daemon wrote the base last', async () => {
    const people = await joeShowsAnn()
    const outbox = outboxOf(people)
    wish(people, false)
    const { effects, footing, owner } = await plannedFor(people)
    const couch = before(people, BASE, () => outbox.write({ ...(outbox.read(BASE) ?? assert.fail()) }))
    const { again } = await performObjects({ ...people.world.deps, couch }, owner, effects, footing)
    assert.deepEqual([...again], ['a'])
  })
})
