// A copy of skeleton/ to change, with a policy that no other test has.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CHECKPOINTS } from '../../src/documents/names.ts'
import { SKELETON, type Space } from './space.ts'

export class SkeletonFolder {
  readonly path: string
  /** The kind of the policy; the folder is made by the first file that is written there. */
  readonly policy: string
  /** Databases whose names begin so are the test's. */
  readonly prefix: string

  private constructor(path: string, space: Space) {
    const mark = space.prefix.slice(0, 7)
    this.path = path
    this.policy = `policy-${mark}`
    this.prefix = `p-${mark}-`
  }

  /** Runs a test with a folder of its own, and drops the databases of its policy. */
  static async use(space: Space, test: (folder: SkeletonFolder) => Promise<void>): Promise<void> {
    const folder = new SkeletonFolder(await mkdtemp(join(tmpdir(), 'couch-shares-skeleton-')), space)
    try {
      await cp(SKELETON, folder.path, { recursive: true })
      space.skeleton = folder.path
      Object.assign(space.config, { databases: [{ pattern: `${folder.prefix}*`, kind: folder.policy }] })
      await test(folder)
      await space.stop()
      await folder.#clear(space)
    } finally {
      await rm(folder.path, { recursive: true, force: true })
    }
  }

  /** @param file in the folder; `policy/…` in that of the policy */
  async write(file: string, text: string): Promise<void> {
    const path = join(this.path, file.replace(/^policy\//, `${this.policy}/`))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }

  async remove(file: string): Promise<void> {
    await rm(join(this.path, file.replace(/^policy\//, `${this.policy}/`)), { recursive: true })
  }

  /** The policy as most tests have it: a validation function that says a word, and everybody a member. */
  async writePolicy(word: string): Promise<void> {
    await this.write(
      'policy/_design/guard/validate_doc_update.js',
      `function (newDoc, oldDoc, userCtx) { if (userCtx.roles.indexOf('_admin') < 0) throw { forbidden: '${word}' } }`,
    )
  }

  async #clear({ couch, config }: Space): Promise<void> {
    const own = await couch.allDbs({ startKey: this.prefix, endKey: `${this.prefix}\ufff0` })
    for (const name of [...own, `skeleton/${this.policy}`]) await couch.database(name).drop()
    const checkpoints = couch.database(CHECKPOINTS)
    const rows = await checkpoints.fetch([`rollout ${config.userDatabases.template}`, ...own])
    await checkpoints.bulk(
      rows.flatMap(({ doc }) => (doc ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }] : [])),
    )
  }
}
