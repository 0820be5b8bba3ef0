// What memory the daemon takes at most while one user shares very many objects, and large attachments among them, against itself at rest.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Doc } from '../../src/couch/document.ts'
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import { clock, todo, type Ground } from './ground.ts'
import { toRow, type Findings } from './report.ts'
import { SHARE_DESIGN_DOCUMENTS } from '../../src/shares/model/ids.ts'

/** One object in so many has an attachment. */
const ATTACHED_EACH = 100
const ATTACHMENT_BYTES = 1024 * 1024
/** Written in one request: five attachments. */
const PART = 500
const REST_MS = 3_000
const LOOK_MS = 100
const PATIENCE_MS = 3_600_000
/** What the daemon may take beside what it takes at rest. */
const GOAL_MB = 150

export async function benchMemory(ground: Ground, { quick, profile, size }: BenchOptions): Promise<Findings> {
  const objects = size ?? (quick ? 500 : 100_000)
  const daemon = await DaemonProcess.start(ground, { profile })
  try {
    const share = await ground.userWithShare('owner')
    await ground.settled('owner')
    await delay(REST_MS)
    const restMb = daemon.memoryMb()
    const megabytes = (Math.ceil(objects / ATTACHED_EACH) * ATTACHMENT_BYTES) / 1024 / 1024
    const name = `${objects.toLocaleString('en')} objects shared, ${megabytes.toLocaleString('en')} MB attached`
    ground.say(`memory: ${name}`)
    if (profile) await daemon.profile(ground)
    const watched = watch(daemon)
    const ms = await clock(() => shareAll(ground, share, objects)).finally(watched.stop)
    const peakMb = watched.peakMb()
    ground.say(
      `memory: ${restMb.toFixed(0)} MB at rest, ${peakMb.toFixed(0)} MB at most, ${(ms / 1000).toFixed(0)} s`,
    )
    const goal = { median: (restMb + GOAL_MB) / restMb }
    return {
      rows: [toRow(`${name}: memory`, 'MB', 'itself at rest', [{ subject: peakMb, baseline: restMb }], goal)],
      profiles: profile ? [{ name, ...(await daemon.profile(ground)) }] : [],
    }
  } finally {
    await daemon.stop()
  }
}

function watch(daemon: DaemonProcess): { peakMb: () => number; stop: () => void } {
  let peakMb = daemon.memoryMb()
  const look = setInterval(() => (peakMb = Math.max(peakMb, daemon.memoryMb())), LOOK_MS)
  return { peakMb: () => peakMb, stop: () => clearInterval(look) }
}

/** Until all are in the share. */
async function shareAll(ground: Ground, share: string, count: number): Promise<void> {
  const user = ground.user('owner')
  for (let from = 0; from < count; from += PART) {
    const part = Array.from({ length: Math.min(PART, count - from) }, (_, at) => object(from + at, share))
    await ground.putAll(user, part)
  }
  await ground.until(
    `${count} copies arrive`,
    async () => {
      const { doc_count: there = 0 } = (await ground.share(share).info()) ?? {}
      return there >= count + SHARE_DESIGN_DOCUMENTS
    },
    { pollMs: 250, patienceMs: PATIENCE_MS },
  )
}

/** Random bytes: CouchDB would compress others, and find the same ones again. */
function object(at: number, share: string): Doc {
  const doc = todo(String(at).padStart(6, '0'), { $shares: { [share]: true } })
  if (at % ATTACHED_EACH !== 0) return doc
  const data = randomBytes(ATTACHMENT_BYTES).toString('base64')
  return { ...doc, _attachments: { 'picture.bin': { content_type: 'application/octet-stream', data } } }
}
