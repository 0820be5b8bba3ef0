// Writes routes into the index of a gateway; what it cannot hold of a document keeps no other document waiting.
import { CouchFault } from '../couch/fault.ts'
import type { Route } from './model.ts'
import { refusedRoute } from './plan-routes.ts'
import type { PutRoute, Routes } from './routes.ts'

export interface PutRoutes {
  /** As they stand then. */
  written: Map<string, Route>
  /** Those of them that could not be stored as they were to be. */
  refused: Map<string, Route>
  /** Documents whose routes somebody else has written meanwhile: nothing was written of them. */
  conflicts: string[]
}

/**
 * Writes routes. A document that is in more channels, or grants more, than the index can hold of one is taken for one that
 * the function fails on: it goes nowhere, and all others go on.
 * @param there as they were, by document
 * @throws {CouchFault}
 */
export async function putRoutes(
  routes: Pick<Routes, 'put'>,
  there: ReadonlyMap<string, Route>,
  changed: ReadonlyMap<string, Route>,
): Promise<PutRoutes> {
  const written = new Map<string, Route>()
  const refused = new Map<string, Route>()
  const conflicts: string[] = []
  const note = (id: string, route: Route, put: PutRoute | undefined): boolean => {
    if (put?.kind === 'written') written.set(id, { ...route, _rev: put.rev })
    else if (put?.kind === 'conflict') conflicts.push(id)
    else return false
    return true
  }
  const rows = await routes.put([...changed.values()])
  for (const [at, [id, route]] of [...changed].entries())
    if (!note(id, route, rows[at])) refused.set(id, refusedRoute(there.get(id) ?? null, id, route.rev))
  const again = refused.size === 0 ? [] : await routes.put([...refused.values()])
  for (const [at, [id, route]] of [...refused].entries())
    if (!note(id, route, again[at])) throw new CouchFault('server_error', id, 'no route of it can be stored')
  return { written, refused, conflicts }
}
