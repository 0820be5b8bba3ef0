// Where documents of a gateway go is written into an index: what is too much for it keeps no other document waiting.
import assert from 'node:assert/strict'
import { Router } from '../../../src/gateways/router.ts'
import type { Call, SyncFunction, Judgement } from '../../../src/gateways/function/sync-function.ts'
import type { Logger } from '../../../src/log.ts'
import { routesDatabase } from '../../../src/documents/names.ts'
import { Routes } from '../../../src/gateways/routes.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

/** A function that puts each document into as many channels as the document says. */
const channelsAsSaid = {
  evaluateMany: (calls: readonly Call[]): Judgement[] =>
    calls.map(({ doc }) => ({
      kind: 'accepted',
      routed: {
        channels: Array.from({ length: (doc as { count: number }).count }, (_, n) => `channel ${n}`),
        ...{ access: [], roles: [], expiry: null },
      },
    })),
} as unknown as SyncFunction

describe('Router', () => {
  it('takes a document whose route cannot be stored nowhere, and the others where they belong', async () => {
    const couch = new MemoryCouch()
    couch.mostCharacters = 2000
    const gateway = couch.create('g')
    couch.create(routesDatabase('g'))
    const routes = new Routes(couch.asCouch(), 'g', () => 0)
    const warned: unknown[] = []
    const router = new Router({
      ...{ gateway: couch.asCouch().database('g'), routes, sync: channelsAsSaid, now: () => 0 },
      ...{ begin: () => Promise.resolve(null), mark: () => undefined, isBusy: () => false },
      log: {
        warn: ({ doc, code }: { doc: string; code: string }) => void (code && warned.push([doc, code])),
      } as unknown as Logger,
    })
    const write = (id: string, count: number): void => {
      const there = gateway.read(id)
      assert(gateway.write({ _id: id, count, ...(there ? { _rev: there._rev } : {}) }).ok)
    }
    const route = async (): Promise<Record<string, unknown>> => {
      const found = await router.route(['a', 'b', 'c'].map((id) => gateway.row(id)))
      return Object.fromEntries(
        [...found].map(([id, { channels, problem }]) => [id, problem?.code ?? channels.length]),
      )
    }
    write('a', 1)
    write('b', 500)
    write('c', 2)
    assert.deepEqual(await route(), { a: 1, b: 'sync_function_failed', c: 2 })
    assert.deepEqual(warned, [['b', 'sync_function_failed']])
    // Seen once more it is judged as it was; what fits again is where it belongs, and what does not any more is nowhere.
    assert.deepEqual(await route(), { a: 1, b: 'sync_function_failed', c: 2 })
    write('b', 3)
    write('c', 500)
    assert.deepEqual(await route(), { a: 1, b: 3, c: 'sync_function_failed' })
    assert.deepEqual((await routes.of(['c'])).get('c')?.channels, [])
  })
})
