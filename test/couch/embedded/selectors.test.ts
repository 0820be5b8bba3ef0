// Selectors choose the same documents on both servers, as those of _changes and of replications do.
import assert from 'node:assert/strict'
import { haveInstalled } from '../../support/installed.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

const DOCS = [
  { _id: '1', a: { b: 1 }, t: ['x', 'y'] },
  { _id: '2', a: 5, t: [] },
  { _id: '3', t: 'x' },
  { _id: '4', a: null, t: [{ r: 'x' }, { r: 'z' }] },
  { _id: '5', a: {}, n: 0, t: ['x'] },
  { _id: '6', n: 'B', t: [['x']] },
  { _id: '7', n: false },
]

/** With the ids of the documents that they take, in one word. */
const TAKEN: [object, string][] = [
  [{}, '1234567'],
  [{ a: {} }, '5'],
  [{ 'a.b': 1 }, '1'],
  [{ a: { b: 1 } }, '1'],
  [{ 'a.b': { $exists: false } }, '3567'],
  [{ a: { $exists: false } }, '367'],
  [{ a: { $exists: true } }, '1245'],
  [{ $not: { 'a.b': 1 } }, ''],
  [{ $not: { a: 5 } }, '145'],
  [{ a: { $ne: 5 } }, '145'],
  [{ a: { $nin: [5] } }, '145'],
  [{ a: { $nin: [] } }, '1245'],
  [{ a: { $in: [] } }, ''],
  [{ $nor: [{ a: 5 }, { n: 0 }] }, ''],
  [{ t: { $in: ['x'] } }, '135'],
  [{ t: { $nin: ['x'] } }, '246'],
  [{ t: { $all: ['x'] } }, '15'],
  [{ t: { $all: ['x', 'y'] } }, '1'],
  [{ t: { $all: [] } }, ''],
  [{ t: { $elemMatch: { $eq: 'x' } } }, '15'],
  [{ t: { $elemMatch: { r: 'x' } } }, '4'],
  [{ t: { $elemMatch: { $in: ['y', 'q'] } } }, '1'],
  [{ t: { $not: { $elemMatch: { $eq: 'x' } } } }, '2346'],
  [{ $not: { t: { $elemMatch: { $eq: 'x' } } } }, '2346'],
  [{ t: { $allMatch: { $eq: 'x' } } }, '5'],
  [{ t: { $size: 0 } }, '2'],
  [{ t: { $size: 2 } }, '14'],
  [{ n: { $gt: null } }, '567'],
  [{ n: { $gte: 0 } }, '56'],
  [{ n: { $lt: 'a' } }, '57'],
  [{ n: { $type: 'string' } }, '6'],
  [{ t: { $type: 'array' } }, '12456'],
  [{ t: { $regex: '^x' } }, '3'],
  [{ n: { $mod: [2, 0] } }, '5'],
  [{ _id: { $gte: '2', $lt: '4' } }, '23'],
  [{ $not: { _id: { $gte: '2', $lt: '4' } } }, '14567'],
  [{ n: 0, $and: [{ t: { $in: ['x'] } }] }, '5'],
  [{ $and: [{ $or: [{ _id: '1' }, { _id: '2' }] }, { $or: [{ _id: '2' }, { _id: '3' }] }] }, '2'],
  [{ $or: [{ $and: [{ _id: '1' }, { a: 5 }] }, { $and: [{ _id: '2' }, { a: 5 }] }] }, '2'],
  [{ $not: { $and: [{ a: { $exists: true } }, { n: { $exists: true } }] } }, '123467'],
  [{ $not: { $not: { a: 5 } } }, '2'],
  [{ $or: [] }, '1234567'],
  [{ $and: [] }, '1234567'],
  [{ $nor: [] }, '1234567'],
  [{ t: ['x', 'y'] }, '1'],
  [{ t: { $eq: ['x'] } }, '5'],
  [{ a: { $or: [{ $eq: 5 }, { $exists: false }] } }, '2367'],
  [{ a: { $not: { $exists: true } } }, '367'],
  [{ a: null }, '4'],
  [{ a: { $eq: null } }, '4'],
  [{ n: { $in: [0, 'B'] } }, '56'],
  [{ _id: { $beginsWith: '1' } }, '1'],
  [{ 't.0': 'x' }, '15'],
  [{ 't.0': { $exists: true } }, '1456'],
  [{ a: { $keyMapMatch: { $eq: 'b' } } }, '1'],
  [{ t: { $all: [['x']] } }, '56'],
  [{ $nor: [{ 'a.b': { $exists: true } }] }, '3567'],
  [{ a: { b: { $exists: false } } }, '3567'],
  [{ a: { $size: 1 } }, ''],
  [{ t: { $elemMatch: {} } }, ''],
  [{ t: { $allMatch: { r: { $exists: true } } } }, '4'],
  [{ $not: { t: { $in: ['x'] } } }, '246'],
  [{ $not: { $or: [{ a: 5 }, { a: { $exists: false } }] } }, '145'],
]

const REFUSED: object[] = [
  { $not: {} },
  { a: { $bad: 1 } },
  { $bad: 1 },
  { a: { $in: 1 } },
  { a: { $exists: 1 } },
  { $or: {} },
  { $and: 1 },
  { $not: 1 },
  { a: { $size: 'x' } },
  { a: { $type: 1 } },
  { a: { $regex: 1 } },
  { a: { $elemMatch: 1 } },
  { a: { $all: 1 } },
  { a: { $regex: '(' } },
  { a: { $beginsWith: 1 } },
  { a: { $nin: 1 } },
]

async function ask({ server, prefix }: Space, selector: object): Promise<{ status: number; ids: string }> {
  const answer = await fetch(
    `${server.url}/${encodeURIComponent(`${prefix}docs`)}/_changes?filter=_selector`,
    {
      method: 'POST',
      headers: {
        authorization: basic(server.user, server.pass),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ selector }),
    },
  )
  const { results = [] } = (await answer.json()) as { results?: { id: string }[] }
  const ids = results.map(({ id }) => id)
  return { status: answer.status, ids: ids.sort().join('') }
}

onEachServer(
  'selectors',
  ({ it }) => {
    it('take the same documents', async (space) => {
      await haveInstalled(space)
      const database = space.couch.database(`${space.prefix}docs`)
      await database.create()
      await database.bulk(DOCS)
      const found: [object, string][] = []
      for (const [selector] of TAKEN) found.push([selector, (await ask(space, selector)).ids])
      assert.deepEqual(found, TAKEN)
    })

    it('that are wrong are refused', async (space) => {
      await haveInstalled(space)
      await space.couch.database(`${space.prefix}docs`).create()
      for (const selector of REFUSED)
        assert.equal((await ask(space, selector)).status, 400, JSON.stringify(selector))
    })
  },
  { isOfEmbedded: true },
)
