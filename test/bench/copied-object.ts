// What a copied object costs the daemon's processor, against reading and writing the same documents by nano.
import chunk from 'lodash/chunk.js'
import nano from 'nano'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import type { BenchOptions } from './options.ts'
import { toRow, type Findings, type Pair, type Row } from './report.ts'
import { editObjects, openShare, todos, type Run } from './throughput-runs.ts'

/** As many changes as the daemon reads at once. */
const DOCUMENTS_A_REQUEST = 500

export async function benchCopiedObject(ground: Ground, { quick, size }: BenchOptions): Promise<Findings> {
  const objects = size ?? (quick ? 500 : 1_000)
  const rounds = quick ? 1 : 7
  const daemon = await DaemonProcess.start(ground)
  let runsSoFar = 0
  try {
    const many = objects.toLocaleString('en')
    return {
      rows: [
        await compare(`share opened over ${many} objects`, openShare),
        await compare(`${many} objects edited in a share`, editObjects),
      ],
      profiles: [],
    }
  } finally {
    await daemon.stop()
  }

  async function compare(name: string, run: Run): Promise<Row> {
    const pairs: Pair[] = []
    // The first round is not counted: both compile then.
    for (let round = 0; round <= rounds; round += 1) {
      ground.say(`${name}: round ${round} of ${rounds}`)
      const pair = { subject: await costOf(run), baseline: await costByNano(ground, nextName(), objects) }
      if (round > 0) pairs.push(pair)
    }
    return toRow(`${name}: processor an object`, 'µs', 'read and written by nano', pairs)
  }

  /** With all that comes after the last copy: bases, the checkpoint. */
  async function costOf(run: Run): Promise<number> {
    const name = nextName()
    let ms = NaN
    await run(ground, name, objects, async (work) => {
      const before = daemon.cpuMs()
      const took = await work()
      await ground.settled(name)
      ms = daemon.cpuMs() - before
      return took
    })
    return (ms * 1000) / objects
  }

  function nextName(): string {
    runsSoFar += 1
    return `cost${runsSoFar}`
  }
}

/** Processor time of this process for each document that goes from one database into another, in as few requests as may be. */
async function costByNano(ground: Ground, name: string, objects: number): Promise<number> {
  const [source, target] = [ground.plain(`${name}/source`), ground.plain(`${name}/target`)]
  await source.create()
  await target.create()
  const docs = todos(objects, null)
  await ground.putAll(source, docs)
  const { url, user, pass } = ground.server
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(pass)}`
  const server = nano(url.replace('://', `://${login}@`))
  const before = process.cpuUsage()
  for (const part of chunk(docs, DOCUMENTS_A_REQUEST)) {
    const { rows } = await server.use(source.name).fetch({ keys: part.map(({ _id }) => _id) })
    const copies = rows.flatMap((row) => ('doc' in row && row.doc ? [{ ...row.doc, _rev: undefined }] : []))
    await server.use(target.name).bulk({ docs: copies })
  }
  const { user: own, system } = process.cpuUsage(before)
  return (own + system) / objects
}
