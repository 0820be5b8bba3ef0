// No module imports itself by way of others, not even for types: each can be read, and tried, without those that stand on it.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { findCycles, importGraph, importsOf, type ImportGraph } from '../support/import-graph.ts'

const graphOf = (edges: Record<string, readonly string[]>): ImportGraph => new Map(Object.entries(edges))

describe('imports', () => {
  it('go round in no ring', () => {
    const rings = findCycles(importGraph('src'))
    assert.equal(rings.map((modules) => modules.join(' → ')).join('\n'), '')
  })

  it('go by layers that CONTRIBUTING.md shows, which names all folders', async () => {
    const [, section = ''] = (await readFile('CONTRIBUTING.md', 'utf8')).split('## The folders\n')
    const foldersIn = (text: string): string[] =>
      [...text.matchAll(/`([a-z]+)\/`/g)].map(([, name = '']) => name)
    const [map = ''] = section.split('\n## ')
    const rows = map.split('\n').filter((line) => line.startsWith('| `'))
    const lint = new URL('../../eslint.config.js', import.meta.url).href
    const { layers } = (await import(lint)) as { layers: string[][] }
    assert.deepEqual(
      rows.map((row) => foldersIn(row.split('|')[1] ?? '')),
      layers,
    )
    const entries = await readdir('src', { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    assert.deepEqual([...new Set(foldersIn(map))].sort(), folders.sort())
  })

  const rings: readonly [string, Record<string, string[]>, string[][]][] = [
    ['none', { a: ['b', 'c'], b: ['c'], c: [] }, []],
    ['one of two', { a: ['b'], b: ['a'] }, [['a', 'b', 'a']]],
    ['one that begins later', { a: ['b'], b: ['c'], c: ['d'], d: ['b'] }, [['b', 'c', 'd', 'b']]],
    ['one of itself', { a: ['a'] }, [['a', 'a']]],
    ['one behind what was seen', { a: ['b'], b: [], c: ['b', 'd'], d: ['c'] }, [['c', 'd', 'c']]],
  ]
  for (const [what, edges, expected] of rings)
    it(`finds a ring: ${what}`, () => assert.deepEqual(findCycles(graphOf(edges)), expected))

  const texts: readonly [string, string, string[]][] = [
    ['a value', "import { a } from './a.ts'", ['./a.ts']],
    ['a type', "import type { A } from './a.ts'", ['./a.ts']],
    ['one of both', "import { b, type A } from '../a.ts'", ['../a.ts']],
    ['what it hands on', "export { a } from './a.ts'\nexport type * from './b.ts'", ['./a.ts', './b.ts']],
    ['what is loaded later', "const a = await import('./a.ts')", ['./a.ts']],
    ['a type in place', "let a: import('./a.ts').A", ['./a.ts']],
    ['no package', "import a from 'a'\nimport 'node:fs'", []],
    ['no comment and no text', "// from './a.ts'\nconst a = `import './b.ts'`", []],
  ]
  for (const [what, text, expected] of texts)
    it(`reads of a module ${what}`, () => assert.deepEqual(importsOf(text), expected))
})
