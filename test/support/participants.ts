// Users who share with each other on the server in memory: what they do, on which device, and who wrote what.
import { createHash } from 'node:crypto'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import type { Agreed } from '../../src/shares/model/base.ts'
import { hashOf, type MemoryDatabase } from './memory-database.ts'
import { generationOf } from '../../src/documents/revisions.ts'
import { lose, loseOutbox } from './participants-losses.ts'
import { withAttachment, type AttachmentAction } from './participants-attachments.ts'
import { MemoryWorld, type WorldOptions } from './memory-world.ts'
import { PrivateValues } from './participants-private.ts'
import { writeAccess } from '../unit/skeletons/compiled.ts'

export const NAMES = ['joe', 'ann', 'bob', 'cid', 'dot', 'eve', 'fay', 'gus', 'hal', 'ida', 'jan'] as const
export const SHARES = ['x', 'y'] as const
export const OBJECTS = ['a', 'b', 'c'] as const
/** The last one is in no list of attributes: it is shared with whole objects only. */
export const ATTRIBUTES = ['name', 'note', 'own'] as const

/** What a user says of an object and a share; null takes the share's id out. */
export type Wish = true | false | readonly string[] | null

/** `access` as an owner writes it, with users by their numbers. */
export type AccessWish = boolean | { read?: true | readonly number[]; write?: true | readonly number[] }

/** When a client says that it wrote something: not at all, or so many minutes from now. */
export type Clock = { kind: 'none' } | { kind: 'iso' | 'milliseconds'; minutes: number }

export type Action =
  | {
      kind: 'edit'
      user: number
      object: string
      set: readonly string[]
      drop: readonly string[]
      clock: Clock
    }
  | { kind: 'wish'; user: number; object: string; share: string; wish: Wish }
  | { kind: 'remove'; user: number; object: string }
  | { kind: 'access'; share: string; access: AccessWish }
  | { kind: 'close'; share: string }
  | { kind: 'subscribe'; user: number; share: string; onEnd?: 'keep' | 'remove' }
  | { kind: 'leave'; user: number; share: string }
  /** A user's second device, or somebody's replica of a share (`share`), is brought up to date, changed, or sent. */
  | { kind: 'pull' | 'push'; user: number; share: string | null; all?: boolean }
  | {
      kind: 'edit-replica'
      user: number
      share: string | null
      object: string
      set: readonly string[]
      clock: Clock
    }
  | {
      kind: 'remove-in-replica'
      user: number
      share: string | null
      object: string
      /** As PouchDB apps delete, `{ ...doc, _deleted: true }`. */
      isSaying?: boolean | undefined
    }
  | AttachmentAction
  /** An admin purges a user's object, where the server can. */
  | { kind: 'purge'; user: number; object: string }
  /** A user's database is compacted, the outbox, or a share. */
  | { kind: 'compact'; user: number; share?: string; isOutbox?: boolean }
  | { kind: 'account'; user: number; isThere: boolean }
  /**
   * A user's database is dropped and made again, empty: nobody has deleted anything in it. `isKept`: the user's other device
   * has all that was there, and may fill it again.
   */
  | { kind: 'recreate'; user: number; isKept?: boolean | undefined }
  /** A share database is dropped, by an admin or a fault. */
  | { kind: 'lose'; share: string }
  /** So is a user's outbox. */
  | { kind: 'lose-outbox'; user: number }

/** A value that somebody wrote, and that nobody else can have written. */
export interface Token {
  value: string
  by: number
  object: string
  attribute: string
  /** Written directly into a share. */
  isDirect: boolean
  /** When it was written, as the number of an action. */
  at: number
  /** Shares that its author's own document ever consented to have it in. */
  consented: Set<string>
  /** Shares in which its author was a reader when the daemon had seen it: it is never sent there. */
  kept: Set<string>
}

/** Documents on a device of somebody's. */
type Replica = Map<
  string,
  {
    content: Doc | null
    history: string[]
    events: (() => void)[]
    isChanged: boolean
    /** How often its user had written it elsewhere, when it was fetched. */
    seen: number
  }
>

/** What a replica has of a document that is not deleted there. */
function liveIn(replica: Replica, id: string): Doc | null {
  const content = replica.get(id)?.content ?? null
  return content?._deleted ? null : content
}

