// How long it takes to share many objects at once, or to edit them, against one-shot `_replicate` of the same documents.
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { toRow, type Findings, type Goal, type Row } from './report.ts'
import type { StageProfile } from './stage-profile.ts'
import {
  editAndReplicate,
  editObjects,
  openShare,
  replicateThere,
  whatever,
  writeAndReplicate,
  writeObjects,
  type Around,
  type Run,
} from './throughput-runs.ts'

const PLAIN = 'one-shot _replicate'
const VALIDATED = 'the same, with the validation of a share'

export async function benchThroughput(
  ground: Ground,
  { quick, profile, size }: BenchOptions,
): Promise<Findings> {
  const objects = size ?? (quick ? 500 : 10_000)
  const rounds = quick ? 1 : 3
  const daemon = await DaemonProcess.start(ground, { profile })
  const profiles: StageProfile[] = []
  let runsSoFar = 0
  try {
    const many = objects.toLocaleString('en')
    const rows = [
      ...(await compare(`share opened over ${many} objects`, openShare, [
        { against: PLAIN, run: replicateThere(false), goal: { median: 1 } },
        { against: VALIDATED, run: replicateThere(true) },
      ])),
      ...(await compare(`${many} objects written into a share`, writeObjects, [
        { against: `writes, then ${PLAIN}`, run: writeAndReplicate(false) },
        { against: VALIDATED, run: writeAndReplicate(true) },
      ])),
      ...(await compare(`${many} objects edited in a share`, editObjects, [
        { against: `edits, then ${PLAIN}`, run: editAndReplicate(false) },
        { against: VALIDATED, run: editAndReplicate(true), goal: { median: 1 } },
      ])),
    ]
    return { rows, profiles }
  } finally {
    await daemon.stop()
  }

  /** All in each round; who is first changes from round to round. */
  async function compare(name: string, subject: Run, baselines: Baseline[]): Promise<Row[]> {
    const runs = [subject, ...baselines.map(({ run }) => run)]
    const measured: Map<Run, number>[] = []
    for (let round = 0; round < rounds; round += 1) {
      ground.say(`${name}: round ${round + 1} of ${rounds}`)
      const isNoted = profile && round === rounds - 1
      const took = new Map<Run, number>()
      for (const run of round % 2 === 0 ? runs : [...runs].reverse()) {
        runsSoFar += 1
        const around = isNoted && run === subject ? note(name) : whatever
        took.set(run, await run(ground, `run${runsSoFar}`, objects, around))
      }
      measured.push(took)
    }
    return baselines.map(({ against, run, goal }) =>
      toRow(
        name,
        'ms',
        against,
        measured.map((took) => ({ subject: took.get(subject) ?? NaN, baseline: took.get(run) ?? NaN })),
        goal,
      ),
    )
  }

  function note(name: string): Around {
    return async (work) => {
      let took = NaN
      profiles.push(await daemon.profileOf(ground, name, async () => void (took = await work())))
      return took
    }
  }
}

interface Baseline {
  against: string
  run: Run
  goal?: Goal
}
