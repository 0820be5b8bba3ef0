// Which stage of a turn a request of the daemon belongs to, and which one a function that it runs: see docs/how-it-works.md.
import { CHECKPOINTS, isPersonalName, OUTBOX_SUFFIX, SHARE_PREFIX } from '../../src/documents/names.ts'

/** In the order of a turn; `transport` is what requests of all stages cost the daemon, `unasked` what the server does meanwhile. */
export const STAGES = [
  ...(['read', 'gather', 'plan', 'copy', 'push', 'base', 'checkpoint', 'other'] as const),
  ...(['transport', 'garbage', 'unasked'] as const),
] as const

export type Stage = (typeof STAGES)[number]

/** What a stage cost. */
export interface StageCost {
  stage: Stage
  requests: number
  /** Bytes of bodies. */
  sent: number
  received: number
  /** From the request to the end of the answer, summed up; requests that run at once count each. */
  waitedMs: number
  /** Processor time of the daemon. */
  daemonMs: number
  /** Processor time of CouchDB, and of its JavaScript processes; null where it is on another machine. */
  beamMs: number | null
  javascriptMs: number | null
}

export interface Endpoint {
  /** Such as `POST outbox/_bulk_docs`. */
  endpoint: string
  count: number
  /** As `waitedMs`. */
  ms: number
}

/** What a daemon did in a time. */
export interface DaemonProfile {
  ms: number
  stages: StageCost[]
  endpoints: Endpoint[]
}

export interface StageProfile extends DaemonProfile {
  name: string
}

/** True of a stage in which nothing is asked of the server. */
export const isDaemonOnly = (stage: Stage): boolean => !REQUESTING.has(stage)

const REQUESTING: ReadonlySet<Stage> = new Set([
  ...(['read', 'gather', 'copy', 'push', 'base', 'checkpoint', 'other'] as const),
])

/** A request as it goes to the server. */
export interface Asked {
  method: string
  path: string
  body: Uint8Array | null
}

const CHANGES = new Set(['_changes', '_db_updates', '_dbs_info', '_all_dbs'])
const READS = new Set(['_all_docs', '_bulk_get', '_revs_diff', '_find', '_view', ...CHANGES])
const COPY = Buffer.from(`"_id":"${SHARE_PREFIX}`)

export function stageOfRequest({ method, path, body }: Asked): Stage {
  const segments = segmentsOf(path)
  const [database = '', ...rest] = segments
  if (database === CHECKPOINTS) return 'checkpoint'
  if (method === 'GET' || method === 'HEAD' || (method === 'POST' && segments.some((one) => READS.has(one))))
    return rest.length === 0 || segments.some((one) => CHANGES.has(one)) ? 'read' : 'gather'
  if (database.startsWith(SHARE_PREFIX)) return 'push'
  if (!database.endsWith(OUTBOX_SUFFIX)) return 'other'
  const isCopy =
    segments.some((one) => one.startsWith(SHARE_PREFIX)) || (body && Buffer.from(body).includes(COPY))
  return isCopy ? 'copy' : 'base'
}

/** A request that waits for something to happen, and costs the server nothing meanwhile. */
export const isFeed = (path: string): boolean => /[?&]feed=(longpoll|continuous|eventsource)/.test(path)

/** The method, the kind of database, and what is asked of it. */
export function endpointOf({ method, path }: Pick<Asked, 'method' | 'path'>): string {
  const [database = '', what] = segmentsOf(path)
  const feed = /[?&]feed=(longpoll|cont\w*)/.exec(path)?.[1]
  const place = [
    kindOf(database),
    ...(what === undefined ? [] : [what.startsWith('_') ? what : '{id}']),
  ].join('/')
  return `${method} ${place}${feed === undefined ? '' : ` (${feed})`}`
}

function kindOf(database: string): string {
  if (database.endsWith(OUTBOX_SUFFIX)) return 'outbox'
  if (database.startsWith(SHARE_PREFIX)) return 'share'
  if (database.endsWith('/$routes')) return 'routes'
  if (database.endsWith('-plain/master')) return 'master'
  if (/^bench-[^/]*-gateway$/.test(database)) return 'gateway'
  if (/^bench-.*-gateway$/.test(database)) return 'user of a gateway'
  if (database.startsWith('bench-')) return 'user'
  if (isPersonalName(database)) return 'personal'
  return database
}

const segmentsOf = (path: string): string[] =>
  path
    .replace(/\?.*$/s, '')
    .split('/')
    .slice(1)
    .map((segment) => decodeURIComponent(segment))

/** Where a function is: as V8's profiler names it. */
export interface Frame {
  functionName: string
  url: string
}

/** In this order: the first that fits. Paths are those below `src/`. */
const FOLDERS: readonly [RegExp, Stage][] = [
  [/^(.*\/)?plan(\/|[.-])/, 'plan'],
  [
    /^(.*\/)?gather\/user-docs|^shares\/reconcile\/deletions|^engine\/(db-updates|follower|hot-feeds|resync)/,
    'read',
  ],
  [/^(.*\/)?gather(\/|[.-])/, 'gather'],
  [/^engine\/(merged-)?checkpoint/, 'checkpoint'],
  [/^shares\/perform\/outbox/, 'copy'],
  [/^shares\/perform\/(copies|direct-writes|late-copies)/, 'push'],
  [/^shares\/(perform\/(base|new-documents)|model\/base)/, 'base'],
]

/**
 * The stage of a function by those that called it, the innermost first; null where the daemon was idle,
 * or was being watched. What runs after an
 * answer has come has no callers any more: it is `transport` where it is the client's.
 */
export function stageOfStack(stack: readonly Frame[]): Stage | null {
  const [innermost] = stack
  if (innermost?.functionName === '(idle)') return null
  if (innermost?.functionName === '(garbage collector)') return 'garbage'
  if (stack.some(({ url }) => url.includes('/test/bench/'))) return null
  for (const { url } of stack) {
    const path = ownPath(url)
    const stage = path === undefined ? undefined : FOLDERS.find(([pattern]) => pattern.test(path))?.[1]
    if (stage !== undefined) return stage
  }
  const isOther = stack.some(({ url }) => !/^(couch\/|documents\/json)/.test(ownPath(url) ?? 'couch/'))
  return isOther ? 'other' : 'transport'
}

/** Where a function of the daemon's own is, below `src/`. */
const ownPath = (url: string): string | undefined =>
  url.includes('/node_modules/') ? undefined : /\/dist\/(.*)\.js$/.exec(url)?.[1]
