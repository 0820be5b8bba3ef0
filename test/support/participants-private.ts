// What participants have in an object beside what its owner shows: it is nobody else's, also when the owner shows more.
import assert from 'node:assert/strict'
import { shows, type Selection } from '../../src/documents/content.ts'
import type { Base } from '../../src/shares/model/base.ts'
import { OBJECTS, SHARES, valuesOf, type Participants, type Wish } from './participants.ts'

/** By `<user> <share> <object>`, what the owner showed when all had settled, and has not shown more of since. */
type Shown = Map<string, Selection>

const wishOf = (doc: object | null, share: string): unknown =>
  ((doc as { $shares?: Record<string, unknown> } | null)?.$shares ?? {})[share]

const selectionIn = (wish: unknown): Selection =>
  wish === true ? true : Array.isArray(wish) ? (wish as string[]) : []

export class PrivateValues {
  readonly #people: Participants
  readonly #shown: Shown = new Map()
  /** By value, the shares that it is private in. */
  readonly #private = new Map<string, Set<string>>()

  constructor(people: Participants) {
    this.#people = people
  }

  /** All has settled: participants could see what is shown. */
  noteSettled(): void {
    this.#shown.clear()
    for (const share of SHARES)
      for (let user = 0; user < this.#people.count; user += 1)
        for (const object of OBJECTS) {
          const agreed = this.#base(user, object)?.agreed[share]
          const shown = this.#base(this.#people.ownerOf(share), object)?.shares[share]
          if (user !== this.#people.ownerOf(share) && agreed?.state === 'both' && shown !== undefined)
            this.#shown.set(`${user} ${share} ${object}`, shown)
        }
    this.noteShown()
  }

  /** What owners show now is more than what was shown when all had settled. */
  noteShown(): void {
    for (const key of [...this.#shown.keys()]) {
      const [, share = '', object = ''] = key.split(' ')
      const owner = this.#people.database(this.#people.ownerOf(share))
      const shown = this.#shown.get(key) ?? []
      const now = owner.leaves(object).map((leaf) => selectionIn(wishOf(leaf, share)))
      if (now.some((one) => (one === true ? shown !== true : one.some((name) => !shows(shown, name)))))
        this.#shown.delete(key)
    }
  }

  /** A user has written values into an object that the daemon gave to the share as a whole. */
  noteWritten(user: number, object: string, doc: object, isNew: (value: string) => boolean): void {
    for (const share of SHARES) {
      const shown = this.#shown.get(`${user} ${share} ${object}`)
      if (shown === undefined || wishOf(doc, share) !== true) continue
      for (const value of valuesOf(doc)) {
        const attribute = this.#people.tokens.get(value)?.attribute ?? ''
        if (!isNew(value) || shows(shown, attribute)) continue
        this.#private.set(value, new Set([...(this.#private.get(value) ?? []), share]))
      }
    }
  }

  /** A user has said what of an object goes into a share: that is consent. */
  noteWish(user: number, doc: object, share: string, wish: Wish): void {
    const selection = selectionIn(wish)
    for (const value of valuesOf(doc)) {
      const token = this.#people.tokens.get(value)
      if (token?.by === user && shows(selection, token.attribute)) this.#private.get(value)?.delete(share)
    }
  }

  /** No revision of any database but its author's has what its author consented to in no share. */
  assertPrivate(): void {
    for (const [name, database] of this.#people.world.couch.databases)
      for (const [id, tree] of database.trees)
        for (const { body, rev } of tree.revisions.values())
          for (const value of valuesOf(body)) {
            const token = this.#people.tokens.get(value)
            const isPrivate = [...(token?.consented ?? [])].every((share) =>
              this.#private.get(value)?.has(share),
            )
            if (!token || token.isDirect || !this.#private.has(value) || !isPrivate) continue
            const home = `user/${this.#people.hash(token.by)}`
            assert.equal(name, home, `${value} (${token.attribute}) in ${id} ${rev} is its author's own`)
          }
  }

  #base(user: number, object: string): Base | null {
    return (this.#people.outbox(user)?.read(`base/${object}`) ?? null) as unknown as Base | null
  }
}
