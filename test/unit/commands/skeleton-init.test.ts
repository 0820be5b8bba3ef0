// The start of a folder for SKELETON: it is one that counts, does nothing yet, and takes nobody's place.
import assert from 'node:assert/strict'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAdminsPass } from '../../../src/commands/refused-security.ts'
import { skeleton } from '../../../src/commands/skeleton.ts'
import { UsageError } from '../../../src/commands/command.ts'
import { skeletonInit } from '../../../src/commands/skeleton-init.ts'
import { readGateways } from '../../../src/gateways/function/files.ts'
import { readOverlaid } from '../../../src/skeletons/overlay.ts'

describe('couch-shares skeleton init', () => {
  let above: string
  let folder: string
  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'couch-shares-init-'))
    folder = join(above, 'deep', 'skeleton')
  })
  afterEach(() => rm(above, { recursive: true }))

  const init = async (path = folder) => {
    const said = { out: '', err: '' }
    const code = await skeletonInit(
      path,
      (text) => (said.out += text),
      (text) => (said.err += text),
    )
    return { code, ...said }
  }
  const files = async () => (await readdir(folder, { recursive: true })).sort()

  it('writes a folder that may be named at once, and does nothing', async () => {
    const { code, out, err } = await init()
    assert.deepEqual([code, err], [0, ''])
    assert.match(out, /Set SKELETON to the folder/)
    for (const line of out.split('\n\n')[0]!.split('\n')) assert((await lstat(line)).isFile(), line)
    assert.deepEqual(await readOverlaid(folder, ['authors']), await readOverlaid(null, ['authors']))
    assert.deepEqual(await readGateways(folder), new Map())
  })

  it('writes a policy that may be put on databases as it is', async () => {
    await init()
    const read = await readOverlaid(folder, ['example'])
    checkAdminsPass(folder, read.skeleton, ['example'])
    assert.equal(read.skeleton.get('example')?.designDocuments.length, 1)
  })

  it('overwrites nothing, and then writes nothing either', async () => {
    await mkdir(join(folder, 'gateway'), { recursive: true })
    await writeFile(join(folder, 'gateway/README.md'), 'mine')
    const before = await files()
    const { code, out, err } = await init()
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, /^Expected no file .*gateway\/README\.md: nothing is overwritten/)
    assert.deepEqual(await files(), before)
    assert.equal(await readFile(join(folder, 'gateway/README.md'), 'utf8'), 'mine')
  })

  it('writes through no link that leads nowhere yet', async () => {
    await mkdir(folder, { recursive: true })
    await symlink(join(above, 'elsewhere'), join(folder, 'README.md'))
    assert.equal((await init()).code, 1)
    await assert.rejects(lstat(join(above, 'elsewhere')))
  })

  it('leaves other files alone', async () => {
    await mkdir(join(folder, 'gateway/notes'), { recursive: true })
    await writeFile(join(folder, 'gateway/notes/sync.js'), 'function () {}')
    assert.equal((await init()).code, 0)
    assert.deepEqual([...(await readGateways(folder)).keys()], ['notes'])
  })

  it('says where a folder cannot be made', async () => {
    await writeFile(join(above, 'deep'), 'a file')
    const { code, err } = await init()
    assert.equal(code, 1)
    assert.match(err, /^Expected a folder that can be written: [^\n]*\n$/)
  })

  it('wants one folder', async () => {
    for (const args of [[], ['--force'], ['one', 'two'], ['']])
      await assert.rejects(skeleton(['init', ...args], {}), UsageError)
  })
})
