// Tells whoever watches the process (Docker, Kubernetes, a load balancer, Prometheus) whether it lives, whether it works, and what it does.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'
import { daemonStatus } from './status.ts'
import type { Watched } from './watched.ts'

/** The port cannot be listened on; `code` is Node's, EADDRINUSE for one that is taken. */
export class OpsListenError extends Error {
  readonly code: string
  readonly host: string
  readonly port: number
  constructor(code: string, host: string, port: number, cause: unknown) {
    const problem = code === 'EADDRINUSE' ? 'is taken' : `cannot be listened on (${code})`
    super(`Expected \`OPS_PORT\` on \`OPS_HOST\` to be a free port, but ${host}:${port} ${problem}`, {
      cause,
    })
    this.name = 'OpsListenError'
    this.code = code
    this.host = host
    this.port = port
  }
}

/** True for the address of a process on this machine. */
export const isLoopback = (address = ''): boolean => /^(?:127\.|::1$|::ffff:127\.)/.test(address)

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  // For HEAD, node:http itself leaves the body out.
  response.end(`${JSON.stringify(body)}\n`)
}

async function answerMetrics(
  response: ServerResponse,
  metrics: Pick<Metrics, 'contentType' | 'text'>,
): Promise<void> {
  try {
    const text = await metrics.text()
    response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' })
    response.end(text)
  } catch {
    answer(response, 500, { status: 'fail', reason: 'the metrics cannot be read' })
  }
}

/**
 * Serves GET and HEAD of `/healthz` and `/readyz`: 200 or 503 with `{status: 'ok' | 'fail', reason?}`, and `partitions` where users
 * are divided; of `/metrics`: the metrics as text; and of `/status`: what the daemon is doing and for whom it fails, to this machine alone.
 * @param options.port 0 takes any free one; the result says which
 * @throws {OpsListenError} where it cannot listen
 */
export async function startOps(options: {
  host: string
  port: number
  watched: Watched
  /** Those that this process works for. */
  partitions?: () => readonly number[]
  metrics: Pick<Metrics, 'contentType' | 'text'>
}): Promise<{ port: number; close(): Promise<void> }> {
  const { watched, metrics } = options
  const questions = new Map([
    ['/healthz', () => watched.health()],
    ['/readyz', () => watched.ready()],
  ])

  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const path = (request.url ?? '').replace(/\?.*/, '')
    const ask = questions.get(path)
    if (ask === undefined && path !== '/metrics' && path !== '/status')
      return answer(response, 404, {
        status: 'fail',
        reason: 'only /healthz, /readyz, /metrics and /status are here',
      })
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return answer(response, 405, { status: 'fail', reason: 'only GET and HEAD are allowed' })
    }
    const partitions = options.partitions ? { partitions: options.partitions() } : {}
    if (path === '/metrics') return void answerMetrics(response, metrics)
    if (ask === undefined) {
      // It names users.
      if (!isLoopback(request.socket.remoteAddress))
        return answer(response, 403, { status: 'fail', reason: '/status is told to this machine alone' })
      return answer(response, 200, { ...daemonStatus(watched, Date.now()), ...partitions })
    }
    const { ok, reason } = ask()
    answer(response, ok ? 200 : 503, {
      status: ok ? 'ok' : 'fail',
      ...(reason === undefined ? {} : { reason }),
      ...partitions,
    })
  }

  const server = createServer(respond)
  server.listen(options.port, options.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw new OpsListenError(code, options.host, options.port, error)
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
