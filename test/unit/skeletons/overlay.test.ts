// The folder of SKELETON over the shipped one: what counts of it, and what is said of the rest.
import assert from 'node:assert/strict'
import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FIXED_KINDS } from '../../../src/skeletons/kinds.ts'
import {
  differenceText,
  readOverlaid,
  SHIPPED_SKELETON,
  type Difference,
} from '../../../src/skeletons/overlay.ts'
import { SkeletonError } from '../../../src/skeletons/folder.ts'

const FUNCTION = 'function () { return true }'

describe('a folder over the shipped skeleton', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'couch-shares-overlay-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
  }
  const copyAll = () => cp(SHIPPED_SKELETON, folder, { recursive: true })
  const shipped = async (policies: string[] = []) => (await readOverlaid(null, policies)).skeleton
  /** Paths in the folder. */
  const told = (differences: readonly Difference[]) =>
    differences.map(({ path, files, isUsed }) => [path.slice(folder.length + 1), files, isUsed])

  it('need not be there: then all is as it is shipped', async () => {
    const { skeleton, differences } = await readOverlaid(null, ['authors', 'cdrs'])
    assert.deepEqual([...skeleton.keys()], [...FIXED_KINDS, 'authors', 'cdrs'])
    assert.deepEqual(differences, [])
  })

  it('takes nothing away from what the daemon works with', async () => {
    await write({ 'gateway/notes/sync.js': FUNCTION })
    assert.deepEqual(await readOverlaid(folder, ['authors']), {
      skeleton: await shipped(['authors']),
      differences: [],
    })
  })

  it('is as nothing where it is a copy of what is shipped', async () => {
    await copyAll()
    const policies = ['authors', 'provisioning', 'provisioning-user']
    assert.deepEqual(await readOverlaid(folder, policies), {
      skeleton: await shipped(policies),
      differences: [],
    })
  })

  it('has no say in what the daemon works with, and each file that says something else is named', async () => {
    await copyAll()
    const files = [
      'gateway-routes/_design/routes/views/readers/map.js',
      'outbox/_security.json',
      'registry/_design/shares/views/mine/map.js',
      'registry/_security.json',
      'replicator/_design/shares/updates/cancel.js',
      'share/_design/write_access/validate_doc_update.js',
      'share/_security.json',
      'users/_security.json',
    ]
    // It need not even be right.
    await write(Object.fromEntries(files.map((file) => [file, 'no function ('])))
    const { skeleton, differences } = await readOverlaid(folder, [])
    assert.deepEqual(skeleton, await shipped())
    assert.deepEqual(
      told(differences).sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
      files.map((file) => [file, [], false]),
    )
    for (const difference of differences)
      assert.equal(
        differenceText(difference),
        `${difference.path} is not used: it is the daemon's own, and the shipped one counts`,
      )
  })

  it('is not old where something was added to what the daemon works with', async () => {
    await copyAll()
    for (const file of [
      'registry/_design/shares/views/by_name/map.js',
      'share/_design/write_access',
      'gateway-routes',
    ])
      await rm(join(folder, file), { recursive: true })
    assert.deepEqual(await readOverlaid(folder, []), { skeleton: await shipped(), differences: [] })
  })

  it('adds design documents to kinds that have some, and to those that have none', async () => {
    const kinds = ['user', 'outbox', 'share', 'registry', 'users', 'replicator', 'gateway-routes']
    await write(Object.fromEntries(kinds.map((kind) => [`${kind}/_design/mine/filters/all.js`, FUNCTION])))
    const { skeleton, differences } = await readOverlaid(folder, [])
    assert.deepEqual(differences, [])
    for (const [kind, { security, designDocuments }] of await shipped()) {
      const ids = designDocuments.map(({ _id }) => _id)
      const there = skeleton.get(kind)
      assert.deepEqual(
        there?.designDocuments.map(({ _id }) => _id),
        [...ids, '_design/mine'].sort(),
        kind,
      )
      assert.deepEqual(there?.security, security)
    }
  })

  it('replaces what is for clients, and says that updates do not reach it', async () => {
    await write({ 'user/_design/share_filters/filters/mine.js': FUNCTION })
    const { skeleton, differences } = await readOverlaid(folder, [])
    assert.deepEqual(skeleton.get('user')?.designDocuments[0]?.['filters'], { mine: FUNCTION })
    assert.deepEqual(told(differences), [
      ['user/_design/share_filters', ['filters/mine.js', 'filters/shared.js'], true],
    ])
    assert.match(
      differenceText(differences[0]!),
      /share_filters takes the place of the shipped one, .* in filters\/mine\.js, filters\/shared\.js: updates/,
    )
  })

  it('has a policy whole, or the kind of a master, and says in which files it is another one', async () => {
    await copyAll()
    await rm(join(folder, 'authors/_security.json'))
    await appendFile(join(folder, 'authors/_design/authors/validate_doc_update.ts'), '\n// Changed.\n')
    await rm(join(folder, 'cdrs'), { recursive: true })
    await write({ 'cdrs/_design/own/filters/from.js': FUNCTION, 'own/_design/own/filters/all.js': FUNCTION })
    const { skeleton, differences } = await readOverlaid(folder, ['authors', 'cdrs', 'cdrs-user', 'own'])
    assert.deepEqual([...skeleton.keys()], [...FIXED_KINDS, 'authors', 'cdrs', 'cdrs-user', 'own'])
    assert.equal(skeleton.get('authors')?.security, null)
    assert.deepEqual(
      skeleton.get('cdrs')?.designDocuments.map(({ _id }) => _id),
      ['_design/own'],
    )
    const [authors, cdrs] = told(differences)
    assert.equal(differences.length, 2)
    assert.deepEqual(authors, ['authors', ['_design/authors/validate_doc_update.ts', '_security.json'], true])
    assert.equal(cdrs?.[0], 'cdrs')
    assert((cdrs?.[1] as string[]).includes('_design/own/filters/from.js'))
  })

  it('is not asked for policies that no database has', async () => {
    await copyAll()
    await write({ 'read-only/_security.json': '{' })
    assert.deepEqual(await readOverlaid(folder, ['authors']), {
      skeleton: await shipped(['authors']),
      differences: [],
    })
  })

  describe('is refused', () => {
    const failure = async (path: string): Promise<string> => {
      const error: unknown = await readOverlaid(path, []).then(
        () => assert.fail('Expected a SkeletonError'),
        (reason: unknown) => reason,
      )
      assert(error instanceof SkeletonError, String(error))
      return error.message
    }

    it('where it is empty', async () => {
      assert.match(await failure(folder), /the folder is empty; `couch-shares skeleton init/)
      await write({ '.gitkeep': '' })
      assert.match(await failure(folder), /the folder is empty/)
    })

    it('where it is not there', async () =>
      assert.match(await failure(join(folder, 'nowhere')), /expected a folder that can be read \(ENOENT\)/))

    it('where it is a file', async () => {
      await write({ file: '' })
      assert.match(await failure(join(folder, 'file')), /expected a folder that can be read \(ENOTDIR\)/)
    })

    it('where it says who may enter user databases', async () => {
      await write({ 'user/_security.json': '{}' })
      assert.match(await failure(folder), /up to whoever creates it/)
    })
  })
})
