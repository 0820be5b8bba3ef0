// Whatever becomes of accounts, in any order and with turns that break off: a database is only ever its user's.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import isEqual from 'lodash/isEqual.js'
import isUndefined from 'lodash/isUndefined.js'
import omitBy from 'lodash/omitBy.js'
import type { Holdings } from '../../../src/gateways/function/grants.ts'
import type { GatewayUser } from '../../../src/gateways/model.ts'
import {
  planGatewayUser,
  type GatewayUserEffect,
  type GatewayUserFacts,
} from '../../../src/gateways/plan-user.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)
const NAMES = ['ann', 'bob'] as const
const GRACE_MS = 1_000

interface Account {
  /** The user databases that the account names. */
  homes: readonly string[]
  holdings: Holdings
  /** Another one for each account that was ever made. */
  key: string
}

interface UserDatabase {
  /** The account that it was made for. */
  key: string
  /** Whom `_security` lets in; null: admins alone. */
  lets: { name: string; holdings: Holdings } | null
}

type Step =
  | { does: 'account'; name: string; homes: string[]; holdings: Holdings; isAnew: boolean }
  | { does: 'leave'; name: string }
  /** @param effects so many are performed, then the daemon breaks off */
  | { does: 'turn'; name: string; effects: number }
  | { does: 'wait'; ms: number }

/** The accounts, the index, and the databases that the effects are performed on. */
class World {
  readonly accounts = new Map<string, Account>()
  readonly index = new Map<string, GatewayUser>()
  readonly databases = new Map<string, UserDatabase>()
  now = 0
  #keys = 0
  #revisions = 0

  take(step: Step): void {
    switch (step.does) {
      case 'account': {
        const { name, homes, holdings, isAnew } = step
        const there = isAnew ? undefined : this.accounts.get(name)
        this.accounts.set(name, { homes, holdings, key: there?.key ?? `k${(this.#keys += 1)}` })
        return
      }
      case 'leave':
        this.accounts.delete(step.name)
        return
      case 'turn':
        this.turn(step.name, step.effects)
        return
      case 'wait':
        this.now += step.ms
        return
      default:
        return step satisfies never
    }
  }

  /** @returns false where nothing was done but what may be done at any time */
  turn(name: string, effects = Infinity): boolean {
    const plan = planGatewayUser(this.#gather(name))
    for (const effect of plan.effects.slice(0, effects)) this.#perform(name, effect)
    const isAtRest = ({ kind }: GatewayUserEffect): boolean => kind === 'open' || kind === 'keep-closed'
    return plan.kind === 'blocked' || !plan.effects.every(isAtRest)
  }

  /** Each turn is taken until nobody has anything left to do, and every grace time is over. */
  settle(): void {
    for (let rounds = 0; ; rounds += 1) {
      assert(rounds < 10, 'Expected everything to come to rest')
      this.now += GRACE_MS
      if (!NAMES.map((name) => this.turn(name)).some(Boolean)) return
    }
  }

  /** The one user database that an account names and no other does. */
  homeOf(name: string): string | null {
    const [home, ...more] = this.accounts.get(name)?.homes ?? []
    if (home === undefined || more.length > 0) return null
    const claimants = [...this.accounts.values()].filter(({ homes }) => homes.includes(home))
    return claimants.length === 1 ? home : null
  }

  #gather(name: string): GatewayUserFacts {
    const entry = this.index.get(name) ?? null
    const account = this.accounts.get(name)
    const home = this.homeOf(name)
    const database = `user/${home}/fleet`
    const wanted =
      account === undefined || home === null
        ? null
        : { database, holdings: account.holdings, account: { rev: '1-a', key: account.key } }
    return {
      ...{ name, entry, wanted, graceMs: GRACE_MS, at: new Date(this.now).toISOString() },
      isAnother: wanted !== null && entry !== null && entry.account?.key !== wanted.account.key,
      others: [...this.index.values()].filter((one) => one.name !== name && one.database === database),
    }
  }

