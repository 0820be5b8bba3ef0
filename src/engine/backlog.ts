// What may be done only when everybody whom it concerns has nothing left to do: in order, and however busy some of them are.

interface Entry<Work> {
  work: Work
  names: ReadonlySet<string>
}

/** Holds two at the most: while the older one waits for its names, all that comes later is gathered in the newer one. */
export class Backlog<Work> {
  readonly #merge: (one: Work, later: Work) => Work
  #older: Entry<Work> | null = null
  #newer: Entry<Work> | null = null

  /** @param merge of two that wait together */
  constructor(merge: (one: Work, later: Work) => Work) {
    this.#merge = merge
  }

  get isEmpty(): boolean {
    return this.#older === null
  }

  /** What came last, with all that waits together with it; null where nothing waits. */
  get latest(): Work | null {
    return (this.#newer ?? this.#older)?.work ?? null
  }

  /** What waits behind the one that is next; null for nothing. */
  get later(): Work | null {
    return this.#newer?.work ?? null
  }

  add(work: Work, names: ReadonlySet<string>): void {
    if (this.#older === null) this.#older = { work, names }
    else if (this.#newer === null) this.#newer = { work, names }
    else
      this.#newer = {
        work: this.#merge(this.#newer.work, work),
        names: new Set([...this.#newer.names, ...names]),
      }
  }

  /** What is next; null where nothing is, or where somebody whom it concerns is busy. It stays until `shift`. */
  next(isBusy: (name: string) => boolean): Work | null {
    return this.#older === null || [...this.#older.names].some(isBusy) ? null : this.#older.work
  }

  /** The next one is done. */
  shift(): void {
    this.#older = this.#newer
    this.#newer = null
  }
}
