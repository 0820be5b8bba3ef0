// How many shares a user has, counted when a new one asks.
import type { Registry } from '../registry.ts'

/** The shares of one user, as one turn needs them: read once, and kept up by what the turn does. */
export class OwnShares {
  readonly #registry: Pick<Registry, 'sharesOf' | 'entries'>
  readonly #database: string
  /** All that the user has or had. */
  #all: Set<string> | null = null
  /** Without those that have ended; read only where all would be too many. */
  #live: Set<string> | null = null

  /** @param database the user database */
  constructor(registry: Pick<Registry, 'sharesOf' | 'entries'>, database: string) {
    this.#registry = registry
    this.#database = database
  }

  /** Whether the user has less than so many shares beside this one. @throws {CouchFault} */
  async hasRoomFor(share: string, most: number): Promise<boolean> {
    if (most === Infinity) return true
    this.#all ??= new Set(await this.#registry.sharesOf(this.#database))
    if (countBeside(this.#all, share) < most) return true
    this.#live ??= await this.#readLive(this.#all)
    return countBeside(this.#live, share) < most
  }

  /** It becomes the user's. */
  add(share: string): void {
    this.#all?.add(share)
    this.#live?.add(share)
  }

  /** One has ended, or has become somebody else's: whoever asks next has all read again. */
  forget(): void {
    this.#all = null
    this.#live = null
  }

  async #readLive(all: ReadonlySet<string>): Promise<Set<string>> {
    const entries = await this.#registry.entries([...all])
    return new Set([...all].filter((share) => entries.get(share)?.state !== 'ended'))
  }
}

const countBeside = (shares: ReadonlySet<string>, share: string): number =>
  shares.size - (shares.has(share) ? 1 : 0)
