// The home of a share turns while another daemon writes bases, or turns it, too.
import assert from 'node:assert/strict'
import type { Couch } from '../../../../src/couch/client.ts'
import type { Database } from '../../../../src/couch/database.ts'
import { parseBase } from '../../../../src/shares/model/base.ts'
import { performShare, type Performed } from '../../../../src/shares/perform/share.ts'
import type { Participants } from '../../../support/participants.ts'
import { joeShowsAnn, planned, ANN, JOE } from '../../../support/planned-share.ts'

const BASE = 'base/a'

/** Joe shows an object to Ann, and lets her write as well: nothing is done about that yet. */
async function begun(): Promise<Participants> {
  const people = await joeShowsAnn()
  people.act({ kind: 'access', share: 'x', access: { write: [ANN] } })
  return people
}

const outboxOf = (people: Participants) => people.outbox(JOE) ?? assert.fail()
const agreedOn = (people: Participants) => parseBase(outboxOf(people).read(BASE))?.agreed['x']

/** The server as it is where something happens once, when the bases have been read. */
function whenBasesAreRead({ world }: Participants, name: string, happens: () => void): Couch {
  const { couch } = world.deps
  let isToCome = true
  const outbox = couch.database(name)
  const fetch: Database['fetch'] = async (ids, options) => {
    const rows = await outbox.fetch(ids, options)
    if (isToCome && ids.includes(BASE)) {
      isToCome = false
      happens()
    }
    return rows
  }
  const database = (asked: string): Database =>
    asked === name ? Object.assign(Object.create(outbox) as Database, { fetch }) : couch.database(asked)
  return Object.create(couch, { database: { value: database } }) as Couch
}

async function turning(people: Participants, happens: () => void): Promise<Performed> {
  const { deps } = people.world
  const { effects, read } = await planned(people)
  assert.ok(effects.some(({ kind }) => kind === 'turn-home'))
  const couch = whenBasesAreRead(people, outboxOf(people).name, happens)
  return performShare({ ...deps, couch }, people.hash(JOE), effects, read)
}

describe('shares/perform/home-turns', () => {
  it('agrees on each copy, though somebody else writes its base meanwhile', async () => {
    const people = await begun()
    const outbox = outboxOf(people)
    const { kind } = await turning(people, () => outbox.write({ ...(outbox.read(BASE) ?? assert.fail()) }))
    assert.equal(kind, 'done')
    assert.equal((await people.world.deps.registry.entry('x'))?.home, 'share')
    assert.deepEqual([agreedOn(people)?.state, agreedOn(people)?.mine], ['both', true])
  })

  it('leaves it to a daemon that has turned it first', async () => {
    const people = await begun()
    const registry = people.world.couch.databases.get('shares') ?? assert.fail()
    const { kind } = await turning(people, () =>
      registry.write({ ...(registry.read('share/x') ?? assert.fail()), home: 'share' }),
    )
    assert.deepEqual([kind, agreedOn(people)], ['again', undefined])
  })
})
