// The daemon as it is shipped, compiled and in a process of its own, so that what is measured is only its own doing.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/servers.ts'
import type { Ground } from './ground.ts'
import { memoryMb, peakMemoryMb, processorMs, socketsTo } from './processes.ts'
import type { DaemonProfile, StageProfile } from './stage-profile.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
/** What the program finds beside `dist/` in its package. */
const PACKAGED = ['package.json', 'skeleton', 'node_modules']
const PROFILE = fileURLToPath(new URL('profile.ts', import.meta.url))

/** Where a server is on this machine. */
const LOCAL = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** It is ready when everybody has what was to be had at the start, a database for instance. */
const START_MS = 3_600_000

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
  /** What each stage costs is noted, and can be asked for. */
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
    const { hostname, port: serverPort, protocol } = new URL(url)
    const couchPort = Number(serverPort || (protocol === 'https:' ? 443 : 80))
    const port = await freePort()
    const opsUrl = `http://127.0.0.1:${port}`
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
        BENCH_SERVER_PORT: LOCAL.has(hostname) ? String(couchPort) : '',
        ...env,
      },
    })
    const daemon = new DaemonProcess(child, folder, couchPort, opsUrl)
    try {
      const isReady = async (): Promise<boolean> => {
        if (child.exitCode !== null) throw new Error(`The daemon ended with exit code ${child.exitCode}`)
        return (await fetch(`${opsUrl}/readyz`).catch(() => null))?.ok === true
      }
      await ground.until('the daemon is ready', isReady, { patienceMs: START_MS })
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
    return socketsTo(this.#pid, this.#serverPort)
  }

  /** Resident memory in MB. */
  memoryMb(): number {
    return memoryMb(this.#pid)
  }

  /** The most memory that it ever had, in MB. */
  peakMemoryMb(): number {
    return peakMemoryMb(this.#pid)
  }

  /** Processor time since the start, in milliseconds. */
  cpuMs(): number {
    return processorMs(this.#pid)
  }

  /** What each stage cost since the last time; only of a daemon that was started with `profile`. */
  async profile(ground: Ground): Promise<DaemonProfile> {
    const file = join(this.#folder, 'profile.json')
    rmSync(file, { force: true })
    this.#child.kill('SIGUSR2')
    let found: DaemonProfile | null = null
    await ground.until('the profile is written', () => {
      try {
        found = JSON.parse(readFileSync(file, 'utf8')) as DaemonProfile
      } catch {
        // Not written yet, or half of it.
      }
      return Promise.resolve(found !== null)
    })
    return found ?? { ms: 0, stages: [], endpoints: [] }
  }

  /** What each stage costs while something is done. */
  async profileOf(ground: Ground, name: string, work: () => Promise<unknown>): Promise<StageProfile> {
    await this.profile(ground)
    await work()
    return { name, ...(await this.profile(ground)) }
  }

  get #pid(): number {
    return this.#child.pid ?? 0
  }
}
