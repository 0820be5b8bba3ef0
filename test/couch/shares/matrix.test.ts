// The access matrix: every setting of `access`, everybody, everything that can be tried, over HTTP on a real CouchDB.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Doc } from '../../../src/couch/document.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import {
  ACTIONS,
  ATTACHMENT,
  BEFORE,
  faultOf,
  LISTED,
  MAIN,
  NARROWED,
  NOW,
  OWN_OBJECTS,
  ownObject,
  PRIVATE,
  RIGHTS,
  SHOWN,
  type Ground,
  type Right,
} from './matrix.ts'
import {
  ANYBODY,
  ask,
  Feed,
  logIn,
  removeTraces,
  removeUsers,
  signUp,
  type Person,
} from '../../support/logins.ts'
import type { Server } from '../../support/servers.ts'
import { Space } from '../../support/space.ts'
import { becomesActive, copyBecomes, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

/**
 * Everybody, in the order of the columns below. The reader and the writer are named where the setting names somebody;
 * the former ones were named earlier, and taken out while the daemon ran. The holder has logged in with the account of
 * the share's password, or of another share's where this one has none; the old holder did so with the password before.
 */
const PEOPLE = [
  'anonymous',
  'stranger',
  'reader',
  'writer',
  'former reader',
  'former writer',
  'owner',
  'holder',
  'old holder',
] as const
type Who = (typeof PEOPLE)[number]

/** Users, and whether they have a database, by which they stand as roles in `_security`; others stand as names. */
const USERS: Partial<Record<Who, { hasDatabase: boolean }>> = {
  stranger: { hasDatabase: true },
  reader: { hasDatabase: true },
  writer: { hasDatabase: false },
  'former reader': { hasDatabase: true },
  'former writer': { hasDatabase: false },
  owner: { hasDatabase: true },
}

const NEW = 'new password'
const OLD = 'old password'
const FEED = 'a feed that was open before'
/** A feed that has lost its database ends at once; so long it may take on a busy machine. */
const FEED_END_MS = 5_000
/** What is delivered to a feed is there by then. */
const DELIVERY_MS = 400
const AT_ONCE = 24

type Names = Record<'reader' | 'writer' | 'former reader' | 'former writer', string>
type Setting = (names: Names) => unknown

interface Stage {
  access: Setting
  password?: string
  readers: readonly Who[]
}

interface Row {
  title: string
  access: Setting
  password?: string
  /** A right for each of `PEOPLE`, as the table of access in docs/sharing.md gives it. */
  rights: string
  history: readonly Stage[]
}

/** Without a password at last: the password was there first, then everyone reads, and one writes. */
const OPEN_LAST: readonly Stage[] = [
  {
    access: (names) => ({ read: [names['former reader']], write: true }),
    password: OLD,
    readers: ['owner', 'former reader', 'old holder'],
  },
  { access: (names) => ({ read: true, write: [names['former writer']] }), readers: PEOPLE },
]

/** With another password at last. */
const PASSWORD_LAST: readonly Stage[] = [
  { access: (names) => ({ read: true, write: [names['former writer']] }), readers: PEOPLE },
  {
    access: (names) => ({ read: [names['former reader']], write: true }),
    password: OLD,
    readers: ['owner', 'former reader', 'old holder'],
  },
]

/** Nobody but the owner ever wrote: copies come out of the outbox. Both former ones were readers. */
const READ_ONLY: readonly Stage[] = [
  { access: () => ({ read: true }), password: OLD, readers: ['owner', 'old holder'] },
  {
    access: (names) => ({ read: [names['former reader'], names['former writer']] }),
    readers: ['owner', 'former reader', 'former writer'],
  },
]
const READ_ONLY_PASSWORD: readonly Stage[] = [...READ_ONLY].reverse()

const row = (title: string, rights: string, access: Setting): Row => ({
  title,
  rights,
  access,
  history: OPEN_LAST,
})

const withPassword = (of: Row, rights: string): Row => ({
  ...of,
  title: `${of.title} with a password`,
  rights,
  password: NEW,
  history: PASSWORD_LAST,
})

const readOnly = (of: Row): Row => ({
  ...of,
  title: `${of.title}, never written by others`,
  history: of.password === undefined ? READ_ONLY : READ_ONLY_PASSWORD,
})

//                       anonymous, stranger, reader, writer, former reader, former writer, owner, holder, old holder
const ABSENT = row('absent', '- - - - - - w - -', () => undefined)
const TRUE = row('true', 'p p p p p p w p p', () => true)
const READ_TRUE = row('{read: true}', 'r r r r r r w r r', () => ({ read: true }))
const WRITE_TRUE = row('{write: true}', 'p p p p p p w p p', () => ({ write: true }))
const READ_ONE = row('{read: [reader]}', '- - r - - - w - -', ({ reader }) => ({ read: [reader] }))
const WRITE_ONE = row('{write: [writer]}', '- - - w - - w - -', ({ writer }) => ({ write: [writer] }))
const READ_TRUE_WRITE_ONE = row('{read: true, write: [writer]}', 'r r r w r r w r r', ({ writer }) => ({
  read: true,
  write: [writer],
}))
const READ_ONE_WRITE_ONE = row(
  '{read: [reader], write: [writer]}',
  '- - r w - - w - -',
  ({ reader, writer }) => ({ read: [reader], write: [writer] }),
)
const READ_ONE_WRITE_TRUE = row('{read: [reader], write: true}', 'p p p p p p w p p', ({ reader }) => ({
  read: [reader],
  write: true,
}))

/** The rows of a case are tried side by side, each in a space and by a daemon of its own. */
const CASES: Record<string, readonly Row[]> = {
  'shares that are their owners’ alone': [
    ABSENT,
    row('false', '- - - - - - w - -', () => false),
    row('{}', '- - - - - - w - -', () => ({})),
  ],
  'shares that name nobody who is there': [
    row('{read: [], write: []}', '- - - - - - w - -', () => ({ read: [], write: [] })),
    row('{read: [nobody]}', '- - - - - - w - -', ({ reader }) => ({ read: [`nobody-${reader}`] })),
  ],
  'shares with those who are named': [READ_ONE, WRITE_ONE, READ_ONE_WRITE_ONE],
  'shares that everyone reads': [READ_TRUE, READ_TRUE_WRITE_ONE],
  'shares that everyone writes': [TRUE, WRITE_TRUE, READ_ONE_WRITE_TRUE],
  'shares that are read with a password': [
    withPassword(READ_TRUE, '- - - - - - w r -'),
    // Those who are named need no password.
    withPassword(READ_TRUE_WRITE_ONE, '- - - w - - w r -'),
  ],
  'shares that are written with a password': [
    withPassword(TRUE, '- - - - - - w p -'),
    withPassword(WRITE_TRUE, '- - - - - - w p -'),
    withPassword(READ_ONE_WRITE_TRUE, '- - p - - - w p -'),
  ],
  'shares into which only their owners ever wrote': [
    readOnly(ABSENT),
    readOnly(READ_ONE),
    readOnly(READ_TRUE),
    readOnly(withPassword(READ_TRUE, '- - - - - - w r -')),
  ],
}

const rightOf = ({ rights }: Row, who: Who): Right => {
  const right = rights.split(' ')[PEOPLE.indexOf(who)]
  assert(right !== undefined && (RIGHTS as string[]).includes(right), `${who} of ${rights}`)
  return right as Right
}

const labelOf = (who: Who): string => who.replace(' ', '-')

/** The users of all rows, signed up and logged in once. */
class Users {
  readonly #server: Space['server']
  readonly mark: string
  readonly people = new Map<Who, Person>()

  private constructor(space: Space) {
    this.#server = space.server
    this.mark = space.prefix.slice(1, 7)
  }

  static async signUp(space: Space): Promise<Users> {
    const users = new Users(space)
    const all = Object.keys(USERS) as Who[]
    await signUp(space, Object.fromEntries(all.map((who) => [users.fullNameOf(who), [users.hashOf(who)]])))
    await Promise.all(
      all.map(async (who) => users.people.set(who, await logIn(users.#server, users.fullNameOf(who)))),
    )
    return users
  }

  /** Half of them are Hoodie's, whose names people leave the `user/` out of. */
  fullNameOf(who: Who): string {
    return `${USERS[who]?.hasDatabase ? 'user/' : ''}${this.nameOf(who)}`
  }

  nameOf(who: Who): string {
    return `${labelOf(who)}-${this.mark}`
  }

  hashOf(who: Who): string {
    return `hash-${labelOf(who)}-${this.mark}`
  }

  get names(): Names {
    const named = ['reader', 'writer', 'former reader', 'former writer'] as const
    return Object.fromEntries(named.map((who) => [who, this.nameOf(who)])) as Names
  }

  get all(): string[] {
    return (Object.keys(USERS) as Who[]).map((who) => this.fullNameOf(who))
  }
}

/** One setting, and everybody against it. */
class Trial {
  readonly #space: Space
  readonly #row: Row
  readonly #users: Users
  readonly #people: Map<Who, Person>
  readonly #feeds = new Map<Who, Feed[]>(PEOPLE.map((who) => [who, []]))
  readonly #share: string
  readonly #other: string
  readonly #faults: string[] = []
  #cells = 0

  constructor(space: Space, row: Row, users: Users) {
    this.#space = space
    this.#row = row
    this.#users = users
    this.#people = new Map([...users.people, ['anonymous', ANYBODY]])
    this.#share = space.shareId()
    this.#other = space.shareId('other')
  }

  get #owner(): string {
    return this.#users.hashOf('owner')
  }

  /** @returns how many cells there were, and what is wrong */
  async run(): Promise<{ cells: number; faults: string[] }> {
    await this.#settle()
    for (const [at, stage] of this.#row.history.entries()) {
      await this.#change(stage.access, stage.password)
      if (stage.password !== undefined) this.#people.set('old holder', await this.#logInAsHolder(OLD))
      await this.#checkFeeds(`stage ${at}`, stage.readers)
      await this.#openFeeds(stage.readers)
    }
    await this.#change(this.#row.access, this.#row.password)
    if (this.#row.password !== undefined) this.#people.set('holder', await this.#logInAsHolder(NEW))
    const ground = await this.#prepare()
    await this.#tryFeeds()
    await this.#tryAll(ground)
    for (const feed of [...this.#feeds.values()].flat()) feed.close()
    return { cells: this.#cells, faults: this.#faults }
  }

  /** The owner's objects, and another share with a password, whose holder is a stranger here. */
  async #settle(): Promise<void> {
    const { hashOf } = { hashOf: (who: Who) => this.#users.hashOf(who) }
    for (const [who, { hasDatabase }] of Object.entries(USERS) as [Who, { hasDatabase: boolean }][])
      if (hasDatabase) await this.#space.user(hashOf(who)).create()
    const shared = { [this.#share]: ['name', '_attachments'] }
    const attachment = { content_type: 'text/plain', data: Buffer.from(SHOWN).toString('base64') }
    const own = PEOPLE.flatMap((who) => OWN_OBJECTS.map((what) => ownObject(what, labelOf(who))))
    await put(
      this.#space.user(this.#owner),
      shareDoc(this.#share),
      shareDoc(this.#other, { access: { read: true }, password: OLD }),
      {
        ...{ _id: MAIN, name: SHOWN, secret: PRIVATE, $shares: shared },
        _attachments: { [ATTACHMENT]: attachment },
      },
      { _id: NARROWED, name: SHOWN, more: PRIVATE, $shares: { [this.#share]: ['name', 'more'] } },
      { _id: LISTED, name: 'listed', secret: PRIVATE, $shares: shared },
      ...own.map((_id): Doc => ({ _id, name: 'one’s own', secret: PRIVATE, $shares: shared })),
    )
    await this.#space.start()
    await becomesActive(this.#space, this.#owner, this.#other)
    if (this.#row.password === undefined) {
      const name = await this.#accountOf(this.#other)
      this.#people.set('holder', await logIn(this.#space.server, name, OLD))
    }
  }

  /** Writes the `$share`, and waits until the owner reads that it is in force. */
  async #change(access: Setting, password: string | undefined): Promise<void> {
    await this.#space.write(
      this.#space.user(this.#owner),
      shareDoc(this.#share, {
        access: access(this.#users.names),
        ...(password === undefined ? {} : { password }),
      }),
    )
    await becomesActive(this.#space, this.#owner, this.#share)
  }

  async #accountOf(share: string): Promise<string> {
    const doc = await this.#space.user(this.#owner).get(`$share/${share}`)
    const { set, name } = (doc?.['password'] ?? {}) as { set?: boolean; name?: string }
    assert(set === true && name !== undefined, JSON.stringify(doc))
    return name
  }

  async #logInAsHolder(password: string): Promise<Person> {
    return logIn(this.#space.server, await this.#accountOf(this.#share), password)
  }

  async #openFeeds(readers: readonly Who[]): Promise<void> {
    for (const who of PEOPLE) {
      const person = this.#people.get(who)
      if (!person) continue
      const feed = await Feed.open(this.#space.server, person, shareDatabase(this.#share))
      this.#feeds.get(who)?.push(feed)
      const expected = readers.includes(who) ? 200 : person.cookie === null ? 401 : 403
      // A password of an earlier stage is none any more.
      const isNobody = who === 'old holder' && feed.status === 401 && expected === 403
      if (feed.status !== expected && !isNobody) this.#faults.push(`feed of ${who}: ${feed.status}`)
    }
  }

  /** The feeds of those who may not read any more end, and deliver nothing of what is written now. */
  async #checkFeeds(token: string, readers: readonly Who[]): Promise<void> {
    const written = `${SHOWN} in ${token}`
    await this.#edit(written)
    const shut = PEOPLE.filter((who) => !readers.includes(who))
    for (const who of shut)
      for (const [at, feed] of this.#feeds.get(who)?.entries() ?? []) {
        const fault = await feedFault(feed, written)
        if (fault !== null) this.#faults.push(`${token}, ${who}, feed ${at}: ${fault}`)
      }
  }

  async #edit(name: string): Promise<void> {
    const attachment = { content_type: 'text/plain', data: Buffer.from(SHOWN).toString('base64') }
    await this.#space.write(this.#space.user(this.#owner), {
      ...{ _id: MAIN, name, secret: PRIVATE, $shares: { [this.#share]: ['name', '_attachments'] } },
      _attachments: { [ATTACHMENT]: attachment },
    })
    await this.#space.until(
      `${name} is in the share`,
      async () => (await this.#space.copy(this.#share, MAIN))?.['name'] === name,
    )
  }

  /** An edit, and a narrowing: of the one the old revision stays, of the other it goes. */
  async #prepare(): Promise<Ground> {
    const home = this.#space.share(this.#share)
    const revision = async (object: string): Promise<string> =>
      (await home.get(copyId(this.#share, object)))?._rev ?? ''
    await this.#edit(BEFORE)
    const [oldRevision, withdrawnRevision] = [await revision(MAIN), await revision(NARROWED)]
    await this.#edit(NOW)
    await this.#space.write(this.#space.user(this.#owner), {
      _id: NARROWED,
      ...{ name: SHOWN, more: PRIVATE, $shares: { [this.#share]: ['name'] } },
    })
    await copyBecomes(this.#space, this.#share, NARROWED, { name: SHOWN })
    await this.#space.settled()
    const ids = PEOPLE.flatMap((who) => OWN_OBJECTS.map((what) => ownObject(what, labelOf(who))))
    const revisions = new Map<string, string>()
    for (const id of ids) revisions.set(id, await revision(id))
    revisions.set('_design/write_access', (await home.get('_design/write_access'))?._rev ?? '')
    assert([...revisions.values(), oldRevision, withdrawnRevision].every((rev) => rev !== ''))
    return {
      ...{ space: this.#space, share: this.#share, owner: this.#owner },
      ...{ oldRevision, withdrawnRevision, revisions },
    }
  }

  /** Who reads still reads, by the feed that was open or by another one; who does not is cut off. */
  async #tryFeeds(): Promise<void> {
    await delay(DELIVERY_MS)
    for (const who of PEOPLE) {
      this.#cells += 1
      const feeds = this.#feeds.get(who) ?? []
      if (rightOf(this.#row, who) === '-') {
        for (const [at, feed] of feeds.entries()) {
          const fault = (await feedFault(feed, BEFORE)) ?? (await feedFault(feed, NOW))
          if (fault !== null) this.#faults.push(`${who}, ${FEED} (${at}): ${fault}`)
        }
        continue
      }
      if (feeds.some((feed) => !feed.hasEnded && feed.text.includes(NOW))) continue
      const person = this.#people.get(who)
      assert(person)
      const again = await Feed.open(this.#space.server, person, shareDatabase(this.#share))
      feeds.push(again)
      await this.#space
        .until('the feed delivers', () => Promise.resolve(again.text.includes(NOW)), FEED_END_MS)
        .catch(() => this.#faults.push(`${who}, ${FEED}: nothing is delivered`))
      if (feeds.some((feed) => !feed.hasEnded && feed !== again && feed.status === 200))
        this.#faults.push(`${who}, ${FEED}: it is open and delivers nothing`)
    }
  }

  async #tryAll(ground: Ground): Promise<void> {
    const queue = new PQueue({ concurrency: AT_ONCE })
    const cells = PEOPLE.flatMap((who, number) => ACTIONS.map((action) => ({ who, number, action })))
    await queue.addAll(
      cells.map(({ who, number, action }) => async () => {
        const person = this.#people.get(who)
        assert(person)
        const actor = { label: labelOf(who), number, person }
        const verdict = action.expected[RIGHTS.indexOf(rightOf(this.#row, who))]
        assert(verdict)
        const answer = await ask(
          this.#space.server,
          person,
          action.method,
          action.where(ground, actor),
          action.body?.(ground, actor),
        )
        // An old password's cookie is nobody's.
        const isLoggedIn = person.cookie !== null && who !== 'old holder'
        const fault = faultOf(action, verdict, isLoggedIn, answer)
        if (fault !== null) this.#faults.push(`${who}, ${action.title}: ${fault}`)
      }),
    )
    // Whatever was answered: has it happened?
    await queue.addAll(
      cells.map(({ who, number, action }) => async () => {
        this.#cells += 1
        if (!action.hasHappened) return
        const person = this.#people.get(who)
        assert(person)
        const verdict = action.expected[RIGHTS.indexOf(rightOf(this.#row, who))]
        const has = await action.hasHappened(ground, { label: labelOf(who), number, person })
        if (has !== (verdict === 'done'))
          this.#faults.push(`${who}, ${action.title}: it has ${has ? '' : 'not '}happened`)
      }),
    )
  }
}

/** What is wrong with the feed of somebody who may not read any more. */
async function feedFault(feed: Feed, token: string): Promise<string | null> {
  for (const end = Date.now() + FEED_END_MS; !feed.hasEnded && Date.now() < end;) await delay(25)
  if (!feed.hasEnded) return 'it is still open'
  return feed.text.includes(token) ? `it has delivered “${token}”` : null
}

onEachServer(
  'the access matrix',
  ({ it }) => {
    let users: Users | null = null
    let asserted = 0

    for (const [title, rows] of Object.entries(CASES))
      it(title, async (space) => {
        users ??= await Users.signUp(space)
        const all = users
        const found = await Promise.all(rows.map((row) => tryRow(space.server, row, all)))
        assert.equal(found.flatMap(({ faults }) => faults).join('\n'), '')
        for (const { cells } of found) asserted += cells
      })

    it('has no cell that is not tested', async (space) => {
      if (users) await removeUsers(space, users.all)
      const rows = Object.values(CASES).flat().length
      assert.equal(asserted, rows * PEOPLE.length * (ACTIONS.length + 1))
    })
  },
  { kinds: ['couchdb'] },
)

/** Tries a row in a space of its own; that of a failed one is left as it is. */
async function tryRow(server: Server, row: Row, users: Users): Promise<{ cells: number; faults: string[] }> {
  const publicLimits = { mostObjects: 10_000, mostBytes: 100_000, mostChanges: 100_000 }
  try {
    let cells = 0
    await new Space(server, row.title, { publicLimits }).run(async (space) => {
      const found = await new Trial(space, row, users).run()
      if (found.faults.length > 0) throw new Error(found.faults.join('\n'))
      cells = found.cells
      await space.stop()
      await removeTraces(space)
    })
    return { cells, faults: [] }
  } catch (error) {
    return { cells: 0, faults: [`${row.title}: ${error instanceof Error ? error.message : String(error)}`] }
  }
}
