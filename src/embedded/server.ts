// Starts the embedded CouchDB for a first look and for tests, in a process of its own so that its faults stay there.
import { fork, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AdminCredentials, ChildMessage, EmbeddedErrorCode, ParentMessage } from './messages.ts'

export interface EmbeddedOptions {
  /** 0 takes any free port. */
  port: number
  /** Where the databases live; null keeps them in memory. */
  dataDir: string | null
  admin: AdminCredentials
}

export interface EmbeddedServer {
  /** `http://127.0.0.1:PORT`, without credentials. */
  url: string
  /** Flushes, ends the server and resolves when its process is gone; may be called again. */
  stop(): Promise<void>
  /** The exit code, or null after a signal. Resolves after stop() as well as after a crash. */
  exited: Promise<number | null>
}

/** The embedded server could not be started; the message is a sentence for the user. */
export class EmbeddedError extends Error {
  readonly code: EmbeddedErrorCode
  constructor(code: EmbeddedErrorCode, message: string) {
    super(message)
    this.name = 'EmbeddedError'
    this.code = code
  }
}

const STOP_LIMIT_MS = 2_000
const START_LIMIT_MS = 30_000

/** Starts the server on 127.0.0.1. Throws an EmbeddedError. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const child = fork(childFile(), [], {
    execArgv: inheritedArguments(process.execArgv),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', () => {
      if (child.pid === undefined) resolve(null)
    })
  })
  try {
    tell(child, { type: 'start', port: options.port, dataDir: options.dataDir, admin: options.admin })
    const port = await untilReady(child, exited)
    return { url: `http://127.0.0.1:${port}`, stop: () => stop(child, exited), exited }
  } catch (error) {
    await stop(child, exited)
    throw error
  }
}

/** The child is compiled or run from source exactly as this file is. */
function childFile(): string {
  return fileURLToPath(new URL(`./child${extname(fileURLToPath(import.meta.url))}`, import.meta.url))
}

/** The loaders that run this process must run the child; its debugger port, test runner and inline script must not. */
export function inheritedArguments(execArgv: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < execArgv.length; index += 1) {
    const argument = execArgv[index] ?? ''
    if (/^(-e|-p|-pe|--eval|--print)$/.test(argument)) index += 1
    else if (!/^--(inspect|debug|test|watch|input-type|eval=|print=)/.test(argument)) kept.push(argument)
  }
  return kept
}

function untilReady(child: ChildProcess, exited: Promise<number | null>): Promise<number> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new EmbeddedError('failed', 'The embedded server did not answer within 30 seconds.')),
      START_LIMIT_MS,
    )
    const settle = (act: () => void) => {
      clearTimeout(limit)
      child.off('message', hear)
      act()
    }
    const hear = (message: unknown) => {
      const answer = message as ChildMessage
      if (answer.type === 'ready') settle(() => resolve(answer.port))
      else settle(() => reject(new EmbeddedError(answer.code, answer.message)))
    }
    child.on('message', hear)
    child.once('error', (error) =>
      settle(() =>
        reject(new EmbeddedError('failed', `The embedded server could not be run: ${error.message}`)),
      ),
    )
    void exited.then((code) =>
      settle(() =>
        reject(new EmbeddedError('failed', `The embedded server ended while starting (exit code ${code}).`)),
      ),
    )
  })
}

async function stop(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  tell(child, { type: 'stop' })
  const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await exited
  clearTimeout(limit)
}

function tell(child: ChildProcess, message: ParentMessage): void {
  // A child that is already gone closes the channel; `exited` tells, not this.
  if (child.connected) child.send(message, () => undefined)
}