  #perform(name: string, effect: GatewayUserEffect): void {
    switch (effect.kind) {
      case 'end':
        assert(
          effect.entry.name === name || effect.entry.state === 'leaving',
          'Expected another user to be left',
        )
        this.databases.delete(effect.entry.database)
        this.index.delete(effect.entry.name)
        return
      case 'close':
      case 'keep-closed': {
        const there = this.databases.get(effect.database)
        if (there) there.lets = null
        return
      }
      case 'change': {
        const _rev = String((this.#revisions += 1))
        const after = omitBy({ ...effect.over, ...effect.change, _rev }, isUndefined)
        assert(!isEqual({ ...after, _rev: effect.over._rev }, effect.over), 'Expected a change')
        const isClosed = (this.databases.get(effect.over.database)?.lets ?? null) === null
        assert(after['state'] === 'active' || isClosed, 'Expected nobody to be let in any more')
        this.index.set(name, after as unknown as GatewayUser)
        return
      }
      case 'confirm':
        assert.deepEqual(this.accounts.get(name)?.holdings, effect.holdings)
        return
      case 'open': {
        const { key = '' } = this.accounts.get(name) ?? {}
        const there = this.databases.get(effect.database) ?? { key, lets: null }
        assert.equal(there.key, key, 'Expected the database to be of this account')
        assert.equal(
          this.index.get(name)?.database,
          effect.database,
          'Expected the entry before the database',
        )
        this.databases.set(effect.database, { key, lets: { name, holdings: effect.holdings } })
        return
      }
      default:
        return effect satisfies never
    }
  }
}

const name = fc.constantFrom(...NAMES)
const holdings = fc.record({
  roles: fc.subarray(['driver', 'boss']),
  channels: fc.subarray(['bills', 'tours']),
})
const does = <const Name>(one: Name): { does: fc.Arbitrary<Name> } => ({ does: fc.constant(one) })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ ...does('account'), name, holdings, isAnew: fc.nat(3).map((one) => one === 3) },
      homes: fc.constantFrom<string[][]>(['1'], ['1'], ['2'], [], ['1', '2']),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...does('leave'), name }) },
  { weight: 5, arbitrary: fc.record({ ...does('turn'), name, effects: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ ...does('wait'), ms: fc.constantFrom(1, GRACE_MS) }) },
)

const history = fc.array(step, { maxLength: 40, size: 'max' })

const after = (steps: readonly Step[]): World => {
  const world = new World()
  for (const one of steps) world.take(one)
  return world
}

describe('planGatewayUser, in any history', () => {
  it('gives everybody the database of their own user database, by what is granted, and nobody another one', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const world = after(steps)
        world.settle()
        const expected = NAMES.flatMap((one): [string, UserDatabase][] => {
          const [account, home] = [world.accounts.get(one), world.homeOf(one)]
          if (account === undefined || home === null) return []
          const { key, holdings: granted } = account
          return [[`user/${home}/fleet`, { key, lets: { name: one, holdings: granted } }]]
        })
        assert.deepEqual(new Map([...world.databases].sort()), new Map(expected.sort()))
        const active = [...world.index.values()].filter(({ state }) => state === 'active')
        assert.deepEqual(
          active.map((one) => one.name).sort(),
          expected.map(([, { lets }]) => lets?.name).sort(),
        )
        assert.equal(active.length, world.index.size)
      }),
      { numRuns: RUNS },
    )
  })

  it('counts what a user had until it is compared, and has that compared', () => {
    fc.assert(
      fc.property(history, name, (steps, one) => {
        const world = after(steps)
        const before = world.index.get(one)
        world.turn(one)
        const [entry, account] = [world.index.get(one), world.accounts.get(one)]
        if (before?._rev === entry?._rev || entry?.state !== 'active' || account === undefined) return
        const { roles, channels } = account.holdings
        const had = before?.database === entry.database ? before : null
        assert.deepEqual(entry.roles, [...new Set([...(had?.roles ?? []), ...roles])].sort())
        assert.deepEqual(entry.channels, [...new Set([...(had?.channels ?? []), ...channels])].sort())
        const hasChanged = !isEqual([entry.roles, entry.channels], [had?.roles, had?.channels])
        assert(!hasChanged || entry.due === true)
      }),
      { numRuns: RUNS },
    )
  })
})
