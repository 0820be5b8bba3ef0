// The servers that the tests run against: always the embedded one, and a real CouchDB where there is one.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { realpathSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { startEmbedded } from '../../src/embedded/server.ts'
import { basic } from './visitor.ts'

export interface Server {
  kind: 'embedded' | 'couchdb'
  url: string
  user: string
  pass: string
  /** The test may change the server's settings and stop it: nobody else uses it. */
  isOurs: boolean
}

export type ServerKind = Server['kind']

const COUCHDB_ON_PATH = spawnSync('sh', ['-c', 'command -v couchdb'], { encoding: 'utf8' }).stdout.trim()

/** Where a real CouchDB is to be had, in words; null where there is none. */
export const couchdbSource = process.env['COUCHDB_URL']
  ? 'COUCHDB_URL'
  : COUCHDB_ON_PATH !== ''
    ? 'couchdb on the PATH'
    : null

const started = new Map<ServerKind, Promise<{ server: Server; stop: () => Promise<void> }>>()

/** The server of that kind, started at first need and kept for the whole run. */
export async function useServer(kind: ServerKind): Promise<Server> {
  const running = started.get(kind) ?? start(kind)
  started.set(kind, running)
  return (await running).server
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

async function start(kind: ServerKind): Promise<{ server: Server; stop: () => Promise<void> }> {
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
  return startCouchdb(admin)
}

/** Runs the `couchdb` of the PATH on data and settings of its own. */
async function startCouchdb(admin: { user: string; pass: string }): Promise<{
  server: Server
  stop: () => Promise<void>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'couch-shares-couchdb-'))
  const port = await freePort()
  // An ini of its own, a copy of the release's arguments with another node name: two CouchDBs may run side by side.
  const release = dirname(dirname(realpathSync(COUCHDB_ON_PATH)))
  const args = join(folder, 'vm.args')
  const releaseArgs = await readFile(join(release, 'etc', 'vm.args'), 'utf8')
  await writeFile(args, releaseArgs.replace(/^-name .*$/m, `-name couch-shares-${port}@127.0.0.1`))
  const settings = `
[couchdb]
database_dir = ${join(folder, 'data')}
view_index_dir = ${join(folder, 'data')}
single_node = true
[chttpd]
port = ${port}
bind_address = 127.0.0.1
[admins]
${admin.user} = ${admin.pass}
; What a test waits for comes at once: see \`settled\`.
[global_changes]
max_write_delay = 25
[replicator]
startup_jitter = 100
[log]
writer = file
file = ${join(folder, 'couch.log')}
`
  const local = join(folder, 'local.ini')
  await writeFile(local, settings)
  const child = spawn(COUCHDB_ON_PATH, [], {
    stdio: 'ignore',
    env: {
      ...process.env,
      COUCHDB_INI_FILES: `${join(release, 'etc', 'default.ini')} ${local}`,
      COUCHDB_ARGS_FILE: args,
    },
  })
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null && child.kill('SIGTERM')) await ended
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  const headers = { authorization: basic(admin.user, admin.pass) }
  const answers = async (path: string): Promise<boolean> =>
    (await fetch(`${url}/${path}`, { headers }).catch(() => null))?.ok === true
  for (let tries = 0; tries < 150; tries += 1) {
    // CouchDB makes these two itself when it is up; who makes them at the same moment is refused.
    if ((await answers('_up')) && (await answers('_users')) && (await answers('_replicator')))
      return { server: { kind: 'couchdb', url, ...admin, isOurs: true }, stop }
    await delay(200)
  }
  await stop()
  throw new Error(`Expected \`${COUCHDB_ON_PATH}\` to answer at ${url} within 30 s`)
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
