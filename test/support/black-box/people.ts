// Users who only speak HTTP, each with an account of their own: they write, look, and give up where nobody answers.
import omit from 'lodash/omit.js'
import { basic, Visitor, type Answer } from '../visitor.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import { subscriptionDocumentId } from '../../../src/shares/model/ids.ts'
import type { Person } from '../people.ts'
import type { Server } from '../servers.ts'
import type { Witness } from './witness.ts'

type Stored = Record<string, unknown> & { _id: string; _rev: string }

/** Between two things that somebody does, in milliseconds. */
const LEAST_PAUSE_MS = 20
const MOST_PAUSE_MS = 200

export interface Place {
  server: Server
  share: string
  witness: Witness
  random: () => number
}

/** What all of them do. The owner does more: see `Owner`. */
export class Participant {
  readonly name: string
  protected readonly place: Place
  protected readonly person: Person
  readonly #visitor: Visitor

  constructor(name: string, person: Person, place: Place) {
    const { kind, url, user, pass } = place.server
    // On the embedded server tests are its admin: access does not count there.
    const login = kind === 'couchdb' ? basic(person.account.name, person.account.pass) : basic(user, pass)
    this.name = name
    this.person = person
    this.place = place
    this.#visitor = new Visitor(() => url, { authorization: login })
  }

  /** Does one thing after the other until told to stop. */
  async live(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.act()
      await pause(LEAST_PAUSE_MS + this.place.random() * (MOST_PAUSE_MS - LEAST_PAUSE_MS))
    }
  }

  protected async act(): Promise<void> {
    const dice = this.place.random()
    if (dice < 0.55) return this.edit()
    if (dice < 0.65) return this.create()
    if (dice < 0.7) return this.rejoin()
    if (dice < 0.85) return this.look('share')
    return this.look('own')
  }

  /** Reads an object, and writes one attribute of it anew. */
  protected async edit(): Promise<void> {
    const doc = await this.anObject()
    if (doc === null) return
    const attribute = this.attributes[Math.floor(this.place.random() * this.attributes.length)] ?? 'a'
    const value = this.place.witness.newValue(this.name)
    const over = typeof doc[attribute] === 'string' ? doc[attribute] : null
    this.place.witness.begins({
      ...{ value, by: this.name, object: doc._id, attribute, over },
      isGiven: this.gives(doc, attribute),
    })
    if (await this.write({ ...doc, [attribute]: value })) this.place.witness.isAcknowledged(value)
  }

  /** What they write. */
  protected get attributes(): readonly string[] {
    return ['a', 'b', 'c']
  }

  /** What a participant writes may be seen by all who take part. */
  protected gives(_doc: Stored, _attribute: string): boolean {
    return true
  }

  protected wish(): unknown {
    return true
  }

  protected async create(): Promise<void> {
    const { witness, share } = this.place
    const value = witness.newValue(this.name)
    const object = `of-${this.name}-${value.replaceAll('~', '')}`
    witness.begins({ value, by: this.name, object, attribute: 'a', over: null, isGiven: true })
    const isThere = await this.write({ _id: object, a: value, $shares: { [share]: this.wish() } })
    if (isThere) witness.isAcknowledged(value)
  }

  /** Whoever was let in again takes part again, by asking for it. */
  protected async rejoin(): Promise<void> {
    const doc = await this.read(subscriptionDocumentId(this.place.share))
    if (doc?.['$state'] !== 'ended') return
    await this.write(omit(doc, '$state', '$reason') as Stored)
  }

  protected async look(at: 'share' | 'own'): Promise<void> {
    const askedAt = Date.now()
    const database = at === 'share' ? shareDatabase(this.place.share) : this.person.db.name
    const answer = await this.ask(
      'GET',
      `/${encodeURIComponent(database)}/_all_docs?include_docs=true&conflicts=true`,
    )
    if (answer?.status === 200) this.place.witness.sees(this.name, at, askedAt, answer.body)
  }

  /** One of the objects that this user has in the share; null where there is none, or nobody answers. */
  protected async anObject(): Promise<Stored | null> {
    const askedAt = Date.now()
    const answer = await this.ask(
      'GET',
      `/${encodeURIComponent(this.person.db.name)}/_all_docs?include_docs=true`,
    )
    if (answer?.status !== 200) return null
    this.place.witness.sees(this.name, 'own', askedAt, answer.body)
    const { rows } = answer.body as { rows: { doc: Stored }[] }
    const shared = rows.map(({ doc }) => doc).filter((doc) => this.isShared(doc))
    return shared[Math.floor(this.place.random() * shared.length)] ?? null
  }

  protected isShared({ $shares }: Stored): boolean {
    return typeof $shares === 'object' && $shares !== null && Object.hasOwn($shares, this.place.share)
  }

  /** @returns whether it was acknowledged */
  protected async write(doc: Record<string, unknown> & { _id: string }): Promise<boolean> {
    const { _id, ...content } = doc
    const path = `/${encodeURIComponent(this.person.db.name)}/${encodeURIComponent(_id)}`
    const answer = await this.ask('PUT', path, content)
    return answer?.status === 201
  }

  protected async read(id: string): Promise<Stored | null> {
    const answer = await this.ask(
      'GET',
      `/${encodeURIComponent(this.person.db.name)}/${encodeURIComponent(id)}`,
    )
    return answer?.status === 200 ? (answer.body as Stored) : null
  }

  /** Null where nobody answers, as while the server is down. */
  protected async ask(method: string, path: string, body?: unknown): Promise<Answer | null> {
    return this.#visitor.ask(method, path, body).catch(() => null)
  }
}

