// A document in memory as CouchDB keeps it: a tree of revisions, with ordinary writes and with pushed ones.
import type { ObjectDoc } from '../../../../src/documents/content.ts'

/** Thrown where a write is made over a revision that is no leaf any more. */
export class Conflict extends Error {}

interface Revision {
  rev: string
  /** null: a tombstone. */
  doc: ObjectDoc | null
}

/** Oldest first. */
type Path = readonly Revision[]

const tip = (path: Path): Revision => path.at(-1)!

/** CouchDB's order: live before deleted, then the longer history, then the larger revision. */
const byRank = (one: Path, other: Path): number =>
  Number(tip(other).doc !== null) - Number(tip(one).doc !== null) ||
  other.length - one.length ||
  (tip(one).rev < tip(other).rev ? 1 : -1)

export class Tree {
  readonly #id: string
  /** The best first. */
  #leaves: Path[] = []
  static #count = 0

  constructor(id: string) {
    this.#id = id
  }

  get winner(): ObjectDoc | null {
    return this.#leaves[0] ? tip(this.#leaves[0]).doc : null
  }

  /** There was never anything. */
  get isEmpty(): boolean {
    return this.#leaves.length === 0
  }

  /** Live leaves beside the winner, each with the newest revision that it has in common with it. */
  get rivals(): { leaf: ObjectDoc; ancestor: ObjectDoc | null }[] {
    const [first, ...others] = this.#leaves
    return others.flatMap((path) => {
      const leaf = tip(path).doc
      if (leaf === null || !first) return []
      const known = new Set(first.map(({ rev }) => rev))
      return [{ leaf, ancestor: path.toReversed().find(({ rev }) => known.has(rev))?.doc ?? null }]
    })
  }

  /** The winner's past, the newest first; a client that was offline has one of them. */
  past(back: number): ObjectDoc | null {
    const path = this.#leaves[0]
    return path?.at(-1 - Math.min(back, path.length - 1))?.doc ?? null
  }

  /** An ordinary write. @throws {Conflict} where `over` is no live leaf, or null and there is one */
  put(over: string | null, content: Record<string, unknown> | null): string {
    const path =
      over === null ? this.#leaves[0] : this.#leaves.find((one) => tip(one).rev === over && tip(one).doc)
    if (over === null ? this.winner !== null : path === undefined) throw new Conflict(this.#id)
    return this.#add(path ?? [], content, path)
  }

  /** A client pushes what it wrote over a revision that it had: a conflict, where that is no leaf any more. */
  push(over: string | null, content: Record<string, unknown> | null): string {
    const found = this.#leaves.find((one) => one.some(({ rev }) => rev === over))
    const path = found?.slice(0, found.findIndex(({ rev }) => rev === over) + 1) ?? []
    return this.#add(path, content, found?.length === path.length ? found : undefined)
  }

  #add(path: Path, content: Record<string, unknown> | null, replaced: Path | undefined): string {
    Tree.#count += 1
    const hash = ((Tree.#count * 2654435761) >>> 0).toString(36).padStart(7, '0')
    const rev = `${path.length + 1}-${hash}`
    const doc = content && (structuredClone({ ...content, _id: this.#id, _rev: rev }) as ObjectDoc)
    this.#leaves = [...this.#leaves.filter((one) => one !== replaced), [...path, { rev, doc }]].sort(byRank)
    return rev
  }

  /** Histories are played again and again: the same steps make the same revisions. */
  static restart(): void {
    Tree.#count = 0
  }
}
