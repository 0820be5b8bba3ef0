// The masters as the skeletons have them now, for whoever compares documents of them: the daemon, and the command line.
import type { Databases } from '../couch/client.ts'
import { MasterPolicy, MasterPolicyError } from './master-policy.ts'
import type { Logger } from '../log.ts'
import { userKindOf, type Kinds } from '../skeletons/kinds.ts'
import type { Skeletons } from '../skeletons/wanted.ts'
import type { Master } from './gather.ts'

export interface MastersOptions {
  couch: Databases
  kinds: Pick<Kinds, 'masters'>
  skeletons: Pick<Skeletons, 'designsOf'>
  log: Logger
}

/** The masters that are configured, and those of them that can be used. */
export class Masters {
  /** The names of all that are configured, in the order of MASTER_DATABASES. */
  readonly configured: readonly string[]
  readonly #options: MastersOptions
  readonly #usable = new Map<string, Master>()

  constructor(options: MastersOptions) {
    this.#options = options
    this.configured = options.kinds.masters.map(({ database }) => database)
  }

  /** Reads the functions of the skeletons as they are now. One that cannot be used stays as it was, and the log says so. */
  load(): void {
    const { couch, kinds, skeletons, log } = this.#options
    for (const { database, kind } of kinds.masters) {
      const designs = skeletons.designsOf(kind)
      if (designs === null) continue
      try {
        const policy = MasterPolicy.of(kind, designs, skeletons.designsOf(userKindOf(kind)) ?? [])
        this.#usable.set(database, { name: database, database: couch.database(database), policy })
      } catch (error) {
        if (!(error instanceof MasterPolicyError)) throw error
        log.error({ db: database, kind, reason: error.message }, 'skeleton of a master cannot be used')
      }
    }
  }

  /** Those that can be used, in the same order. */
  all(): Master[] {
    return this.configured.flatMap((name) => this.#usable.get(name) ?? [])
  }

  /** What the skeleton of a master says; undefined where it cannot be used. */
  policyOf(name: string): MasterPolicy | undefined {
    return this.#usable.get(name)?.policy
  }
}
