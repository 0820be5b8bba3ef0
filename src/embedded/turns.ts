// Who is next where work is slow: one piece at a time for each owner, short pieces first, and the first of each owner before the
// second of any.

/** So much is done at once; node has four threads for it, and reads files with the same ones. */
const AT_ONCE = 2

interface Piece {
  owner: string
  cost: number
  /** How many of the same owner's were there before. */
  rank: number
  start: () => void
}

/** A queue for slow work. */
export class Turns {
  readonly #cheap: number
  readonly #waiting: Piece[] = []
  readonly #running: Piece[] = []

  /** @param cheap what costs no more goes first, and finds one place free of what does */
  constructor(cheap: number) {
    this.#cheap = cheap
  }

  /** Does the work when it is its turn. @param cost to compare with that of others */
  async take<Result>(owner: string, cost: number, work: () => Promise<Result>): Promise<Result> {
    let piece: Piece | undefined
    await new Promise<void>((start) => {
      const rank = [...this.#waiting, ...this.#running].filter((other) => other.owner === owner).length
      piece = { owner, cost, rank, start }
      this.#waiting.push(piece)
      this.#next()
    })
    try {
      return await work()
    } finally {
      this.#running.splice(this.#running.indexOf(piece as Piece), 1)
      this.#next()
    }
  }

  #next(): void {
    for (;;) {
      const [piece] = this.#waiting.filter((one) => this.#mayStart(one)).sort((a, b) => this.#compare(a, b))
      if (piece === undefined) return
      this.#waiting.splice(this.#waiting.indexOf(piece), 1)
      this.#running.push(piece)
      piece.start()
    }
  }

  #mayStart({ owner, cost }: Piece): boolean {
    if (this.#running.length >= AT_ONCE || this.#running.some((other) => other.owner === owner)) return false
    return cost <= this.#cheap || this.#running.every((other) => other.cost <= this.#cheap)
  }

  #compare(one: Piece, other: Piece): number {
    const isDear = ({ cost }: Piece): number => (cost <= this.#cheap ? 0 : 1)
    return isDear(one) - isDear(other) || one.rank - other.rank || one.cost - other.cost
  }
}
