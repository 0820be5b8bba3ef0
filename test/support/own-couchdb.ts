// A CouchDB of the tests' own, the `couchdb` of the PATH on data and settings of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, realpathSync } from 'node:fs'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { basic } from './visitor.ts'

const LOOK_MS = 200
const START_LOOKS = 150

export interface Admin {
  user: string
  pass: string
}

/** What the nodes of a cluster have in common. */
export interface Cluster {
  /** By it they know each other, and each other's sessions. */
  secret: string
  /** Of each document. */
  copies: number
}

export class OwnCouchdb {
  readonly url: string
  /** As other nodes call it. */
  readonly name: string
  /** Who has it may do everything. */
  readonly cookie: string
  readonly #program: string
  readonly #folder: string
  readonly #admin: Admin
  /** It makes its own databases when it starts. */
  readonly #isAlone: boolean
  #child: ChildProcess | null = null

  private constructor(
    program: string,
    folder: string,
    port: number,
    { admin, cluster }: { admin: Admin; cluster: Cluster | null },
  ) {
    this.url = `http://127.0.0.1:${port}`
    this.name = nameOf(port)
    this.cookie = cluster?.secret ?? randomBytes(16).toString('hex')
    this.#isAlone = cluster === null
    this.#program = program
    this.#folder = folder
    this.#admin = admin
  }

  /**
   * @param program the `couchdb` of a release
   * @param cluster that it is to be a node of; absent: it is alone
   * @throws {Error} where it does not answer within half a minute
   */
  static async start(
    program: string,
    port: number,
    admin: Admin,
    cluster: Cluster | null = null,
  ): Promise<OwnCouchdb> {
    const folder = await mkdtemp(join(tmpdir(), 'couch-shares-couchdb-'))
    // An ini of its own, a copy of the release's arguments with another node name: two CouchDBs may run side by side.
    const releaseArgs = await readFile(join(releaseOf(program), 'etc', 'vm.args'), 'utf8')
    const couchdb = new OwnCouchdb(program, folder, port, { admin, cluster })
    const args = releaseArgs.replace(/^-name .*$/m, `-name ${couchdb.name}\n-setcookie ${couchdb.cookie}`)
    await writeFile(join(folder, 'vm.args'), args)
    await writeFile(
      join(folder, 'local.ini'),
      settings(folder, port, admin) + (cluster ? shared(cluster) : ''),
    )
    await couchdb.#run()
    return couchdb
  }

  /** Ends it without a word (SIGKILL), and has it there again on what it had. */
  async crash(): Promise<void> {
    await this.#end('SIGKILL')
    await this.#run()
  }

  /** Ends it without a word (SIGKILL); its data stay. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The program that speaks with a node as nodes do; releases bring it. */
  get erlCall(): string {
    const release = releaseOf(this.#program)
    const [runtime] = readdirSync(release).filter((one) => one.startsWith('erts-'))
    return join(release, runtime ?? '', 'bin', 'erl_call')
  }

  /** Ends it as an admin does; its data stay. */
  async halt(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Has it there again. @throws {Error} where it does not answer within half a minute */
  async resume(): Promise<void> {
    await this.#run()
  }

  /** Copies all files of databases, while it is halted. */
  async backUp(): Promise<void> {
    await cp(this.#data, this.#backup, { recursive: true })
  }

  /**
   * Puts files of databases back as they were, while it is halted, and takes their indexes away, which are of another time.
   * @param isMeant which databases; where all are, those that were made since are gone
   */
  async putBack(isMeant: ((database: string) => boolean) | 'all'): Promise<void> {
    if (isMeant === 'all') {
      await rm(this.#data, { recursive: true })
      return cp(this.#backup, this.#data, { recursive: true })
    }
    for (const path of await filesIn(this.#backup)) {
      const database = databaseOf(path)
      if (database !== null && isMeant(database)) await cp(join(this.#backup, path), join(this.#data, path))
    }
    await rm(join(this.#data, '.shards'), { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  get #backup(): string {
    return join(this.#folder, 'backup')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === null || !this.isRunning) return
    const ended = once(child, 'exit')
    if (child.kill(signal)) await ended
  }

  async #run(): Promise<void> {
    this.#child = spawn(this.#program, [], {
      stdio: 'ignore',
      env: {
        ...process.env,
        COUCHDB_INI_FILES: [
          join(releaseOf(this.#program), 'etc', 'default.ini'),
          join(this.#folder, 'local.ini'),
        ].join(' '),
        COUCHDB_ARGS_FILE: join(this.#folder, 'vm.args'),
      },
    })
    for (let looks = 0; looks < START_LOOKS; looks += 1) {
      // CouchDB makes these two itself when it is up; who makes them at the same moment is refused.
      const isUp = await this.#answers('_up')
      if (isUp && !this.#isAlone) return
      if (isUp && (await this.#answers('_users')) && (await this.#answers('_replicator'))) return
      await delay(LOOK_MS)
    }
    await this.stop()
    throw new Error(`Expected \`${this.#program}\` to answer at ${this.url} within 30 s`)
  }

  async #answers(path: string): Promise<boolean> {
    const headers = { authorization: basic(this.#admin.user, this.#admin.pass) }
    return (await fetch(`${this.url}/${path}`, { headers }).catch(() => null))?.ok === true
  }
}

/** The files under a folder, by their paths from there. */
async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((one) => one.isFile()).map((one) => relative(folder, join(one.parentPath, one.name)))
}

/** Whose file it is: `shards/<range>/<name>.<time>.couch`; null where it is no shard of a database. */
const databaseOf = (path: string): string | null =>
  /^shards\/[^/]+\/(.+)\.\d+\.couch$/.exec(path)?.[1] ?? null

const releaseOf = (program: string): string => dirname(dirname(realpathSync(program)))

const nameOf = (port: number): string => `couch-shares-${port}@127.0.0.1`

const settings = (folder: string, port: number, { user, pass }: Admin): string => `
[couchdb]
database_dir = ${join(folder, 'data')}
view_index_dir = ${join(folder, 'data')}
single_node = true
[chttpd]
port = ${port}
bind_address = 127.0.0.1
[admins]
${user} = ${pass}
; What a test waits for comes at once: see \`settled\`.
[global_changes]
max_write_delay = 25
[replicator]
startup_jitter = 100
[log]
writer = file
file = ${join(folder, 'couch.log')}
`

/** What a node has beside that; later ones count. */
const shared = ({ secret, copies }: Cluster): string => `
[couchdb]
uuid = ${secret}
single_node = false
[chttpd_auth]
secret = ${secret}
[cluster]
q = 2
n = ${copies}
`