const isValue = (value: unknown): value is string => typeof value === 'string' && /^[a-z]{3} \d+$/.test(value)

/** The values of a document's attributes. */
export const valuesOf = (doc: object | null): string[] =>
  Object.entries(doc ?? {}).flatMap(([name, value]) =>
    (ATTRIBUTES as readonly string[]).includes(name) && isValue(value) ? [value] : [],
  )

export interface Settings extends WorldOptions {
  /** How many users. */
  users: number
  /** By share, the number of its owner. */
  owners?: Readonly<Record<string, number>>
}

type Validate = Awaited<ReturnType<typeof writeAccess>>
let validation: Promise<Validate> | null = null

export class Participants {
  readonly world: MemoryWorld
  readonly count: number
  readonly owners: Readonly<Record<string, number>>
  readonly tokens = new Map<string, Token>()
  /** Values that somebody replaced or deleted who had seen them. */
  readonly superseded = new Set<string>()
  /** Objects that were purged at a share's owner: they go everywhere, with what others have made of them. */
  readonly purged = new Set<string>()
  /** Objects of which a user said something himself in his own database, as `<user> <object>`. */
  readonly touched = new Set<string>()
  /** Objects that a user took out for himself, in part or all, or deleted. */
  readonly left = new Set<string>()
  /** Users whose database was compacted, and users whose outbox was lost: what they had taken out nobody knows any more. */
  readonly compacted = new Set<number>()
  readonly outboxesLost = new Set<number>()
  /** Users who said once that objects stay at the end. */
  readonly keepers = new Set<number>()
  /** By `<share> <object>`, what the owner has ever shown of it. */
  readonly shown = new Map<string, Set<string>>()
  /** Documents that were rejected, with the number of the action after which that was. */
  readonly rejections: { object: string; at: number }[] = []
  /** Objects that others brought under an `_id` that the owner has for another, as `<share> <object>`. */
  readonly foreign = new Set<string>()
  readonly privates = new PrivateValues(this)
  /** Shares and subscriptions that a user deleted on a device, having seen all that the user wrote, as `<user> <id>`. */
  readonly deletedOnDevice = new Set<string>()
  readonly #wrote = new Map<string, number>()
  /** Actions that changed something. */
  changes = 0
  /** By `<user> <share>`, the last action at which the user could write. */
  readonly #wroteLast = new Map<string, number>()
  readonly #keptBefore = new Set<string>()
  readonly #validate: Validate
  readonly #canPurge: boolean
  readonly #replicas = new Map<string, Replica>()
  #next = 0
  #at = 0

  private constructor(
    world: MemoryWorld,
    validate: Validate,
    { users, owners = { x: 0, y: 0 }, canPurge = true }: Settings,
  ) {
    this.world = world
    this.#canPurge = canPurge
    this.#validate = validate
    this.count = users
    this.owners = owners
  }

  static async create(settings: Settings): Promise<Participants> {
    validation ??= writeAccess()
    const world = await MemoryWorld.create(settings)
    const people = new Participants(world, await validation, settings)
    for (let user = 0; user < people.count; user += 1) world.couch.create(`user/${people.hash(user)}`)
    for (let user = 0; user < people.count; user += 1) {
      people.act({ kind: 'account', user, isThere: true })
    }
    return people
  }

  name(user: number): string {
    return NAMES[user] ?? ''
  }

  /** The hash of a user's database is another than the name. */
  hash(user: number): string {
    return `${this.name(user)}0`
  }

  database(user: number): MemoryDatabase {
    return this.#there(`user/${this.hash(user)}`)
  }

  outbox(user: number): MemoryDatabase | null {
    return this.world.couch.databases.get(`user/${this.hash(user)}/$shares`) ?? null
  }

  share(share: string): MemoryDatabase | null {
    return this.world.couch.databases.get(`share/${share}`) ?? null
  }

  hasAccount(user: number): boolean {
    return this.#there('_users').read(`org.couchdb.user:user/${this.name(user)}`) !== null
  }

