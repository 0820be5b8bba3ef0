// The program in a process of its own, and what a case opens around it.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server as NetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { EmbeddedServer, startEmbedded } from '../../src/embedded/server.ts'
import { EXIT } from '../../src/commands/exit-codes.ts'
import { compiled } from './compiled.ts'
import { Patience } from './patience.ts'
import type { Server } from './servers.ts'

export const ADMIN = { user: 'admin', pass: 'pa55word/of:admin' }
export const PATIENCE_MS = 30_000
const LOOK_MS = 50
/** In less than this the program is to stop. */
export const STOP_MS = 10_000

export async function until(what: string, holds: () => boolean | Promise<boolean>, patienceMs = PATIENCE_MS) {
  for (const patience = new Patience(patienceMs, LOOK_MS); !patience.isOver();) {
    if (await holds()) return
    await delay(LOOK_MS)
  }
  throw new assert.AssertionError({ message: `Expected within ${patienceMs / 1000} s that ${what}` })
}

/** The program, running in an empty folder with just this environment. */
export class Program {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly #exited: Promise<number | string>

  constructor(folder: string, args: string[], env: Record<string, string>) {
    const { PATH = '', HOME = '' } = process.env
    this.child = spawn(process.execPath, [compiled('main'), ...args], {
      cwd: folder,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString()))
    this.child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()))
    this.#exited = once(this.child, 'close').then(
      ([code, signal]: (number | string | null)[]) => code ?? signal ?? '',
    )
  }

  /** The exit code, or the signal that ended it; fails where it goes on. */
  async exit(patienceMs = PATIENCE_MS): Promise<number | string> {
    const code = await Promise.race([this.#exited, delay(patienceMs, null, { ref: false })])
    if (code === null) throw new assert.AssertionError({ message: `Expected an exit, got:\n${this.all}` })
    return code
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  get all(): string {
    return this.out + this.err
  }

  /** The lines of the log. */
  get lines(): Record<string, unknown>[] {
    return this.out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  async kill(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGKILL')
    await this.#exited
  }
}

/** What a case opens, closed again in reverse order, come what may. */
export class Bench {
  readonly #releases: (() => Promise<unknown>)[] = []

  release(by: () => Promise<unknown>): void {
    this.#releases.push(by)
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'couch-shares-process-'))
    this.release(() => rm(folder, { recursive: true, force: true }))
    return folder
  }

  async run(env: Record<string, string> = {}, ...args: string[]): Promise<Program> {
    return this.runIn(await this.folder(), env, ...args)
  }

  runIn(folder: string, env: Record<string, string>, ...args: string[]): Program {
    const program = new Program(folder, args, env)
    this.release(() => program.kill())
    return program
  }

  async embedded(port: number, dataDir: string | null): Promise<EmbeddedServer> {
    const embedded = (await import(compiled('embedded/server'))) as { startEmbedded: typeof startEmbedded }
    const server = await embedded.startEmbedded({ port, dataDir, admin: ADMIN })
    this.release(() => server.stop())
    return server
  }

  /** Something that speaks HTTP, and is no CouchDB. @returns its URL */
  async serve(listener: RequestListener): Promise<string> {
    const server = createHttpServer(listener)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.release(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`
  }

  /** Takes a port, by nobody who speaks HTTP. */
  async takenPort(): Promise<number> {
    const server: NetServer = createServer((socket) => void socket.on('error', () => undefined).resume())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.release(() => new Promise((resolve) => server.close(resolve)))
    return (server.address() as { port: number }).port
  }

  async clear(): Promise<void> {
    const failures: unknown[] = []
    for (const release of this.#releases.reverse())
      await release().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw new AggregateError(failures, 'teardown')
  }
}

export const withBench = async <Result>(test: (bench: Bench) => Promise<Result>): Promise<Result> => {
  const bench = new Bench()
  try {
    return await test(bench)
  } finally {
    await bench.clear()
  }
}

export const settingsFor = ({
  url,
  user,
  pass,
}: Pick<Server, 'url' | 'user' | 'pass'>): Record<string, string> => ({
  HOODIE_SERVER: url,
  HOODIE_ADMIN_USER: user,
  HOODIE_ADMIN_PASS: pass,
})

/** The status of an answer of OPS_PORT; 0 where nobody answers. */
export async function ops(port: number, question: 'healthz' | 'readyz'): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/${question}`).catch(() => null)
  await answer?.arrayBuffer()
  return answer?.status ?? 0
}

/** Why it is not well, or not ready, as an answer of OPS_PORT says it; null where it is. */
export async function troubleAt(port: number, question: 'healthz' | 'readyz'): Promise<string | null> {
  const answer = await fetch(`http://127.0.0.1:${port}/${question}`)
  return ((await answer.json()) as { reason?: string }).reason ?? null
}

/** Waits for a state that a running program brings about; fails with what it said. */
export async function untilBy(
  program: Program,
  what: string,
  holds: () => Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const look = (): Promise<boolean> => {
    assert(program.isRunning, 'Expected the program to run')
    return holds()
  }
  try {
    await until(what, look, patienceMs)
  } catch (error) {
    if (error instanceof Error) error.message += `, got:\n${program.all}`
    throw error
  }
}

export const untilReady = (program: Program, port: number, patienceMs?: number): Promise<void> =>
  untilBy(program, 'the program is ready', async () => (await ops(port, 'readyz')) === 200, patienceMs)

export async function assertStops(program: Program, signal: NodeJS.Signals): Promise<void> {
  program.child.kill(signal)
  assert.equal(await program.exit(STOP_MS), EXIT.ok, program.all)
}

export function assertNoSecrets(program: Program, { user, pass }: { user: string; pass: string }): void {
  const login = Buffer.from(`${user}:${pass}`).toString('base64')
  for (const secret of [pass, encodeURIComponent(pass), login])
    assert(!program.all.includes(secret), `Expected no output to contain ${secret}`)
}
