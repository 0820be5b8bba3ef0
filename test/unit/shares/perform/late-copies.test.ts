// What one daemon brings into a share just when another one has shown less of it: nothing of that stays readable.
import assert from 'node:assert/strict'
import type { Database } from '../../../../src/couch/database.ts'
import type { Doc } from '../../../../src/couch/document.ts'
import { performObjects } from '../../../../src/shares/perform/objects.ts'
import { withdraw } from '../../../../src/shares/perform/withdrawals.ts'
import type { Home } from '../../../../src/shares/plan/object-facts.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import { gatherObjects } from '../../../../src/shares/gather/objects.ts'
import { readUserDocs } from '../../../../src/shares/gather/user-docs.ts'
import { Participants } from '../../../support/participants.ts'
import { MemoryCouch } from '../../../support/memory-couch.ts'

const JOE = 0
const COPY = 'share/x/a'
const WIDE: Doc = { _id: COPY, _rev: '1-a', _revisions: { start: 1, ids: ['a'] }, name: 'n', secret: 's' }
const NARROW: Doc = { _id: COPY, _rev: '2-b', _revisions: { start: 2, ids: ['b', 'a'] }, name: 'n' }

describe('shares/perform/late-copies', () => {
  for (const home of ['outbox', 'share'] satisfies Home[])
    it(`are not put back by a withdrawal that has just been overtaken, home: ${home}`, async () => {
      const couch = new MemoryCouch()
      const [outbox, share] = [couch.create('outbox'), couch.create('share/x')]
      for (const database of [outbox, share]) database.merge({ ...WIDE })
      const there = couch.database('share/x') as Database
      let isToCome = true
      const purge: Database['purge'] = async (revisions) => {
        if (isToCome) {
          isToCome = false
          // Another daemon has narrowed and withdrawn it.
          for (const database of [outbox, share]) database.merge({ ...NARROW })
          share.purge(COPY, ['2-b'])
          share.merge({ ...NARROW })
        }
        await there.purge(revisions)
      }
      const slow = Object.assign(Object.create(there) as Database, { purge })
      await withdraw({
        ...{ outbox: couch.database('outbox') as Database, share: slow, home, copies: [COPY] },
        shownOf: () => true,
      })
      assert.equal(share.leaf(COPY, '1-a'), null)
      assert.deepEqual(share.leaves(COPY), [NARROW])
    })

  for (const canPurge of [true, false])
    it(`go again where they were pushed after they had been narrowed, ${canPurge ? 'with' : 'without'} purge`, async () => {
      const people = await Participants.create({ users: 2, daemons: 2 })
      const { world } = people
      Object.assign(world.deps, { canPurge })
      people.act({ kind: 'access', share: 'x', access: { read: [1] } })
      const set = ['name', 'note'] as const
      people.act({ kind: 'edit', user: JOE, object: 'a', set: [...set], drop: [], clock: { kind: 'none' } })
      people.act({ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: true })
      await world.settle()
      people.act({ kind: 'edit', user: JOE, object: 'a', set: ['note'], drop: [], clock: { kind: 'none' } })

      const { deps } = world
      const owner = people.hash(JOE)
      const docs = await readUserDocs(deps.couch.database(people.database(JOE).name), ['a'])
      const { facts, footing } = await gatherObjects(deps, owner, docs)
      const there = deps.couch.database('share/x')
      let pushed: string | undefined
      const bulk: Database['bulk'] = async (written, options) => {
        const [first] = written
        if (pushed === undefined && first?._id === COPY) {
          pushed = first._rev
          people.act({ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: ['name'] })
          await world.settle()
          assert.equal(people.share('x')?.read(COPY)?.['note'], undefined)
        }
        return there.bulk(written, options)
      }
      const late = Object.assign(Object.create(there) as Database, { bulk })
      const couch = Object.create(deps.couch, {
        database: { value: (name: string) => (name === 'share/x' ? late : deps.couch.database(name)) },
      }) as typeof deps.couch
      await performObjects({ ...deps, couch }, owner, facts.flatMap(planObject), footing)
      assert.ok(pushed)
      if (!canPurge) await world.settle()
      assert.equal(people.share('x')?.leaf(COPY, pushed)?.['note'], undefined)
      assert.equal(people.share('x')?.read(COPY)?.['note'], undefined)
      assert.notEqual(people.share('x')?.read(COPY)?.['name'], undefined)
    })
})
