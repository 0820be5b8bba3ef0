// `couch-shares gateway dry-run` on a server: the fleet's day, functions that take away or break, many pages; nothing is written.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../../src/commands/command.ts'
import { gateway } from '../../../src/commands/gateway.ts'
import type { Database } from '../../../src/couch/database.ts'
import { dryRun } from '../../../src/gateways/function/dry-run.ts'
import { SyncFunction } from '../../../src/gateways/function/sync-function.ts'
import { SkeletonError } from '../../../src/skeletons/folder.ts'
import { compiled } from '../../support/compiled.ts'
import { FLEET_FOLDER } from '../../support/fleet.ts'
import { readDay } from '../../support/fleet-day.ts'
import { haveInstalled } from '../../support/installed.ts'
import { SkeletonFolder } from '../../support/skeleton-folder.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import type { DryRun } from '../../../src/commands/gateway-dry-run-text.ts'

const FLEET = readFileSync(new URL('sync.js', FLEET_FOLDER), 'utf8')
const NOTES = "function (doc) { channel('notes:' + doc.owner); access(doc.owner, 'notes:' + doc.owner) }"

interface Ran {
  code: number
  out: string
  err: string
  steps: number
}

/** A database of a test, and a skeleton that may have a function for it. */
class Stage {
  readonly database: Database
  readonly #space: Space
  readonly #folder: SkeletonFolder

  private constructor(space: Space, folder: SkeletonFolder) {
    this.#space = space
    this.#folder = folder
    this.database = space.couch.database(`g${space.prefix.slice(0, 7)}`)
  }

  static async use(space: Space, test: (stage: Stage) => Promise<void>): Promise<void> {
    await haveInstalled(space)
    await SkeletonFolder.use(space, async (folder) => {
      const stage = new Stage(space, folder)
      await stage.database.create()
      await test(stage)
      await stage.database.drop()
    })
  }

  /** Each document as the day leaves it, deletions too. */
  async playDay(): Promise<void> {
    for (const { put, expect } of readDay())
      if (expect === 'accepted') await this.#space.write(this.database, put)
  }

  async inForce(text: string): Promise<void> {
    await this.#folder.write(`gateway/${this.database.name}/sync.js`, text)
  }

