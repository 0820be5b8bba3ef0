// A master, its users and their devices in memory, with the daemon's own reading, planning and writing between them.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Doc } from '../../src/couch/document.ts'
import type { Database } from '../../src/couch/database.ts'
import type { MasterPolicy, User } from '../../src/provisioning/master-policy.ts'
import { newestCommon, type Leaf } from '../../src/documents/revisions.ts'
import { REMOVED } from '../../src/documents/tombstone.ts'
import { UPDATED_AT } from '../../src/documents/time.ts'
import { wholeContentOf } from '../../src/documents/content.ts'
import { gatherFrom } from '../../src/provisioning/gather.ts'
import { Reconciliation } from '../../src/mirror/reconcile.ts'
import { OwnWrites } from '../../src/engine/own-writes.ts'
import { Removals } from '../../src/mirror/removals.ts'
import { MemoryCouch } from './memory-couch.ts'
import type { MemoryDatabase } from './memory-database.ts'

export const DOCUMENT = 'number:1'
export const DOMAINS = ['x', 'y'] as const
export type Domain = (typeof DOMAINS)[number]

export type Step =
  | { who: 'admin'; does: 'edit'; set: string[]; domain: Domain | null; isHeld: boolean }
  | { who: 'admin'; does: 'delete' }
  | {
      who: number
      does: 'edit'
      at: 'personal' | 'device'
      set: string[]
      domain: Domain | null
      isSigned: boolean
    }
  | { who: number; does: 'delete'; at: 'personal' | 'device'; isSigned: boolean }
  | { who: number; does: 'restore' | 'sync' | 'replicate' }
  /** The daemon's turn; `dies` after so many writes, and somebody edits the master `meanwhile`, before the first of them. */
  | { who: number; does: 'reconcile'; dies: number | null; meanwhile: string[] | null }
  | { who: number; does: 'forge'; ages: number; isKnown: boolean; domain: Domain }
  | { who: number; does: 'roles'; roles: Domain[] }

/** The oracle's own words for what the test's skeleton says. */
const isOpenTo = (doc: Record<string, unknown>, roles: readonly string[]): boolean =>
  doc['_deleted'] !== true && doc['user_access'] !== false && roles.includes(String(doc['domain']))

const lets = (doc: object, { roles }: User): boolean => isOpenTo(doc as Record<string, unknown>, roles)

const POLICY = {
  fields: null,
  decide: lets,
  decideEach: (docs: readonly object[], user: User) => docs.map((doc) => lets(doc, user)),
  mayRead: lets,
  mayWrite: (doc: object) => {
    const { updated_by: by, $restore, $removed } = doc as Record<string, unknown>
    return typeof by === 'string' && $restore === undefined && $removed === undefined
  },
} as unknown as MasterPolicy

const DEATH = new Error('the daemon died')

/** Rounds in which everything has to come to rest, each with a look at every user. */
const MOST_ROUNDS = 12

