// Tells users of documents that may be theirs now, or are theirs no more, and has what routes were before forgotten when all know.
import { Backlog } from '../engine/backlog.ts'
import type { Route } from './model.ts'
import { grantedAnew } from './plan-route.ts'
import { documentsByReader, readingChannels, unsettledOf } from './plan-routes.ts'
import type { Routes } from './routes.ts'
import type { GatewayWork } from './work.ts'

/** Says that there is something to do for a user. */
export type Mark = (name: string, work: GatewayWork) => void

/** What users of one gateway were told of, until they have done what that asks for. */
export class Notices {
  readonly #routes: Routes
  readonly #isBusy: (name: string) => boolean
  readonly #told = new Backlog<ReadonlySet<string>>((one, later) => new Set([...one, ...later]))

  constructor({ routes, isBusy }: { routes: Routes; isBusy: (name: string) => boolean }) {
    this.#routes = routes
    this.#isBusy = isBusy
  }

  /** Nothing is to be forgotten, now or later. */
  get isEmpty(): boolean {
    return this.#told.isEmpty
  }

  /**
   * Marks whom the routes of these documents concern, now or before.
   * @param channels by document, those whose readers are told of it: of the others nobody gains or loses it
   * @returns by user, the documents that the user was told of
   * @throws {CouchFault}
   */
  async notify(
    routes: ReadonlyMap<string, Route>,
    mark: Mark,
    channels: ReadonlyMap<string, ReadonlySet<string>> = readingChannels(routes),
  ): Promise<Map<string, Set<string>>> {
    if (routes.size === 0) return new Map()
    const asked = new Set([...channels.values()].flatMap((all) => [...all]))
    const documents = documentsByReader(channels, await this.#routes.readersOf(asked))
    const { names, roles } = grantedAnew([...routes.values()])
    const holders = new Set([...names, ...(await this.#routes.holdersOf(roles))])
    const unsettled = unsettledOf(routes)
    if (unsettled.size > 0) this.#told.add(unsettled, new Set([...documents.keys(), ...holders]))
    for (const [name, ids] of documents) mark(name, { documents: ids })
    for (const name of holders) mark(name, { user: true })
    return documents
  }

  /**
   * Forgets what routes were before whose users have all done what they had to.
   * @param inTurn runs what writes routes when nobody else does
   * @throws {CouchFault}
   */
  async acknowledge(inTurn: (write: () => Promise<void>) => Promise<void>): Promise<void> {
    for (let documents; (documents = this.#told.next(this.#isBusy)) !== null; this.#told.shift()) {
      const over = [...documents]
      // Not what was told anew while this waited for its turn.
      await inTurn(() => this.#routes.acknowledge(over.filter((id) => !this.#told.later?.has(id))))
    }
  }
}
