// What a request costs the daemon's processor: by its own client, against the same request by nano, on the same server.
import nano from 'nano'
import PQueue from 'p-queue'
import type { Ground } from './ground.ts'
import type { BenchOptions } from './options.ts'
import { toRow, type Findings, type Pair } from './report.ts'

const DATABASE = 'requests'
const AT_ONCE = 16
/** As the turns of the daemon ask: a few documents each. */
const KEYS = ['todo/1', 'todo/2', 'todo/3']

interface Cost {
  /** Processor time of this process, µs. */
  processor: number
  /** From the first request to the last answer, µs. */
  wall: number
}

export async function benchRequests(ground: Ground, { quick }: BenchOptions): Promise<Findings> {
  const [pairs, count] = quick ? [3, 300] : [11, 1_500]
  const database = ground.plain(DATABASE)
  await database.create()
  await ground.putAll(
    database,
    KEYS.map((_id) => ({ _id, title: 'Milk', done: false })),
  )
  const { url, user, pass } = ground.server
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(pass)}`
  const other = nano(url.replace('://', `://${login}@`)).use(database.name)
  const ours = (): Promise<unknown> => database.fetch(KEYS)
  const nanos = (): Promise<unknown> => other.fetch({ keys: KEYS })
  // Both have their sockets, and are compiled.
  for (const ask of [ours, nanos]) await cost(ask, count / 2)
  const processor: Pair[] = []
  const wall: Pair[] = []
  for (let round = 0; round < pairs; round += 1) {
    const [subject, baseline] = [await cost(ours, count), await cost(nanos, count)]
    processor.push({ subject: subject.processor, baseline: baseline.processor })
    wall.push({ subject: subject.wall, baseline: baseline.wall })
  }
  return {
    rows: [
      toRow('a request: processor', 'µs', 'nano', processor),
      toRow(`a request, ${AT_ONCE} at once: time`, 'µs', 'nano', wall),
    ],
    profiles: [],
  }
}

/** Of each of so many requests. */
async function cost(ask: () => Promise<unknown>, count: number): Promise<Cost> {
  const queue = new PQueue({ concurrency: AT_ONCE })
  const before = process.cpuUsage()
  const begun = performance.now()
  await queue.addAll(Array.from({ length: count }, () => ask))
  const wall = (performance.now() - begun) * 1000
  const { user, system } = process.cpuUsage(before)
  return { processor: (user + system) / count, wall: wall / count }
}
