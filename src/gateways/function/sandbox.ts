// Runs JavaScript of others in QuickJS, within bounds, each call as if it were the first.
import type {
  EmscriptenModuleLoader,
  EvalFlags,
  EvalDetectModule,
  IntrinsicsFlags,
  QuickJSEmscriptenModule,
  QuickJSFFI,
} from '@jitl/quickjs-ffi-types'
import release from '@jitl/quickjs-wasmfile-release-sync'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createContext, Script } from 'node:vm'
import { isOverTime, runWithin, Stopwatch } from '../../functions/time-limit.ts'
import { findStepCounter, STEPS_BETWEEN_QUESTIONS } from './step-counter.ts'

/** Typed as CommonJS, which is not what Node.js imports. */
const variant = release as unknown as {
  importFFI(): Promise<new (module: QuickJSEmscriptenModule) => QuickJSFFI>
  importModuleLoader(): Promise<EmscriptenModuleLoader<QuickJSEmscriptenModule>>
}

type Binary = { readonly binary: never }
type Memory = { readonly buffer: ArrayBuffer }
/** What the types of Node.js leave out. https://webassembly.github.io/spec/js-api/ */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Memory: new (pages: { initial: number; maximum: number }) => Memory
    Instance: new (binary: Binary, imports: unknown) => never
    compile(bytes: Uint8Array): Promise<Binary>
  }
}

/** What the code in a sandbox may use up. */
export interface SandboxLimits {
  /** Of the sandbox as a whole, at least 32 MiB; its engine takes 6 of them. */
  memoryBytes: number
  /** Jumps back in loops, calls, and steps of regular expressions: the same on each machine. */
  steps: number
  /** Where steps take long: see functions/time-limit.ts. */
  timeMs: number
}

/** Code in the sandbox that came to no end, or threw. */
export class SandboxError extends Error {
  /** How QuickJS names what was thrown, a SyntaxError for instance; null where a limit was met. */
  readonly thrown: string | null
  /** Where, counted from 1; null where unknown. */
  readonly line: number | null
  readonly column: number | null
  constructor(
    message: string,
    thrown: string | null = null,
    line: number | null = null,
    column: number | null = null,
  ) {
    super(message)
    this.name = 'SandboxError'
    this.thrown = thrown
    this.line = line
    this.column = column
  }
}

const TOO_LONG = 'it took too long'
const TOO_MUCH = 'it took too much memory, or went too deep'

const PAGE_BYTES = 65_536
/** Data of the engine below its stack, which begins here at the latest. */
const DATA_BYTES = 2 * PAGE_BYTES
/** Deep enough for JSON of a thousand levels; more, and Node.js' own stack ends first, which is deeper in some places than in others. */
const STACK_BYTES = 96 * 1024

/** Ten thousand searches in a megabyte take 20 s, so that it is made to ask more often. */
const STEPS_BETWEEN_OUR_QUESTIONS = 100
/** Where in a context, in bytes, the counter of these steps may be. */
const CONTEXT_BYTES = 256

const GLOBAL = 0 as EvalFlags
const SCRIPT = 0 as EvalDetectModule
const ALL = 0 as IntrinsicsFlags
const FILE = 'sync.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

let wasm: Promise<Binary> | undefined
/** Once for the process. */
const compiled = (): Promise<Binary> =>
  (wasm ??= readFile(createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')).then(
    (bytes) => WebAssembly.compile(bytes),
  ))

const realm = createContext({ run: (): void => undefined })
const RUN = new Script('run()')

/**
 * Runs a function of ours. Where QuickJS is in one step that takes for ever, a search for a long text in another for instance, it
 * does not ask; V8 can be stopped all the same, WebAssembly too. It takes a thread, and as long as two or three calls.
 * @param beforeAgain called before it is run again, because the machine was busy with something else
 * @returns false where it was stopped: not even `finally` ran
 */
