#!/usr/bin/env node
// The edge of the program: arguments, environment, signals and exit codes. The only place that ends the process.
import once from 'lodash/once.js'
import { BundleError } from './functions/bundle.ts'
import { noMore, UsageError, type Command } from './commands/command.ts'
import { readSettings } from './commands/connection.ts'
import { CasesError } from './commands/rules-cases.ts'
import type { Config } from './config/config.ts'
import { isFault } from './couch/fault.ts'
import { EmbeddedError, startEmbedded, type EmbeddedServer } from './embedded/server.ts'
import { EnvironmentError, readEnvironment } from './config/environment.ts'
import { EXIT, type ExitCode, exitCodeOfInstall } from './commands/exit-codes.ts'
import { InstallError } from './skeletons/install.ts'
import { createLogger, type Logger } from './log.ts'
import { opsUrl } from './commands/ops-url.ts'
import { scrub } from './scrub.ts'
import { probe } from './ops/probe.ts'
import { OpsListenError, startOps } from './ops/server.ts'
import { logUnused } from './config/skeleton-checks.ts'
import { logDifferences } from './skeletons/overlay.ts'
import { SkeletonError } from './skeletons/folder.ts'
import { Divided } from './daemon/divided.ts'
import { Standby } from './daemon/standby.ts'
import { sayUnknownCommand, sayWhereHelp, usage } from './commands/usage.ts'
import { VERSION } from './version.ts'
import { welcome } from './welcome.ts'
import { ConfigError } from './config/faults.ts'

/** How long stopping may take before it is cut short. */
const STOP_LIMIT_MS = 9_500

/** What ends the program, from the last opened to the first. */
type Release = () => Promise<void>

/** Commands by name; each loads what it needs when it is called. */
const COMMANDS: Readonly<Record<string, Command>> = {
  health,
  help: async (args) => {
    process.stdout.write(usage(args))
    return Promise.resolve(EXIT.ok)
  },
  start: async (args) => noMore('start', args, run)(),
  install: async (args) =>
    (await import('./commands/install.ts')).install(noMore('install', args, environment().env)),
  completion: async (args) => (await import('./commands/completion.ts')).completion(args),
  check: async (args) => {
    const isJson = args[0] === '--json'
    const { env, doubts } = noMore('check [--json]', args.slice(isJson ? 1 : 0), environment())
    return (await import('./commands/check.ts')).check(env, undefined, { doubts, isJson })
  },
  status: async (args) => (await import('./commands/status.ts')).status(args, environment().env),
  skeleton: async (args) => (await import('./commands/skeleton.ts')).skeleton(args, environment().env),
  provision: async (args) => (await import('./commands/provision.ts')).provision(args, environment().env),
  erase: async (args) => (await import('./commands/erase.ts')).erase(args, environment().env),
  rules: async (args) => (await import('./commands/rules.ts')).rules(args),
  gateway: async (args) =>
    (await import('./commands/gateway.ts')).gateway(args, environment().env, stopping()),
}

/** What is printed finds nobody any more (`… | head -1`): it ends there, as other programs do by SIGPIPE. The daemon's log is another matter. */
function endWithReader(): void {
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
    process.exit(code === 'EPIPE' ? EXIT.forced : EXIT.failure),
  )
}

async function main(args: string[]): Promise<ExitCode> {
  if (args.length > 0) endWithReader()
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(usage(args.filter((arg) => !arg.startsWith('-'))))
    return EXIT.ok
  }
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-v')) {
    process.stdout.write(`${VERSION}\n`)
    return EXIT.ok
  }
  const [name, ...rest] = args
  if (name === undefined) return run()
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw new UsageError(sayUnknownCommand(name))
  return command(rest)
}

/** Read when it is asked for first: `--help` needs none. */
const environment = once(() => readEnvironment(process.env))

/** Reads nothing but where to ask: a secret that is missing here says nothing of the daemon. */
async function health(args: string[]): Promise<ExitCode> {
  const { OPS_PORT: port, OPS_HOST: host } = noMore('health', args, environment().env)
  if (!port) {
    process.stderr.write('Expected `OPS_PORT` to be the port that the daemon listens at, got nothing\n')
    return EXIT.config
  }
  const url = opsUrl({ port, host }, '/healthz')
  const why = await probe(url)
  if (why === null) return EXIT.ok
  process.stderr.write(`No daemon is well at ${url}: ${why}\n`)
  return EXIT.failure
}

