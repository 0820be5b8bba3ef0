// Makes of an ES module, and of all that it imports, the one expression that CouchDB takes for a function of a design document.
import { realpath } from 'node:fs/promises'
import { isBuiltin, SourceMap, type SourceMapPayload } from 'node:module'
import { basename, dirname, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuildFailure, BuildOptions, BuildResult, Message } from 'esbuild'
import { Engine } from './validation.ts'
import { withEsbuild } from './esbuild.ts'

/** A file that cannot be bundled; `problem` names file, line and column, seen from the folder of the file. */
export class BundleError extends Error {
  readonly path: string
  readonly problem: string
  constructor(path: string, problems: readonly string[]) {
    const problem = `expected a module that CouchDB can run: ${problems.join('; ')}`
    super(`${path}: ${problem}`)
    this.name = 'BundleError'
    this.path = path
    this.problem = problem
  }
}

/** The extensions of the files that are bundled. */
export const MODULE_EXTENSIONS: readonly string[] = ['.ts', '.mts', '.mjs']

/** Our own rules, from the sources where we run from them, else as built: the folders of users need no node_modules. */
const RULES = fileURLToPath(new URL(`../rules/index${extname(import.meta.url)}`, import.meta.url))

/** What Node.js and browsers have and CouchDB's engines have not. */
const ABSENT = [
  ...[
    'Buffer',
    'Intl',
    'TextDecoder',
    'TextEncoder',
    'URL',
    'URLSearchParams',
    'WebAssembly',
    'XMLHttpRequest',
  ],
  ...[
    'clearInterval',
    'clearTimeout',
    'console',
    'crypto',
    'fetch',
    'performance',
    'process',
    'queueMicrotask',
  ],
  ...['setImmediate', 'setInterval', 'setTimeout', 'structuredClone'],
]

/** esbuild puts this before them where they are no names of the module's own; so they are found in the bundle. */
const ABSENT_MARK = '__absent_in_couchdb_'

/** The name of the module that imports the file. */
const ENTRY = 'entry of the bundle'

const OPTIONS = {
  bundle: true,
  write: false,
  outfile: 'bundle.js',
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  // CouchDB on SpiderMonkey reads functions with esprima 4 before it runs them, and that ends at ES2017.
  target: 'es2017',
  minify: true,
  legalComments: 'none',
  charset: 'ascii',
  // The same text wherever the folder lies: no tsconfig.json of its surroundings has a say.
  tsconfigRaw: {},
  logLevel: 'silent',
  // Imports that esbuild leaves as they are.
  logOverride: {
    'unsupported-dynamic-import': 'error',
    'unsupported-require-call': 'error',
    'indirect-require': 'error',
  },
  metafile: true,
  sourcemap: 'external',
  alias: { 'couch-shares/rules': RULES },
  define: Object.fromEntries(ABSENT.map((name) => [name, ABSENT_MARK + name])),
} as const satisfies BuildOptions

/** All that esbuild leaves of exports where the entry has but one. */
const DEFAULT_EXPORT = /export\s*\{\s*([\w$]+) as default\s*\};?\s*$/

/**
 * Bundles an ES module whose default export is a function of a design document. The result is evaluated once and its
 * function is not called: it is known to be one.
 * @param path of a `.ts`, `.mts` or `.mjs` file; `couch-shares/rules` is ours, whatever is installed
 * @param isReadable with the names of the source, for whoever reads its errors; it is not what goes into a design document
 * @returns an expression without imports, in ASCII; the same for the same sources
 * @throws {BundleError} where the file cannot be read or parsed, has no default export or one that is no function, imports
 *   what is not there or modules of Node.js, or uses globals that CouchDB does not have
 */
