// The ways by which a user of a gateway loses a document, and what may happen then: all ways side by side in one space.
import { setTimeout as delay } from 'node:timers/promises'
import type { Doc, StoredDoc } from '../../../src/couch/document.ts'
import { GatewayGround, type GatewayUser } from '../../support/gateway.ts'
import { Patience } from '../../support/patience.ts'
import type { Space } from '../../support/space.ts'
import type { Content } from '../../support/story.ts'
import { basic } from '../../support/visitor.ts'

/** How long a step may take until everybody sees what is to be seen. */
const PATIENCE_MS = 60_000
const LOOK_MS = 100

/** What a user did, and what no other document says. */
const FIRST = 'as it was written'
const EDITED = 'as its user has it'

const SEEN_BY_ALL = '!'
const ALL = '*'

/**
 * A document is in `channels` and in `others`, and is changed by who has the channel that it `needs`, or by everybody where it is
 * `open`. Whatever has `readers` or `holders` grants. The changed function lets go of one document, of one grant, and breaks for one.
 */
const sourceOf = (isChanged: boolean): string => `function (doc, oldDoc) {
  const isChanged = ${isChanged}
  const without = (names, name) => names && names.filter((one) => !isChanged || one !== name)
  if (doc._deleted) { requireAdmin(); return }
  if (doc.fails === 'by refusing') throw({ forbidden: 'it is refused' })
  if (doc.fails === 'by breaking' || (isChanged && doc._id === 'document-15')) null.broken()
  if (doc.readers || doc.holders) {
    requireAdmin()
    access(doc.readers, without(doc.channels, 'channel-14'))
    role(doc.holders, doc.roles)
    return
  }
  if (oldDoc && !oldDoc.open) requireAccess(oldDoc.needs)
  channel(without(doc.channels, 'channel-13'), doc.others)
}`

/** How a document is lost: by another version of it, or of what grants it; by the account; by another function. */
type Loss =
  | { of: 'document' | 'grant'; becomes: Content | null }
  | { of: 'roles' }
  | { of: 'account' }
  | { of: 'function' }

export interface Way {
  number: number
  title: string
  /** What its document has in place of the usual. */
  document?: Content
  /** Roles of the account. */
  roles?: readonly string[]
  /** The first one is the one that is lost; `user` is the name of the account. */
  grants: (user: string) => Content[]
  loss: Loss
}

const channelOf = (number: number): string => `channel-${number}`
const roleOf = (number: number): string => `role-${number}`

/** By an access() of its own. */
const direct = (number: number, title: string, loss: Loss, more: Partial<Way> = {}): Way => ({
  ...{ number, title, loss },
  grants: (user) => [{ readers: [user], channels: [channelOf(number)] }],
  ...more,
})

const byRole = (number: number): Content => ({
  readers: [`role:${roleOf(number)}`],
  channels: [channelOf(number)],
})
const ofRole = (number: number, user: string): Content => ({
  holders: [user],
  roles: [`role:${roleOf(number)}`],
})

export const WAYS: readonly Way[] = [
  direct(1, 'the document leaves the channel', { of: 'document', becomes: { channels: [] } }),
  direct(2, 'the channel is withdrawn', { of: 'grant', becomes: { readers: [] } }),
  direct(3, 'the granting document is deleted', { of: 'grant', becomes: null }),
  direct(4, 'the function breaks for the granting document', {
    of: 'grant',
    becomes: { fails: 'by breaking' },
  }),
  {
    number: 5,
    title: 'a role of role() is lost',
    grants: (user) => [ofRole(5, user), byRole(5)],
    loss: { of: 'grant', becomes: { holders: [] } },
  },
  {
    number: 6,
    title: 'a role of the account is lost',
    roles: [roleOf(6)],
    grants: () => [byRole(6)],
    loss: { of: 'roles' },
  },
  {
    number: 7,
    title: 'the role loses the channel',
    grants: (user) => [byRole(7), ofRole(7, user)],
    loss: { of: 'grant', becomes: { readers: [] } },
  },
  direct(8, 'the document is deleted', { of: 'document', becomes: null }),
  direct(9, 'the function breaks for the document', { of: 'document', becomes: { fails: 'by breaking' } }),
  direct(10, 'the account is deleted', { of: 'account' }),
  {
    number: 11,
    title: '* is withdrawn',
    document: { needs: ALL },
    grants: (user) => [{ readers: [user], channels: [ALL] }],
    loss: { of: 'grant', becomes: { readers: [] } },
  },
  {
    number: 12,
    title: 'the document leaves !',
    document: { channels: [SEEN_BY_ALL], needs: SEEN_BY_ALL },
    grants: () => [],
    loss: { of: 'document', becomes: { channels: [] } },
  },
  direct(13, 'another function leaves the document out of the channel', { of: 'function' }),
  direct(14, 'another function does not grant the channel', { of: 'function' }),
  direct(15, 'another function breaks for the document', { of: 'function' }),
  direct(16, 'the function refuses the granting document', {
    of: 'grant',
    becomes: { fails: 'by refusing' },
  }),
  direct(17, 'the function refuses the document', { of: 'document', becomes: { fails: 'by refusing' } }),
]

