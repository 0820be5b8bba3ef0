// The replications of one user as somebody has them who starts none: what a daemon may hold beside the command line.
import type { ReplicationStatus } from '../couch/replicator.ts'
import type { LeaseState } from './plan-status.ts'
import type { PersonalLeases, PersonalSubject, TurnLeases } from './leases.ts'

/** Starts none, and stops those that must not run. */
export class BorrowedLeases implements TurnLeases {
  readonly #leases: Pick<PersonalLeases, 'stop' | 'status'>
  readonly #found = new Map<string, { subject: PersonalSubject; state: LeaseState }>()

  constructor(leases: Pick<PersonalLeases, 'stop' | 'status'>) {
    this.#leases = leases
  }

  /** Looks which of the user's replications are there. @throws {CouchFault} */
  async look(name: string, database: string, masters: readonly string[]): Promise<void> {
    this.#found.clear()
    for (const master of masters) {
      const status = await this.#leases.status(master, database)
      if (status.kind !== 'absent')
        this.#found.set(keyOf(master, database), {
          subject: { master, database, name },
          state: stateOf(status),
        })
    }
  }

  state(master: string, database: string): LeaseState {
    return this.#found.get(keyOf(master, database))?.state ?? { kind: 'none' }
  }

  held(): PersonalSubject[] {
    return [...this.#found.values()].map(({ subject }) => subject)
  }

  /** With the roles that were lost it would bring back what goes. A daemon that holds it starts it again as it should be. */
  async narrow({ master, database }: PersonalSubject): Promise<boolean> {
    await this.stop(master, database)
    return false
  }

  async stop(master: string, database: string): Promise<void> {
    await this.#leases.stop(master, database)
    this.#found.delete(keyOf(master, database))
  }

  use(): Promise<boolean> {
    return Promise.resolve(false)
  }

  touch(): void {
    // The daemon's own time goes on.
  }

  isOutdated(): boolean {
    return false
  }

  endIfIdle(): Promise<boolean> {
    return Promise.resolve(false)
  }
}

/** No name of a database has a space. */
const keyOf = (master: string, database: string): string => `${master} ${database}`

function stateOf(status: ReplicationStatus): LeaseState {
  switch (status.kind) {
    case 'absent':
      return { kind: 'none' }
    case 'waiting':
      return { kind: 'starting' }
    case 'accepted':
      return { kind: status.caughtUp ? 'caught-up' : 'behind' }
    // CouchDB tries again by itself.
    case 'crashing':
      return { kind: 'behind' }
    case 'failed':
      return { kind: 'failing', reason: status.reason }
    default:
      return status satisfies never
  }
}