  /** True where somebody may write into a share at some time since an action, as its owner's document says it. */
  mayHaveWritten(user: number, share: string, since: number): boolean {
    return user === this.ownerOf(share) || (this.#wroteLast.get(`${user} ${share}`) ?? -1) >= since
  }

  /** True where a reader kept a change of his own back before he came to write. */
  keptBefore(user: number, share: string, object: string, attribute: string): boolean {
    return this.#keptBefore.has(`${user} ${share} ${object} ${attribute}`)
  }

  get registry(): MemoryDatabase {
    return this.#there('shares')
  }

  ownerOf(share: string): number {
    return this.owners[share] ?? 0
  }

  /** Does something, all at once. */
  act(action: Action): void {
    this.#at += 1
    if ('user' in action && action.user >= this.count) return
    this.#noteRejections()
    this.#noteWriters()
    this.#noteConsents()
    const before = this.world.couch.writes.length
    this.#act(action)
    if (this.world.couch.writes.length > before) this.changes += 1
    this.#noteConsents()
  }

  #act(action: Action): void {
    switch (action.kind) {
      case 'edit':
        return this.#edit(action)
      case 'wish':
        return this.#wish(action)
      case 'remove': {
        const { user, object } = action
        const there = this.database(user).read(object)
        if (!there) return
        this.left.add(`${user} ${object}`)
        this.#supersede(there, null)
        this.database(user).write({ _id: object, _rev: there._rev, _deleted: true })
        return
      }
      case 'access': {
        const owner = this.ownerOf(action.share)
        const there = this.database(owner).read(`$share/${action.share}`)
        this.#noteWritten(owner, `$share/${action.share}`)
        this.database(owner).write({
          ...there,
          _id: `$share/${action.share}`,
          type: '$share',
          access: this.#access(action.access),
        })
        return
      }
      case 'close':
        return this.#delete(this.ownerOf(action.share), `$share/${action.share}`)
      case 'subscribe': {
        const { user, share, onEnd } = action
        if (onEnd === 'keep') this.keepers.add(user)
        const there = this.database(user).read(`$subscription/${share}`)
        this.#noteWritten(user, `$subscription/${share}`)
        this.database(user).write({
          _id: `$subscription/${share}`,
          ...(there ? { _rev: there._rev } : {}),
          type: '$subscription',
          ...(onEnd ? { onEnd } : {}),
        })
        return
      }
      case 'leave':
        return this.#delete(action.user, `$subscription/${action.share}`)
      case 'pull':
        return this.#pull(action.user, action.share)
      case 'push':
        return this.#push(action.user, action.share, action.all === true)
      case 'edit-replica':
        return this.#editReplica(action)
      case 'remove-in-replica':
        return this.#removeInReplica(action)
      case 'attach': {
        const there = this.database(action.user).read(action.object)
        const next = there && withAttachment(there, action)
        if (!next) return
        const { _conflicts, ...doc } = next
        this.touched.add(`${action.user} ${action.object}`)
        this.database(action.user).write(doc)
        return
      }
      case 'attach-in-replica': {
        const { user, share, object } = action
        const replica = this.#replica(user, share)
        const id = this.#idIn(share, object)
        const there = liveIn(replica, id)
        const next = there && withAttachment(there, action)
        if (!next) return
        this.#change(replica, id, next, () => {
          if (share === null) this.touched.add(`${user} ${object}`)
        })
        return
      }
      case 'purge':
        return this.#purge(action.user, action.object)
      case 'compact': {
        const { user, share, isOutbox } = action
        if (share === undefined && !isOutbox) this.compacted.add(user)
        const database = share === undefined ? this.database(user) : this.share(share)
        return (isOutbox ? this.outbox(user) : database)?.compact()
      }
      case 'account': {
        // An owner's name stands on invitations as it was when they were written.
        if (this.count > 1 && !action.isThere && SHARES.some((id) => this.ownerOf(id) === action.user)) return
        const id = `org.couchdb.user:user/${this.name(action.user)}`
        const users = this.#there('_users')
        const there = users.read(id)
        if (action.isThere && !there)
          users.write({
            _id: id,
            type: 'user',
            name: `user/${this.name(action.user)}`,
            roles: [this.hash(action.user)],
          })
        else if (!action.isThere && there) users.write({ _id: id, _rev: there._rev, _deleted: true })
        return
      }
      case 'recreate':
        if (action.isKept) this.#pull(action.user, null)
        return this.#recreate(action.user)
      case 'lose':
        return lose(this, action.share)
      case 'lose-outbox':
        return loseOutbox(this, action.user)
      default:
        return action satisfies never
    }
  }

  /** What was in it is on its devices, or nowhere any more, by its user's own doing. */
  #recreate(user: number): void {
    const { name, trees } = this.database(user)
    for (const object of OBJECTS) {
      if (!trees.has(object)) continue
      this.touched.add(`${user} ${object}`)
      this.left.add(`${user} ${object}`)
      for (const leaf of this.database(user).leaves(object)) this.#supersede(leaf, null)
    }
    this.world.couch.recreate(name)
  }

  #purge(user: number, object: string): void {
    if (!this.#canPurge) return
    const leaves = this.database(user).leaves(object)
    this.left.add(`${user} ${object}`)
    if (Object.values(this.owners).includes(user)) this.purged.add(object)
    for (const leaf of leaves) this.#supersede(leaf, null)
    this.database(user).purge(
      object,
      leaves.map(({ _rev }) => _rev),
    )
  }

  #there(name: string): MemoryDatabase {
    const database = this.world.couch.databases.get(name)
    if (!database) throw new Error(`Expected a database ${name}`)
    return database
  }

  #delete(user: number, id: string): void {
    const there = this.database(user).read(id)
    if (there) this.database(user).write({ _id: id, _rev: there._rev, _deleted: true })
  }

  #access(wish: AccessWish): unknown {
    if (typeof wish === 'boolean') return wish
    const whom = (users: true | readonly number[]): unknown =>
      users === true ? true : users.filter((user) => user < this.count).map((user) => this.name(user))
    return {
      ...(wish.read === undefined ? {} : { read: whom(wish.read) }),
      ...(wish.write === undefined ? {} : { write: whom(wish.write) }),
    }
  }

  #value(
    by: number,
    object: string,
    attribute: string,
    isDirect: boolean,
  ): { value: string; born: () => void } {
    this.#next += 1
    const value = `${this.name(by)} ${this.#next}`
    const token: Token = {
      value,
      by,
      object,
      attribute,
      isDirect,
      at: this.#at,
      consented: new Set(),
      kept: new Set(),
    }
    return { value, born: () => void this.tokens.set(value, token) }
  }

  #clock(clock: Clock): Record<string, unknown> {
    if (clock.kind === 'none') return {}
    const time = this.world.now + clock.minutes * 60_000
    return { updatedAt: clock.kind === 'iso' ? new Date(time).toISOString() : time }
  }

  /** What the one who wrote `after` over `before` had seen, and took away. */
  #supersede(before: object | null, after: object | null): void {
    const left = new Set(valuesOf(after))
    for (const value of valuesOf(before)) if (!left.has(value)) this.superseded.add(value)
  }

  #edit({ user, object, set, drop, clock }: Extract<Action, { kind: 'edit' }>): void {
    const there = this.database(user).read(object)
    const values = set.map((name) => ({ name, ...this.#value(user, object, name, false) }))
    const kept = Object.entries(there ?? {}).filter(([name]) => !drop.includes(name) && name !== '_conflicts')
    const next = {
      ...Object.fromEntries(kept),
      ...Object.fromEntries(values.map(({ name, value }) => [name, value])),
      ...this.#clock(clock),
      _id: object,
    }
    this.touched.add(`${user} ${object}`)
    this.#supersede(there, next)
    for (const { born } of values) born()
    this.database(user).write(next)
    this.privates.noteWritten(user, object, next, (value) => values.some((one) => one.value === value))
  }

  #wish({ user, object, share, wish }: Extract<Action, { kind: 'wish' }>): void {
    const there = this.database(user).read(object)
    const { $shares, _conflicts: _, ...rest }: Doc = there ?? { _id: object }
    const others = Object.entries(($shares as object | undefined) ?? {}).filter(([id]) => id !== share)
    const wishes = Object.fromEntries(wish === null ? others : [...others, [share, wish]])
    this.touched.add(`${user} ${object}`)
    if (wish !== true) this.left.add(`${user} ${object}`)
    this.privates.noteWish(user, rest, share, wish)
    this.database(user).write({
      ...rest,
      ...(Object.keys(wishes).length > 0 ? { $shares: wishes } : {}),
    })
  }

  #replica(user: number, share: string | null): Replica {
    const key = `${user} ${share ?? ''}`
    const there = this.#replicas.get(key) ?? (new Map() as Replica)
    this.#replicas.set(key, there)
    return there
  }

  /** The database that a replica is of, where its user may read it. */
  #origin(user: number, share: string | null): MemoryDatabase | null {
    if (share === null) return this.database(user)
    const database = this.share(share)
    return database && this.mayRead(user, share) ? database : null
  }

  mayRead(user: number, share: string): boolean {
    const members = this.share(share)?.security.members ?? {}
    const { names = [], roles = [] } = members
    const isPublic = names.length === 0 && roles.length === 0
    return isPublic || roles.includes(this.hash(user)) || names.includes(`user/${this.name(user)}`)
  }

  #pull(user: number, share: string | null): void {
    const origin = this.#origin(user, share)
    if (!origin) return
    const replica = this.#replica(user, share)
    for (const id of origin.trees.keys()) {
      if (id.startsWith('_') || id.startsWith('$invitation/') || replica.get(id)?.isChanged) continue
      const [winner] = origin.leaves(id)
      if (!winner) continue
      const { _revisions: { start = 0, ids = [] } = {}, _rev, ...content } = winner
      const history = ids.map((hash, age) => `${start - age}-${hash}`)
      replica.set(id, {
        content: content._deleted ? null : content,
        history,
        events: [],
        isChanged: false,
        seen: this.#writesOf(user, id),
      })
    }
  }

  #writesOf(user: number, id: string): number {
    return this.#wrote.get(`${user} ${id}`) ?? 0
  }

  /** A user writes a share or a subscription, knowing of all that stands there. */
  #noteWritten(user: number, id: string): void {
    this.deletedOnDevice.delete(`${user} ${id}`)
    this.#wrote.set(`${user} ${id}`, this.#writesOf(user, id) + 1)
  }

  #idIn(share: string | null, object: string): string {
    return share === null ? object : `share/${share}/${object}`
  }

  #editReplica({ user, share, object, set, clock }: Extract<Action, { kind: 'edit-replica' }>): void {
    const replica = this.#replica(user, share)
    const id = this.#idIn(share, object)
    const values = set.map((name) => ({ name, ...this.#value(user, object, name, share !== null) }))
    const next: Doc = {
      ...liveIn(replica, id),
      ...Object.fromEntries(values.map(({ name, value }) => [name, value])),
      ...this.#clock(clock),
      _id: id,
    }
    const before = liveIn(replica, id)
    this.#change(replica, id, next, () => {
      if (share === null) this.touched.add(`${user} ${object}`)
      this.#supersede(before, next)
      for (const { born } of values) born()
    })
  }

  #removeInReplica({ user, share, object, isSaying }: Extract<Action, { kind: 'remove-in-replica' }>): void {
    const replica = this.#replica(user, share)
    const id = this.#idIn(share, object)
    const before = liveIn(replica, id)
    if (!before) return
    this.#change(replica, id, isSaying ? { ...before, _deleted: true } : null, () => {
      if (share === null) this.left.add(`${user} ${object}`)
      this.#supersede(before, null)
      const { seen = 0 } = replica.get(id) ?? {}
      if (id.startsWith('$') && seen === this.#writesOf(user, id)) this.deletedOnDevice.add(`${user} ${id}`)
    })
  }

  #change(replica: Replica, id: string, content: Doc | null, event: () => void): void {
    const there = replica.get(id)
    const [last] = there?.history ?? []
    const generation = last === undefined ? 0 : generationOf(last)
    const rev = `${generation + 1}-${createHash('md5')
      .update(JSON.stringify([last, content, this.#next]))
      .digest('hex')}`
    replica.set(id, {
      content,
      history: [rev, ...(there?.history ?? [])],
      events: [...(there?.events ?? []), event],
      isChanged: true,
      seen: there?.seen ?? 0,
    })
  }

  /** What was changed in a replica is sent; all of it, where the client has forgotten how far it had come. */
  #push(user: number, share: string | null, all: boolean): void {
    const origin = this.#origin(user, share)
    if (!origin) return
    const replica = this.#replica(user, share)
    for (const [id, { content, history, events, isChanged, seen }] of replica) {
      const [rev = ''] = history
      if (!(all || isChanged) || origin.missing(id, [rev]).length === 0) continue
      const doc: StoredDoc = {
        ...(content ?? { _id: id, _deleted: true }),
        _rev: rev,
        _revisions: {
          start: history.length === 0 ? 0 : Number(rev.slice(0, rev.indexOf('-'))),
          ids: history.map(hashOf),
        },
      }
      if (share !== null && this.#isRefused(user, share, doc)) {
        // Its client has it, and nobody else: it is fetched anew.
        replica.delete(id)
        continue
      }
      for (const event of events) event()
      if (share !== null)
        for (const value of valuesOf(content)) {
          const token = this.tokens.get(value)
          if (token?.by === user) token.isDirect = true
        }
      origin.merge(doc)
      replica.set(id, { content, history, events: [], isChanged: false, seen })
    }
  }

  #isRefused(user: number, share: string, doc: Doc): boolean {
    const context = { db: `share/${share}`, name: `user/${this.name(user)}`, roles: [this.hash(user)] }
    return this.#validate(doc, context, this.share(share)?.security) !== null
  }

  /** What owners show of their objects, and what authors consent to, as it stands after an action. */
  #noteConsents(): void {
    this.privates.noteShown()
    for (let user = 0; user < this.count; user += 1)
      for (const object of OBJECTS)
        for (const leaf of this.database(user).leaves(object))
          if (!leaf._deleted) this.#noteConsent(user, object, leaf)
  }

  #noteConsent(user: number, object: string, leaf: StoredDoc): void {
    const wishes = Object.entries((leaf['$shares'] as Record<string, Wish> | undefined) ?? {})
    for (const [share, wish] of wishes) {
      if (wish !== true && !Array.isArray(wish)) continue
      const names = wish === true ? [...ATTRIBUTES] : (wish as string[])
      if (this.ownerOf(share) === user) {
        const key = `${share} ${object}`
        this.shown.set(key, new Set([...(this.shown.get(key) ?? []), ...names]))
      }
      for (const name of names) {
        const value = leaf[name]
        if (isValue(value)) this.tokens.get(value)?.consented.add(share)
      }
    }
  }

  /** Who may write now: by the owner's document, or by what is still in force. */
  #noteWriters(): void {
    for (const share of SHARES) {
      const writers = this.share(share)?.security['writers'] as
        { names?: string[]; roles?: string[]; everyone?: true } | undefined
      const entry = this.registry.read(`share/${share}`)
      const access = entry?.['access'] as { write?: true | string[] } | undefined
      for (let user = 0; user < this.count; user += 1) {
        const mayWrite =
          writers?.everyone === true ||
          writers?.roles?.includes(this.hash(user)) === true ||
          access?.write === true ||
          access?.write?.includes(this.name(user)) === true
        if (mayWrite) this.#wroteLast.set(`${user} ${share}`, this.#at)
      }
    }
  }

  /** Called often: lists are cleared when what they tell of is healed. */
  #noteRejections(): void {
    for (const id of this.registry.trees.keys()) {
      const list = (this.registry.read(id)?.['rejected'] ?? []) as { document: string; code: string }[]
      for (const { document, code } of list) {
        this.rejections.push({ object: document, at: this.#at })
        if (code === 'unrelated_object') this.foreign.add(`${id.slice('share/'.length)} ${document}`)
      }
    }
  }

  /** All has settled: what readers keep for themselves was seen, and is never sent. */
  noteSettled(): void {
    this.#at += 1
    this.#noteRejections()
    this.#noteWriters()
    this.#noteConsents()
    this.privates.noteSettled()
    for (let user = 0; user < this.count; user += 1)
      for (const object of OBJECTS) {
        const agreed = this.outbox(user)?.read(`base/${object}`)?.['agreed'] as
          Record<string, Agreed> | undefined
        const doc = this.database(user).read(object)
        for (const [share, { kept = {} }] of Object.entries(agreed ?? {}))
          for (const name of Object.keys(kept)) {
            this.tokens.get(String(doc?.[name]))?.kept.add(share)
            this.#keptBefore.add(`${user} ${share} ${object} ${name}`)
          }
      }
  }
}
