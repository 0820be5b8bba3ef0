// Evaluates sync functions in Sync Gateway's form: which channels a document is in, who gets access by it, and who may write it.
import { encodeJson } from '../../documents/json.ts'
import { digestOf } from '../../documents/digest.ts'
import { isText } from '../../documents/shapes.ts'
import { ROLE } from './grants.ts'
import { judgeText, LINES_BEFORE_SOURCE } from './judge.ts'
import { Sandbox, SandboxError, type SandboxLimits } from './sandbox.ts'
import type { Routed } from './routed.ts'

/** Who writes a document. What is granted to a user comes of all documents, and the caller knows it. */
export interface Writer {
  /** Null: not logged in. */
  name: string | null
  /** Without `role:`. */
  roles: readonly string[]
  channels: readonly string[]
  /** Passes whatever a function requires. */
  isAdmin: boolean
}

export type Judgement =
  | { kind: 'accepted'; routed: Routed }
  | { kind: 'rejected'; error: 'forbidden' | 'unauthorized'; reason: string }
  /** The function broke: a TypeError, an illegal name, too long, too much memory. */
  | { kind: 'failed'; reason: string }

/** A change to be judged. */
export interface Call {
  /** A deletion has `_deleted: true`. */
  doc: object
  /** What it replaces; null for a creation. A tombstone counts as null. */
  oldDoc: object | null
  writer: Writer
  /** Milliseconds since the epoch: what the function takes for the time. */
  now: number
}

/** A source that is no sync function. */
export class SyncFunctionError extends Error {
  /** In the source, counted from 1; null where unknown. */
  readonly line: number | null
  readonly column: number | null
  constructor(problem: string, line: number | null, column: number | null) {
    super(line === null ? problem : `${problem} (line ${line}${column === null ? '' : `, column ${column}`})`)
    this.name = 'SyncFunctionError'
    this.line = line
    this.column = column
  }
}

/** Two and a half million steps are some 50 ms, in which nobody else's documents are looked at. */
const DEFAULT_LIMITS: SandboxLimits = { memoryBytes: 128 * 1024 * 1024, steps: 2_500_000, timeMs: 2_000 }

/** Couchbase takes up to 30 days as from now, and more as since the epoch. https://docs.couchbase.com/server/current/learn/data/expiration.html */
const LONGEST_RELATIVE_S = 30 * 24 * 3600

/** Evaluated before the source, on its first line: the lines of errors are then those of the source. */
const PRELUDE = [
  'const { parse, stringify } = JSON, { construct } = Reflect, RealDate = Date; let time = 0',
  'RealDate.now = function now() { return time }',
  'globalThis.Date = RealDate.prototype.constructor = new Proxy(RealDate, {',
  '  construct: (target, given, made) => construct(target, given.length === 0 ? [time] : given, made),',
  '  apply: () => new RealDate(time).toString(),',
  '})',
  'Math.random = () => { throw new TypeError("Math.random() is not there: a sync function gives the same answer each time") }',
]
  .join(';')
  .replaceAll('{;', '{')
  .replaceAll(',;', ',')

const inSandbox = (source: string): string => `(() => { ${PRELUDE}; const judge = ${judgeText(source)}()
  return (text) => {
    const call = parse(text)
    time = call.now
    return stringify(judge(call.doc, call.oldDoc, call.writer))
  }
})()`

/**
 * A sync function, ready to be asked. It runs in a sandbox, without I/O, at the time of the change, and within limits; each call
 * is as the first one, whatever the calls before did: see `Sandbox`.
 */
export class SyncFunction {
  /** Equal where the sources are. */
  readonly hash: string
  #sandbox: Sandbox | null

  private constructor(sandbox: Sandbox, hash: string) {
    this.#sandbox = sandbox
    this.hash = hash
  }

  /**
   * @param source `function (doc, oldDoc, meta) { … }`, as Sync Gateway takes it
   * @throws {SyncFunctionError} where it cannot be parsed, is no function, is async, or does not come to an end
   */
  static async compile(source: string, limits: Partial<SandboxLimits> = {}): Promise<SyncFunction> {
    const sandbox = await Sandbox.create(inSandbox(source), { ...DEFAULT_LIMITS, ...limits }).catch(
      (error: unknown) => {
        if (!(error instanceof SandboxError)) throw error
        throw problemOf(error, source)
      },
    )
    return new SyncFunction(sandbox, digestOf(source))
  }

