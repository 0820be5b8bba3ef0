// A newcomer's first folder of SKELETON, and one that is an old copy of what is shipped: the program as an operator has it.
import assert from 'node:assert/strict'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import { SHIPPED_SKELETON } from '../../../src/skeletons/overlay.ts'
import { ops, settingsFor, untilReady, withBench, type Bench } from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const INTERNAL = 'share/_design/write_access/validate_doc_update.js'

/** A folder with these files, each path with its text. */
async function folderWith(bench: Bench, files: Record<string, string>): Promise<string> {
  const folder = await bench.folder()
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

onEachServer('the folder of SKELETON', ({ it }) => {
  const settings = (space: Space, SKELETON: string): Record<string, string> => ({
    ...settingsFor(space.server),
    USER_DATABASES: space.config.userDatabases.template,
    SKELETON,
  })

  it('holds a sync function and nothing else: shares work, and so does the gateway', (space) =>
    withBench(async (bench) => {
      const [port, share, gateway] = [await freePort(), space.shareId(), `g${space.prefix.slice(0, 7)}`]
      const folder = await folderWith(bench, {
        [`gateway/${gateway}/sync.js`]: "function (doc) { channel('!') }\n",
      })
      const joe = space.user('joe')
      await joe.create()
      const program = await bench.run({ ...settings(space, folder), OPS_PORT: String(port) })
      await untilReady(program, port)
      await joe.bulk([
        { _id: `$share/${share}`, type: '$share' },
        { _id: 'todo/1', name: 'milk', $shares: { [share]: true } },
      ])
      await becomesActive(space, 'joe', share)
      assert(await space.copy(share, 'todo/1'))
      assert(await space.share(share).get('_design/write_access'))
      assert(await space.couch.database(`${gateway}/$routes`).get('_design/routes'))
      assert.equal(await ops(port, 'readyz'), 200)
      program.child.kill('SIGTERM')
      assert.equal(await program.exit(), EXIT.ok)
      const said = program.lines.filter(({ level }) => level === 'warn' || level === 'error')
      assert.deepEqual(
        said.filter(({ path }) => path !== undefined),
        [],
      )
      for (const name of [`${gateway}/$routes`, gateway]) await space.couch.database(name).drop()
    }))

  it('is an old copy: what is shipped counts, and the log, `check` and `skeleton diff` say so', (space) =>
    withBench(async (bench) => {
      const folder = await bench.folder()
      await cp(SHIPPED_SKELETON, folder, { recursive: true })
      await writeFile(join(folder, INTERNAL), 'function old() {}\n')
      await space.start()
      const kept = await space.couch.database('skeleton/share').get('_design/write_access')
      await space.stop()

      const port = await freePort()
      const program = await bench.run({ ...settings(space, folder), OPS_PORT: String(port) })
      await untilReady(program, port)
      program.child.kill('SIGTERM')
      assert.equal(await program.exit(), EXIT.ok)
      assert.deepEqual(await space.couch.database('skeleton/share').get('_design/write_access'), kept)
      const warned = program.lines.filter(({ level, path }) => level === 'warn' && path !== undefined)
      assert.deepEqual(
        warned.map(({ path }) => path),
        [join(folder, INTERNAL)],
      )
      for (const [args, line] of [
        [['check'], `· ${join(folder, INTERNAL)} is not used: `],
        [['skeleton', 'diff'], `! ${join(folder, INTERNAL)} is not used: `],
      ] as const) {
        const command = await bench.run(settings(space, folder), ...args)
        assert.equal(await command.exit(), EXIT.ok, command.all)
        assert(command.out.includes(line), command.all)
      }
      const apply = await bench.run(settings(space, folder), 'skeleton', 'apply')
      assert.equal(await apply.exit(), EXIT.ok, apply.all)
      assert(apply.err.includes(join(folder, INTERNAL)), apply.all)
    }))

  it('has folders that nothing reads: `check` and `skeleton diff` name them, and the log one that is misspelled', (space) =>
    withBench(async (bench) => {
      const folder = await folderWith(bench, { 'gatway/README.md': 'x', 'mine/README.md': 'x' })
      const port = await freePort()
      const program = await bench.run({ ...settings(space, folder), OPS_PORT: String(port) })
      await untilReady(program, port)
      program.child.kill('SIGTERM')
      assert.equal(await program.exit(), EXIT.ok)
      assert.deepEqual(
        program.lines.flatMap(({ level, path, msg }) => (path === undefined ? [] : [[level, path, msg]])),
        [['warn', join(folder, 'gatway'), `${join(folder, 'gatway')} is not used: was gateway meant?`]],
      )
      for (const [args, sign] of [
        [['check'], '·'],
        [['skeleton', 'diff'], '!'],
      ] as const) {
        const command = await bench.run(settings(space, folder), ...args)
        assert.equal(await command.exit(), EXIT.ok, command.all)
        assert.deepEqual(
          command.out.split('\n').filter((line) => line.includes(folder)),
          [
            `${sign} ${join(folder, 'gatway')} is not used: was gateway meant?`,
            `${sign} ${join(folder, 'mine')} is not used: neither DATABASES nor MASTER_DATABASES names it`,
          ],
        )
      }
      const apply = await bench.run(settings(space, folder), 'skeleton', 'apply')
      assert.equal(await apply.exit(), EXIT.ok, apply.all)
      assert(apply.err.includes('was gateway meant?') && !apply.err.includes('mine'), apply.all)
    }))

  it('is refused in one line where it is empty, a file, or not there, or a sync function lies where nobody runs it', (space) =>
    withBench(async (bench) => {
      const folder = await folderWith(bench, { file: 'x' })
      const stray = await folderWith(bench, { 'gatway/notes/sync.js': 'function (doc) {}' })
      const empty = await bench.folder()
      // All commands read the settings by one function: each of them once.
      for (const [path, args, expected] of [
        [empty, [], /: expected something in it, .*the folder is empty/],
        [empty, ['gateway', 'status'], /: expected something in it, .*the folder is empty/],
        [stray, [], /gatway\/notes\/sync\.js: expected no sync function but in gateway\/<database>\//],
        [join(folder, 'file'), ['check'], /^Expected `SKELETON` to be a folder that exists, got /],
        [
          join(folder, 'nowhere'),
          ['skeleton', 'diff'],
          /^Expected `SKELETON` to be a folder that exists, got /,
        ],
      ] as const) {
        const program = await bench.run(settings(space, path), ...args)
        assert.equal(await program.exit(), EXIT.config, program.all)
        assert.match(program.err, expected)
        assert.equal(program.err.trim().split('\n').length, 1, program.err)
      }
    }))
})
