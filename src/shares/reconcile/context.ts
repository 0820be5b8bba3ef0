// What the parts of one turn share: whose turn it is, and what has to be told when it is over.
import type { Database } from '../../couch/database.ts'
import type { Deps } from '../deps.ts'
import { OwnShares } from '../gather/own-shares.ts'
import type { OwnerWork } from '../work.ts'
import { START, type Checkpoint } from '../../engine/checkpoint.ts'

/** Takes in what others wrote into a share, to the last change. */
export type DrainShare = (context: Context, share: string) => Promise<void>

/** Of one turn. */
export class Context {
  readonly #drainShare: DrainShare
  readonly deps: Deps
  readonly owner: string
  readonly work: OwnerWork
  readonly user: Database
  readonly outbox: Database
  /** Shares that could not be opened, to be tried again later. */
  readonly halted = new Set<string>()
  /** The user database was made again: after the grace time, the shares and subscriptions whose documents are missing end. */
  recreatedAt: number | undefined
  /** Those for which that time is over. */
  orphans: ReadonlySet<string> = new Set()
  /** Shares of others that were out of reach, to be looked at again soon. */
  readonly paused = new Set<string>()
  /** Shares that are to let somebody in when what their owner has written was looked at. */
  readonly heldBack = new Set<string>()
  /** Objects that wait for long for shares that are not there. */
  late: ReadonlySet<string> = new Set()
  /** The shares that the owner has. */
  readonly ownShares: OwnShares
  /** How often something was refused because the owner has as much as one may have. */
  overLimit = 0
  /** One of them has ended in this turn. */
  hasEnded = false
  /** Public shares in which more was written than is taken in for now. */
  readonly throttled = new Set<string>()

  /** @param drainShare the turn's own: a plan that asks for it stands below what follows a share */
  constructor(deps: Deps, owner: string, work: OwnerWork, drainShare: DrainShare) {
    this.deps = deps
    this.owner = owner
    this.work = work
    this.#drainShare = drainShare
    this.user = deps.couch.database(deps.users.database(owner))
    this.ownShares = new OwnShares(deps.registry, this.user.name)
    this.outbox = deps.couch.database(deps.users.outbox(owner))
  }

  /** How far a database was read: its name, or that of a share's checkpoint. */
  async checkpoint(name: string): Promise<Checkpoint> {
    return (await this.deps.checkpoints.read([name])).get(name) ?? START
  }

  /** Takes in what others wrote into a share, to the last change. @throws {CouchFault} */
  drain(share: string): Promise<void> {
    return this.#drainShare(this, share)
  }

  /** One document never stops a feed: it is left as it is, and the log says so. */
  setAside(id: string, error: unknown): void {
    this.deps.log.error({ db: this.user.name, doc: id, err: error }, 'document set aside')
  }
}