async function run(): Promise<ExitCode> {
  const { env, doubts } = environment()
  const { config, skeleton, differences, unused, gateways } = await readSettings(env)
  const log = createLogger({ level: config.logLevel, pretty: process.stdout.isTTY })
  for (const doubt of doubts) log.warn(doubt)
  logDifferences(differences, log)
  logUnused(unused, log)
  const releases: Release[] = []
  const stopped = stopSignal()
  try {
    const starting = startServer(config, releases)
    // A terminal's Ctrl-C ends the server, too: that is no failure.
    if (await Promise.race([starting.then(() => false), stopped.then(() => true)])) {
      await starting.catch(() => null)
      return EXIT.ok
    }
    const embedded = await starting
    const url = embedded?.url ?? (config.server.kind === 'couchdb' ? config.server.url : '')
    const metrics = config.opsPort === null ? null : new (await import('./ops/metrics.ts')).Metrics()
    const options = {
      ...{ config: { ...config, url }, skeleton, gateways, log },
      ...(metrics ? { meter: metrics } : {}),
    }
    const { partitions } = config
    const divided = partitions > 1 && embedded === null ? new Divided({ ...options, partitions }) : null
    if (partitions > 1 && embedded !== null)
      log.warn(
        'PARTITIONS changes nothing: the embedded server is this process’s own, and nobody else works on it',
      )
    const daemon = divided ?? new Standby({ ...options, isServerOwn: embedded !== null })
    releases.push(() => daemon.stop())
    if (config.opsPort !== null && metrics !== null) {
      metrics.watch(daemon)
      const ops = await startOps({
        host: config.opsHost,
        port: config.opsPort,
        ...{ watched: daemon, metrics },
        ...(divided ? { partitions: () => divided.partitions } : {}),
      })
      releases.push(() => ops.close())
      log.info(
        { host: config.opsHost, port: ops.port },
        'health, readiness, metrics and status at /healthz, /readyz, /metrics and /status',
      )
    }
    // A server that is not there yet is waited for, and a signal ends the waiting.
    const started = daemon.start()
    await Promise.race([started, stopped])
    if (embedded) process.stdout.write(welcome(config, url))
    const reason = await Promise.race([stopped, ...(embedded ? [embedded.exited.then(() => null)] : [])])
    if (reason === null) log.error('the embedded server ended by itself')
    log.info({ signal: reason }, 'stopping')
    return reason === null ? EXIT.failure : EXIT.ok
  } finally {
    await releaseAll(releases, log)
  }
}

async function startServer(config: Config, releases: Release[]): Promise<EmbeddedServer | null> {
  if (config.server.kind === 'couchdb') return null
  const { port, dataDir } = config.server
  const server = await startEmbedded({ port, dataDir, admin: config.admin })
  releases.push(() => server.stop())
  return server
}

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isSecond = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        if (isSecond) process.exit(EXIT.forced)
        isSecond = true
        resolve(signal)
      })
  })
}

/** The same, for commands that look at a signal now and then. */
function stopping(): AbortSignal {
  const controller = new AbortController()
  void stopSignal().then(() => controller.abort())
  return controller.signal
}

async function releaseAll(releases: Release[], log: Logger): Promise<void> {
  const limit = setTimeout(() => {
    log.error('stopping takes too long, cut short')
    process.exit(EXIT.failure)
  }, STOP_LIMIT_MS)
  limit.unref()
  for (const release of releases.reverse())
    await release().catch((error: unknown) => log.error({ err: error }, 'stopping'))
  clearTimeout(limit)
}

function exitCodeOfEmbedded({ code }: EmbeddedError): ExitCode {
  switch (code) {
    case 'port_in_use':
      return EXIT.portTaken
    case 'not_installed':
      return EXIT.embeddedMissing
    case 'data_in_use':
    case 'data_unusable':
      return EXIT.config
    case 'failed':
      return EXIT.failure
    default:
      return code satisfies never
  }
}

/** The exit code for what ended the program before its time; each is told in plain words. */
function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof ConfigError || error instanceof SkeletonError) return EXIT.config
  if (error instanceof EnvironmentError) return EXIT.config
  if (error instanceof BundleError || error instanceof CasesError) return EXIT.config
  if (error instanceof OpsListenError) return EXIT.portTaken
  if (error instanceof EmbeddedError) return exitCodeOfEmbedded(error)
  return error instanceof InstallError ? exitCodeOfInstall(error) : EXIT.failure
}

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  const code = exitCodeOf(error)
  const isForeseen = code !== EXIT.failure || error instanceof EmbeddedError || isFault(error)
  const said = isForeseen ? (error as Error).message : String((error as Error).stack ?? error)
  process.stderr.write(`${scrub(said)}\n`)
  // A setting that is missing may be one that is misspelled.
  if (error instanceof ConfigError)
    for (const doubt of environment().doubts) process.stderr.write(`${doubt}\n`)
  // The line above is to be seen: all that could be typed would push it off the screen.
  if (code === EXIT.usage) process.stderr.write(`${sayWhereHelp(import.meta.filename)}\n`)
  process.exit(code)
}
