// POST /_replicate, once and now; what is to go on belongs into _replicator.
import { randomUUID } from 'node:crypto'
import { notImplemented } from './faults.ts'
import type { Router } from './router.ts'
import { bodyOf } from './parameters.ts'
import { replicate } from './replication.ts'
import { readRequest, type RequestContext } from './replication-request.ts'
import { sendJson } from './answers.ts'

/** `_replicate`, for one-shot replications. */
export function addReplicateRoute(router: Router, context: RequestContext, stopping: AbortSignal): void {
  router.post('/_replicate', async (request, response) => {
    const replication = await readRequest(bodyOf(request), context)
    if (replication.continuous) throw notImplemented('continuous replication outside of _replicator')
    const { id, source_last_seq, ...counts } = await replicate(replication, context.databases, stopping)
    const session_id = randomUUID().replaceAll('-', '')
    sendJson(response, 200, {
      ok: true,
      session_id,
      source_last_seq,
      replication_id: id,
      replication_id_version: 4,
      history: [{ session_id, recorded_seq: source_last_seq, ...counts }],
    })
  })
}