export class ProvisioningPlay {
  readonly #couch = new MemoryCouch()
  readonly #master = this.#couch.create('master')
  readonly #people: {
    user: { name: string; roles: string[] }
    personal: MemoryDatabase
    device: MemoryDatabase
  }[]
  readonly #ownWrites = new OwnWrites()
  readonly #problems = new Map<number, unknown>()
  #written = 0
  /** The master's document as others left it last. */
  #known: Doc | null = null

  constructor(users: number) {
    this.#couch.create('shares/provisioning')
    this.#people = Array.from({ length: users }, (_, who) => ({
      user: { name: `user${who}`, roles: ['x'] },
      personal: this.#couch.create(`personal${who}`),
      device: this.#couch.create(`device${who}`),
    }))
  }

  async step(step: Step): Promise<void> {
    if (step.who === 'admin') return this.#adminStep(step)
    const person = this.#people[step.who % this.#people.length]
    assert(person)
    const { personal, device, user } = person
    switch (step.does) {
      case 'edit':
        return this.#edit(step.at === 'device' ? device : personal, {
          set: step.set,
          ...(step.domain ? { domain: step.domain } : {}),
          ...(step.isSigned ? { updated_by: user.name } : {}),
        })
      case 'delete':
        return this.#delete(
          step.at === 'device' ? device : personal,
          step.isSigned ? { updated_by: user.name } : {},
        )
      case 'restore': {
        const there = personal.read(DOCUMENT, { conflicts: false })
        if (there) personal.write({ ...there, $restore: true, updated_by: user.name })
        return
      }
      case 'sync':
        copyLeaves(personal, device, () => true)
        return copyLeaves(device, personal, () => true)
      case 'replicate':
        return copyLeaves(this.#master, personal, (leaf) => isOpenTo(leaf, user.roles))
      case 'reconcile':
        return this.#disturbed(step, () => this.#reconcile(step.who % this.#people.length))
      case 'forge':
        return this.#forge(personal, step, user.name)
      case 'roles':
        user.roles = [...step.roles]
        return
      default:
        return step satisfies never
    }
  }

  #adminStep(step: Extract<Step, { who: 'admin' }>): void {
    if (step.does === 'delete') return this.#delete(this.#master, {})
    this.#edit(this.#master, {
      set: step.set,
      domain: step.domain ?? 'x',
      ...(step.isHeld ? { user_access: false } : { user_access: true }),
    })
  }

  #edit(database: MemoryDatabase, { set, ...more }: { set: string[] } & Record<string, unknown>): void {
    const there = database.read(DOCUMENT, { conflicts: false })
    const values = Object.fromEntries(set.map((name) => [name, (this.#written += 1)]))
    const { user_access: _, ...kept }: Doc = there ?? { _id: DOCUMENT, domain: 'x' }
    const access =
      there && !('user_access' in more) && 'user_access' in there ? { user_access: there['user_access'] } : {}
    database.write({ ...kept, ...access, ...values, ...more, _id: DOCUMENT })
  }

  #delete(database: MemoryDatabase, more: object): void {
    const there = database.read(DOCUMENT, { conflicts: false })
    if (there) database.write({ _id: DOCUMENT, _rev: there._rev, _deleted: true, ...more })
  }

  /** A revision with a history of the user's own choice. */
  #forge(
    personal: MemoryDatabase,
    { ages, isKnown, domain }: Extract<Step, { does: 'forge' }>,
    name: string,
  ): void {
    const known = isKnown ? personal.leaves(DOCUMENT)[0]?._revisions : undefined
    const made = Array.from({ length: ages }, (_, age) =>
      createHash('md5').update(`${this.#written} ${age}`).digest('hex'),
    )
    const ids = [...made, ...(known?.ids ?? [])]
    const start = (known?.start ?? 0) + ages
    this.#written += 1
    personal.merge({
      ...{ _id: DOCUMENT, _rev: `${start}-${ids[0] ?? ''}`, _revisions: { start, ids } },
      ...{ a: this.#written, domain, updated_by: name },
    })
  }

  async #disturbed(
    { dies, meanwhile }: Extract<Step, { does: 'reconcile' }>,
    work: () => Promise<void>,
  ): Promise<void> {
    let left = dies ?? Infinity
    let others = meanwhile
    this.#couch.onWrite = () => {
      left -= 1
      if (left < 0) throw DEATH
      const set = others
      others = null
      const there = this.#master.read(DOCUMENT, { conflicts: false })
      if (!set || !there) return
      this.#edit(this.#master, { set })
      this.#known = this.#master.read(DOCUMENT, { conflicts: false })
    }
    try {
      await work()
    } catch (error) {
      if (error !== DEATH) throw error
    } finally {
      this.#couch.onWrite = () => undefined
    }
  }

  /** The daemon's turn; what it may not change at the master stays as it is, whatever users have written. */
  async #reconcile(who: number): Promise<void> {
    const person = this.#people[who]
    assert(person)
    const client = this.#couch.asCouch()
    this.#known = this.#master.read(DOCUMENT, { conflicts: false })
    const mayChange = this.#known === null || isOpenTo(this.#known, person.user.roles)
    const removals = new Removals({ couch: client, ownWrites: this.#ownWrites, canPurge: true })
    await removals.resume(this.#couch.database(person.personal.name) as Database)
    const personal = this.#couch.database(person.personal.name) as Database
    const masters = [{ name: 'master', database: this.#couch.database('master') as Database, policy: POLICY }]
    const reconciliation = new Reconciliation(
      { ownWrites: this.#ownWrites, removals, now: () => 0, updatedAt: UPDATED_AT },
      personal,
      gatherFrom({ user: person.user, database: personal }, masters),
    )
    await reconciliation.run([DOCUMENT])
    const after = this.#master.read(DOCUMENT, { conflicts: false })
    if (!mayChange)
      assert.deepEqual(after, this.#known, 'Expected a document that the user may not have to stay as it is')
    if (after && after._rev !== this.#known?._rev)
      assert(isOpenTo(after, person.user.roles), 'Expected to carry what the roles cover')
    this.#problems.set(who, reconciliation.findings.get('master')?.problems.get(DOCUMENT) ?? null)
  }

  /** Lets everything come to rest and holds both sides against each other; then takes all roles away, and gives them back. */
  async check(): Promise<void> {
    await this.#comeToRest()
    this.#compare()
    const roles = this.#people.map(({ user }) => [...user.roles])
    for (const { user } of this.#people) user.roles = []
    await this.#comeToRest()
    this.#compare()
    for (const [who, { user }] of this.#people.entries()) user.roles = roles[who] ?? []
    await this.#comeToRest()
    this.#compare()
  }

  async #comeToRest(): Promise<void> {
    for (let round = 0; ; round += 1) {
      assert(round < MOST_ROUNDS, 'Expected everything to come to rest')
      const before = this.#couch.writes.length
      for (const who of this.#people.keys()) {
        await this.step({ who, does: 'replicate' })
        await this.step({ who, does: 'reconcile', dies: null, meanwhile: null })
      }
      if (this.#couch.writes.length === before) return
    }
  }

  #compare(): void {
    const leaves = liveLeaves(this.#master)
    assert(leaves.length <= 1, 'Expected one live leaf at the master')
    const [master] = leaves
    for (const [who, { user, personal }] of this.#people.entries()) {
      const own = liveLeaves(personal)
      const problem = this.#problems.get(who)
      if (master && isOpenTo(master, user.roles)) {
        // Nobody is told to have the document who has deleted it without a signature.
        const isDeleted = personal.leaves(DOCUMENT).some((leaf) => leaf[REMOVED] === undefined)
        if (own.length === 0)
          assert(problem !== null && isDeleted, `Expected ${user.name} to have the document`)
        else {
          assert.equal(own.length, 1, `Expected ${user.name} to have one live leaf`)
          if (problem === null) assert.deepEqual(wholeContentOf(own[0] as Leaf), wholeContentOf(master))
        }
      } else if (master) {
        const related = own.filter((leaf) => newestCommon(leaf, master) !== null)
        assert.equal(related.length, 0, `Expected ${user.name} not to have the document`)
        // What somebody has deleted himself before it was taken from him is as any document that he deleted.
        if (!personal.leaves(DOCUMENT).some((leaf) => leaf[REMOVED] === undefined))
          assert.deepEqual(readable(personal, master), [], `Expected ${user.name} not to read it either`)
      } else
        for (const leaf of own)
          assert(
            problem !== null || POLICY.mayWrite(leaf, user) === false,
            `Expected to hear why ${leaf._rev} stays`,
          )
    }
  }
}

const liveLeaves = (database: MemoryDatabase): Leaf[] =>
  database.leaves(DOCUMENT).filter(({ _deleted }) => _deleted !== true)

/** Revisions that a user still reads of a document that was taken out, by `?rev=`; those of the user's own root are not of it. */
const readable = (personal: MemoryDatabase, master: Leaf): string[] =>
  [...(personal.trees.get(DOCUMENT)?.revisions.values() ?? [])].flatMap(({ rev, body }) => {
    const leaf = body && !body._deleted ? personal.leaf(DOCUMENT, rev) : null
    return leaf && newestCommon(leaf, master) !== null ? [rev] : []
  })

function copyLeaves(from: MemoryDatabase, to: MemoryDatabase, passes: (leaf: Doc) => boolean): void {
  for (const leaf of from.leaves(DOCUMENT))
    if (passes(leaf) && to.missing(DOCUMENT, [leaf._rev]).length > 0) to.merge(leaf)
}
