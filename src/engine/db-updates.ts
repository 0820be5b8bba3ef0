// Follows `_db_updates`: which databases have changed. A hint only; what it misses, a sweep finds.
import type { Couch } from '../couch/client.ts'
import type { Seq } from '../couch/document.ts'
import type { Logger } from '../log.ts'

export interface Update {
  db: string
  type: 'created' | 'updated' | 'deleted'
}

export interface FollowOptions {
  couch: Couch
  log: Logger
  signal: AbortSignal
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  sleep: (ms: number) => Promise<void>
  onUpdate: (update: Update) => void
  /** The feed was lost, and events with it; resolves to where it is to be opened again, once the server is there. */
  onGap: () => Promise<Seq>
  heartbeatMs?: number
}

const HEARTBEAT_MS = 10_000
/** Without a sign of life for so many heartbeats the connection counts as dead. */
const SILENT_HEARTBEATS = 3
const SHORTEST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000

/** Follows until the signal is aborted. @param since as `_db_updates` said it before the first sweep */
export async function followUpdates(since: Seq, options: FollowOptions): Promise<void> {
  const { signal, log, sleep } = options
  let position = since
  let pause = SHORTEST_PAUSE_MS
  while (!signal.aborted) {
    try {
      for await (const line of readLines(position, options)) {
        pause = SHORTEST_PAUSE_MS
        if (line !== '') take(line, options)
      }
      log.debug({ feed: '_db_updates' }, 'feed ended')
    } catch (error) {
      if (!signal.aborted) log.warn({ feed: '_db_updates', err: error }, 'feed lost')
    }
    if (signal.aborted) return
    await sleep(pause)
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    if (!signal.aborted) position = await options.onGap()
  }
}

function take(line: string, { onUpdate, log }: FollowOptions): void {
  let event: { db_name?: string; type?: Update['type'] } | null
  try {
    event = JSON.parse(line) as typeof event
  } catch {
    log.warn({ feed: '_db_updates' }, 'a line that is no JSON')
    return
  }
  if (event?.db_name !== undefined && event.type !== undefined)
    onUpdate({ db: event.db_name, type: event.type })
}

/** The lines of the continuous feed; a heartbeat is an empty one. */
async function* readLines(
  since: Seq,
  { couch, signal, heartbeatMs = HEARTBEAT_MS }: FollowOptions,
): AsyncGenerator<string> {
  const life = new AbortController()
  const end = (): void => life.abort()
  signal.addEventListener('abort', end, { once: true })
  const silence = setTimeout(end, heartbeatMs * SILENT_HEARTBEATS)
  let rest = ''
  try {
    const stream = await couch.stream({
      path: ['_db_updates'],
      query: { feed: 'continuous', since, heartbeat: heartbeatMs },
      signal: life.signal,
    })
    for await (const chunk of stream) {
      silence.refresh()
      const lines = (rest + (chunk as Buffer).toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      yield* lines.map((line) => line.trim())
    }
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', end)
    life.abort()
  }
}
