// A way that documents take, from where they are written to where they become readable: by the daemon, or by CouchDB itself.
import type { Database } from '../../src/couch/database.ts'
import { Arrivals } from './arrivals.ts'
import { todo, type Ground } from './ground.ts'
import { copyId } from '../../src/shares/model/ids.ts'

/** Where documents are written, and where and as what they arrive. */
export interface Way {
  from: Database
  arrivals: Arrivals
  /** The id of the arriving document. */
  arrivesAs: (id: string) => string
  share: string | null
  revisions: Map<string, string>
}

/** How long one document took, in milliseconds. */
export interface Sent {
  /** Until CouchDB acknowledged the write. */
  writtenMs: number
  /** From the acknowledgement to the arrival. */
  arrivedMs: number
}

/** From an owner's database into a share; the daemon has to run. One document has gone there already. */
export async function openShare(ground: Ground, owner: string): Promise<Way> {
  const share = await ground.userWithShare(owner)
  const way: Way = {
    from: ground.user(owner),
    arrivals: await Arrivals.open(ground.couch, ground.share(share)),
    arrivesAs: (id) => copyId(share, id),
    share,
    revisions: new Map(),
  }
  await send(ground, way, 'first')
  return way
}

/** By a continuous replication, as CouchDB has it by itself. One document has gone there already. */
export async function openReplication(ground: Ground): Promise<Way> {
  const from = ground.plain('source')
  const target = ground.plain('target')
  await from.create()
  await target.create(1)
  await ground.replicate('baseline', from, target)
  const way: Way = {
    from,
    arrivals: await Arrivals.open(ground.couch, target),
    arrivesAs: (id) => id,
    share: null,
    revisions: new Map(),
  }
  await send(ground, way, 'first')
  return way
}

/** Writes a document, new or over its last revision, and waits until it has arrived. */
export async function send(ground: Ground, way: Way, name: string): Promise<Sent> {
  const consent = way.share === null ? {} : { $shares: { [way.share]: true } }
  const rev = way.revisions.get(name)
  const doc = todo(name, {
    ...consent,
    edited: way.revisions.size,
    at: Date.now(),
    ...(rev ? { _rev: rev } : {}),
  })
  const arrival = way.arrivals.next(way.arrivesAs(doc._id))
  // Whoever writes may fail before the arrival is awaited.
  arrival.catch(() => undefined)
  const begun = performance.now()
  way.revisions.set(name, await ground.put(way.from, doc))
  const acknowledged = performance.now()
  return { writtenMs: acknowledged - begun, arrivedMs: (await arrival) - acknowledged }
}
