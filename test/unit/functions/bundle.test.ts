// Bundles: what goes into CouchDB, letter by letter, and what is refused.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { parseScript } from 'esprima'
import { BundleError, bundleRules, sizeOf } from '../../../src/functions/bundle.ts'
import { Engine } from '../../../src/functions/validation.ts'
import { compileGuard } from '../../../src/gateways/function/guard.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const POLICIES = ['authors', 'owner-only', 'append-only', 'read-only']
const policy = (name: string): string =>
  here(`../../../skeleton/${name}/_design/${name}/validate_doc_update.ts`)

describe('bundle', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'couch-shares-bundle-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
  }
  const bundle = async (files: Record<string, string>): Promise<string> => {
    await write(files)
    return bundleRules(join(folder, Object.keys(files)[0] ?? ''))
  }

  it('is, of a small file with a helper, what it was', async () => {
    const text = await bundleRules(here('golden/note.ts'))
    assert.equal(`${text}\n`, await readFile(here('golden/note.txt'), 'utf8'))
  })

  it('is made while sync functions are compiled, by the same esbuild', async () => {
    const guards = Array.from({ length: 3 }, (_, at) => compileGuard(`function (doc) { channel('c${at}') }`))
    const made = await Promise.all([...POLICIES.map((name) => bundleRules(policy(name))), ...guards])
    assert.equal(made.filter((text) => text !== '').length, POLICIES.length + guards.length)
  })

  it('is the same wherever the folder lies, and however often', async () => {
    const files = {
      'a/rules.ts':
        "import { rules } from 'couch-shares/rules'\nimport { no } from './no.ts'\nexport default rules(no)\n",
      'a/no.ts':
        "import type { Context } from 'couch-shares/rules'\nexport const no = ({ forbidden }: Context) => forbidden('ü')\n",
    }
    await write(files)
    await write(Object.fromEntries(Object.entries(files).map(([path, text]) => [`b/c/${path}`, text])))
    // A tsconfig.json beside it would change what esbuild makes of it.
    await write({ 'b/c/a/tsconfig.json': '{"compilerOptions":{"target":"es5","alwaysStrict":true}}' })
    const [one, two, three] = await Promise.all([
      bundleRules(join(folder, 'a/rules.ts')),
      bundleRules(join(folder, 'b/c/a/rules.ts')),
      bundleRules(join(folder, 'a/rules.ts')),
    ])
    assert.equal(one, two)
    assert.equal(one, three)
    assert.ok(/^[\x20-\x7e\n]*$/.test(one), 'only ASCII')
    assert.deepEqual(new Engine(one).call([{ _id: 'a' }, null, {}, {}]), {
      verdict: 'forbidden',
      message: 'ü',
    })
  })

  for (const name of POLICIES)
    it(`makes of ${name} one expression that CouchDB's parser for SpiderMonkey reads`, async () => {
      const text = await bundleRules(policy(name))
      const { body } = parseScript(text)
      assert.deepEqual(
        body.map(({ type }) => type),
        ['ExpressionStatement'],
      )
      assert.equal(runInNewContext(`typeof (${text}\n)`), 'function')
      // Small enough for every database to have one; the DSL itself is most of it.
      assert.ok(sizeOf(text) < 8_000, `${sizeOf(text)} bytes`)
    })

  it('lowers what is newer than that parser', async () => {
    const source =
      'export default (doc: { a?: { b?: number } }) => { try { return { ...doc, c: doc.a?.b ?? 1 } } catch { return 2 } }'
    const text = await bundle({ 'f.ts': source })
    assert.equal(parseScript(text).body.length, 1)
    assert.deepEqual(JSON.parse(runInNewContext(`JSON.stringify(${text}({ a: { b: 5 } }))`) as string), {
      a: { b: 5 },
      c: 5,
    })
  })

  it('runs in strict mode, as the module does', async () => {
    const text = await bundle({ 'f.mjs': 'export default function () { return this === undefined }\n' })
    assert.equal(runInNewContext(`${text}()`), true)
  })

  it('takes what CouchDB has: emit, log, JSON', async () => {
    const text = await bundle({
      'map.mjs': 'export default (doc) => { log(doc); emit(JSON.stringify(doc)) }\n',
    })
    assert.match(text, /emit\(/)
  })

  it('does not mind names of Node that are the module’s own', async () => {
    const text = await bundle({
      'f.ts': 'const process = { env: 1 }\nexport default (fetch: number) => process.env + fetch',
    })
    assert.equal(runInNewContext(`${text}(2)`), 3)
  })

  it('does not mind `fields` that are the module’s own, beside ours', async () => {
    const text = await bundle({
      'f.ts': `import { fields, rules } from 'couch-shares/rules'
const other = (fields: { txt: string }) => fields.txt // fields.txt
export default rules(({ validateFields, forbidden }) => {
  validateFields({ title: fields.any(fields.text, fields.optional(fields.digits)) })
  forbidden(other({ txt: 'fields.txt' }))
})`,
    })
    const said = new Engine(text).call([{ _id: 'a', title: 'b' }, null, {}, {}])
    assert.deepEqual(said, { verdict: 'forbidden', message: 'fields.txt' })
  })

  it('counts bytes', () => assert.equal(sizeOf('aü€'), 6))

  const refused: [name: string, files: Record<string, string>, problem: RegExp][] = [
    ['what does not parse', { 'r.ts': '\nexport default (' }, /r\.ts:2:17: Unexpected end of file/],
    ['no default export', { 'r.ts': 'export const a = 1' }, /it has no default export/],
    [
      'a validator that there is not',
      {
        'r.ts':
          "import { fields, rules } from 'couch-shares/rules'\nexport default rules(({ validateFields }) => {\n  validateFields({ title: fields.txt })\n})",
      },
      /r\.ts:3:\d+: there is no validator `fields\.txt`/,
    ],
    ['an empty file', { 'r.ts': '' }, /it has no default export/],
    ['a CommonJS module', { 'r.ts': 'module.exports = function () {}' }, /it has no default export/],
    [
      'a default that is no function',
      { 'r.ts': 'export default { a: 1 }' },
      /Expected a function, got object/,
    ],
    ['what throws when evaluated', { 'r.ts': "throw new Error('boom')\nexport default () => 1" }, /boom/],
    ['what never ends when evaluated', { 'r.ts': 'for (;;);\nexport default () => 1' }, /timed out/],
    [
      'a module of Node.js',
      { 'r.ts': "\nimport fs from 'node:fs'\nexport default () => fs" },
      /r\.ts:2:16: `node:fs` is a module of Node\.js, which CouchDB does not have/,
    ],
    [
      'a module of Node.js without its prefix, in a helper',
      { 'r.ts': "import { a } from './lib/a.ts'\nexport default a", 'lib/a.ts': "export * as a from 'path'" },
      /lib\/a\.ts:1:20: `path` is a module of Node\.js/,
    ],
    [
      'a package that is not there',
      { 'r.ts': "import 'left-pad-x'\nexport default () => 1" },
      /r\.ts:1:8: Could not resolve "left-pad-x"/,
    ],
    [
      'a file that is not there',
      { 'r.ts': "import a from './a.ts'\nexport default a" },
      /r\.ts:1:15: Could not resolve/,
    ],
    [
      'a name that the DSL does not have',
      { 'r.ts': "import { rulez } from 'couch-shares/rules'\nexport default rulez" },
      /r\.ts:1:10: No matching export/,
    ],
    [
      'require of what is not there',
      { 'r.ts': "export default () => require('fs')" },
      /`fs` is a module of Node\.js/,
    ],
    ['require of anything', { 'r.ts': 'export default (a: string) => require(a)' }, /r\.ts:1:31: /],
    ['import of anything', { 'r.ts': 'export default (a: string) => import(a)' }, /r\.ts:1:31: /],
    [
      'import.meta',
      { 'r.ts': 'export default () => import.meta.url' },
      /r\.ts:1:22: "import\.meta" is not available/,
    ],
    ['await at the top', { 'r.ts': 'await 1\nexport default () => 1' }, /r\.ts:1:1: Top-level await/],
    ['eval', { 'r.ts': "export default () => eval('1')" }, /r\.ts:1:22: /],
    [
      'a global of Node.js',
      { 'r.ts': '// process\nexport default () =>\n  process.env' },
      /r\.ts:3:3: `process` is a global that CouchDB does not have/,
    ],
    ['Intl', { 'r.ts': 'export default () => new Intl.NumberFormat()' }, /r\.ts:1:26: `Intl` is a global/],
  ]
  for (const [name, files, problem] of refused)
    it(`refuses ${name}`, async () => {
      await assert.rejects(bundle(files), (error) => {
        assert.ok(error instanceof BundleError, String(error))
        assert.equal(error.path, join(folder, 'r.ts'))
        assert.match(error.problem, problem)
        return true
      })
    })

  it('refuses a file that is not there', async () => {
    await assert.rejects(bundleRules(join(folder, 'r.ts')), /r\.ts: .*ENOENT/)
  })
})
