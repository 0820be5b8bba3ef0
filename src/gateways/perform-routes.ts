// Writes routes into the index of a gateway; what it cannot hold of a document keeps no other document waiting.
import { CouchFault } from '../couch/fault.ts'
import type { Route } from './model.ts'
import { refusedRoute } from './plan-routes.ts'
import type { Routes } from './routes.ts'

/**
 * Writes routes. A document that is in more channels, or grants more, than the index can hold of one is taken for one that
 * the function fails on: it goes nowhere, and all others go on.
 * @param there as they were, by document
 * @returns as they stand then, and those of them that could not be stored as they were to be
 * @throws {CouchFault} `conflict` where somebody else writes the same routes
 */
export async function putRoutes(
  routes: Pick<Routes, 'put'>,
  there: ReadonlyMap<string, Route>,
  changed: ReadonlyMap<string, Route>,
): Promise<{ written: Map<string, Route>; refused: Map<string, Route> }> {
  const written = new Map<string, Route>()
  const refused = new Map<string, Route>()
  const revs = await routes.put([...changed.values()])
  for (const [at, [id, route]] of [...changed].entries()) {
    const _rev = revs[at]
    if (_rev != null) written.set(id, { ...route, _rev })
    else refused.set(id, refusedRoute(there.get(id) ?? null, id, route.rev))
  }
  const again = refused.size === 0 ? [] : await routes.put([...refused.values()])
  for (const [at, [id, route]] of [...refused].entries()) {
    const _rev = again[at]
    if (_rev == null) throw new CouchFault('server_error', id, 'no route of it can be stored')
    written.set(id, { ...route, _rev })
  }
  return { written, refused }
}
