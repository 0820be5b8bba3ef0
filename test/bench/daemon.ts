// The daemon as it is shipped, compiled and in a process of its own, so that what is measured is only its own doing.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/servers.ts'
import type { Ground } from './ground.ts'
import type { Endpoint } from './profile.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
/** What the program finds beside `dist/` in its package. */
const PACKAGED = ['package.json', 'skeleton', 'node_modules']
const PROFILE = fileURLToPath(new URL('profile.ts', import.meta.url))

/** `ESTABLISHED` in the column `st`: https://docs.kernel.org/networking/proc_net_tcp.html */
const ESTABLISHED = '01'
/** A clock tick of `/proc/<pid>/stat` in milliseconds. */
const TICK_MS = 10

let compiled: string | null = null

/** Compiles `src/`, once for a run, into a package of its own: nobody's `dist/` is touched. */
export function buildDaemon(): void {
  const folder = mkdtempSync(join(tmpdir(), 'couch-shares-bench-build-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const name of PACKAGED) symlinkSync(join(PROJECT, name), join(folder, name))
  compiled = join(folder, 'dist')
  const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      tsc,
      '-p',
      'tsconfig.build.json',
      '--outDir',
      compiled,
      '--declaration',
      'false',
      '--sourceMap',
      'false',
    ],
    { cwd: PROJECT, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`Expected src/ to compile:\n${stdout}`)
}

const running = new Set<DaemonProcess>()

/** Stops what an interrupted benchmark left running. */
export async function stopDaemons(): Promise<void> {
  for (const daemon of running) await daemon.stop()
}

export interface DaemonOptions {
  /** Requests by endpoint are counted, and can be asked for. */
  profile?: boolean
  /** Settings beside the defaults. */
  env?: Record<string, string>
}

export class DaemonProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #serverPort: number
  readonly #opsUrl: string
  readonly #exited: Promise<void>

  private constructor(child: ChildProcess, folder: string, serverPort: number, opsUrl: string) {
    this.#child = child
    this.#folder = folder
    this.#serverPort = serverPort
    this.#opsUrl = opsUrl
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()))
    running.add(this)
  }

  /** Starts the daemon on the user databases of a ground and waits until it has caught up. */
  static async start(
    ground: Ground,
    { profile = false, env = {} }: DaemonOptions = {},
  ): Promise<DaemonProcess> {
    const { url, user, pass } = ground.server
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'couch-shares-bench-'))
    const preload = profile ? ['--import', import.meta.resolve('tsx'), '--import', PROFILE] : []
    const child = spawn(process.execPath, [...preload, join(compiled ?? '', 'main.js')], {
      // Nobody's .env: what is measured are the defaults.
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOODIE_SERVER: url,
        HOODIE_ADMIN_USER: user,
        HOODIE_ADMIN_PASS: pass,
        USER_DATABASES: ground.users.template,
        SKELETON: join(PROJECT, 'skeleton'),
        OPS_PORT: String(port),
        LOG_LEVEL: 'warn',
        BENCH_PROFILE: join(folder, 'profile.json'),
        ...env,
      },
    })
    const { port: serverPort, protocol } = new URL(url)
    const opsUrl = `http://127.0.0.1:${port}`
    const couchPort = Number(serverPort || (protocol === 'https:' ? 443 : 80))
    const daemon = new DaemonProcess(child, folder, couchPort, opsUrl)
    try {
      await ground.until('the daemon is ready', async () => {
        if (child.exitCode !== null) throw new Error(`The daemon ended with exit code ${child.exitCode}`)
        return (await fetch(`${opsUrl}/readyz`).catch(() => null))?.ok === true
      })
    } catch (error) {
      await daemon.stop()
      throw error
    }
    return daemon
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#exited
    running.delete(this)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** How long the daemon takes to answer at `/healthz`, which asks nobody: as long as its loop is held, in milliseconds. */
  async answerMs(): Promise<number> {
    const begun = performance.now()
    await (await fetch(`${this.#opsUrl}/healthz`)).text()
    return performance.now() - begun
  }

  /** Established TCP connections to the server. */
  sockets(): number {
    const pid = this.#child.pid ?? 0
    const own = new Set(readdirSync(`/proc/${pid}/fd`).flatMap((fd) => socketOf(`/proc/${pid}/fd/${fd}`)))
    const rows = ['tcp', 'tcp6'].flatMap((name) =>
      readFileSync(`/proc/${pid}/net/${name}`, 'utf8').trim().split('\n').slice(1),
    )
    return rows.filter((row) => {
      const [, , remote = '', state, , , , , , inode = ''] = row.trim().split(/\s+/)
      const port = parseInt(remote.slice(remote.indexOf(':') + 1), 16)
      return state === ESTABLISHED && port === this.#serverPort && own.has(inode)
    }).length
  }

  /** Resident memory in MB. */
  memoryMb(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
  }

  /** Processor time since the start, in milliseconds. */
  cpuMs(): number {
    // After the name in parentheses, which may hold anything; `utime` and `stime` are fields 14 and 15 of proc(5).
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  }

  /** Requests by endpoint since the last time; only of a daemon that was started with `profile`. */
  async endpoints(ground: Ground): Promise<Endpoint[]> {
    const file = join(this.#folder, 'profile.json')
    rmSync(file, { force: true })
    this.#child.kill('SIGUSR2')
    let found: Endpoint[] | null = null
    await ground.until('the profile is written', () => {
      try {
        found = JSON.parse(readFileSync(file, 'utf8')) as Endpoint[]
      } catch {
        // Not written yet, or half of it.
      }
      return Promise.resolve(found !== null)
    })
    return found ?? []
  }
}

function socketOf(link: string): string[] {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.slice(1) ?? []
  } catch {
    return [] // closed meanwhile
  }
}
