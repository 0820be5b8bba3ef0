// The order in which a page of objects reaches CouchDB: what comes first goes first.
import assert from 'node:assert/strict'
import type { Doc, Written } from '../../../../src/couch/document.ts'
import { createLogger } from '../../../../src/log.ts'
import { userDatabases } from '../../../../src/documents/names.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { Deps } from '../../../../src/shares/deps.ts'
import { performObjects } from '../../../../src/shares/perform/objects.ts'

/** Deps that write down every bulk request: its database, and the ids in it. */
function record(): { deps: Deps; requests: { db: string; ids: string[] }[] } {
  const requests: { db: string; ids: string[] }[] = []
  const database = (db: string) => ({
    name: db,
    bulk: (docs: Doc[]): Promise<Written[]> => {
      requests.push({ db, ids: docs.map(({ _id }) => _id) })
      return Promise.resolve(docs.map(({ _id }) => ({ id: _id, ok: true, rev: '1-new' })))
    },
    leaves: () => Promise.resolve([]),
    changedFrom: () => Promise.resolve(new Map()),
    leafRevisions: (ids: string[]) => Promise.resolve(new Map(ids.map((id) => [id, ['1-new']]))),
    purge: (revisions: object) => {
      requests.push({ db: `${db} purge`, ids: Object.keys(revisions) })
      return Promise.resolve()
    },
  })
  const deps = {
    couch: { database },
    users: userDatabases('user/{id}'),
    registry: {
      entries: (ids: string[]) => Promise.resolve(new Map(ids.map((id) => [id, { owner: 'me' }]))),
    },
    leases: { use: () => Promise.resolve() },
    rotations: new Map(),
    ownWrites: { add: () => undefined },
    canPurge: true,
    log: createLogger({ level: 'fatal', pretty: false, destination: { write: () => undefined } }),
  } as unknown as Deps
  return { deps, requests }
}

const object = ($shares: unknown): ObjectDoc => ({ _id: 'todo/1', _rev: '1-a', name: 'n', $shares })

describe('shares/perform/objects', () => {
  it('has a base widened before its copy is written', async () => {
    const { deps, requests } = record()
    const effects = planObject({
      object: 'todo/1',
      doc: object({ s: true }),
      isMissing: false,
      rivals: [],
      base: null,
      standings: new Map([['s', 'open']]),
      copies: new Map(),
      exchanges: new Map(),
      clock: { now: 0, updatedAt: UPDATED_AT },
    })
    await performObjects(deps, 'me', effects)
    const nth = (db: string, id: string): number =>
      requests.flatMap((request) => request.ids.map((one) => `${request.db} ${one}`)).indexOf(`${db} ${id}`)
    const base = nth('user/me/$shares', 'base/todo/1')
    const copy = nth('user/me/$shares', 'share/s/todo/1')
    assert.ok(base >= 0 && copy >= 0, JSON.stringify(requests))
    assert.ok(base < copy, 'a copy without a base is never found again when its object is deleted meanwhile')
    assert.ok(copy < nth('share/s', 'share/s/todo/1'), 'the share gets what the outbox has')
  })

  it('writes the object last', async () => {
    const { deps, requests } = record()
    const effects = planObject({
      object: 'todo/1',
      doc: object({ s: true, t: false, u: 1 }),
      isMissing: false,
      rivals: [],
      base: null,
      standings: new Map([['s', 'open']]),
      copies: new Map(),
      exchanges: new Map(),
      clock: { now: 0, updatedAt: UPDATED_AT },
    })
    await performObjects(deps, 'me', effects)
    assert.deepEqual(requests.at(-1), { db: 'user/me', ids: ['todo/1'] })
  })

  it('asks for nothing where there is nothing to do', async () => {
    const { deps, requests } = record()
    await performObjects(deps, 'me', [])
    assert.deepEqual(requests, [])
  })
})
