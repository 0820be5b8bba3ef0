// Which databases have sync functions: the folder gateway of a skeleton.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readGateways } from '../../../../src/gateways/function/files.ts'
import { SyncFunction } from '../../../../src/gateways/function/sync-function.ts'
import { readSkeleton, SkeletonError } from '../../../../src/skeletons/folder.ts'

describe('the folder gateway', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'couch-shares-gateways-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
  }

  it('gives a function for each database', async () => {
    await write({
      'gateway/README.md': 'for people',
      'gateway/fleet/sync.js': 'function (doc) {\n  channel(doc._id)\n}\n',
      'gateway/a$_()+-1/sync.js': '// Why.\n;(function (doc) {})\n;',
      'share/_security.json': '{}',
    })
    const gateways = await readGateways(folder)
    assert.deepEqual(
      [...gateways],
      [
        ['a$_()+-1', '// Why.\n(function (doc) {})\n'],
        ['fleet', 'function (doc) {\n  channel(doc._id)\n}'],
      ],
    )
    for (const source of gateways.values()) (await SyncFunction.compile(source)).dispose()
    assert.deepEqual([...(await readSkeleton(folder)).keys()], ['share'])
  })

  it('leaves files alone that are called so and are no sync function', async () => {
    await write({
      'notes/_design/notes/filters/sync.js': 'function () {}',
      'notes/_design/sync.js': 'x',
      'next/fleet/sync.js.txt': 'x',
      'next/fleet/later/sync.js': 'x',
      'next/.fleet/sync.js': 'x',
      '.next/fleet/sync.js': 'x',
      'README.md': 'x',
    })
    await mkdir(join(folder, 'tests/sync.js'), { recursive: true })
    assert.deepEqual(await readGateways(folder), new Map())
  })

  it('need not be there', async () => assert.deepEqual(await readGateways(folder), new Map()))

  for (const [what, files, path, problem] of [
    ['a file', { gateway: 'x' }, 'gateway', /expected a folder/],
    [
      'a file in place of a database',
      { 'gateway/sync.js': 'function () {}' },
      'gateway/sync.js',
      /called after databases/,
    ],
    [
      'a name that no database has',
      { 'gateway/Fleet/sync.js': 'function () {}' },
      'gateway/Fleet',
      /called after databases/,
    ],
    ['no function', { 'gateway/fleet/.gitkeep': '' }, 'gateway/fleet', /expected the file sync\.js/],
    ['another file', { 'gateway/fleet/sync.ts': 'x' }, 'gateway/fleet/sync.ts', /only the file sync\.js/],
    ['a folder', { 'gateway/fleet/sync.js/x': 'x' }, 'gateway/fleet/sync.js', /only the file sync\.js/],
    [
      'an empty file',
      { 'gateway/fleet/sync.js': '\n// Later.\n' },
      'gateway/fleet/sync.js',
      /the file is empty/,
    ],
    [
      'a syntax error',
      { 'gateway/fleet/sync.js': 'function () {\n  foo(\n}' },
      'gateway/fleet/sync.js',
      /line 3/,
    ],
    [
      'a brace that nothing closes',
      { 'gateway/fleet/sync.js': 'function (doc) {\n  if (doc.a) {\n}\n' },
      'gateway/fleet/sync.js',
      /Unexpected end of input \(line 3\)$/,
    ],
    [
      'a parenthesis that nothing closes',
      { 'gateway/fleet/sync.js': '// Why.\nfunction (doc) {\n  channel("a" +\n' },
      'gateway/fleet/sync.js',
      /Unexpected end of input \(line 3\)$/,
    ],
    [
      'a text that nothing closes',
      { 'gateway/fleet/sync.js': 'function (doc) {\n  return `a\n}\n' },
      'gateway/fleet/sync.js',
      /\(line 3\)$/,
    ],
    [
      'a bracket that closes ours',
      { 'gateway/fleet/sync.js': 'function (doc) {}]' },
      'gateway/fleet/sync.js',
      /\(line 1\)$/,
    ],
    [
      'one in a folder that is misspelled',
      { 'gateway/fleet/sync.js': 'function () {}', 'gatway/notes/sync.js': 'function () {}' },
      'gatway/notes/sync.js',
      /expected no sync function but in gateway\/<database>\/: nobody runs this one$/,
    ],
    [
      'one in no folder of a database',
      { 'next/sync.js': 'neither read (', 'next/README.md': 'x' },
      'next/sync.js',
      /nobody runs this one$/,
    ],
    [
      'one in a folder that no database can be called',
      { 'gatway/Fleet/sync.js': 'function () {}' },
      'gatway/Fleet/sync.js',
      /nobody runs this one$/,
    ],
    [
      'two functions',
      { 'gateway/fleet/sync.js': 'function a() {}\nfunction b() {}' },
      'gateway/fleet/sync.js',
      /line 2/,
    ],
  ] as const)
    it(`is refused where there is ${what}`, async () => {
      await write(files)
      await assert.rejects(readGateways(folder), (error: Error) => {
        assert.ok(error instanceof SkeletonError, String(error))
        assert.equal(error.path, join(folder, path))
        assert.match(error.message, problem)
        return true
      })
    })
})