export async function bundleRules(path: string, { isReadable = false } = {}): Promise<string> {
  // Without links on the way, as esbuild names it.
  const file = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    throw new BundleError(path, [`it cannot be read (${error.code ?? error.message})`])
  })
  const problemsFound = (messages: Message[]): BundleError => new BundleError(path, messages.map(describe))
  const result = await build(file, !isReadable).catch((error: unknown) => {
    if (isBuildFailure(error)) throw problemsFound(error.errors)
    // Its platform's package is an optional dependency.
    const [reason] = String((error as Error).message).split('\n')
    throw new BundleError(path, [`esbuild does not run: ${reason}`])
  })
  if (result.warnings.length > 0) throw problemsFound(result.warnings)
  const { code, map, metafile } = result
  if (metafile.inputs[basename(file)]?.format !== 'esm')
    throw new BundleError(path, [`${basename(file)}: it has no default export`])
  const absent = absentGlobal(code, map)
  if (absent !== null) throw new BundleError(path, [absent])
  const missing = usesFields(metafile) ? missingValidator(await build(file, false)) : null
  if (missing !== null) throw new BundleError(path, [missing])
  // Evaluated once for a design document and not at each write: CouchDB keeps what the expression gives.
  const text = `(()=>{"use strict";${code.replace(DEFAULT_EXPORT, 'return $1')}})()`
  try {
    new Engine(text)
  } catch (error) {
    throw new BundleError(path, [`its default export: ${(error as Error).message}`])
  }
  return text
}

/** The size of a bundle in bytes, as CouchDB stores it. */
export const sizeOf = (bundle: string): number => Buffer.byteLength(bundle)

type Built = { code: string; map: SourceMapPayload } & Pick<
  BuildResult<typeof OPTIONS>,
  'warnings' | 'metafile'
>

async function build(file: string, minify: boolean): Promise<Built> {
  const { outputFiles, warnings, metafile } = await withEsbuild((esbuild) =>
    esbuild.build({
      ...OPTIONS,
      minify,
      absWorkingDir: dirname(file),
      stdin: {
        contents: `export { default } from ${JSON.stringify(file)}`,
        resolveDir: dirname(file),
        sourcefile: ENTRY,
      },
    }),
  )
  const output = (extension: string): string =>
    outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? ''
  const map = JSON.parse(output('.map')) as SourceMapPayload
  return { code: output('.js'), map, warnings, metafile }
}

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors)

/** esbuild's message as `file:line:column: what`, columns counted from 1. */
function describe({ text, location }: Message): string {
  if (location === null) return text
  if (location.file === ENTRY) return 'it has no default export'
  const at = `${location.file}:${location.line}:${location.column + 1}`
  const name = /^Could not resolve "(.*)"$/.exec(text)?.[1]
  if (name !== undefined && isBuiltin(name))
    return `${at}: \`${name}\` is a module of Node.js, which CouchDB does not have`
  return `${at}: ${text}`
}

/** The first use of a global that CouchDB does not have, or null. */
function absentGlobal(code: string, map: SourceMapPayload): string | null {
  const index = code.indexOf(ABSENT_MARK)
  if (index === -1) return null
  const name = /^\w+/.exec(code.slice(index + ABSENT_MARK.length))?.[0] ?? ''
  return `${placeOf(index, code, map)}\`${name}\` is a global that CouchDB does not have`
}

/** True where the bundle has our validators. */
const usesFields = ({ outputs }: Built['metafile']): boolean =>
  Object.values(outputs).some(({ inputs }) =>
    Object.entries(inputs).some(
      ([path, { bytesInOutput }]) => /rules\/fields\.[jt]s$/.test(path) && bytesInOutput > 0,
    ),
  )

/** Our validators in a bundle with the names of the source: how esbuild calls the object, and what it has. */
const VALIDATORS = /^\/\/ .*rules\/fields\.[jt]s\nvar (\w+) = \{\};\n__export\(\1, \{([^}]*)\}\)/m

/**
 * The first validator that is asked for and that there is not, or null: it would be undefined, and every write refused.
 * @param built with the names of the source
 */
function missingValidator({ code, map }: Built): string | null {
  const [, object = '', there = ''] = VALIDATORS.exec(code) ?? []
  if (object === '') return null
  const names = new Set([...there.matchAll(/(\w+): \(\) =>/g)].map(([, name]) => name))
  for (const { index, 1: name = '' } of code.matchAll(new RegExp(`(?<![\\w$.])${object}\\.([\\w$]+)`, 'g')))
    if (!names.has(name)) return `${placeOf(index, code, map)}there is no validator \`fields.${name}\``
  return null
}

/** Where in the sources a place of the bundle comes from, as `file:line:column: `. */
function placeOf(index: number, code: string, map: SourceMapPayload): string {
  const lines = code.slice(0, index).split('\n')
  const found = new SourceMap(map).findEntry(lines.length - 1, lines.at(-1)?.length ?? 0)
  return 'originalSource' in found
    ? `${found.originalSource}:${found.originalLine + 1}:${found.originalColumn + 1}: `
    : ''
}
