// The folder is the schema: which databases have sync functions, and which.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { GATEWAY_FOLDER } from '../../skeletons/kinds.ts'
import { isDatabaseName } from '../../documents/names.ts'
import { entriesOf, SkeletonError, type Entry } from '../../skeletons/folder.ts'

const FILE = 'sync.js'

/** Users' databases of a gateway are called after it, with a / before. */
export const isGatewayName = (name: string): boolean => isDatabaseName(name) && !name.includes('/')

/** Where the function of a database lies in a skeleton. */
export const syncFunctionPath = (folder: string, database: string): string =>
  join(folder, GATEWAY_FOLDER, database, FILE)

/**
 * Reads `gateway/<database>/sync.js` of a skeleton. A `README.md` may lie beside the databases. The functions are parsed, not run.
 * One in another folder, as in a misspelled `gatway`, is refused: its database would be without it, and nothing would say so.
 * @param folder of the skeleton
 * @returns the sources by database, sorted by name; empty where there is no folder `gateway`
 * @throws {SkeletonError} that names the file: a name that is none of a database, no `sync.js`, anything beside it, JavaScript
 *   that does not parse or is more than one function, a `sync.js` that nobody runs
 */
export async function readGateways(folder: string): Promise<Map<string, string>> {
  const gateways = new Map<string, string>()
  const entries = await entriesOf(folder)
  for (const { name, path } of entries) if (name !== GATEWAY_FOLDER) await refuseFunctionIn(path)
  const entry = entries.find(({ name }) => name === GATEWAY_FOLDER)
  if (entry === undefined) return gateways
  if (!entry.isFolder) throw new SkeletonError(entry.path, 'expected a folder, one for each database in it')
  for (const database of await entriesOf(entry.path))
    if (database.name !== 'README.md') gateways.set(database.name, await readGateway(database))
  return gateways
}

/** Looks at the places that would be right in the folder `gateway`, and at itself. */
async function refuseFunctionIn(folder: string): Promise<void> {
  // What nobody reads need not be a folder, or one that can be read.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const databases = entries.filter((entry) => entry.isDirectory() && !/^[._]/.test(entry.name))
  for (const place of [folder, ...databases.map(({ name }) => join(folder, name))])
    if (await isFile(join(place, FILE)))
      throw new SkeletonError(
        join(place, FILE),
        `expected no sync function but in ${GATEWAY_FOLDER}/<database>/: nobody runs this one`,
      )
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

async function readGateway({ name, path, isFolder }: Entry): Promise<string> {
  if (!isFolder || !isGatewayName(name))
    throw new SkeletonError(
      path,
      'expected only folders, called after databases: a-z first, then a-z 0-9 _ $ ( ) + -',
    )
  const entries = await entriesOf(path)
  for (const entry of entries)
    if (entry.name !== FILE || entry.isFolder)
      throw new SkeletonError(entry.path, `expected only the file ${FILE} there`)
  if (entries.length === 0) throw new SkeletonError(path, `expected the file ${FILE} in it`)
  return readSyncFunction(join(path, FILE))
}

/**
 * Reads one sync function, wherever it lies. It is parsed, not run.
 * @throws {SkeletonError} that names the file, where it cannot be read or is not one function
 */
export async function readSyncFunction(path: string): Promise<string> {
  let text
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new SkeletonError(path, `expected a file that can be read (${code ?? String(error)})`)
  }
  return sourceOf(text, path)
}

/** The function without the `;` that editors and prettier put before and after it; all lines stay where they are. */
function sourceOf(text: string, path: string): string {
  const source = text
    .replace(/^(?<before>(?:\s|\/\/[^\n]*\n|\/\*[^]*?\*\/)*);/, '$<before>')
    .trimEnd()
    .replace(/;$/, '')
  const problem = syntaxProblem(source)
  if (problem !== null)
    throw new SkeletonError(path, `expected one JavaScript function and nothing else: ${problem}`)
  if (/^(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*$/.test(source))
    throw new SkeletonError(path, 'expected one JavaScript function, the file is empty')
  return source
}

/** What keeps the text from being one expression, with the line of the file; or null. It is not run. */
function syntaxProblem(source: string): string | null {
  const problem = parseError(`[\n${source}\n]`)
  if (problem === null) return null
  // What is not closed in the file is found at the bracket after it: without that one, it is the end of the file.
  const lines = source.split('\n').length
  const { message, line } =
    problem.line !== null && problem.line > lines ? (parseError(`[\n${source}`) ?? problem) : problem
  return line === null ? message : `${message} (line ${Math.min(line, lines)})`
}

/** @param text whose first line is ours */
function parseError(text: string): { message: string; line: number | null } | null {
  try {
    new Script(text, { filename: FILE, lineOffset: -1 })
    return null
  } catch (error) {
    const { message, stack = '' } = error as Error
    const line = /^sync\.js:(\d+)/.exec(stack)?.[1]
    return { message, line: line === undefined ? null : Number(line) }
  }
}
