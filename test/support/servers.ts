// The servers that the tests run against: always the embedded one, and a real CouchDB where there is one.
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { startEmbedded } from '../../src/embedded/server.ts'
import { OwnCluster } from './own-cluster.ts'
import { OwnCouchdb } from './own-couchdb.ts'

export interface Server {
  kind: 'embedded' | 'couchdb'
  url: string
  user: string
  pass: string
  /** The test may change the server's settings and stop it: nobody else uses it. */
  isOurs: boolean
}

export type ServerKind = Server['kind']

/** So many nodes are one server: CLUSTER_NODES=3 before a run, with `couchdb` on the PATH. */
const CLUSTER_NODES = Number(process.env['CLUSTER_NODES'] ?? 1)

const COUCHDB_ON_PATH = spawnSync('sh', ['-c', 'command -v couchdb'], { encoding: 'utf8' }).stdout.trim()

/** Where a real CouchDB is to be had, in words; null where there is none. */
export const couchdbSource = process.env['COUCHDB_URL']
  ? 'COUCHDB_URL'
  : COUCHDB_ON_PATH !== ''
    ? 'couchdb on the PATH'
    : null

interface Started {
  server: Server
  stop: () => Promise<void>
  /** Where its files are the tests' own. */
  own?: OwnCouchdb
  /** Where it has several nodes. */
  cluster?: OwnCluster
}

const started = new Map<ServerKind, Promise<Started>>()

/** The server of that kind, started at first need and kept for the whole run. */
export async function useServer(kind: ServerKind): Promise<Server> {
  const running = started.get(kind) ?? start(kind)
  started.set(kind, running)
  return (await running).server
}

/** What can be done to a server, by its name: each is over when the server is there again. */
export type Damages = Readonly<Record<string, (random: () => number, ms: number) => Promise<void>>>

/** What a test may do to the server of that kind. */
export async function damagesTo(kind: ServerKind): Promise<Damages> {
  const { own, cluster } = (await started.get(kind)) ?? {}
  if (own) return { 'kill the server': () => own.crash() }
  if (!cluster) return {}
  return {
    'kill a node': (random, ms) => cluster.crash(random, ms),
    'cut a node off': (random, ms) => cluster.cutOff(random, ms),
  }
}

/** Where each node is of the server of that kind; itself where it has one. */
export async function nodesOf({ kind, url }: Server): Promise<readonly string[]> {
  return (await started.get(kind))?.cluster?.urls ?? [url]
}

/** The server of that kind with its files; null where these are not for a test to touch. */
export async function ownCouchdb(kind: ServerKind): Promise<OwnCouchdb | null> {
  return (await started.get(kind))?.own ?? null
}

/**
 * Stops the servers that this process started.
 * @param isOver false where another file comes in this process: the embedded server stays for it, and ends with the process
 */
export async function stopServers({ isOver }: { isOver: boolean }): Promise<void> {
  const stopped = [...started].filter(([kind]) => isOver || kind !== 'embedded')
  for (const [kind] of stopped) started.delete(kind)
  for (const one of await Promise.allSettled(stopped.map(([, running]) => running)))
    if (one.status === 'fulfilled') await one.value.stop()
}

async function start(kind: ServerKind): Promise<Started> {
  const admin = { user: 'admin', pass: 'secret' }
  if (kind === 'embedded') {
    const embedded = await startEmbedded({ port: 0, dataDir: null, admin })
    return { server: { kind, url: embedded.url, ...admin, isOurs: true }, stop: () => embedded.stop() }
  }
  const given = process.env['COUCHDB_URL']
  if (given) {
    const url = new URL(given)
    const user = decodeURIComponent(url.username) || (process.env['HOODIE_ADMIN_USER'] ?? '')
    const pass = decodeURIComponent(url.password) || (process.env['HOODIE_ADMIN_PASS'] ?? '')
    const plain = `${url.origin}${url.pathname}`.replace(/\/$/, '')
    return { server: { kind, url: plain, user, pass, isOurs: false }, stop: () => Promise.resolve() }
  }
  if (CLUSTER_NODES > 1) {
    const ports = await Promise.all(Array.from({ length: CLUSTER_NODES }, freePort))
    const cluster = await OwnCluster.start(COUCHDB_ON_PATH, ports, admin)
    return {
      server: { kind, url: cluster.url, ...admin, isOurs: false },
      ...{ stop: () => cluster.stop(), cluster },
    }
  }
  const own = await OwnCouchdb.start(COUCHDB_ON_PATH, await freePort(), admin)
  return {
    server: { kind, url: own.url, ...admin, isOurs: true },
    stop: () => own.stop(),
    own,
  }
}

/** A port that is free just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