export const COLUMNS = [
  'lost',
  'lost, but for another channel',
  'lost and regained',
  'lost, deleted, resurrected and regained',
  'lost with an unsent edit',
  'lost with an unsent edit that anybody may make',
] as const
export type Column = (typeof COLUMNS)[number]

/** When the daemon is stopped and started again: not at all; straight after each step; around each. */
export const MODES = [
  'the daemon goes on',
  'it is started again after each step',
  'it is away meanwhile',
] as const
export type Mode = (typeof MODES)[number]

/** By number of a way, what became of it: in a word, and everything that was wrong on the way. */
export type Cells = Record<number, string>

/** One way: its user, its documents as they are written first, and whether the user has the document now. */
class Actor {
  readonly way: Way
  readonly user: GatewayUser
  readonly document: Doc
  readonly grants: Doc[]
  hasAccount = true
  isLost = false
  isDeleted = false
  isEdited = false
  /** That were ever seen of the document. */
  readonly revisions = new Set<string>()
  readonly faults: string[] = []

  constructor(way: Way, ground: GatewayGround, column: Column) {
    const { number } = way
    this.way = way
    this.user = ground.user(`way-${number}`)
    const alternate = column === 'lost, but for another channel' ? [`alternate-${number}`] : []
    this.document = {
      _id: `document-${number}`,
      text: FIRST,
      content: `content of ${number}.`,
      channels: [channelOf(number)],
      needs: channelOf(number),
      open: column === 'lost with an unsent edit that anybody may make',
      ...way.document,
      others: ['kept', ...alternate],
    }
    const grants = [...way.grants(this.user.name), { readers: [this.user.name], channels: alternate }]
    this.grants = grants.map((grant, at): Doc => ({ _id: `grant-${number}-${at}`, ...grant }))
  }

  /** What is written where it is lost, and where it is regained; null where that is another matter. */
  get lost(): Doc | null {
    const { loss } = this.way
    const first = this.regained
    if (!('becomes' in loss) || first === null) return null
    return loss.becomes === null ? { _id: first._id, _deleted: true } : { ...first, ...loss.becomes }
  }

  get regained(): Doc | null {
    const { of } = this.way.loss
    return of === 'document' ? this.document : of === 'grant' ? (this.grants[0] ?? null) : null
  }
}

/** All ways in one space. */
export class Trial {
  readonly #ground: GatewayGround
  readonly #column: Column
  readonly #mode: Mode
  readonly #actors: readonly Actor[]
  readonly #keeper: GatewayUser
  /** What was written into the gateway by an admin, as it stands. */
  readonly #written = new Map<string, Doc>()
  #isChanged = false

  private constructor(ground: GatewayGround, ways: readonly Way[], column: Column, mode: Mode) {
    this.#ground = ground
    this.#column = column
    this.#mode = mode
    this.#keeper = ground.user('keeper')
    this.#actors = ways.map((way) => new Actor(way, ground, column))
  }

  /** Tries a column in one mode. */
  static async run(space: Space, ways: readonly Way[], column: Column, mode: Mode): Promise<Cells> {
    let found: Cells = {}
    await GatewayGround.use(space, sourceOf(false), async (ground) => {
      found = await new Trial(ground, ways, column, mode).#run()
    })
    return found
  }

