// A black box: users write and look while everything around them fails, and then all of it is compared with what is left.
import { setTimeout as delay } from 'node:timers/promises'
import mapValues from 'lodash/mapValues.js'
import { Couch } from '../../../src/couch/client.ts'
import { orNull } from '../../../src/couch/fault.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import { parseCopyId, subscriptionDocumentId } from '../../../src/shares/model/ids.ts'
import { FaultProxy } from '../fault-proxy.ts'
import { KillProxy } from '../killed/kill-proxy.ts'
import { subscriptionDoc, withPeople } from '../people.ts'
import { settingsFor, type Bench } from '../program.ts'
import type { Damages } from '../servers.ts'
import type { Space } from '../space.ts'
import { becomesActive, put, shareDoc } from '../story.ts'
import { randomOf } from '../turnstile.ts'
import { Daemons } from './daemons.ts'
import { Owner, Participant, type Place } from './people.ts'
import { trouble } from './troubles.ts'
import { differences, faultsOf, type Left } from './verdict.ts'
import { valuesIn, Witness } from './witness.ts'

/** Until so much of what they write is acknowledged users are at work, and things go wrong; or so long, where that is enough. */
const ACKNOWLEDGED = 100
const BUSY_MS = 30_000
const ENOUGH = 20
/** For so long nothing is asked when all is done. */
const QUIET_MS = 1_500
/** All is mended by then: what is left of it waits for nothing longer than CouchDB's replicator, which tries again after a minute. */
const PATIENCE_MS = 180_000

const WRITERS = ['ann', 'bob'] as const
const READER = 'eve'
const SHOWN = ['a', 'b', 'c']

export interface Played {
  faults: string[]
  troubles: string[]
  writes: number
  acknowledged: number
  sightings: number
  /** From the end of the last trouble until nothing was left to do. */
  settledMs: number
}

const NOTHING = { writes: 0, acknowledged: 0, sightings: 0, settledMs: 0 }

export interface BlackBoxOptions {
  seed: number
  /** What is done to the server beside all else. */
  damages: Damages
  /** Where each of its nodes is. */
  nodes: readonly string[]
}

