// How long it takes to share many objects at once, against one-shot `_replicate` of the same documents.
import type { Database } from '../../src/couch/database.ts'
import type { Doc } from '../../src/couch/document.ts'
import { SKELETON_PREFIX } from '../../src/documents/names.ts'
import { DaemonProcess } from './daemon.ts'
import { todo, type Ground } from './ground.ts'
import { toRow, type Findings, type Profile, type Row } from './report.ts'

export async function benchThroughput(
  ground: Ground,
  { quick, profile }: { quick: boolean; profile: boolean },
): Promise<Findings> {
  const objects = quick ? 1_000 : 10_000
  const rounds = quick ? 2 : 5
  const daemon = await DaemonProcess.start(ground, { profile })
  const profiles: Profile[] = []
  let runsSoFar = 0
  try {
    const many = objects.toLocaleString('en')
    const plain = 'one-shot _replicate'
    const validated = 'the same, with the validation of a share'
    const rows = [
      ...(await compare(`share started over ${many} objects`, startShare, [
        [plain, replicateThere(false)],
        [validated, replicateThere(true)],
      ])),
      ...(await compare(`${many} objects written into a share`, writeObjects, [
        [`writes, then ${plain}`, writeAndReplicate(false)],
        [validated, writeAndReplicate(true)],
      ])),
    ]
    return { rows, profiles }
  } finally {
    await daemon.stop()
  }

  /** All in each round; who is first changes from round to round. */
  async function compare(name: string, subject: Run, baselines: [string, Run][]): Promise<Row[]> {
    const runs = [subject, ...baselines.map(([, run]) => run)]
    const measured: Map<Run, number>[] = []
    for (let round = 0; round < rounds; round += 1) {
      ground.say(`${name}: round ${round + 1} of ${rounds}`)
      const took = new Map<Run, number>()
      for (const run of round % 2 === 0 ? runs : [...runs].reverse()) {
        runsSoFar += 1
        took.set(
          run,
          await run(
            ground,
            `run${runsSoFar}`,
            objects,
            profile && run === subject && round === rounds - 1 ? note(name) : whatever,
          ),
        )
      }
      measured.push(took)
    }
    return baselines.map(([against, baseline]) =>
      toRow(
        name,
        'ms',
        against,
        measured.map((took) => ({ subject: took.get(subject) ?? NaN, baseline: took.get(baseline) ?? NaN })),
      ),
    )
  }

  function note(name: string): Around {
    return async (work) => {
      await daemon.endpoints(ground)
      const [cpu, begun] = [daemon.cpuMs(), performance.now()]
      const took = await work()
      const share = Math.round(((daemon.cpuMs() - cpu) / (performance.now() - begun)) * 100)
      profiles.push({
        name: `${name} (daemon's CPU ${share}%)`,
        endpoints: await daemon.endpoints(ground),
      })
      return took
    }
  }
}

/** What is done around the measured part. */
type Around = (work: () => Promise<number>) => Promise<number>
const whatever: Around = (work) => work()

type Run = (ground: Ground, name: string, objects: number, around: Around) => Promise<number>

/** The objects are there and name the share; the write that is measured is that of the `$share`. */
const startShare: Run = async (ground, name, objects, around) => {
  const user = ground.user(name)
  const share = ground.newShareId()
  await user.create()
  await ground.putAll(user, todos(objects, share))
  await ground.settled(name)
  return around(() =>
    clock(async () => {
      await ground.put(user, { _id: `$share/${share}`, type: '$share' })
      await arrived(ground, ground.share(share), objects)
    }),
  )
}

const replicateThere =
  (isValidated: boolean): Run =>
  async (ground, name, objects) => {
    const { source, target } = await twoDatabases(ground, name, isValidated)
    await ground.putAll(source, todos(objects, null))
    return clock(() => replicateOnce(ground, source, target, objects))
  }

/** The share is active; measured from the first request that brings objects. */
const writeObjects: Run = async (ground, name, objects, around) => {
  const share = await ground.userWithShare(name)
  await ground.settled(name)
  const docs = todos(objects, share)
  return around(() =>
    clock(async () => {
      await ground.putAll(ground.user(name), docs)
      await arrived(ground, ground.share(share), objects)
    }),
  )
}

const writeAndReplicate =
  (isValidated: boolean): Run =>
  async (ground, name, objects) => {
    const { source, target } = await twoDatabases(ground, name, isValidated)
    const docs = todos(objects, null)
    return clock(async () => {
      await ground.putAll(source, docs)
      await replicateOnce(ground, source, target, objects)
    })
  }

/** @param isValidated the target has the design documents of a share, whose validation sees every document */
async function twoDatabases(
  ground: Ground,
  name: string,
  isValidated: boolean,
): Promise<{ source: Database; target: Database }> {
  const [source, target] = [ground.plain(`${name}/source`), ground.plain(`${name}/target`)]
  await source.create()
  await target.create(1)
  if (isValidated) {
    const skeleton = ground.couch.database(`${SKELETON_PREFIX}share`)
    const rows = await skeleton.range({ startKey: '_design/', endKey: '_design0', includeDocs: true })
    await target.bulk(rows.flatMap(({ doc }) => (doc === null ? [] : [withoutRevision(doc)])))
  }
  return { source, target }
}

async function replicateOnce(
  ground: Ground,
  source: Database,
  target: Database,
  count: number,
): Promise<void> {
  const answer = ground.couch.request({
    method: 'POST',
    path: ['_replicate'],
    body: ground.endpoints(source, target),
    timeoutMs: 300_000,
  })
  await Promise.all([answer, arrived(ground, target, count)])
}

/** By the number of documents: one small request, the same for both. Design documents are none of them. */
async function arrived(ground: Ground, database: Database, count: number): Promise<void> {
  let designs: number | null = null
  await ground.until(`${count} documents arrive in ${database.name}`, async () => {
    const there = (await database.info())?.doc_count ?? 0
    if (there < count) return false
    designs ??= (await database.range({ startKey: '_design/', endKey: '_design0' })).length
    return there - designs >= count
  })
}

async function clock(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

const todos = (count: number, share: string | null): Doc[] =>
  Array.from({ length: count }, (_, at) =>
    todo(String(at).padStart(6, '0'), share === null ? {} : { $shares: { [share]: true } }),
  )

const withoutRevision = ({ _rev, ...doc }: Doc): Doc => doc
