// From a writer's own database into that of another participant, against two of CouchDB's continuous replications in a row.
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { openCircle, signUp, type Participant } from './participants.ts'
import { toRow, type Findings, type Goal } from './report.ts'
import {
  arrivalsOf,
  closeWays,
  openExchange,
  openReplication,
  send,
  sendPairs,
  sendSome,
  type Way,
} from './way.ts'

const AGAINST = 'two warm continuous replications in a row'
const GOAL: Goal = { median: 0.35, tail: 0.6 }

export async function benchTwoHops(ground: Ground, { quick, profile }: BenchOptions): Promise<Findings> {
  const samples = quick ? 5 : 120
  const ways: Way[] = []
  const daemon = await DaemonProcess.start(ground, { profile })
  try {
    const [owner, writer, reader] = (await signUp(ground, ['owner', 'writer', 'reader'])) as [
      Participant,
      Participant,
      Participant,
    ]
    const share = await openCircle(ground, { owner, writers: [writer, reader] })
    const subject = await openExchange(ground, share, writer.database, [reader])
    const baseline = await openReplication(ground, 'baseline', 2)
    ways.push(subject, baseline)

    const created = await sendPairs(ground, { subject, baseline }, samples, (at) => `created${at}`)
    for (const way of ways) await send(ground, way, 'edited')
    const edited = await sendPairs(ground, { subject, baseline }, samples, () => 'edited')
    return {
      rows: [
        toRow('writer to another participant, new object', 'ms', AGAINST, arrivalsOf(created), GOAL),
        toRow('writer to another participant, edited object', 'ms', AGAINST, arrivalsOf(edited), GOAL),
      ],
      profiles: profile ? [await daemon.profileOf(ground, ...sendSome(ground, subject, 'two hops'))] : [],
    }
  } finally {
    closeWays(ways)
    await daemon.stop()
  }
}