/** Plays one run. @throws {AssertionError} where it does not come to rest */
export async function playBlackBox(
  space: Space,
  bench: Bench,
  { seed, damages, nodes }: BlackBoxOptions,
): Promise<Played> {
  const random = randomOf(seed)
  const witness = new Witness()
  const share = space.shareId('list')
  const count = random() < 0.5 ? 1 : 2
  const networks = await Promise.all(Array.from({ length: count }, () => networkOf(space, bench)))
  let played: Played = { faults: ['it was not played'], troubles: [], ...NOTHING }
  await withPeople(space, ['joe', ...WRITERS, READER], async (people) => {
    const writers = WRITERS.map((one) => people[one].name)
    const access = { read: [people[READER].name], write: writers }
    await put(people.joe.db, shareDoc(share, { access }))
    const daemons = new Daemons({
      ...{ bench, couch: space.couch, template: space.config.userDatabases.template },
      settings: networks.map(({ counting }) => ({
        ...settingsFor({ ...space.server, url: counting.url }),
        LOG_LEVEL: 'warn',
        USER_DATABASES: `${space.prefix}{id}`,
        REPLICATION_SERVER: space.server.url,
        ...(count > 1 ? { PARTITIONS: '4' } : {}),
      })),
    })
    await becomesActive(space, people.joe.hash, share)
    for (const one of [...WRITERS, READER] as const) await put(people[one].db, subscriptionDoc(share))

    const place: Place = { server: space.server, share, witness, random }
    const joe = new Owner('joe', people.joe, place, { writers, reader: people[READER].name })
    const others = [...WRITERS, READER].map((one) => new Participant(one, people[one as 'ann'], place))
    const places = nodes.map((url) => clientOf(space, bench, url))
    const watch = new AccessWatch({
      ...{ witness, who: people[READER].name, isCounted: space.server.kind === 'couchdb' },
      shares: places.map((couch) => couch.database(shareDatabase(share))),
    })
    joe.onAccess = (isIn) => watch.changes(isIn)

    const end = Date.now() + BUSY_MS
    const isOver = (): boolean => witness.acknowledged >= (Date.now() < end ? ACKNOWLEDGED : ENOUGH)
    const [troubles] = await Promise.all([
      trouble({ daemons, networks: networks.map(({ failing }) => failing), damages, random }, isOver),
      ...[joe, ...others].map((one) => one.live(isOver)),
    ])
    await watch.ends()
    for (const { failing } of networks) await failing.heal()

    const names = mapValues(people, ({ db }) => db.name)
    // Each node has all of it, when they have told each other.
    const leftNow = (): Promise<Left[]> => Promise.all(places.map((couch) => leftBy(couch, share, names)))
    const isAtRest = (): boolean => networks.every(({ counting }) => counting.quietMs > QUIET_MS)
    const agree = async (): Promise<boolean> =>
      isAtRest() && (await leftNow()).every((left) => differences(left, witness).length === 0)
    const endedAt = Date.now()
    const isAgreed = await space.until('all agree, and nothing turns', agree, PATIENCE_MS, 500).then(
      () => true,
      () => false,
    )
    const faults = [...new Set((await leftNow()).flatMap((left) => faultsOf(witness, left)))]
    if (!isAgreed && !isAtRest())
      faults.push(`it does not come to rest: ${networks.map(({ counting }) => lastOf(counting)).join('; ')}`)
    for (const object of objectsOf(faults, witness))
      faults.push(
        await storyOf(object, witness, [...Object.values(people).map(({ db }) => db), space.share(share)]),
      )
    faults.push(...daemons.ended.map((words) => `a daemon ended by itself, ${words}`))
    played = {
      ...{ faults, troubles, writes: witness.writes.size, sightings: witness.sightings.length },
      ...{ acknowledged: witness.acknowledged, settledMs: Date.now() - endedAt },
    }
    await daemons.stop()
  })
  return played
}

/** The objects that faults speak of. */
function objectsOf(faults: readonly string[], { writes }: Witness): Set<string> {
  const named = faults.flatMap(valuesIn).flatMap((value) => writes.get(value)?.object ?? [])
  return new Set(named)
}

/** Who wrote what into an object, and what is left of it, for whoever looks into a fault. */
async function storyOf(object: string, { writes }: Witness, databases: Database[]): Promise<string> {
  const written = [...writes.values()]
    .filter((write) => write.object === object)
    .map(
      ({ value, attribute, over, begunAt, ackedAt }) =>
        `${attribute}=${value} over ${over} ${begunAt % 1e6}–${ackedAt === null ? '?' : ackedAt % 1e6}`,
    )
  const left = await Promise.all(
    databases.map(async (database) => {
      const ids = [object, `${database.name}/${object}`]
      return [database.name, await database.leaves(ids.map((id) => ({ id })))] as const
    }),
  )
  return `${object}: ${written.join('; ')}; left: ${JSON.stringify(left)}`
}

const lastOf = ({ requests }: KillProxy): string => requests.slice(-5).join(', ')

interface Network {
  failing: FaultProxy
  counting: KillProxy
}

async function networkOf(space: Space, bench: Bench): Promise<Network> {
  const failing = await FaultProxy.start(space.server.url)
  bench.release(() => failing.refuse())
  const counting = await KillProxy.start(failing.url)
  bench.release(() => counting.stop())
  return { failing, counting }
}

function clientOf({ server: { user, pass } }: Space, bench: Bench, url: string): Couch {
  const couch = new Couch({ url, user, pass })
  bench.release(() => couch.close())
  return couch
}

interface Watched {
  /** As each node has it. */
  shares: readonly Database[]
  who: string
  witness: Witness
  /** On the embedded server users speak as its admin: access does not count there. */
  isCounted: boolean
}

