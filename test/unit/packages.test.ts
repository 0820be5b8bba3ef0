// That an installed program finds all packages that it loads: those of development are not there.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'

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
    files.flatMap((name) =>
      [...readFileSync(join('src', name), 'utf8').matchAll(IMPORT)].map(([, specifier = '']) => specifier),
    ),
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
})
