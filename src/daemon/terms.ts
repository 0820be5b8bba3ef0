// The daemons of one process among several: partitions that were taken together have one, with one feed of updates and one sweep.
import minBy from 'lodash/minBy.js'
import sortBy from 'lodash/sortBy.js'

/** A daemon, and the partitions that it works for. */
export interface Term {
  numbers: readonly number[]
  /** Those of them that the process has lost since the daemon began, though it may have taken them again: what the daemon knows is old. */
  lost: () => number[]
  /** Lets it finish what it has in hand. */
  stop: () => Promise<void>
}

export interface TermsOptions<One extends Term> {
  /** The partitions that the process has now. */
  held: () => readonly number[]
  /** Begins with a daemon for some of them. */
  begin: (numbers: readonly number[]) => One
  /** So many daemons at the most: each has a feed, sweeps, and knows who is in `_users`. */
  most: number
}

/** Sees to it that each partition that the process has is worked for by one of its daemons, and no other partition is. */
export class Terms<One extends Term> {
  readonly #options: TermsOptions<One>
  #all: readonly One[] = []

  constructor(options: TermsOptions<One>) {
    this.#options = options
  }

  get all(): readonly One[] {
    return this.#all
  }

  /** The partitions that are worked for, from 0 on. */
  get numbers(): number[] {
    return sortBy(this.#all.flatMap(({ numbers }) => numbers))
  }

  /** Those that are worked for, and were lost. */
  get lost(): number[] {
    return sortBy(this.#all.flatMap((one) => one.lost()))
  }

  /** Ends the daemons that work for any of these. Nobody works for their other partitions then, until `begin`. */
  async end(numbers: readonly number[]): Promise<void> {
    const ending = this.#all.filter((one) => one.numbers.some((number) => numbers.includes(number)))
    await Promise.all(ending.map((one) => one.stop()))
    this.#all = this.#all.filter((one) => !ending.includes(one))
  }

  /** Begins with all partitions for which nobody works: also with those that were taken, or left, when something failed. */
  async begin(): Promise<void> {
    if (this.#idle.length === 0) return
    // Who has worked for the fewest has the least to begin again.
    if (this.#all.length >= this.#options.most)
      await this.end(minBy(this.#all, ({ numbers }) => numbers.length)?.numbers ?? [])
    const idle = this.#idle
    if (idle.length > 0) this.#all = [...this.#all, this.#options.begin(idle)]
  }

  get #idle(): number[] {
    const { numbers } = this
    return sortBy(this.#options.held().filter((number) => !numbers.includes(number)))
  }
}