  async #run(): Promise<Cells> {
    const { space, routes } = this.#ground
    await this.#begin()
    if (this.#column.startsWith('lost with an unsent edit')) await this.#loseUnsent()
    else await this.#step('lost', { loses: true })
    if (this.#column === 'lost, deleted, resurrected and regained') {
      await this.#step('deleted', { write: (actor) => this.#delete(actor) })
      await this.#step('resurrected', { write: (actor) => this.#resurrect(actor) })
    }
    if (this.#column.endsWith('regained')) {
      await this.#step('regained', { loses: false })
      await this.#step('edited', { write: (actor) => this.#edit(actor) })
    }
    await space.settled()
    // What everybody knows is forgotten once a second.
    let unsettled: string[] = []
    const isSettled = async (): Promise<boolean> => (unsettled = await routes.unsettled()).length === 0
    await space.until('nothing is unsettled', isSettled, PATIENCE_MS).catch(() => undefined)
    return Object.fromEntries(
      await Promise.all(
        this.#actors.map(async (actor): Promise<[number, string]> => {
          const ids = [actor.document, ...actor.grants].map(({ _id }) => _id)
          const left = unsettled.filter((id) => ids.includes(id)).map((id) => `${id} is not settled`)
          const said = [await this.#outcome(actor), ...actor.faults, ...left]
          return [actor.way.number, said.join('; ')]
        }),
      ),
    )
  }

  /** Everybody has the document. */
  async #begin(): Promise<void> {
    await Promise.all([
      this.#keeper.signUp(),
      ...this.#actors.map(({ user, way }) => user.signUp(way.roles ?? [])),
    ])
    await this.#ground.space.start()
    const keeps = { _id: 'keeps', readers: [this.#keeper.name], channels: ['kept'] }
    await this.#write(keeps, ...this.#actors.flatMap(({ document, grants }) => [...grants, document]))
    await this.#see('at first')
  }

  /** What is written here while the daemon is away is not known of while it loses it. */
  async #loseUnsent(): Promise<void> {
    const { space } = this.#ground
    await space.stop()
    await this.#each((actor) => this.#edit(actor))
    await this.#each((actor) => this.#change(actor, true))
    await this.#changeFunction(true)
    await space.start()
    if (this.#mode !== 'the daemon goes on') await this.#restart()
    await this.#see('lost')
  }

  /** Does one thing for all ways, with the daemon as the mode has it, and waits until everybody sees it. */
  async #step(
    name: string,
    { write, loses }: { write?: (actor: Actor) => Promise<void>; loses?: boolean },
  ): Promise<void> {
    const { space } = this.#ground
    // Edits that are unsent have columns of their own.
    const isAway = this.#mode === 'it is away meanwhile' && name !== 'edited'
    if (isAway) await space.stop()
    if (write) await this.#each(write)
    if (loses !== undefined) await this.#each((actor) => this.#change(actor, loses))
    // Another function needs a restart: what else was written is to be seen without.
    if (this.#mode === 'the daemon goes on' && loses !== undefined) await this.#see(name)
    const needsRestart = loses !== undefined && this.#actors.some(({ way }) => way.loss.of === 'function')
    if (loses !== undefined) await this.#changeFunction(loses)
    if (isAway) await space.start()
    else if (needsRestart || this.#mode !== 'the daemon goes on') await this.#restart()
    await this.#see(name)
  }

  async #each(work: (actor: Actor) => Promise<void>): Promise<void> {
    await Promise.all(this.#actors.map(work))
  }

  async #restart(): Promise<void> {
    await this.#ground.space.stop()
    await this.#ground.space.start()
  }

  async #write(...docs: Doc[]): Promise<void> {
    await Promise.all(docs.map((doc) => this.#ground.put(doc)))
    for (const doc of docs) this.#written.set(doc._id, doc)
  }

  async #change(actor: Actor, loses: boolean): Promise<void> {
    const { user, way } = actor
    const doc = loses ? actor.lost : actor.regained
    if (doc) await this.#write(doc)
    if (way.loss.of === 'roles') await user.setRoles(loses ? [] : (way.roles ?? []))
    if (way.loss.of === 'account') {
      await (loses ? user.leave() : user.setRoles([]))
      actor.hasAccount = !loses
    }
    if (way.loss.of !== 'function') actor.isLost = loses
  }

  async #changeFunction(isChanged: boolean): Promise<void> {
    this.#isChanged = isChanged
    await this.#ground.setFunction(sourceOf(isChanged))
    for (const actor of this.#actors) if (actor.way.loss.of === 'function') actor.isLost = isChanged
  }

  async #edit(actor: Actor): Promise<void> {
    await actor.user.edit(actor.document._id, { text: EDITED })
    actor.isEdited = true
    await this.#remember(actor)
  }

  async #delete(actor: Actor): Promise<void> {
    await this.#ground.delete(actor.document._id)
    actor.isDeleted = true
  }

  async #resurrect(actor: Actor): Promise<void> {
    const { _id } = actor.document
    await this.#write(this.#written.get(_id) ?? actor.document)
    actor.isDeleted = false
  }

  async #remember({ user, document: { _id }, revisions, hasAccount }: Actor): Promise<void> {
    if (!hasAccount || this.#ground.space.server.kind !== 'couchdb') return
    for (const { _rev, _revisions } of await user.database.leaves([{ id: _id }])) {
      revisions.add(_rev)
      const { start, ids } = _revisions as { start: number; ids: string[] }
      for (const [at, id] of ids.entries()) revisions.add(`${start - at}-${id}`)
    }
  }

  /** Waits until all is as it has to be by now; what is not is written down. */
  async #see(step: string): Promise<void> {
    await this.#ground.space.settled()
    for (const patience = new Patience(PATIENCE_MS, LOOK_MS); ; await delay(LOOK_MS)) {
      const faults = await this.#faults()
      const isRight = faults.every(({ length }) => length === 0)
      if (!isRight && !patience.isOver()) continue
      for (const [at, actor] of this.#actors.entries()) {
        actor.faults.push(...(faults[at] ?? []).map((fault) => `${step}: ${fault}`))
        await this.#remember(actor)
      }
      return
    }
  }

  #isNowhere({ document: { _id }, isDeleted }: Actor): boolean {
    const written = this.#written.get(_id)
    const isRouted = written?._deleted !== true && written?.['fails'] === undefined
    return isDeleted || !isRouted || (this.#isChanged && _id === 'document-15')
  }

  /** By what the ways are, and nothing else. */
  #has(actor: Actor): boolean {
    return !this.#isNowhere(actor) && (!actor.isLost || this.#column === 'lost, but for another channel')
  }

  #idsFor(actor: Actor): string[] {
    const isReadable = (other: Actor): boolean => !this.#isNowhere(other)
    const grant = this.#written.get(actor.grants[0]?._id ?? '')
    const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])
    if (list(grant?.['channels']).includes(ALL) && list(grant?.['readers']).length > 0) {
      const grants = [...this.#written.values()].filter(({ _id }) => /^(grant|keeps)/.test(_id))
      return [
        ...grants.filter(({ _deleted, ...doc }) => _deleted !== true && doc['fails'] === undefined),
        ...this.#actors.filter(isReadable).map(({ document }) => document),
      ].map(({ _id }) => _id)
    }
    const isOpen = ({ document: { _id } }: Actor): boolean =>
      list(this.#written.get(_id)?.['channels']).includes(SEEN_BY_ALL)
    const open = this.#actors.filter((other) => isOpen(other) && isReadable(other))
    return [...new Set([...open, ...(this.#has(actor) ? [actor] : [])])].map(({ document }) => document._id)
  }

  /** By way, all that is wrong with it now, whatever step it is. */
  async #faults(): Promise<string[][]> {
    const ids = this.#actors.map(({ document }) => document._id)
    const rows = await this.#ground.database.fetch(ids, { conflicts: true })
    const others = await this.#keeper.database.fetch(ids, { conflicts: true })
    return Promise.all(
      this.#actors.map(async (actor, at) => {
        const [there, kept] = [rows[at]?.doc ?? null, others[at]?.doc ?? null]
        return [...this.#faultsOfOthers(actor, there, kept), ...(await this.#faultsOfUser(actor, there))]
      }),
    )
  }

  async #faultsOfUser(actor: Actor, there: StoredDoc | null): Promise<string[]> {
    const { user, document } = actor
    if (!actor.hasAccount) {
      const isThere = (await user.database.info()) !== null
      return [...(isThere ? ['the database is there'] : []), ...(await this.#shown(actor))]
    }
    const faults: string[] = []
    const [ids, expected] = [(await user.ids()).sort(), this.#idsFor(actor).sort()]
    if (String(ids) !== String(expected)) faults.push(`sees ${String(ids)}, not ${String(expected)}`)
    const standing = await user.standing()
    const { rejected } = standing ?? {}
    if (standing?.state !== (rejected ? 'denied' : 'complete') || standing.documents !== expected.length)
      faults.push(`stands as ${JSON.stringify(standing)} with ${expected.length}`)
    if (rejected && (!this.#column.startsWith('lost with') || String(Object.keys(rejected)) !== document._id))
      faults.push(`was told of ${JSON.stringify(rejected)}`)
    const [own] = await user.database.fetch([document._id], { conflicts: true })
    if (own?.doc?._conflicts) faults.push('the user has conflicts')
    const shown = await this.#shown(actor)
    if (!this.#has(actor)) return [...faults, ...shown]
    // What finds nothing where something is, would find nothing elsewhere.
    if (this.#ground.space.server.kind === 'couchdb' && shown.length < 3) faults.push('shows too little')
    const isSame = ['text', 'content'].every((name) => own?.doc?.[name] === there?.[name])
    return isSame ? faults : [...faults, `reads ${JSON.stringify(own?.doc)}`]
  }

  /** What everybody else sees of it. */
  #faultsOfOthers(actor: Actor, there: StoredDoc | null, kept: StoredDoc | null): string[] {
    const faults: string[] = []
    if (there?._conflicts) faults.push('the gateway has conflicts')
    if (kept?._conflicts) faults.push('others have conflicts')
    if (actor.isEdited && this.#has(actor) && there?.['text'] !== EDITED)
      faults.push('the edit is not at the gateway')
    const expected = this.#isNowhere(actor) ? undefined : there?._rev
    // Broken by the function it was gone for others, too, and is back on the same line until it is changed.
    const isBack = actor.way.number === 15 && !actor.isEdited && kept?.['text'] === there?.['text']
    if (kept?._rev !== expected && !isBack)
      faults.push(`others have ${kept?._rev ?? 'nothing'}, not ${expected ?? 'nothing'}`)
    return faults
  }

  /** Requests that show the user what is in the document, or in an older revision. On the embedded server access does not count. */
  async #shown({ user, way, isLost, document: { _id, content }, revisions }: Actor): Promise<string[]> {
    const { kind, url } = this.#ground.space.server
    if (kind !== 'couchdb') return []
    // What was deleted by its authors, nobody has withdrawn: CouchDB shows it until it compacts.
    if (isLost && way.loss.of === 'document' && way.loss.becomes === null) return []
    const all = [...revisions]
    const requests: { path: string; body?: unknown }[] = [
      ...all.map((rev) => ({ path: `${_id}?rev=${rev}` })),
      { path: `${_id}?open_revs=all` },
      { path: `${_id}?open_revs=${encodeURIComponent(JSON.stringify(all))}` },
      { path: '_bulk_get', body: { docs: [{ id: _id }, ...all.map((rev) => ({ id: _id, rev }))] } },
      { path: '_changes?include_docs=true&style=all_docs&conflicts=true' },
    ]
    const authorization = basic(user.name, user.password)
    const shown = await Promise.all(
      requests.map(async ({ path, body }) => {
        const answer = await fetch(`${url}/${encodeURIComponent(user.database.name)}/${path}`, {
          method: body === undefined ? 'GET' : 'POST',
          headers: { authorization, accept: 'application/json', 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return (await answer.text()).includes(String(content)) ? [`${path} shows it`] : []
      }),
    )
    return shown.flat()
  }

  /** In a word. */
  async #outcome(actor: Actor): Promise<string> {
    const { user, document } = actor
    const id = document._id
    const there = await this.#ground.database.get(id)
    if (!actor.hasAccount) return 'gone'
    const leaves = await user.database.leaves([{ id }])
    const isThere = leaves.some(({ _deleted }) => _deleted !== true)
    if (this.#column.startsWith('lost with')) {
      const { rejected } = (await user.standing()) ?? {}
      const isCarried = there?.['text'] === EDITED
      return `${isThere ? 'there, ' : ''}${isCarried ? 'carried' : (rejected?.[id] ?? 'nothing said')}`
    }
    if (!isThere) return 'gone'
    if (actor.isEdited) return there?.['text'] === EDITED ? 'back' : 'back, not carried'
    return leaves.length === 1 && isUnbroken(leaves, there) ? 'kept' : 'made anew'
  }
}

/** The gateway's revision and nothing else: what was taken out and came back has another one, or a tombstone beside it. */
const isUnbroken = ([leaf]: readonly StoredDoc[], there: StoredDoc | null): boolean =>
  leaf !== undefined && leaf._rev === there?._rev