  /**
   * Judges a change. Whether the document is any business of the function is up to the caller.
   * @throws {Error} after `dispose`
   */
  evaluate(call: Call): Judgement {
    return this.evaluateMany([call])[0] ?? BROKEN
  }

  /**
   * The same for many changes, each judged as if it were alone: up to three times as fast.
   * @param sliceMs after so long no other one is begun
   * @returns of the first changes, of one at least; of all where no time was given
   */
  evaluateMany(calls: readonly Call[], sliceMs?: number): Judgement[] {
    if (this.#sandbox === null) throw new Error('Expected the sync function not to be disposed of')
    const answers = this.#sandbox.callEach(calls.map(textOf), sliceMs)
    return answers.map((answer, at) =>
      answer instanceof SandboxError
        ? { kind: 'failed', reason: answer.message }
        : judgementOf(answer, calls[at]?.now ?? 0),
    )
  }

  /** Lets go of the memory. */
  dispose(): void {
    this.#sandbox = null
  }
}

function textOf({ doc, oldDoc, writer, now }: Call): string {
  const { name, roles, channels, isAdmin } = writer
  const old = oldDoc === null || (oldDoc as { _deleted?: unknown })._deleted === true ? null : oldDoc
  return encodeJson({ doc, oldDoc: old, writer: { name, roles, channels, isAdmin }, now })
}

function problemOf({ message, thrown, line, column }: SandboxError, source: string): SyncFunctionError {
  const at = line === null ? null : line - LINES_BEFORE_SOURCE
  const problem = thrown === null || thrown === '' ? message : `${thrown}: ${message}`
  const isInSource = at !== null && at >= 1 && at <= source.split('\n').length
  return new SyncFunctionError(problem, isInSource ? at : null, isInSource ? column : null)
}

/** What the function made of its realm it may also have made of the text that comes out. */
function judgementOf(text: string, now: number): Judgement {
  try {
    const found = JSON.parse(text) as {
      kind: 'accepted' | 'rejected' | 'failed'
      error: unknown
      reason: unknown
      channels: string[]
      access: [string, string][]
      roles: [string, string][]
      expiry: unknown
    }
    if (found.kind === 'failed') return { kind: 'failed', reason: String(found.reason).slice(0, 1_000) }
    if (found.kind === 'rejected') {
      const error = found.error === 'unauthorized' ? 'unauthorized' : 'forbidden'
      return { kind: 'rejected', error, reason: String(found.reason) }
    }
    if (found.kind !== 'accepted' || !found.channels.every(isText)) return BROKEN
    if (![...found.access, ...found.roles].every((pair) => pair.length === 2 && pair.every(isText)))
      return BROKEN
    return {
      kind: 'accepted',
      routed: {
        channels: [...new Set(found.channels)].sort(),
        access: pairsOf(found.access).map(([to, channel]) => ({ to, channel })),
        roles: pairsOf(found.roles).map(([user, role]) => ({ user, role: role.slice(ROLE.length) })),
        expiry: expiryOf(found.expiry, now),
      },
    }
  } catch {
    return BROKEN
  }
}

const BROKEN: Judgement = Object.freeze({ kind: 'failed', reason: 'it changed what it runs in' })

/** Each once, sorted. To Sync Gateway the user without a name is the guest, and here nobody. */
function pairsOf(pairs: readonly [string, string][]): [string, string][] {
  const byText = new Map(pairs.map((pair) => [pair.join('\0'), pair]))
  return [...byText]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, pair]) => pair)
    .filter(([to]) => to !== '' && to !== ROLE)
}

function expiryOf(seconds: unknown, now: number): number | null {
  if (typeof seconds !== 'number' || seconds === 0) return null
  return seconds <= LONGEST_RELATIVE_S ? Math.floor(now / 1000) + seconds : seconds
}
