// One JSON line for each thing that happened, and in none of them a credential: all log output passes through here.
import { createRequire } from 'node:module'
import { pino, stdTimeFunctions, type DestinationStream, type Logger, type LoggerOptions } from 'pino'
import type * as PinoPretty from 'pino-pretty'
import { HIDDEN, scrub } from './scrub.ts'

export type { Logger }

/** What an attribute is called that holds a credential, at any depth and in any case. */
const SECRET_NAME =
  /^(?:.*[_-])?(?:pass|passwd|password|secret|token)$|^(?:proxy-)?authorization$|^(?:set-)?cookie$|^auth$|^derived_key$|^salt$/i

/** Deeper than this a log line tells nobody anything. */
const MAX_DEPTH = 8

/** An error as it may be logged. nano's errors carry the request with headers and body: nothing of that gets here. */
interface LoggedError {
  type: string
  code?: string | number
  message: string
  statusCode?: number
  stack?: string
}

function describeError(error: Error, withStack: boolean): LoggedError {
  const {
    code,
    error: couchCode,
    statusCode,
  } = error as Error & Record<'code' | 'error' | 'statusCode', unknown>
  const word = [code, couchCode].find((value) => typeof value === 'string' || typeof value === 'number')
  // A refused connection to a name with two addresses is an AggregateError with an empty message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  const message = error.message === '' && first instanceof Error ? first.message : error.message
  return {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    ...(word === undefined ? {} : { code: typeof word === 'string' ? scrub(word) : word }),
    message: scrub(message),
    ...(typeof statusCode === 'number' ? { statusCode } : {}),
    ...(withStack && error.stack !== undefined ? { stack: scrub(error.stack) } : {}),
  }
}

interface Redaction {
  withStack: boolean
  /** Each object is shown once: a socket is a web of cycles. */
  seen: WeakSet<object>
}

/** A copy of anything, fit for a log line: errors described, secrets and request bodies left out, text scrubbed. */
function redact(value: unknown, to: Redaction, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return describeError(value, to.withStack)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth > MAX_DEPTH) return '[deep]'
  if (to.seen.has(value)) return '[see above]'
  to.seen.add(value)
  if (Array.isArray(value)) return value.map((item) => redact(item, to, depth + 1))
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    try {
      return redact((value as { toJSON(): unknown }).toJSON(), to, depth + 1)
    } catch {
      return '[no JSON]'
    }
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, redactAttribute(name, item, to, depth + 1)]),
  )
}

function redactAttribute(name: string, value: unknown, to: Redaction, depth: number): unknown {
  if (typeof value === 'string') return SECRET_NAME.test(name) ? HIDDEN : scrub(value)
  // A number or a boolean is a count or a flag: `{pass: 3}` is the third pass.
  if (typeof value !== 'object' || value === null) return value
  if (SECRET_NAME.test(name)) return HIDDEN
  if (name === 'request') {
    const { method, url } = value as { method?: unknown; url?: unknown }
    return redact({ method, url }, to, depth)
  }
  return redact(value, to, depth)
}

/**
 * Lines for people in place of JSON. Loaded where they are wanted: most daemons have no terminal.
 * Formatted here and not through pino-pretty's stream, whose last lines are lost when the process exits.
 */
function prettify(destination: DestinationStream): DestinationStream {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty
  const format = prettyFactory({ translateTime: 'SYS:HH:MM:ss.l' })
  return { write: (line) => destination.write(format(line) ?? line) }
}

/**
 * The program's logger: JSON lines with `level` as a word and `time` in ISO 8601.
 * @param options.pretty for a terminal
 * @param options.destination in place of stdout
 */
export function createLogger(options: {
  level: LoggerOptions['level'] & string
  pretty: boolean
  destination?: DestinationStream
}): Logger {
  const { level, pretty, destination } = options
  const withStack = level === 'debug' || level === 'trace'
  const safe = (fields: unknown) =>
    redact(fields, { withStack, seen: new WeakSet() }) as Record<string, unknown>
  const stream = destination ?? pino.destination({ dest: 1, sync: true })

  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: safe },
      serializers: { err: safe },
      // Messages reach no formatter; the finished line does.
      hooks: { streamWrite: scrub },
    },
    pretty ? prettify(stream) : stream,
  )
  // pino formats what is logged, and not what a child is bound to; children inherit this.
  const { child } = logger as unknown as {
    child: (this: Logger, bindings: object, options?: object) => Logger
  }
  logger.child = function (this: Logger, bindings: object, childOptions?: object) {
    return child.call(this, safe(bindings), childOptions)
  } as unknown as Logger['child']
  return logger
}