  /** @returns the path of a function that is to be tried */
  async file(text: string): Promise<string> {
    // Hidden, and so no part of the skeleton.
    await this.#folder.write('.new.js', text)
    return join(this.#folder.path, '.new.js')
  }

  get env(): Record<string, string> {
    const { server } = this.#space
    return {
      HOODIE_SERVER: server.url,
      HOODIE_ADMIN_USER: server.user,
      HOODIE_ADMIN_PASS: server.pass,
      SKELETON: this.#folder.path,
    }
  }

  async run(
    args: string[],
    signal = new AbortController().signal,
    onStep = (): void => undefined,
  ): Promise<Ran> {
    const said = { out: '', err: '', steps: 0 }
    const before = await this.database.info()
    const code = await gateway(args, this.env, signal, {
      print: (text) => void (said.out += text),
      complain: (text) => void (said.err += text),
      progress: {
        begin: () => undefined,
        step: () => {
          said.steps += 1
          onStep()
        },
        end: (text) => void (said.err += `${text}\n`),
      },
    })
    // Also the sequence: whoever writes moves it.
    assert.deepEqual(await this.database.info(), before)
    return { code, ...said }
  }

  /** Tries a function. @returns what `--json` prints */
  async try(text: string): Promise<Ran & { json: DryRun }> {
    const ran = await this.run(['dry-run', this.database.name, await this.file(text), '--json'])
    return { ...ran, json: JSON.parse(ran.out) as DryRun }
  }
}

onEachServer('couch-shares gateway dry-run', ({ it, kind }) => {
  it('says that the function in force changes nothing', (space) =>
    Stage.use(space, async (stage) => {
      await stage.playDay()
      await stage.inForce(FLEET)
      const { code, json } = await stage.try(FLEET)
      assert.equal(code, 0)
      const { documents, failed, moved, users, roles, totals } = json
      assert.deepEqual([documents, failed.count, moved.count, users, roles], [11, 0, 0, [], []])
      assert.deepEqual([totals.users, totals.grants > 30], [3, true])
    }))

  it('says that all is gained where no function is in force', (space) =>
    Stage.use(space, async (stage) => {
      await stage.playDay()
      const { code, json } = await stage.try(FLEET)
      assert.equal(code, 0)
      assert.equal(json.against, null)
      assert.deepEqual(
        json.users.map(({ name, channels, documents }) => [name, channels.lost, documents]),
        // The same numbers as in the last step of the day.
        Object.entries(readDay().at(-1)?.sees ?? {})
          .filter(([, ids]) => ids.length > 0)
          .map(([name, ids]) => [name, [], { gained: ids.length, lost: 0 }]),
      )
    }))

  it('does not take for nothing what a daemon with other settings has in force', (space) =>
    Stage.use(space, async (stage) => {
      const routes = space.couch.database(`${stage.database.name}/$routes`)
      await stage.database.put({ _id: 'n', owner: 'ann' })
      const file = await stage.file(NOTES)
      const alone = await stage.run(['dry-run', stage.database.name, file])
      assert.deepEqual([alone.code, alone.err], [0, 'documents: 1 evaluated\n'])
      assert.match(alone.out, /against nothing, as there is no .*\/gateway\/g.*\/sync\.js\n/)
      await routes.create()
      await routes.put({
        ...{ _id: 'evaluation', type: 'evaluation', hash: 'of another', instance: '0', state: 'done' },
        ...{ documents: 1, failed: 0, startedAt: '2026-01-01T00:00:00.000Z' },
      })
      const { code, err } = await stage.run(['dry-run', stage.database.name, file])
      assert.equal(code, 1)
      assert.match(err, /a function that these settings do not name/)
      await routes.drop()
    }))

  it('says who loses a channel that is taken away, in lines and as JSON', (space) =>
    Stage.use(space, async (stage) => {
      await stage.playDay()
      await stage.inForce(FLEET)
      const less = FLEET.replace(", 'mission_status_type:' + companyOf(doc)])", '])')
      assert.notEqual(less, FLEET)
      const { code, json } = await stage.try(less)
      assert.equal(code, 1)
      assert.deepEqual(
        json.users.map(({ name, channels, documents }) => [name, channels, documents]),
        [
          ['ann', { gained: [], lost: ['mission_status_type:company_acme'] }, { gained: 0, lost: 1 }],
          ['bob', { gained: [], lost: ['mission_status_type:company_acme'] }, { gained: 0, lost: 1 }],
          ['eve', { gained: [], lost: ['mission_status_type:company_other'] }, { gained: 0, lost: 0 }],
        ],
      )
      const { out, err } = await stage.run(['dry-run', stage.database.name, await stage.file(less)])
      assert.match(
        out,
        /\n {2}bob\n {6}- channels mission_status_type:company_acme\n {6}- reads 1 document no more\n/,
      )
      assert.match(out, /documents 11, failed 0,/)
      assert.match(err, /documents: 11 evaluated/)
    }))

  it('says which documents a function breaks on, or refuses an admin, and why, without what is in them', (space) =>
    Stage.use(space, async (stage) => {
      await stage.database.bulk([
        { _id: 'n1', owner: 'ann', tags: ['a'], secret: 'geheim' },
        { _id: 'n2', owner: 'ann', secret: 'geheim' },
        { _id: 'n3', owner: 'bob', tags: [], bad: true },
        { _id: 'n4', owner: 'bob', thrown: true, tags: [], secret: 'geheim' },
        { _id: '_design/views', language: 'javascript' },
        { _id: '$share/x' },
      ])
      await stage.inForce(NOTES)
      const ran = await stage.try(`function (doc) {
        requireAdmin()
        requireRole('nobody')
        if (doc.bad) throw { forbidden: 'no bad ones' }
        if (doc.thrown) throw doc
        doc.tags.forEach(function () {})
        channel('notes:' + doc.owner)
        access(doc.owner, 'notes:' + doc.owner)
      }`)
      assert.equal(ran.code, 1)
      assert.doesNotMatch(ran.out, /geheim/)
      const { documents, failed, users } = ran.json
      assert.deepEqual([documents, failed.count], [4, 3])
      assert.deepEqual(
        failed.groups.map(({ kind: what, reason, examples }) => [
          what,
          /no bad|object|TypeError/.exec(reason)?.[0],
          examples,
        ]),
        [
          ['failed', 'TypeError', ['n2']],
          ['failed', 'object', ['n4']],
          ['forbidden', 'no bad', ['n3']],
        ],
      )
      assert.deepEqual(
        users.map(({ name, channels, documents: read }) => [name, channels.lost, read.lost]),
        [
          ['ann', [], 1],
          ['bob', ['notes:bob'], 2],
        ],
      )
    }))

  it('leaves out what was deleted', (space) =>
    Stage.use(space, async (stage) => {
      await space.write(stage.database, { _id: 'n1', owner: 'ann' })
      await space.write(stage.database, { _id: 'n1', owner: 'ann', _deleted: true })
      const { json } = await stage.try(NOTES)
      assert.deepEqual([json.documents, json.users], [0, []])
    }))

  it('sees each of 2,000 documents once, on whatever pages', (space) =>
    Stage.use(space, async (stage) => {
      const docs = Array.from({ length: 2_000 }, (_, at) => ({ _id: `n-${at}`, owner: `u${at % 10}` }))
      for (let at = 0; at < docs.length; at += 500) await stage.database.bulk(docs.slice(at, at + 500))
      const { json, steps } = await stage.try(NOTES)
      assert.deepEqual([json.documents, steps], [2_000, 2_000])
      assert.deepEqual(
        json.users.map(({ documents }) => documents.gained),
        Array.from({ length: 10 }, () => 200),
      )
      const after = await SyncFunction.compile(NOTES)
      for (const pageDocuments of [1_999, 2_000, 333]) {
        const found = await dryRun({
          ...{ database: stage.database, before: null, after, now: 0, pageDocuments },
          signal: new AbortController().signal,
          onDocument: () => undefined,
        })
        assert.deepEqual([found?.documents, found?.moved.count], [2_000, 2_000])
      }
    }))

  it('reads documents that are too large for one page', (space) =>
    Stage.use(space, async (stage) => {
      for (let at = 0; at < 4; at += 1)
        await stage.database.put({ _id: `n${at}`, owner: 'ann', text: 'x'.repeat(6 * 1024 * 1024) })
      const { json } = await stage.try(NOTES)
      assert.deepEqual([json.documents, json.failed.count], [4, 0])
    }))

  it('ends at a signal and says so', (space) =>
    Stage.use(space, async (stage) => {
      await stage.database.bulk(Array.from({ length: 100 }, (_, at) => ({ _id: `n${at}` })))
      const args = ['dry-run', stage.database.name, await stage.file(NOTES)]
      const controller = new AbortController()
      const { code, out, err, steps } = await stage.run(args, controller.signal, () => controller.abort())
      assert.deepEqual([code, out], [130, ''])
      assert(steps < 100)
      assert.match(err, new RegExp(`stopped after ${steps} of 100 documents; nothing was written`))
      const before = await stage.run(args, AbortSignal.abort())
      assert.deepEqual([before.code, before.out, before.steps], [130, '', 0])
    }))

  it('says what is wrong with its arguments', (space) =>
    Stage.use(space, async (stage) => {
      const { name } = stage.database
      const file = await stage.file(NOTES)
      for (const args of [
        [],
        ['dry-run'],
        ['dry-run', name],
        ['dry-run', name, file, 'more'],
        ['dry-run', name, file, '--yaml'],
        ['apply', name, file],
        ['dry-run', 'a/b', file],
        ['dry-run', '_users', file],
      ])
        await assert.rejects(stage.run(args), UsageError)
      await assert.rejects(
        stage.run(['dry-run', name, `${file}.gone`]),
        (error) => error instanceof SkeletonError && /\.gone: expected a file .*ENOENT/.test(error.message),
      )
      for (const [text, problem] of [
        ['42', /expected a sync function: .*Expected a function, got number/],
        ['async function (doc) {}', /expected a sync function: .*neither async/],
        ['function (doc) {', /expected one JavaScript function/],
        ['', /the file is empty/],
      ] as const) {
        const wrong = await stage.file(text)
        await assert.rejects(
          stage.run(['dry-run', name, wrong]),
          (error) => error instanceof SkeletonError && problem.test(error.message) && error.path === wrong,
        )
      }
      const gone = await stage.run(['dry-run', `${name}-gone`, await stage.file(NOTES)])
      assert.deepEqual([gone.code, gone.out], [78, ''])
      assert.match(gone.err, /There is no database "g.*-gone" at http/)
      await stage.inForce('42')
      await assert.rejects(stage.run(['dry-run', name, file]), /gateway.*sync\.js: expected a sync function/)
    }))

  // The same program on both; one is enough.
  if (kind !== 'embedded') return

  it('is a command of the program, and SIGINT ends it', (space) =>
    Stage.use(space, async (stage) => {
      await stage.database.bulk(Array.from({ length: 2_000 }, (_, at) => ({ _id: `n${at}` })))
      const slow = await stage.file('function (doc) { for (var at = 0; at < 3000000; at += 1); }')
      const { PATH = '', HOME = '' } = process.env
      const child = spawn(
        process.execPath,
        [compiled('main'), 'gateway', 'dry-run', stage.database.name, slow],
        {
          cwd: join(slow, '..'),
          env: { PATH, HOME, ...stage.env },
        },
      )
      const said = { out: '', err: '' }
      child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => {
        said.err += chunk.toString()
        // A second one would end it at once, without a word.
        if (!child.killed && /documents: \d+ of 2000/.test(said.err)) child.kill('SIGINT')
      })
      const [code] = (await once(child, 'close')) as [number | null]
      assert.deepEqual([code, said.out], [130, ''])
      assert.match(said.err, /stopped after \d+ of 2000 documents/)
    }))
})