function withinTime(timeMs: number, run: () => void, beforeAgain: () => void): boolean {
  realm['run'] = run
  try {
    runWithin(RUN, realm, timeMs, beforeAgain)
    return true
  } catch (error) {
    if (isOverTime(error)) return false
    throw error
  }
}

type Snapshot = { at: number; bytes: Uint8Array }[]

/**
 * A QuickJS of its own that holds one function from text to text. Before each call its whole memory is put back to how it
 * was when the function had just been made: 250 KB, which costs less than to clean up. So nothing that a call does is seen by
 * the next, and an engine that ran out of memory, or was broken in the midst of something, is as good as new.
 *
 * The memory is bounded by the `WebAssembly.Memory` that the engine is given, for QuickJS's own limit does not count all.
 * There are no imports but the clock, and no functions of ours in it: nothing leads out.
 */
export class Sandbox {
  readonly #module: QuickJSEmscriptenModule
  readonly #memory: Memory
  readonly #renew: () => void
  readonly #limits: SandboxLimits
  readonly #FFI: new (module: QuickJSEmscriptenModule) => QuickJSFFI
  #ffi: QuickJSFFI
  #heap = 0
  #context = 0 as Parameters<QuickJSFFI['QTS_Eval']>[0]
  #called = 0 as ReturnType<QuickJSFFI['QTS_Eval']>
  #arguments = 0
  #snapshot: Snapshot = []
  #counter = 0
  #steps = 0
  /** Of the call under way. */
  #watch: Stopwatch | null = null
  #isOver = false

  private constructor(
    module: QuickJSEmscriptenModule,
    FFI: new (module: QuickJSEmscriptenModule) => QuickJSFFI,
    memory: Memory,
    renew: () => void,
    limits: SandboxLimits,
  ) {
    this.#module = module
    this.#FFI = FFI
    this.#ffi = new FFI(module)
    this.#memory = memory
    this.#renew = renew
    this.#limits = limits
    const never = (): never => {
      throw new Error('Expected the sandbox to have no functions of ours')
    }
    module.callbacks = {
      shouldInterrupt: () => this.#asked(),
      callFunction: never,
      loadModuleSource: never,
      normalizeModule: never,
      freeHostRef: () => undefined,
    }
  }

  /**
   * @param text an expression, a function from string to string
   * @throws {SandboxError} where it cannot be parsed, throws, is no function, or meets a limit
   */
  static async create(text: string, limits: SandboxLimits): Promise<Sandbox> {
    for (let timeMs = 2 * limits.timeMs; ; timeMs *= 2) {
      const sandbox = await Sandbox.#open(limits)
      let isInterrupted = false
      const start = (): void => {
        // Its memory is as it was at that moment: another one begins.
        if (!isInterrupted) sandbox.#start(text)
      }
      if (!withinTime(timeMs, start, () => (isInterrupted = true))) throw new SandboxError(TOO_LONG)
      if (!isInterrupted) return sandbox
    }
  }

