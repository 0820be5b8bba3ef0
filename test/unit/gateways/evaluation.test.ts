// A changed function goes over all documents: what that costs, and that nobody is forgotten wherever it is interrupted.
import assert from 'node:assert/strict'
import { beginEvaluation, evaluateAll } from '../../../src/gateways/evaluation.ts'
import type { Call, Judgement, SyncFunction } from '../../../src/gateways/function/sync-function.ts'
import type { Gateway } from '../../../src/gateways/gateway.ts'
import { EVALUATION_ID, gatewayUserId, routeId, type GatewayUser } from '../../../src/gateways/model.ts'
import { Router } from '../../../src/gateways/router.ts'
import { Routes } from '../../../src/gateways/routes.ts'
import type { Logger } from '../../../src/log.ts'
import { routesDatabase } from '../../../src/documents/names.ts'
import { install } from '../../../src/skeletons/install.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { shippedSkeleton } from '../../support/space.ts'

const INDEX = routesDatabase('g')
const silent = (): void => undefined
const LOG = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Logger

type Doc = Record<string, unknown>
type ChannelsOf = (doc: Doc) => string[]

/** A gateway whose function does nothing but say in which channels a document is. */
function gatewayBy(hash: string, channelsOf: ChannelsOf): Gateway {
  const judge = ({ doc }: Pick<Call, 'doc'>): Judgement => ({
    kind: 'accepted',
    routed: { channels: channelsOf(doc as Doc).sort(), access: [], roles: [], expiry: null },
  })
  const sync = { hash, evaluateMany: (calls: readonly Call[]) => calls.map(judge) }
  return { name: 'g', sync: sync as unknown as SyncFunction, guard: {} as never }
}

/** What one daemon does with it: whom it tells of what. They do it when the daemon waits for them, and not before. */
class Evaluating {
  readonly told = new Map<string, Set<string>>()
  isDone = false
  readonly router: Router
  readonly #options: Parameters<typeof evaluateAll>[0]

  constructor(couch: MemoryCouch, gateway: Gateway, pageDocuments?: number) {
    const client = couch.asCouch()
    const routes = new Routes(client, 'g', () => 0)
    const database = client.database('g')
    const isBusy = (name: string): boolean => !this.isDone && this.told.has(name)
    const sleep = (): Promise<void> => Promise.resolve(void (this.isDone = true))
    this.router = new Router({
      ...{ gateway: database, routes, sync: gateway.sync, now: () => 0, log: LOG, isBusy },
      begin: () => beginEvaluation({ gateway, database, routes, now: () => 0 }),
      mark: (name, { documents = [], all }) => {
        const told = this.told.get(name) ?? new Set()
        for (const one of [...documents, ...(all === true ? ['all'] : [])]) told.add(one)
        this.told.set(name, told)
      },
    })
    this.#options = {
      ...{ gateway, database, routes, router: this.router, log: LOG, now: () => 0, isBusy, pageDocuments },
      ...{ signal: new AbortController().signal, sleep },
    }
  }

  async run(): Promise<void> {
    await this.router.resume()
    await evaluateAll(this.#options)
  }
}

async function createWorld(documents: readonly Doc[], users: Record<string, string[]>): Promise<MemoryCouch> {
  const couch = new MemoryCouch()
  const gateways = { policies: [], userKinds: [], masters: [], gateways: ['g'] }
  await install(couch.asCouch(), await shippedSkeleton(), LOG, gateways)
  const gateway = couch.databases.get('g') ?? couch.create('g')
  for (const [at, doc] of documents.entries())
    gateway.write({ ...doc, _id: `d${String(at).padStart(6, '0')}` })
  for (const [name, channels] of Object.entries(users)) writeUser(couch, name, channels)
  return couch
}

function writeUser(couch: MemoryCouch, name: string, channels: string[]): void {
  const index = couch.databases.get(INDEX)
  const there = index?.read(gatewayUserId(name))
  const user: GatewayUser = {
    ...{ _id: gatewayUserId(name), type: 'user', name, database: `user/${name}/g`, state: 'active' },
    ...{ roles: [], channels, function: '', documents: 0, updatedAt: '' },
  }
  index?.write({ ...user, ...(there ? { _rev: there._rev } : {}) })
}

const routeOf = (couch: MemoryCouch, id: string) => couch.databases.get(INDEX)?.read(routeId(id))

