// How long it takes until what many users changed at once is in their shares, against as many one-shot replications.
import type { Database } from '../../src/couch/database.ts'
import type { Doc } from '../../src/couch/document.ts'
import { copyId } from '../../src/shares/model/ids.ts'
import { Arrivals } from './arrivals.ts'
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import { clock, inParallel, todo, type Ground } from './ground.ts'
import { toRow, type Findings, type Pair } from './report.ts'

const REPLICATIONS_AT_ONCE = 20
const PATIENCE_MS = 900_000

/** A user's objects, and where their copies are. */
interface Shelf {
  from: Database
  to: Database
  docs: Doc[]
  arrivesAs: (id: string) => string
  revisions: Map<string, string>
}

export async function benchManyUsers(
  ground: Ground,
  { quick, profile, size }: BenchOptions,
): Promise<Findings> {
  const users = size ?? (quick ? 20 : 200)
  const objects = quick ? 20 : 50
  const rounds = quick ? 1 : 3
  const daemon = await DaemonProcess.start(ground, { profile })
  try {
    ground.say(`many users: ${users} users with ${objects} objects`)
    const shared = await fillShares(ground, users, objects)
    const replicated = await fillPlainly(ground, users, objects)
    const pairs: Pair[] = []
    for (let round = 0; round < rounds; round += 1) {
      ground.say(`many users: round ${round + 1} of ${rounds}`)
      const baseline = (): Promise<number> =>
        changeAll(ground, replicated, round, () =>
          inParallel(replicated, ({ from, to }) => ground.replicateOnce(from, to), REPLICATIONS_AT_ONCE),
        )
      const first = round % 2 === 1 ? await baseline() : null
      const subject = await changeAll(ground, shared, round)
      pairs.push({ subject, baseline: first ?? (await baseline()) })
    }
    const name = `${users} users × ${objects} objects, all changed`
    const against = `${users} one-shot replications, ${REPLICATIONS_AT_ONCE} at a time`
    return {
      rows: [toRow(name, 'ms', against, pairs, { median: 0.35 })],
      profiles: profile
        ? [await daemon.profileOf(ground, name, () => changeAll(ground, shared, rounds))]
        : [],
    }
  } finally {
    await daemon.stop()
  }
}

/** Each with a share that holds all of the user's objects. */
async function fillShares(ground: Ground, users: number, objects: number): Promise<Shelf[]> {
  const shelves: Shelf[] = []
  await inParallel(numbers(users), async (at) => {
    const owner = `one-of-many${at}`
    const share = await ground.userWithShare(owner)
    const docs = todos(objects, { $shares: { [share]: true } })
    const shelf = {
      ...{ from: ground.user(owner), to: ground.share(share), docs },
      arrivesAs: (id: string) => copyId(share, id),
    }
    shelves.push({ ...shelf, revisions: await ground.putAll(shelf.from, docs) })
    await ground.settled(owner)
  })
  return shelves
}

/** As many databases, replicated once. */
async function fillPlainly(ground: Ground, users: number, objects: number): Promise<Shelf[]> {
  const shelves: Shelf[] = []
  await inParallel(numbers(users), async (at) => {
    const [from, to] = [ground.plain(`many/${at}`), ground.plain(`many/${at}/target`)]
    await from.create()
    await to.create(1)
    const docs = todos(objects)
    shelves.push({ from, to, docs, arrivesAs: (id) => id, revisions: await ground.putAll(from, docs) })
    await ground.replicateOnce(from, to)
  })
  return shelves
}

/** From the first write until the last copy of all is there. @param bring what has to be done for that */
async function changeAll(
  ground: Ground,
  shelves: readonly Shelf[],
  round: number,
  bring: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const arrivals = await Promise.all(shelves.map(({ to }) => Arrivals.open(ground.couch, to)))
  const change = async ({ from, docs, revisions }: Shelf): Promise<void> => {
    const changed = docs.map((doc) => ({ ...doc, _rev: revisions.get(doc._id) ?? '', round }))
    for (const [id, rev] of await ground.putAll(from, changed)) revisions.set(id, rev)
  }
  try {
    return await clock(() =>
      Promise.all([
        ...shelves.map(({ docs, arrivesAs }, at) =>
          arrivals[at]?.all(
            docs.map(({ _id }) => arrivesAs(_id)),
            PATIENCE_MS,
          ),
        ),
        inParallel(shelves, change, shelves.length).then(bring),
      ]),
    )
  } finally {
    for (const one of arrivals) one.close()
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

const todos = (count: number, rest: Partial<Doc> = {}): Doc[] =>
  numbers(count).map((at) => todo(String(at).padStart(3, '0'), rest as object))