  /** An engine that holds nothing yet. */
  static async #open(limits: SandboxLimits): Promise<Sandbox> {
    const [binary, FFI, load] = await Promise.all([
      compiled(),
      variant.importFFI(),
      variant.importModuleLoader(),
    ])
    const memory = new WebAssembly.Memory({
      initial: 256,
      maximum: Math.max(512, Math.floor(limits.memoryBytes / PAGE_BYTES)),
    })
    let renew = (): void => undefined
    // Emscripten writes to the console what we throw anyway.
    const quiet: object = { print: () => undefined, printErr: () => undefined }
    const module = await load({
      ...quiet,
      wasmMemory: memory,
      instantiateWasm: (imports, receive) => {
        // Another instance on the same memory, with a stack pointer of its own: that of an instance which trapped stays where it was.
        renew = () => receive(new WebAssembly.Instance(binary, imports))
        renew()
        return {}
      },
    })
    return new Sandbox(module, FFI, memory, renew, limits)
  }

  #start(text: string): void {
    this.#heap = this.#module._malloc(8)
    const runtime = this.#ffi.QTS_NewRuntime()
    this.#ffi.QTS_RuntimeSetMaxStackSize(runtime, STACK_BYTES)
    this.#context = this.#ffi.QTS_NewContext(runtime, ALL)
    this.#ffi.QTS_RuntimeEnableInterruptHandler(runtime)
    this.#counter = this.#findCounter()
    this.#arguments = this.#module._malloc(4)
    this.#called = this.#guarded(() => this.#evaluate(text))
    this.#askSoon()
    this.#snapshot = this.#take()
  }

  /**
   * Calls the function with each text.
   * @param sliceMs after so long no other call is begun: what is left is for the next time
   * @returns what it gives, or why it does not: it threw, took too long or too much memory; of one text at least, if there is one
   */
  callEach(texts: readonly string[], sliceMs = Infinity): (string | SandboxError)[] {
    const results: (string | SandboxError)[] = []
    const { timeMs } = this.#limits
    const sliceEnd = performance.now() + sliceMs
    while (results.length < texts.length && (results.length === 0 || performance.now() < sliceEnd)) {
      const run = (): void => {
        // Whoever is stopped has had at least its own time.
        const end = Math.min(sliceEnd, performance.now() + timeMs / 2)
        do results.push(this.#attempt(texts[results.length] ?? ''))
        while (results.length < texts.length && performance.now() < end)
      }
      const isDone = withinTime(2 * timeMs, run, () => this.#renewed())
      if (isDone) continue
      this.#renewed()
      results.push(new SandboxError(TOO_LONG))
    }
    return results
  }

  #attempt(text: string): string | SandboxError {
    try {
      return this.#call(text)
    } catch (error) {
      if (error instanceof SandboxError) return error
      throw error
    }
  }

  #call(text: string): string {
    this.#restore()
    return this.#guarded(() => {
      const argument = this.#ffi.QTS_NewString(this.#context, this.#put(text) as never)
      new DataView(this.#memory.buffer).setUint32(this.#arguments, argument, true)
      const result = this.#ffi.QTS_Call(
        this.#context,
        this.#called,
        this.#ffi.QTS_GetUndefined(),
        1,
        this.#arguments as never,
      )
      this.#refuse(result)
      return this.#textAt(this.#ffi.QTS_GetString(this.#context, result))
    })
  }

  #evaluate(text: string): ReturnType<QuickJSFFI['QTS_Eval']> {
    const at = this.#put(text)
    const length = new Uint8Array(this.#memory.buffer).indexOf(0, at) - at
    const value = this.#ffi.QTS_Eval(this.#context, at as never, length, FILE, SCRIPT, GLOBAL)
    this.#module._free(at)
    this.#refuse(value)
    return value
  }

  /** Runs what may meet a limit in whichever way: an exception in QuickJS, or one that breaks out of it. */
  #guarded<T>(run: () => T): T {
    this.#steps = 0
    this.#isOver = false
    this.#watch = new Stopwatch()
    try {
      const result = run()
      // Code may get over what QuickJS throws then.
      if (this.#isOver) throw new SandboxError(TOO_LONG)
      return result
    } catch (error) {
      if (error instanceof SandboxError) throw this.#isOver ? new SandboxError(TOO_LONG) : error
      // A trap, an abort, or the end of Node.js' stack.
      this.#renewed()
      throw new SandboxError(TOO_MUCH)
    } finally {
      this.#watch = null
    }
  }

  #renewed(): void {
    this.#renew()
    this.#ffi = new this.#FFI(this.#module)
  }

  /** QuickJS asks whether to go on; 1 ends the call, and no code gets over it. */
  #asked(): 0 | 1 {
    // Regular expressions count by themselves; what counts here has just begun anew where it was a step that led here.
    const isStep = this.#count().getInt32(0, true) === STEPS_BETWEEN_QUESTIONS
    this.#steps += isStep ? STEPS_BETWEEN_OUR_QUESTIONS : STEPS_BETWEEN_QUESTIONS
    if (isStep) this.#askSoon()
    const { steps, timeMs } = this.#limits
    if (this.#steps <= steps && this.#watch?.isWithin(timeMs) !== false) return 0
    this.#isOver = true
    return 1
  }

  #count(): DataView {
    return new DataView(this.#memory.buffer, this.#counter, 4)
  }

  #askSoon(): void {
    this.#count().setInt32(0, STEPS_BETWEEN_OUR_QUESTIONS, true)
  }

  #findCounter(): number {
    const at = findStepCounter((steps) => {
      this.#ffi.QTS_FreeValuePointer(this.#context, this.#evaluate(`for (let i = 0; i < ${steps}; i += 1);`))
      return new Int32Array(this.#memory.buffer, this.#context, CONTEXT_BYTES / 4).slice()
    })
    return this.#context + at * 4
  }

  /** Puts a text there for the engine, which frees it or forgets it. @returns where */
  #put(text: string): number {
    const most = text.length * 3 + 1
    const at = this.#module._malloc(most)
    if (at === 0) throw new SandboxError(TOO_MUCH)
    const bytes = new Uint8Array(this.#memory.buffer, at, most)
    const { written } = encoder.encodeInto(text, bytes)
    bytes[written] = 0
    return at
  }

  #textAt(at: number): string {
    if (at === 0) throw new SandboxError(TOO_MUCH)
    const bytes = new Uint8Array(this.#memory.buffer)
    return decoder.decode(bytes.subarray(at, bytes.indexOf(0, at)))
  }

  /** @throws {SandboxError} where the value is an exception */
  #refuse(value: ReturnType<QuickJSFFI['QTS_Eval']>): void {
    const error = this.#ffi.QTS_ResolveException(this.#context, value)
    if ((error as number) === 0) return
    const text = this.#textAt(this.#ffi.QTS_Dump(this.#context, error))
    let dumped: unknown
    try {
      dumped = JSON.parse(text)
    } catch {
      throw new SandboxError(`it threw ${text}`, '')
    }
    // What QuickJS throws where there is no room for an error.
    if (dumped === null) throw new SandboxError(TOO_MUCH)
    const texts = Object.entries(Object(dumped) as object).filter(([, part]) => typeof part === 'string')
    const {
      name = '',
      message = `it threw ${text}`,
      stack = '',
    } = Object.fromEntries(texts) as Record<string, string>
    if (message === 'out of memory') throw new SandboxError(TOO_MUCH)
    const [, line, column] = new RegExp(`${FILE}:(\\d+)(?::(\\d+))?`).exec(stack) ?? []
    throw new SandboxError(message, name, numberOf(line), numberOf(column))
  }

  /** All but the stack, on which nothing is between calls. */
  #take(): Snapshot {
    const bytes = new Uint8Array(this.#memory.buffer)
    const from = this.#heap - (this.#heap % 4096)
    // The heap grows upwards; what was never used is zero.
    const to = endOfUsed(bytes)
    return [
      { at: 0, bytes: bytes.slice(0, DATA_BYTES) },
      { at: from, bytes: bytes.slice(from, to) },
    ]
  }

  #restore(): void {
    const bytes = new Uint8Array(this.#memory.buffer)
    for (const part of this.#snapshot) bytes.set(part.bytes, part.at)
  }
}

/** Compared at once: byte after byte, a fifth of a second goes by for each function. */
const UNUSED = new Uint8Array(64 * 1024)

/** @returns where nothing but zeros follows */
function endOfUsed(bytes: Uint8Array): number {
  let to = bytes.length
  while (to >= UNUSED.length && Buffer.compare(bytes.subarray(to - UNUSED.length, to), UNUSED) === 0)
    to -= UNUSED.length
  while (to > 0 && bytes[to - 1] === 0) to -= 1
  return to
}

const numberOf = (digits: string | undefined): number | null => (digits === undefined ? null : Number(digits))