/** From when on somebody is out of the share, as the share itself says, on each node. */
class AccessWatch {
  readonly #watched: Watched
  #from: number | null = null
  #looking: AbortController | null = null

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** The owner has taken them out, or is about to let them in. */
  changes(isIn: boolean): Promise<void> {
    if (!isIn) {
      this.#looking?.abort()
      const looking = (this.#looking = new AbortController())
      void this.#look(looking.signal)
      return Promise.resolve()
    }
    return this.ends()
  }

  ends(): Promise<void> {
    this.#looking?.abort()
    this.#looking = null
    const { witness, isCounted } = this.#watched
    if (this.#from !== null && isCounted)
      witness.exclusions.push({ who: READER, from: this.#from, to: Date.now() })
    this.#from = null
    return Promise.resolve()
  }

  async #look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isOut = await this.#isOut().catch(() => false)
      if (signal.aborted) return
      if (isOut) return void (this.#from = Date.now())
      await delay(20)
    }
  }

  async #isOut(): Promise<boolean> {
    const { shares, who } = this.#watched
    const all = await Promise.all(shares.map((share) => orNull(share.security())))
    return all.every((security) => security !== null && !JSON.stringify(security).includes(who))
  }
}

/** @param names of the users' databases */
async function leftBy(couch: Couch, share: string, names: Readonly<Record<string, string>>): Promise<Left> {
  const readable = new Map<string, Set<string>>()
  const objects = new Map<string, Map<string, Record<string, unknown>>>()
  const shared = await wholeOf(couch.database(shareDatabase(share)))
  const wholes = new Map<string, Whole>()
  for (const [name, database] of Object.entries(names))
    wholes.set(name, await wholeOf(couch.database(database)))
  // What a participant has beside what the owner shows is private.
  const wishes = wishesIn(wholes.get('joe')?.winners ?? [], share)
  for (const [name, { leaves, winners }] of wholes) {
    const values = name === 'joe' ? [...leaves, ...shared.leaves] : leaves
    readable.set(name, new Set(values.flatMap(valuesIn)))
    const inShare = [...wishesIn(winners, share).keys()]
    const docs = winners.filter(({ _id }) => inShare.includes(_id))
    objects.set(name, new Map(docs.map((doc) => [doc._id, shownOf(doc, wishes.get(doc._id) ?? SHOWN)])))
  }
  const copies = shared.winners.flatMap((doc) => {
    const object = parseCopyId(doc._id)?.object
    return object === undefined ? [] : [[object, shownOf(doc, SHOWN)] as const]
  })
  return {
    ...{ owner: 'joe', readable, objects, copies: new Map(copies) },
    participants: [...WRITERS, ...(isActive(wholes.get(READER), share) ? [READER] : [])],
    readers: new Set([READER]),
  }
}

/** By object the attributes that its author gives to the share. */
function wishesIn(docs: readonly StoredDoc[], share: string): Map<string, readonly string[]> {
  return new Map(
    docs.flatMap((doc) => {
      const wish = (doc['$shares'] as Record<string, unknown> | undefined)?.[share]
      if (wish === undefined || doc._id.startsWith('$')) return []
      return [[doc._id, Array.isArray(wish) ? (wish as string[]) : SHOWN] as const]
    }),
  )
}

const shownOf = (doc: StoredDoc, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.flatMap((name) => (doc[name] === undefined ? [] : [[name, doc[name]]])))

const isActive = (whole: Whole | undefined, share: string): boolean =>
  whole?.winners.find(({ _id }) => _id === subscriptionDocumentId(share))?.['$state'] === 'active'

/** Every leaf of every document, and what clients see of them. */
interface Whole {
  leaves: StoredDoc[]
  winners: StoredDoc[]
}

async function wholeOf(database: Database): Promise<Whole> {
  const { results } = await database.changes({
    since: '0',
    limit: 10_000,
    includeDocs: true,
    allLeaves: false,
  })
  const leaves = await database.leaves(results.map(({ id }) => ({ id })))
  return { leaves, winners: results.flatMap(({ deleted, doc }) => (doc && !deleted ? [doc] : [])) }
}
