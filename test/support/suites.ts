// Suites that say the same of every server. Without a CouchDB its cases are not defined, and counted as not run.
import { leaveOut } from './left-out.ts'
import { Space, type SpaceOptions } from './space.ts'
import { couchdbSource, useServer, type Server, type ServerKind } from './servers.ts'

export interface Suite {
  kind: ServerKind
  /** The server, once the suite runs. */
  server: () => Server
  /** A case in a space of its own, named after it. */
  it: (title: string, run: (space: Space) => Promise<void>, options?: SpaceOptions) => void
}

/** Defines a suite for each kind of server; `kinds` where it makes sense for some only. */
export function onEachServer(
  title: string,
  define: (suite: Suite) => void,
  kinds: readonly ServerKind[] = ['embedded', 'couchdb'],
): void {
  for (const kind of kinds) {
    if (kind === 'couchdb' && couchdbSource === null) {
      define({ kind, server: noServer, it: leaveOut })
      continue
    }
    describe(`${title} (${kind})`, () => {
      let server: Server | null = null
      before(async () => {
        server = await useServer(kind)
      })
      const used = (): Server => server ?? noServer()
      define({
        kind,
        server: used,
        it: (name, run, options) => void it(name, () => new Space(used(), name, options).run(run)),
      })
    })
  }
}

function noServer(): never {
  throw new Error('Expected a server to be asked for inside a case')
}
