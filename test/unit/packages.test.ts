// That an installed program finds all packages that it loads: those of development are not there.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'

/** The compiler takes these out: what they name is not loaded. */
const TYPE_IMPORT = /\bimport type [^']*'[^']*'/g

const IMPORT = /(?:\bfrom |\bimport |\bimport\(|\bcreateRequire\(import\.meta\.url\)\()'([^'.][^']*)'/g

const nameOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

describe('the packages that the program loads', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const loaded = new Set(
    files.flatMap((name) => {
      const text = readFileSync(join('src', name), 'utf8').replaceAll(TYPE_IMPORT, '')
      return [...text.matchAll(IMPORT)].map(([, specifier = '']) => specifier)
    }),
  )

  it('are all among its dependencies', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>
    }
    const names = [...loaded].filter((specifier) => !isBuiltin(specifier)).map(nameOf)
    assert.ok(names.includes('pino-pretty') && names.includes('nano'), 'Expected to find imports')
    assert.deepEqual(
      names.filter((name) => name !== 'couch-shares' && !Object.hasOwn(dependencies, name)),
      [],
    )
  })

  it('are more than types, where an installation brings them', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>
    }
    const names = new Set([...loaded].map(nameOf))
    assert.deepEqual(
      Object.keys(dependencies).filter((name) => !names.has(name)),
      [],
    )
  })
})
