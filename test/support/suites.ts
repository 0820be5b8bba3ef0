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

/**
 * Where there is a CouchDB, which says more, the embedded server has the first case of a suite only; `EMBEDDED=whole` has it say all,
 * as it does where it is alone.
 */
const isEmbeddedBrief = couchdbSource !== null && process.env['EMBEDDED'] !== 'whole'

export interface SuiteOptions {
  /** Where it makes sense for some only. */
  kinds?: readonly ServerKind[]
  /** It is about something that CouchDB has since this version, `3.4` for instance: before, its cases count as such that did not run. */
  since?: string
  /** It is about the embedded server itself: all of it counts there, whatever else there is. */
  isOfEmbedded?: boolean
}

/** A case needs what is not there. */
class Missing extends Error {}

/**
 * Ends a case that needs something else than there is: it counts as one that did not run.
 * @param what it needs, for whoever reads why
 */
export function needs(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Missing(`needs ${what}`)
}

/** Defines a suite for each kind of server. */
export function onEachServer(
  title: string,
  define: (suite: Suite) => void,
  { kinds = ['embedded', 'couchdb'], isOfEmbedded = false, since }: SuiteOptions = {},
): void {
  for (const kind of kinds) {
    if (kind === 'couchdb' && couchdbSource === null) {
      define({ kind, server: noServer, it: () => leaveOut('absent') })
      continue
    }
    const isBrief = kind === 'embedded' && isEmbeddedBrief && !isOfEmbedded && kinds.includes('couchdb')
    describe(`${title} (${kind})`, () => {
      let server: Server | null = null
      let isTooOld = false
      before(async () => {
        server = await useServer(kind)
        if (kind === 'couchdb' && since !== undefined) isTooOld = await isBefore(server, since)
      })
      const used = (): Server => server ?? noServer()
      let count = 0
      define({
        kind,
        server: used,
        it: (name, run, options) => {
          count += 1
          if (isBrief && count > 1) leaveOut('spared')
          else
            it(name, async function () {
              if (isTooOld) this.skip()
              try {
                await new Space(used(), name, options).run(run)
              } catch (error) {
                if (!(error instanceof Missing)) throw error
                this.skip()
              }
            })
        },
      })
    })
  }
}

/** @param since major and minor, as `3.4` */
async function isBefore({ url }: Server, since: string): Promise<boolean> {
  const { version } = (await (await fetch(url)).json()) as { version: string }
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number)
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor)
}

function noServer(): never {
  throw new Error('Expected a server to be asked for inside a case')
}
