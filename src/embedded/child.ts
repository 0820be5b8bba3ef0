// The process that is the embedded server: it obeys its parent over IPC and never outlives it.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Accounts } from './accounts.ts'
import { buildApp } from './app.ts'
import { DataFolderError, takeFolder } from './data-folder.ts'
import { Databases } from './databases.ts'
import { logFault } from './faults.ts'
import { basicLogin, credentialCheck } from './gate.ts'
import type { ChildMessage, ParentMessage } from './messages.ts'
import { loadPouch, MissingPackages } from './packages.ts'
import { sayTaken } from './port-holder.ts'
import { Replicator } from './replicator.ts'
import { Updates } from './updates.ts'

const HOST = '127.0.0.1'
/** The parent kills after two seconds. */
const CLOSE_LIMIT_MS = 1_500
/** Longer than clients keep an idle connection, so that none is closed under a request. */
const KEEP_ALIVE_MS = 70_000

type Start = Extract<ParentMessage, { type: 'start' }>

// Ctrl-C reaches the whole process group, but the parent has still to write; it ends this process when it is done.
process.on('SIGINT', () => undefined)
process.on('SIGHUP', () => undefined)
process.on('SIGTERM', () => void end())
process.on('disconnect', () => void end())
process.on('uncaughtException', logFault)
process.on('unhandledRejection', logFault)
process.on('message', (message: ParentMessage) => {
  if (message.type === 'stop') void end()
  else void start(message)
})

const stopping = new AbortController()
let close = (): Promise<void> => Promise.resolve()

async function start({ port, dataDir, admin }: Start): Promise<void> {
  let undo = (): Promise<void> => Promise.resolve()
  try {
    const PouchDB = await loadPouch(dataDir !== null)
    const Pouch = PouchDB.defaults(
      dataDir === null ? { adapter: 'memory' } : { adapter: 'leveldb', prefix: join(dataDir, '/') },
    )
    const folder = dataDir === null ? null : await takeFolder(Pouch, dataDir)
    const databases = new Databases(Pouch, dataDir)
    undo = async () => {
      await databases.close()
      await folder?.undo()
    }
    await databases.load()
    const updates = new Updates(databases)
    const accounts = new Accounts(databases, admin.user, credentialCheck(admin))
    const logIn = basicLogin(accounts)
    let bound = port
    const replications = { databases, port: () => bound, logIn }
    const replicator = new Replicator(replications)
    const server = createServer(
      buildApp({
        databases,
        updates,
        accounts,
        logIn,
        replications,
        settled: (database) => replicator.settled(database),
        tasks: () => replicator.tasks(),
        stopping: stopping.signal,
      }),
    )
    server.keepAliveTimeout = KEEP_ALIVE_MS
    server.requestTimeout = 0
    bound = await listen(server, port)
    close = async () => {
      server.close()
      await replicator.stop()
      await databases.close()
      await folder?.release()
      server.closeAllConnections()
    }
    replicator.start()
    tell({ type: 'ready', port: bound })
  } catch (error) {
    await undo().catch(logFault)
    tell(await explain(error, port))
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      server.on('error', logFault)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

async function explain(error: unknown, port: number): Promise<ChildMessage> {
  if (error instanceof MissingPackages) {
    return {
      type: 'failed',
      code: 'not_installed',
      message:
        `The embedded server needs packages that are not installed: ${error.names.join(', ')}. ` +
        'They are optional dependencies of couch-shares: install it without --omit=optional, ' +
        `or run "npm install ${error.names.join(' ')}". With a CouchDB of your own they are not needed.`,
    }
  }
  if ((error as NodeJS.ErrnoException | null)?.code === 'EADDRINUSE') {
    return { type: 'failed', code: 'port_in_use', message: await sayTaken(port, HOST) }
  }
  if (error instanceof DataFolderError) return { type: 'failed', code: error.code, message: error.message }
  const reason = error instanceof Error ? error.message : String(error)
  return { type: 'failed', code: 'failed', message: `The embedded server could not be started: ${reason}` }
}

function tell(message: ChildMessage): void {
  if (process.connected) process.send?.(message)
}

async function end(): Promise<void> {
  if (stopping.signal.aborted) return
  stopping.abort()
  setTimeout(() => process.exit(1), CLOSE_LIMIT_MS)
  await close().catch(logFault)
  process.exit(0)
}
