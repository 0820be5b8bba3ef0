// What a request is for, in a few words that do not grow with the number of databases and documents: for whoever counts requests.
import { SYSTEM_DATABASES } from '../documents/names.ts'
import type { Request } from './request.ts'

/** One request that was answered, or was not. */
export interface Answered {
  endpoint: Endpoint
  method: string
  /** The status; null where no answer came. */
  status: number | null
  /** From the sending to the head of the answer. */
  ms: number
}

export const ENDPOINTS = [
  'server',
  'database',
  'document',
  'attachment',
  'changes',
  'feed',
  'all_docs',
  'bulk_docs',
  'bulk_get',
  'revs_diff',
  'purge',
  'security',
  'view',
  'scheduler',
] as const
export type Endpoint = (typeof ENDPOINTS)[number]

const OF_DATABASES: Readonly<Record<string, Endpoint>> = {
  _changes: 'changes',
  _all_docs: 'all_docs',
  _bulk_docs: 'bulk_docs',
  _bulk_get: 'bulk_get',
  _revs_diff: 'revs_diff',
  _missing_revs: 'revs_diff',
  _purge: 'purge',
  _purged_infos: 'purge',
  _security: 'security',
}

/** CouchDB's own parts of a document's path: what comes after them is part of its id. */
const PARTS_OF_IDS = ['_design', '_local']

/**
 * The class of a request: `feed` waits for changes, `server` asks nothing of a single database.
 * @param request.path segments, as they are before they are encoded
 */
export function endpointOf({ path, query }: Pick<Request, 'path' | 'query'>): Endpoint {
  if (query?.['feed'] !== undefined) return 'feed'
  const [first = '', second, ...rest] = path
  if (first === '_scheduler') return 'scheduler'
  // What has one segment and is no database is the server's.
  const isDatabase = !first.startsWith('_') || SYSTEM_DATABASES.some((name) => name === first)
  if (!isDatabase || first === '') return 'server'
  if (second === undefined || second === '') return 'database'
  if (Object.hasOwn(OF_DATABASES, second)) return OF_DATABASES[second] ?? 'database'
  if (PARTS_OF_IDS.includes(second)) {
    if (rest[1] === '_view') return 'view'
    return rest.length > 1 && !rest[1]?.startsWith('_') ? 'attachment' : 'document'
  }
  if (second.startsWith('_')) return 'database'
  return rest.length > 0 ? 'attachment' : 'document'
}
