// What an old Node.js is told, and that nothing else of the program is read before.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EXIT } from '../../src/commands/exit-codes.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

interface NodeVersion {
  isAtLeast: (version: string, least: string) => boolean
  refusal: (version: string) => string | null
}

describe('the version of Node.js', () => {
  let code: NodeVersion
  before(async () => {
    // Plain JavaScript, which has no types.
    code = (await import(String(new URL('../../bin/node-version.js', import.meta.url)))) as NodeVersion
  })

  const table: [string, string, boolean][] = [
    ['20.19.0', '20.19', true],
    ['20.20.2', '20.19', true],
    ['20.11.1', '20.19', false],
    ['20.9.0', '20.19', false],
    ['18.20.4', '20.19', false],
    ['22.0.0', '20.19', true],
    ['100.0.0', '20.19', true],
    ['9.99.99', '20.19', false],
    ['20.19.0', '20.19.1', false],
    ['23.0.0-nightly2024', '20.19', true],
    ['20', '20.19', false],
  ]
  for (const [version, least, isNew] of table)
    it(`${version} ${isNew ? 'is' : 'is not'} ${least} or later`, () =>
      assert.equal(code.isAtLeast(version, least), isNew))

  it('is refused by what package.json says', () => {
    assert.equal(code.refusal(process.versions.node), null)
    assert.match(
      code.refusal('20.11.0') ?? '',
      /^couch-shares needs Node.js 20.19 or later, and this is 20.11.0: /,
    )
  })

  describe('as a program', () => {
    let folder = ''
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'couch-shares-node-'))
      cpSync(join(PROJECT, 'bin'), join(folder, 'bin'), { recursive: true })
      cpSync(join(PROJECT, 'package.json'), join(folder, 'package.json'))
      mkdirSync(join(folder, 'dist'))
      writeFileSync(join(folder, 'dist', 'main.js'), 'console.log(`runs ${process.argv.slice(2)}`)')
      symlinkSync(join(folder, 'bin', 'couch-shares.js'), join(folder, 'couch-shares'))
      const fake =
        "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })"
      writeFileSync(join(folder, 'old.cjs'), fake)
    })
    after(() => rmSync(folder, { recursive: true }))

    const run = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
      return { status, stdout, stderr }
    }
    const refused = {
      status: EXIT.nodeTooOld,
      stdout: '',
      stderr:
        'couch-shares needs Node.js 20.19 or later, and this is 18.20.4: see https://nodejs.org/en/download\n',
    }

    it('runs what was built, with its arguments', () => {
      const ran = { status: 0, stdout: 'runs check,--help\n', stderr: '' }
      assert.deepEqual(run('couch-shares', 'check', '--help'), ran)
      assert.deepEqual(run('bin/check-node.js'), { status: 0, stdout: '', stderr: '' })
    })

    it('says in a checkout that is not built what to type there', () => {
      const [built, away] = ['dist', 'away'].map((name) => join(folder, name)) as [string, string]
      renameSync(built, away)
      const { status, stdout, stderr } = run('couch-shares', 'check')
      renameSync(away, built)
      assert.deepEqual({ status, stdout }, { status: EXIT.notBuilt, stdout: '' })
      assert.match(stderr, /^couch-shares is not built here: [^\n]*`npm start -- <command>`[^\n]*\n$/)
    })

    it('reads nothing of it with an old one', () => {
      writeFileSync(join(folder, 'dist', 'main.js'), 'import { missing } from "node:module"')
      for (const entry of ['couch-shares', 'bin/check-node.js'])
        assert.deepEqual(run('--require', './old.cjs', entry), refused)
    })

    it('is looked at by what is installed, and before `npm start` loads anything', () => {
      const { bin, files, scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        bin: Record<string, string>
        files: string[]
        scripts: Record<string, string>
      }
      assert.deepEqual(bin, { 'couch-shares': 'bin/couch-shares.js' })
      assert.ok(files.includes('bin'))
      for (const name of ['start', 'demo']) assert.equal(scripts[`pre${name}`], 'node bin/check-node.js')
    })
  })
})
