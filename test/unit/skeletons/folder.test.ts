// Folders in, documents out; and the shipped skeleton reads.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { designDocumentHash } from '../../../src/skeletons/design.ts'
import { FIXED_KINDS } from '../../../src/skeletons/kinds.ts'
import { readSkeleton, SkeletonError } from '../../../src/skeletons/folder.ts'

describe('skeleton', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'couch-shares-skeleton-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
  }
  const read = async (files: Record<string, string>) => {
    await write(files)
    return readSkeleton(folder)
  }
  /** The only design document of files that lie in it. */
  const readDesign = async (files: Record<string, string>) => {
    const inside = Object.entries(files).map(([path, text]) => [`share/_design/d/${path}`, text])
    const document = (await read(Object.fromEntries(inside) as Record<string, string>)).get('share')
      ?.designDocuments[0]
    assert.ok(document)
    return document
  }

  it('reads nothing from an empty folder', async () =>
    assert.deepEqual(await readSkeleton(folder), new Map()))

  it('reads kinds, security and design documents, in order', async () => {
    const skeleton = await read({
      'README.md': 'for people',
      'share/_security.json': '{"members":{"roles":["_admin"]}}',
      'share/_design/b/x.json': '1',
      'share/_design/a/x.json': '1',
      'user/_design/c/x.json': '1',
      'outbox/_security.json': '{}',
      'open-house/_security.json': '{}',
    })
    const seen = [...skeleton].map(([kind, { security, designDocuments }]) => [
      kind,
      security,
      designDocuments.map(({ _id }) => _id),
    ])
    assert.deepEqual(seen, [
      ['user', null, ['_design/c']],
      ['outbox', {}, []],
      ['share', { members: { roles: ['_admin'] } }, ['_design/a', '_design/b']],
      ['open-house', {}, []],
    ])
  })

  it('makes files attributes and folders objects', async () => {
    const { couch_shares, ...document } = await readDesign({
      'views/by_owner/map.js': '// Why.\nfunction map(doc) {\n  emit(doc._id)\n}\n',
      'views/by_owner/reduce.txt': '_count\n',
      'views/lib/names.js': 'var prefix = 1\nexports.of = function () { return prefix }\n',
      'options.json': '{"local_seq": true}\n',
      'options/../autoupdate.json': 'false',
    })
    assert.deepEqual(document, {
      _id: '_design/d',
      language: 'javascript',
      views: {
        by_owner: { map: '// Why.\n(function map(doc) {\n  emit(doc._id)\n})', reduce: '_count' },
        lib: { names: 'var prefix = 1\nexports.of = function () { return prefix }' },
      },
      options: { local_seq: true },
      autoupdate: false,
    })
    assert.equal(couch_shares.hash, designDocumentHash(document))
  })

  it('lets a file choose the language', async () => {
    assert.equal((await readDesign({ 'language.txt': 'query\n' })).language, 'query')
  })

  describe('functions', () => {
    const table: [string, string, string][] = [
      ['a declaration is put in parentheses', 'function validate(a) {}\n', '(function validate(a) {})'],
      ['a semicolon behind it goes', 'function validate(a) {};\n', '(function validate(a) {})'],
      [
        'comments before it stay',
        '/* a (\n */\n// b\nfunction f() {}',
        '/* a (\n */\n// b\n(function f() {})',
      ],
      ['comments behind it stay', 'function f() {} // end', '(function f() {} // end\n)'],
      ['an anonymous function stays', 'function (a) {}', 'function (a) {}'],
      ['parentheses stay', '(function (a) {})', '(function (a) {})'],
      ["prettier's semicolon goes", ';(function (a) {})\n', '(function (a) {})'],
    ]
    for (const [name, text, expected] of table)
      it(name, async () => {
        const { validate_doc_update } = await readDesign({ 'validate_doc_update.js': text })
        assert.equal(validate_doc_update, expected)
        // As CouchDB does: the text has to be an expression that gives a function.
        assert.equal(runInNewContext(`typeof (${expected}\n)`), 'function')
      })

    it('are expected wherever CouchDB expects them', async () => {
      for (const place of [
        'validate_doc_update',
        'views/v/map',
        'views/v/reduce',
        'filters/f',
        'updates/u',
        'selectors/from',
      ]) {
        const { path } = await failure({ [`share/_design/d/${place}.js`]: 'var a = 1' })
        assert.equal(path, join(folder, `share/_design/d/${place}.js`))
        await rm(join(folder, 'share'), { recursive: true })
      }
    })

    it('are no other files beside the selector of a master', async () => {
      const { selectors } = await readDesign({
        'selectors/from.js': 'function from() {}',
        'selectors/a.js': 'var a',
      })
      assert.deepEqual(selectors, { a: 'var a', from: '(function from() {})' })
    })

    it('are never run', async () => {
      const source = '(function () { throw new Error("run") })()'
      assert.equal((await readDesign({ 'filters/f.js': source })).filters !== undefined, true)
    })
  })

  it('skips hidden files and what editors leave', async () => {
    const skeleton = await read({
      '.DS_Store': '',
      'share/.gitkeep': '',
      'share/_design/.hidden/x': '',
      'share/_design/d/x.json': '1',
      'share/_design/d/x.json~': '2',
      'share/_design/d/.x.json.swp': '2',
      'share/_design/d/x.json.orig': '2',
      'share/_design/d/#x.json#': '2',
    })
    assert.deepEqual(
      skeleton.get('share')?.designDocuments.map(({ couch_shares: _, ...document }) => document),
      [{ _id: '_design/d', language: 'javascript', x: 1 }],
    )
  })

  describe('hash', () => {
    it('is the same whatever the order, the revision, or the hash that is there', () => {
      const one = designDocumentHash({ _id: 'd', a: { b: 1, c: [{ d: 1, e: 2 }] } })
      const other = designDocumentHash({
        a: { c: [{ e: 2, d: 1 }], b: 1 },
        _rev: '1-x',
        couch_shares: { hash: 'y' },
        _id: 'd',
      })
      assert.equal(one, other)
      assert.match(one, /^[0-9a-f]{64}$/)
    })

    it('changes with any content', () => {
      const contents = [
        { _id: 'd' },
        { _id: 'e' },
        { _id: 'd', a: [1, 2] },
        { _id: 'd', a: [2, 1] },
        { _id: 'd', a: '1' },
      ]
      assert.equal(new Set(contents.map(designDocumentHash)).size, contents.length)
    })
  })

  async function failure(files: Record<string, string>): Promise<SkeletonError> {
    const error: unknown = await read(files).then(
      () => assert.fail('Expected a SkeletonError'),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof SkeletonError, String(error))
    assert.ok(error.message.startsWith(`${error.path}: expected `), error.message)
    return error
  }

  const refused: [string, Record<string, string>, string][] = [
    ['bad JSON', { 'share/_design/d/x.json': '{' }, 'share/_design/d/x.json'],
    ['bad security', { 'share/_security.json': '{,}' }, 'share/_security.json'],
    ['security that is no object', { 'share/_security.json': '[]' }, 'share/_security.json'],
    ['a kind with another name', { 'Shares/_security.json': '{}' }, 'Shares'],
    ['security of user databases', { 'user/_security.json': '{}' }, 'user/_security.json'],
    ['a kind that is no folder', { 'personal/_design/d/x.json': '1' }, 'personal'],
    ['a kind that is a file', { share: '' }, 'share'],
    ['an unknown file of a kind', { 'share/security.json': '{}' }, 'share/security.json'],
    ['_design as a file', { 'share/_design': '' }, 'share/_design'],
    ['a design document as a file', { 'share/_design/d.json': '{}' }, 'share/_design/d.json'],
    ['an empty design document', { 'share/_design/d/.gitkeep': '' }, 'share/_design/d'],
    [
      'an empty folder within',
      { 'share/_design/d/x.json': '1', 'share/_design/d/views/.gitkeep': '' },
      'share/_design/d/views',
    ],
    ['an attribute of CouchDB', { 'share/_design/d/_id.txt': 'x' }, 'share/_design/d/_id.txt'],
    [
      'the attribute of the hash',
      { 'share/_design/d/couch_shares.json': '{}' },
      'share/_design/d/couch_shares.json',
    ],
    ['a dangerous name', { 'share/_design/d/a/__proto__.json': '{}' }, 'share/_design/d/a/__proto__.json'],
    [
      'an attribute twice',
      { 'share/_design/d/a.json': '1', 'share/_design/d/a.txt': '1' },
      'share/_design/d/a.txt',
    ],
    [
      'JavaScript that does not parse',
      { 'share/_design/d/filters/f.js': 'function f( {}' },
      'share/_design/d/filters/f.js',
    ],
    [
      'two functions',
      { 'share/_design/d/filters/f.js': 'function f() {}\nfunction g() {}' },
      'share/_design/d/filters/f.js',
    ],
    [
      'an ES module that does not parse',
      { 'share/_design/d/filters/f.ts': 'export default (' },
      'share/_design/d/filters/f.ts',
    ],
    [
      'an ES module that imports what CouchDB does not have',
      { 'share/_design/d/filters/f.ts': "import fs from 'node:fs'\nexport default () => fs" },
      'share/_design/d/filters/f.ts',
    ],
    [
      'a module that does not parse',
      { 'share/_design/d/lib/l.js': 'exports.a = (' },
      'share/_design/d/lib/l.js',
    ],
    [
      'a module that closes its wrapper',
      { 'share/_design/d/lib/l.js': '}); (function () {' },
      'share/_design/d/lib/l.js',
    ],
  ]
  for (const [name, files, path] of refused)
    it(`refuses ${name}`, async () => assert.equal((await failure(files)).path, join(folder, path)))

  it('refuses a folder that is not there', async () => {
    await assert.rejects(readSkeleton(join(folder, 'nowhere')), SkeletonError)
  })

  it('refuses a link to nowhere', async () => {
    await mkdir(join(folder, 'share/_design/d'), { recursive: true })
    await symlink('nowhere', join(folder, 'share/_design/d/x.json'))
    await assert.rejects(readSkeleton(folder), { path: join(folder, 'share/_design/d/x.json') })
  })

  it('bundles modules where CouchDB expects functions, and nowhere else', async () => {
    const { validate_doc_update, lib, filters, views } = (await readDesign({
      'validate_doc_update.ts':
        "import { rules } from 'couch-shares/rules'\nexport default rules(({ forbidden }) => forbidden('no'))\n",
      'filters/f.mjs': 'export default (doc) => doc.a === 1\n',
      'views/v/map.mts':
        'declare const emit: (key: unknown) => void\nexport default (doc: { a: 1 }) => emit(doc.a)\n',
      'lib/types.ts': 'export type A = 1\n',
    })) as { [attribute: string]: Record<string, unknown> } & { validate_doc_update?: unknown }
    assert.equal(runInNewContext(`(${String(filters?.['f'])})({ a: 1 })`), true)
    const map = (views?.['v'] as { map: string }).map
    assert.deepEqual(
      runInNewContext(
        `const keys = []; const emit = (key) => keys.push(key); (${map})({ a: 7 }); keys.join()`,
      ),
      '7',
    )
    const refusal = `try { (${String(validate_doc_update)})({ _id: 'a' }, null, {}, {}) } catch (e) { e.forbidden }`
    assert.equal(runInNewContext(refusal), 'no')
    assert.equal(lib?.['types'], 'export type A = 1')
  })

  it('says where to put what personal databases have', async () =>
    assert.match((await failure({ 'personal/_design/d/x.json': '1' })).message, /in the folders <kind>-user/))

  it('reads folders of masters, and of what users get because of them, where they are asked for', async () => {
    await write({
      'cdrs/_design/access/x.json': '1',
      'cdrs-user/_design/to/filters/to.js': 'function to() { return true }',
      'other-user/_design/to/filters/to.js': 'no function',
    })
    const skeleton = await readSkeleton(folder, ['cdrs', 'cdrs-user'])
    assert.deepEqual(
      [...skeleton].map(([kind, { designDocuments }]) => [kind, designDocuments.map(({ _id }) => _id)]),
      [
        ['cdrs', ['_design/access']],
        ['cdrs-user', ['_design/to']],
      ],
    )
  })

  it('reads no policy that is not asked for', async () => {
    const read = await readSkeleton('skeleton', ['read-only'])
    assert.deepEqual([...read.keys()], [...FIXED_KINDS, 'read-only'])
  })

  it('reads what is shipped', async () => {
    const shipped = (await readdir('skeleton')).sort()
    const read = [...(await readSkeleton('skeleton')).keys()]
    assert.deepEqual([...read].sort(), shipped)
    assert.deepEqual(read.slice(0, FIXED_KINDS.length), FIXED_KINDS)
  })
})
