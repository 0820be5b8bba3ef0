// Ten hostile users with all that users may have: a user database, a share that everybody may write into, a personal database
// that is fed by a master, and a gateway's.
import { fork } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeJson } from '../../src/documents/json.ts'
import { gatewayUserDatabase, PROVISIONING } from '../../src/documents/names.ts'
import { userDocumentId } from '../../src/users/user-document.ts'
import type { Hostile } from './attacker.ts'
import type { Plan, Report } from './attacker-process.ts'
import { ATTACKS, NESTED } from './attacks.ts'
import { beginningWith, type Ground } from './ground.ts'
import { roleOf } from './domains.ts'
import { Provisioned } from './provisioning-ground.ts'
import { shareDocumentId } from '../../src/shares/model/ids.ts'

const SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))
const ATTACKER_PROCESS = fileURLToPath(new URL('attacker-process.ts', import.meta.url))

/** Whoever owns a document says who reads it. */
const SYNC_FUNCTION = `function (doc, oldDoc) {
  requireUser(oldDoc ? oldDoc.owner : doc.owner)
  if (doc._deleted) return
  channel(doc._id)
  access([doc.owner].concat(doc.readers), doc._id)
}
`

/** Of the master; all hostile users have its role. */
const DOMAIN = 0

export class HostileGround {
  readonly #ground: Ground
  readonly #provisioned: Provisioned
  readonly #folder: string
  /** The database of the gateway. */
  readonly #gateway: string

  private constructor(ground: Ground, folder: string) {
    this.#ground = ground
    this.#provisioned = new Provisioned(ground)
    this.#folder = folder
    this.#gateway = `${ground.prefix.slice(0, -1)}-gateway`
  }

  /** What the daemon needs to start with; it goes when the ground is cleared. */
  static async open(ground: Ground): Promise<HostileGround> {
    const folder = await mkdtemp(join(tmpdir(), 'couch-shares-bench-'))
    const hostile = new HostileGround(ground, folder)
    ground.atEnd(() => rm(folder, { recursive: true, force: true }))
    // Each user of the server would be one of the gateway's and the master's.
    await hostile.#provisioned.assertAlone()
    await cp(SKELETON, folder, { recursive: true })
    const gateway = join(folder, 'gateway', hostile.#gateway)
    await mkdir(gateway, { recursive: true })
    await writeFile(join(gateway, 'sync.js'), SYNC_FUNCTION)
    await hostile.#provisioned.fillMaster()
    return hostile
  }

  get env(): Record<string, string> {
    return { SKELETON: this.#folder, ...this.#provisioned.env }
  }

  /** Signs up a hostile user for each of the attacks, and waits until each has everything; the daemon has to run. */
  async signUp(): Promise<Hostile[]> {
    const { couch, prefix, users } = this.#ground
    this.#ground.atEnd(() => this.#clear())
    const accounts = ATTACKS.map((_, at) => {
      const owner = `hostile${at}`
      return { owner, name: `${prefix.slice(0, -1)}-${owner}`, password: `pass of ${owner}` }
    })
    for (const { owner } of accounts) {
      const user = this.#ground.user(owner)
      await user.create()
      await user.putSecurity({
        admins: { names: [], roles: ['_admin'] },
        members: { names: [], roles: [users.roleOf(owner)] },
      })
    }
    await this.#provisioned.enrol(
      accounts.map(({ owner, name, password }) => ({
        ...{ name, password },
        roles: [users.roleOf(owner), roleOf(DOMAIN)],
      })),
    )
    await this.#provisioned.allReady(accounts.length)
    const locked = await this.#openShare('keeper', { password: 'open sesame' })
    const hostile: Hostile[] = []
    for (const { owner, name, password } of accounts) {
      const personal = (await this.#provisioned.entry(name))?.database
      if (!personal) throw new Error(`Expected ${name} to have a personal database`)
      const gateway = gatewayUserDatabase(users, owner, this.#gateway)
      await this.#ground.until(`${name} is let into ${gateway}`, async () => {
        if ((await couch.database(gateway).info()) === null) return false
        const { members } = await couch.database(gateway).security()
        return members?.names?.includes(name) ?? false
      })
      hostile.push({
        ...{ name, password, database: users.database(owner), personal, gateway, locked },
        domain: roleOf(DOMAIN).replace(/^.*:/, ''),
        share: await this.#openShare(owner),
      })
    }
    return hostile
  }

  /** An active share that everybody may write into. @returns its id */
  async #openShare(owner: string, more: { password?: string } = {}): Promise<string> {
    const id = this.#ground.newShareId()
    const user = this.#ground.user(owner)
    await user.create()
    await this.#ground.put(user, { _id: shareDocumentId(id), type: '$share', access: true, ...more })
    await this.#ground.until(
      `the share ${id} is active`,
      async () => (await user.get(shareDocumentId(id)))?.['$state'] === 'active',
    )
    return id
  }

  /** All attack at once, in a process of their own. @returns with what stops them and tells what each has done */
  async attack(hostile: Hostile[], mostMs: number): Promise<() => Promise<Report[]>> {
    await this.#nestAccounts(hostile)
    const child = fork(ATTACKER_PROCESS)
    const reports = new Promise<Report[]>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Report[]))
      child.once('exit', (code) => reject(new Error(`The attackers ended with exit code ${code}`)))
    })
    // Whoever measures may fail before they are asked.
    reports.catch(() => undefined)
    this.#ground.atEnd(() => {
      child.kill()
      return Promise.resolve()
    })
    const plan: Plan = { url: this.#ground.server.url, hostile, mostMs }
    child.send(plan)
    return () => {
      if (child.connected) child.send('stop')
      return reports
    }
  }

  /** As users themselves do where a server or an application lets them write their own documents of `_users`. */
  async #nestAccounts(hostile: Hostile[]): Promise<void> {
    const users = this.#ground.couch.database('_users')
    for (const { name } of hostile) {
      const doc = await users.get(userDocumentId(name))
      if (doc) await this.#ground.put(users, { ...doc, nested: decodeJson(NESTED) })
    }
  }

  async #clear(): Promise<void> {
    const { couch, prefix } = this.#ground
    await this.#provisioned.clear()
    await this.#provisioned.forgetMaster()
    const bare = prefix.slice(0, -1)
    const users = couch.database('_users')
    const passwords = await users.range(beginningWith(`org.couchdb.user:share-${bare}`))
    await users.bulk(passwords.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
    const removals = (await couch.database(PROVISIONING).range({})).filter(({ id }) => id.includes(bare))
    await couch
      .database(PROVISIONING)
      .bulk(removals.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
  }
}