describe('an evaluation of all documents', () => {
  const byOwner =
    (version: number): ChannelsOf =>
    ({ owner }) => [`of:${String(owner)}`, `version:${version}`]

  it('takes so many requests a page, and tells nobody who gains and loses nothing', async () => {
    const owners = Array.from({ length: 30 }, (_, at) => `user${at}`)
    const documents = Array.from({ length: 60 }, (_, at) => ({ owner: owners[at % owners.length] }))
    const couch = await createWorld(documents, Object.fromEntries(owners.map((one) => [one, [`of:${one}`]])))
    await new Evaluating(couch, gatewayBy('0', byOwner(0))).run()
    const second = new Evaluating(couch, gatewayBy('1', byOwner(1)), 20)
    const counts: Record<string, number> = {}
    couch.onRequest = (request) => (counts[request] = (counts[request] ?? 0) + 1)
    await second.run()
    assert.deepEqual([...second.told], [])
    assert.deepEqual(counts, {
      // Three pages, and the end: documents, and whether they are the latest; then whether any route's is missing.
      'g range': 3 + 1 + 3 + 1,
      'g info': 2,
      // Those of each page, and all of them at the end.
      [`${INDEX} range`]: 3 + 1,
      // Who reads what documents leave and come into, before and after; what is unsettled, at the start.
      [`${INDEX} view`]: 3 * 2 + 1,
      // Each page, with its note before it; the beginning and the end.
      [`${INDEX} bulk`]: 3 * 2 + 2,
      [`${INDEX} get`]: 1,
    })
    assert.deepEqual(routeOf(couch, 'd000059')?.['channels'], ['of:user29', 'version:1'])
    assert.equal(routeOf(couch, 'd000059')?.['before'], undefined)
  })

  it('tells those alone who have what a document leaves or comes into', async () => {
    const documents = [{ at: 'here' }, { at: 'there' }, { at: 'elsewhere' }]
    const users = { ann: ['here', 'all'], bob: ['there'], cleo: ['all'], boss: ['*'], dan: ['elsewhere'] }
    const couch = await createWorld(documents, users)
    await new Evaluating(
      couch,
      gatewayBy('0', ({ at }) => [String(at), 'all']),
    ).run()
    const second = new Evaluating(
      couch,
      gatewayBy('1', ({ at }) => [at === 'here' ? 'there' : String(at), 'all']),
    )
    await second.run()
    assert.deepEqual(second.told, new Map(['ann', 'bob'].map((name) => [name, new Set(['d000000'])])))
    assert.equal(routeOf(couch, 'd000000')?.['before'], undefined, 'all have done what they had to')
  })

  it('goes on where it was killed, while the next page was read, and forgets nobody', async () => {
    const documents = Array.from({ length: 7 }, (_, at) => ({ at }))
    const after: ChannelsOf = ({ at }) => (Number(at) % 2 === 0 ? ['even', 'new'] : ['odd', 'new'])
    let kills = 0
    for (let writes = 0; kills === writes; writes += 1) {
      const couch = await createWorld(documents, { ann: ['odd'], bob: ['old'], late: [] })
      await new Evaluating(
        couch,
        gatewayBy('0', ({ at }) => (Number(at) < 2 ? ['old'] : ['none'])),
      ).run()
      let left = writes
      couch.onWrite = (db, id) => {
        // Before the routes of the second page are written somebody comes to what nobody had.
        if (db === INDEX && id === routeId('d000002')) writeUser(couch, 'late', ['new', 'none'])
        left -= 1
        if (left < 0) throw new Error('killed')
      }
      const first = new Evaluating(couch, gatewayBy('1', after), 2)
      const isKilled = await first.run().then(
        () => false,
        () => true,
      )
      if (isKilled) kills += 1
      couch.onWrite = silent
      const index = couch.databases.get(INDEX)
      const evaluation = index?.read(EVALUATION_ID)
      for (const at of documents.keys())
        if (evaluation?.['hash'] === '1' && `d00000${at}` <= ((evaluation['after'] ?? '') as string))
          assert(
            (routeOf(couch, `d00000${at}`)?.['channels'] as string[]).includes('new'),
            `after ${writes} writes d00000${at} counts as evaluated, and is not`,
          )

      const second = new Evaluating(couch, gatewayBy('1', after), 2)
      await second.run()
      const lives = isKilled && !first.isDone ? [second] : [first, second]
      const told = (name: string): string[] => lives.flatMap((one) => [...(one.told.get(name) ?? [])])
      const what = `killed before write ${writes}`
      for (const at of [0, 1]) assert(told('bob').includes(`d00000${at}`), `${what}: d00000${at} of bob`)
      for (const at of [1, 3, 5]) assert(told('ann').includes(`d00000${at}`), `${what}: d00000${at} of ann`)
      const isNoneOfIt = (index?.read(gatewayUserId('late'))?.['channels'] as string[]).length === 0
      const isWhole = isNoneOfIt || told('late').includes('all')
      for (const at of [2, 3, 4, 5, 6])
        assert(isWhole || told('late').includes(`d00000${at}`), `${what}: d00000${at} of late`)
      assert.deepEqual(
        [index?.read(EVALUATION_ID)?.['state'], index?.read(EVALUATION_ID)?.['crossed']],
        ['done', undefined],
      )
    }
    assert(kills > 10, `killed ${kills} times`)
  })
})
