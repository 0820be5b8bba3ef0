// Which modules import which, types included, and where they import each other in a ring.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'

/** The modules that each module imports, by path. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/** The graph of all modules in a folder. Packages, and modules of other folders, are left out. */
export function importGraph(folder: string): ImportGraph {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  )
  const modules = new Set(paths.map((path) => join(folder, path)))
  return new Map(
    [...modules].map((path) => [
      path,
      importsOf(readFileSync(path, 'utf8'))
        .map((specifier) => normalize(join(dirname(path), specifier)))
        .filter((imported) => modules.has(imported)),
    ]),
  )
}

/** What a module's text imports and hands on, statically, dynamically and for types alone: relative specifiers, each once. */
export const importsOf = (text: string): string[] => [
  ...new Set(
    ts
      .preProcessFile(text, true, true)
      .importedFiles.map(({ fileName }) => fileName)
      .filter((name) => name.startsWith('.')),
  ),
]

/**
 * A ring of imports for each module from which one is found: the modules in order, the first one once more at the end.
 * Empty where there is none.
 */
export function findCycles(graph: ImportGraph): string[][] {
  const done = new Set<string>()
  const path: string[] = []
  const cycles: string[][] = []
  const visit = (module: string): void => {
    const at = path.indexOf(module)
    if (at !== -1) cycles.push([...path.slice(at), module])
    if (at !== -1 || done.has(module)) return
    path.push(module)
    for (const imported of graph.get(module) ?? []) visit(imported)
    path.pop()
    done.add(module)
  }
  for (const module of graph.keys()) visit(module)
  return cycles
}
