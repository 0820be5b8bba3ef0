// What CouchDB counts itself: exact as long as nobody else uses it. https://docs.couchdb.org/en/stable/api/server/common.html#node-node-name-stats
import type { Ground } from './ground.ts'

/** What a piece of work costs the server. */
export interface ServerCost {
  ms: number
  requests: number
  writes: number
}

/** Without the benchmark's own requests. Feeds count when they end. */
export async function serverCostOf(ground: Ground, work: () => Promise<number>): Promise<ServerCost> {
  const before = await statistics(ground)
  const own = ground.couch.requests
  const ms = await work()
  const mine = ground.couch.requests - own
  const after = await statistics(ground)
  return {
    ms,
    // The first question counts itself.
    requests: after.requests - before.requests - mine - 1,
    writes: after.writes - before.writes,
  }
}

/** Requests that were answered since the server's start. */
export const countRequests = async (ground: Ground): Promise<number> => (await statistics(ground)).requests

async function statistics({ couch }: Ground): Promise<{ requests: number; writes: number }> {
  const stats = await couch.request<{
    httpd: { requests: { value: number } }
    document_writes: { value: number }
  }>({ path: ['_node', '_local', '_stats', 'couchdb'] })
  return { requests: stats.httpd.requests.value, writes: stats.document_writes.value }
}
