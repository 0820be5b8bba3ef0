// The folder is the schema: reads skeleton/ into the design documents and security objects that databases are created with.
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { compileFunction, Script } from 'node:vm'
import { BundleError, bundleRules, MODULE_EXTENSIONS } from '../functions/bundle.ts'
import { marked, type DesignDocument } from './design.ts'
import { FIXED_KINDS, GATEWAY_FOLDER, isFixedKind, KIND, PERSONAL_KIND, USER_KIND_SUFFIX } from './kinds.ts'

/** What a kind of database is created with; `security` is null where the folder says nothing about it. */
export interface SkeletonOfKind {
  security: Record<string, unknown> | null
  designDocuments: DesignDocument[]
}

/** A skeleton that cannot be used; `path` is the file or folder that is wrong. */
export class SkeletonError extends Error {
  readonly path: string
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`)
    this.name = 'SkeletonError'
    this.path = path
  }
}

export type Entry = { name: string; path: string; isFolder: boolean }

/** Hidden files and what editors leave behind. */
const LEFTOVER = /^\.|~$|^#.*#$|\.(?:bak|orig|rej|swp|swo|tmp)$/

const byCodeUnit = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** What is in a folder, sorted by name so that the same folder always gives the same documents. */
export async function entriesOf(folder: string): Promise<Entry[]> {
  let found
  try {
    found = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new SkeletonError(folder, `expected a folder that can be read (${code ?? String(error)})`)
  }
  return found
    .filter((entry) => !LEFTOVER.test(entry.name))
    .map((entry): Entry => {
      const path = join(folder, entry.name)
      if (!entry.isFile() && !entry.isDirectory())
        throw new SkeletonError(path, 'expected a file or a folder')
      return { name: entry.name, path, isFolder: entry.isDirectory() }
    })
    .sort((one, other) => byCodeUnit(one.name, other.name))
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new SkeletonError(path, `expected JSON: ${(error as Error).message}`)
  }
}

/**
 * Where CouchDB looks for a function, or the daemon itself: `selectors/from`. JavaScript anywhere else is a CommonJS module
 * for `require()`. https://docs.couchdb.org/en/stable/ddocs/ddocs.html
 */
const isFunctionAt = ([first, second, third, ...more]: string[]): boolean => {
  if (more.length > 0 || first === undefined) return false
  if (third !== undefined)
    return first === 'views' && second !== 'lib' && (third === 'map' || third === 'reduce')
  if (first === 'selectors') return second === 'from'
  if (second !== undefined) return ['filters', 'updates', 'shows', 'lists'].includes(first)
  return first === 'validate_doc_update' || first === 'rewrites'
}

/** Comments and white space at the beginning of a source, up to the code. */
const LEADING_COMMENTS = /^(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*/

/** What keeps `parse` from parsing, or null. */
function parseError(parse: () => unknown): string | null {
  try {
    parse()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** What keeps the text from being a script, or null; it is never run. */
const scriptError = (source: string): string | null => parseError(() => new Script(source))

/**
 * A function's file as CouchDB takes it. Files hold `function name(…) {…}`, which editors, prettier and lint take, and
 * CouchDB 3.5 does not ("Expression does not eval to a function"); in parentheses it does, behind comments too.
 * Prettier puts a `;` before parentheses that are there already.
 */
function functionSource(text: string, path: string): string {
  const comments = LEADING_COMMENTS.exec(text)?.[0] ?? ''
  const code = text.slice(comments.length).replace(/^;\s*/, '')
  const expression = code.replace(/;$/, '')
  const inOneLine = `(${expression})`
  // The line break is for a comment at the end, which would take the parenthesis with it.
  const enclosed = scriptError(inOneLine) === null ? inOneLine : `(${expression}\n)`
  const problem = scriptError(enclosed)
  if (problem !== null)
    throw new SkeletonError(path, `expected one JavaScript function and nothing else: ${problem}`)
  return comments + (/^function\s*[\w$]/.test(expression) ? enclosed : expression)
}

/** A CommonJS module as it is; parsed, never run. */
function moduleSource(text: string, path: string): string {
  const problem = parseError(() => compileFunction(text, ['module', 'exports', 'require']))
  if (problem !== null) throw new SkeletonError(path, `expected JavaScript: ${problem}`)
  return text
}

/** An ES module whose default export is the function, with all that it imports. */
const bundledSource = (path: string): Promise<string> =>
  bundleRules(path).catch((error: unknown) => {
    if (!(error instanceof BundleError)) throw error
    throw new SkeletonError(path, error.problem)
  })

async function readAttribute(path: string, place: string[]): Promise<unknown> {
  const extension = extname(path)
  if (extension === '.json') return readJson(path)
  if (MODULE_EXTENSIONS.includes(extension) && isFunctionAt(place)) return bundledSource(path)
  const text = (await readFile(path, 'utf8')).trimEnd()
  if (extension !== '.js') return text
  return isFunctionAt(place) ? functionSource(text, path) : moduleSource(text, path)
}

/** A folder as an object: files by their names without extension, folders within as objects. */
async function readAttributes(folder: string, place: string[] = []): Promise<Record<string, unknown>> {
  const entries = await entriesOf(folder)
  if (entries.length === 0) throw new SkeletonError(folder, 'expected files, the folder is empty')
  const attributes: Record<string, unknown> = {}
  for (const { path, name: fileName, isFolder } of entries) {
    const name = isFolder ? fileName : basename(fileName, extname(fileName))
    // CouchDB keeps _ at the top of a document to itself; couch_shares is written below.
    if ((place.length === 0 && (name.startsWith('_') || name === 'couch_shares')) || name === '__proto__')
      throw new SkeletonError(path, `expected another name than ${name}, which is reserved`)
    if (Object.hasOwn(attributes, name))
      throw new SkeletonError(path, `expected one file or folder for the attribute ${name}, found two`)
    attributes[name] = isFolder
      ? await readAttributes(path, [...place, name])
      : await readAttribute(path, [...place, name])
  }
  return attributes
}

async function readDesignDocument({ name, path, isFolder }: Entry): Promise<DesignDocument> {
  if (!isFolder) throw new SkeletonError(path, 'expected a folder, one for each design document')
  return marked({ _id: `_design/${name}`, language: 'javascript', ...(await readAttributes(path)) })
}

async function readSecurity({ path }: Entry): Promise<Record<string, unknown>> {
  const security = await readJson(path)
  if (typeof security !== 'object' || security === null || Array.isArray(security))
    throw new SkeletonError(path, 'expected a JSON object')
  return security as Record<string, unknown>
}

/** Is an entry of a kind not read: `_security.json`, `_design/<name>`? */
type LeftOut = (kind: string, place: string) => boolean

async function readKind(folder: string, name: string, isLeftOut: LeftOut): Promise<SkeletonOfKind> {
  const kind: SkeletonOfKind = { security: null, designDocuments: [] }
  for (const entry of await entriesOf(folder)) {
    if (isLeftOut(name, entry.name)) continue
    if (entry.name === '_security.json' && name === 'user')
      throw new SkeletonError(
        entry.path,
        'expected none: who may enter a user database is up to whoever creates it',
      )
    if (entry.name === '_security.json' && !entry.isFolder) kind.security = await readSecurity(entry)
    else if (entry.name === '_design' && entry.isFolder)
      for (const document of await entriesOf(entry.path)) {
        if (isLeftOut(name, `_design/${document.name}`)) continue
        kind.designDocuments.push(await readDesignDocument(document))
      }
    else throw new SkeletonError(entry.path, 'expected only _security.json and the folder _design beside it')
  }
  return kind
}

/** The kinds that have a folder in a skeleton, whether they are used or not. @throws {SkeletonError} */
export const kindsInSkeleton = async (folder: string): Promise<Set<string>> =>
  new Set(
    (await entriesOf(folder)).flatMap(({ name, isFolder }) =>
      isFolder && KIND.test(name) && name !== GATEWAY_FOLDER ? [name] : [],
    ),
  )

/**
 * Reads a skeleton: `<kind>/_security.json` and `<kind>/_design/<name>/…`, where each file is an attribute of the
 * design document and each folder an object. `.json` files are values; `.ts`, `.mts` and `.mjs` at the place of a function
 * are bundled; `.js` and all others are strings without the white space at their end. `language` is `javascript` unless a
 * file says otherwise. A `README.md` may lie beside the kinds, and the folder
 * `gateway`, which `readGateways` reads.
 * @param policies those of the other kinds that are read; the rest need not even be right
 * @param isLeftOut what is not read, and need not be right either
 * @returns the kinds whose folders exist, those of FIXED_KINDS first and in their order, the others by name; design
 *   documents by name
 * @throws {SkeletonError} that names the file: bad JSON, JavaScript that does not parse, a module that cannot be bundled,
 *   an unknown entry, a folder `personal`, an empty design document
 */
export async function readSkeleton(
  folder: string,
  policies?: readonly string[],
  isLeftOut: LeftOut = () => false,
): Promise<Map<string, SkeletonOfKind>> {
  const folders = new Map<string, string>()
  for (const { name, path, isFolder } of await entriesOf(folder)) {
    if (name === PERSONAL_KIND)
      throw new SkeletonError(
        path,
        `expected another name: what personal databases have is in the folders <kind>${USER_KIND_SUFFIX} of their masters`,
      )
    if (name === GATEWAY_FOLDER && isFolder) continue
    if (KIND.test(name) && isFolder) folders.set(name, path)
    else if (name !== 'README.md')
      throw new SkeletonError(
        path,
        'expected only folders, called after kinds of databases: a-z first, then a-z 0-9 -',
      )
  }
  const isRead = (name: string): boolean => !isFixedKind(name) && policies?.includes(name) !== false
  const skeleton = new Map<string, SkeletonOfKind>()
  for (const kind of [...FIXED_KINDS, ...[...folders.keys()].filter(isRead)]) {
    const path = folders.get(kind)
    if (path !== undefined) skeleton.set(kind, await readKind(path, kind, isLeftOut))
  }
  return skeleton
}
