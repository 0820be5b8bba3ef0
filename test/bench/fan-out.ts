// From an owner into the databases of all who take part in a share, against as many of CouchDB's continuous replications.
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { openCircle, signUp, type Participant } from './participants.ts'
import { rowOf, toRow, type Findings } from './report.ts'
import {
  arrivalsOf,
  closeWays,
  openExchange,
  openReplications,
  send,
  sendPairs,
  sendSome,
  type Way,
} from './way.ts'

export async function benchFanOut(ground: Ground, { quick, profile, size }: BenchOptions): Promise<Findings> {
  const subscribers = size ?? (quick ? 10 : 100)
  const samples = quick ? 4 : 30
  const ways: Way[] = []
  const daemon = await DaemonProcess.start(ground, { profile })
  try {
    ground.say(`fan-out: ${subscribers} subscribers`)
    const names = Array.from({ length: subscribers }, (_, at) => `subscriber${at}`)
    const [owner, ...readers] = (await signUp(ground, ['owner', ...names])) as [Participant, ...Participant[]]
    const share = await openCircle(ground, { owner, readers })
    const subject = await openExchange(ground, share, owner.database, readers)
    const baseline = await openReplications(ground, 'baseline', subscribers)
    ways.push(subject, baseline)

    const created = await sendPairs(ground, { subject, baseline }, samples, (at) => `created${at}`)
    for (const way of ways) await send(ground, way, 'edited')
    const edited = await sendPairs(ground, { subject, baseline }, samples, () => 'edited')
    const many = `${subscribers.toLocaleString('en')} subscribers`
    const against = `${subscribers.toLocaleString('en')} warm continuous replications`
    return {
      rows: [
        toRow(`${many}, new object: in all`, 'ms', against, arrivalsOf(created), { median: 0.8 }),
        toRow(`${many}, edited object: in all`, 'ms', against, arrivalsOf(edited), { median: 0.8 }),
        rowOf({
          ...{ name: `${many}, edited object: in each`, unit: 'ms', against },
          subjects: edited.flatMap(({ subject: { eachMs } }) => eachMs),
          baselines: edited.flatMap(({ baseline: { eachMs } }) => eachMs),
        }),
      ],
      profiles: profile ? [await daemon.profileOf(ground, ...sendSome(ground, subject, many))] : [],
    }
  } finally {
    closeWays(ways)
    await daemon.stop()
  }
}
