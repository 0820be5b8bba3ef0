// Reading while nobody writes. An index of PouchDB leaves out what is written again while it reads the changes
// (pouchdb-adapter-leveldb-core: of each change, the document as it is by then), and a view would not find it.

/** PouchDB may throw inside a callback of its own: such a write never ends, and is waited for no longer. */
const LONGEST_WRITE_MS = 10_000

/** Writes run side by side, and so do readings; a write waits for the readings that came before it, and the other way round. */
export class Quiet {
  #writing = 0
  #reading = 0
  /** In their order: what waits for the other kind to end. */
  readonly #waiting: { kind: 'write' | 'read'; start: () => void }[] = []

  /** @param begin is given what to call when the write has ended */
  write(begin: (ended: () => void) => void): void {
    this.#waiting.push({
      kind: 'write',
      start: () => {
        this.#writing += 1
        let isOver = false
        const ended = (): void => {
          if (isOver) return
          isOver = true
          clearTimeout(limit)
          this.#writing -= 1
          this.#next()
        }
        const limit = setTimeout(ended, LONGEST_WRITE_MS)
        begin(ended)
      },
    })
    this.#next()
  }

  /** Does the work while nobody writes. @throws what the work throws */
  async read<Result>(work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({
        kind: 'read',
        start: () => {
          this.#reading += 1
          resolve()
        },
      })
      this.#next()
    })
    try {
      return await work()
    } finally {
      this.#reading -= 1
      this.#next()
    }
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if ((first.kind === 'write' ? this.#reading : this.#writing) > 0) return
      this.#waiting.shift()
      first.start()
    }
  }
}
