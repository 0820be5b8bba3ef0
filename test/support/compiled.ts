// The program compiled, in a folder as the package has it: it starts in half of the time that its sources take.
import { buildSync } from 'esbuild'
import once from 'lodash/once.js'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))
const SOURCES = join(PROJECT, 'src')
/** What the program finds beside its own folder. */
const BESIDE = ['docs', 'node_modules', 'package.json', 'skeleton']

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Once for each process that asks, from the sources as they are now; gone when it ends. */
const compile = once((): string => {
  const folder = mkdtempSync(join(tmpdir(), 'couch-shares-compiled-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const name of BESIDE) symlinkSync(join(PROJECT, name), join(folder, name))
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  const dist = join(folder, 'dist')
  const { outputFiles } = buildSync({
    // The rules are only bundled, below.
    entryPoints: files
      .filter((file) => file.endsWith('.ts') && !file.startsWith('rules'))
      .map((file) => join(SOURCES, file)),
    outbase: SOURCES,
    outdir: dist,
    format: 'esm',
    target: 'node20',
    write: false,
  })
  for (const { path, text } of outputFiles) write(path, text.replaceAll(/"(\.\.?\/[^"\s]+)\.ts"/g, '"$1.js"'))
  // Bundled functions are the same text as those of the tests, which share servers with the program.
  const rules = JSON.stringify(join(SOURCES, 'rules', 'index.ts'))
  write(join(dist, 'rules', 'index.js'), `export * from ${rules}\n`)
  return dist
})

/** The path of what a file in src/ was compiled to. @param file without its extension */
export const compiled = (file: string): string => join(compile(), `${file}.js`)