/** Who shows more and less, and lets a reader in and out. */
export class Owner extends Participant {
  /** Told when the reader is out by the owner's document, or about to be let in. */
  onAccess: (isIn: boolean) => Promise<void> = () => Promise.resolve()
  readonly #writers: readonly string[]
  readonly #reader: string
  #isReaderIn = true

  constructor(name: string, person: Person, place: Place, others: { writers: string[]; reader: string }) {
    super(name, person, place)
    this.#writers = others.writers
    this.#reader = others.reader
  }

  protected override async act(): Promise<void> {
    const dice = this.place.random()
    if (dice < 0.08) return this.#letIn(!this.#isReaderIn)
    if (dice < 0.2) return this.#show()
    return super.act()
  }

  /** Nobody takes part in a share of their own. */
  protected override rejoin(): Promise<void> {
    return Promise.resolve()
  }

  protected override get attributes(): readonly string[] {
    return ['a', 'b', 'c', 'secret']
  }

  protected override gives({ $shares }: Stored, attribute: string): boolean {
    const wish = ($shares as Record<string, unknown> | undefined)?.[this.place.share]
    return wish === true || (Array.isArray(wish) && wish.includes(attribute))
  }

  protected override wish(): unknown {
    return ['a', 'b']
  }

  async #show(): Promise<void> {
    const doc = await this.anObject()
    if (doc === null) return
    const wish = this.gives(doc, 'c') ? ['a', 'b'] : ['a', 'b', 'c']
    if (wish.includes('c')) this.place.witness.isGiven(doc['c'])
    const $shares = { ...(doc['$shares'] as object), [this.place.share]: wish }
    await this.write({ ...doc, $shares })
  }

  /** Whoever is let in is in from the moment that somebody asks for it: whether that landed, nobody may know. */
  async #letIn(isIn: boolean): Promise<void> {
    const doc = await this.read(`$share/${this.place.share}`)
    if (doc === null) return
    if (isIn) await this.onAccess(true)
    const read = isIn ? [this.#reader] : []
    if (!(await this.write({ ...doc, access: { read, write: this.#writers } }))) return
    this.#isReaderIn = isIn
    if (!isIn) await this.onAccess(false)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
