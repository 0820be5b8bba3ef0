// Where it is written who works: put in place before anything else, and what is told while CouchDB does not say it.
import type { Couch } from '../couch/client.ts'
import type { CouchFault } from '../couch/fault.ts'
import { persist, sayAway, sayWaiting, type Waiting } from '../couch/outage.ts'
import { CHECKPOINTS } from '../documents/names.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import type { Logger } from '../log.ts'
import { secure } from '../skeletons/create-database.ts'
import { identify } from '../skeletons/install.ts'

/** These few requests take no longer: whoever waits for one could be taken for silent. */
export const REQUEST_MS = 4_000

/** Of a document in `shares/checkpoints`, which nobody replicates. */
const REVISIONS = 20

/** By which silence is measured, in milliseconds: see `DutyOptions`. */
export const clocks = (): readonly number[] => [performance.now(), Date.now()]

/**
 * The place where it is written who works: all else waits until that is clear.
 * @throws {InstallError} where the server cannot be used
 * @throws {CouchFault}
 */
async function prepareDuties(couch: Couch, log: Logger): Promise<true> {
  const { isEmbedded } = await identify(couch)
  const database = couch.database(CHECKPOINTS)
  if (await database.create()) log.info({ db: CHECKPOINTS }, 'database created')
  await secure(database, ADMIN_ONLY)
  // Documents that are written every second, by one writer: with their whole histories each write would take 50 KB.
  if (!isEmbedded && (await database.revsLimit()) > REVISIONS) await database.limitRevs(REVISIONS)
  return true
}

/**
 * The same as soon as the server lets it.
 * @param tellAway told why it does not, each time
 * @returns null where somebody stops before
 * @throws {InstallError} where the server cannot be used
 */
export const awaitDuties = (
  couch: Couch,
  waiting: Waiting,
  tellAway: (reason: string) => void,
): Promise<true | null> =>
  persist(
    () =>
      prepareDuties(couch, waiting.log).catch((error: unknown) => {
        tellAway(sayAway(error))
        throw error
      }),
    waiting,
  )

/** Somebody may have dropped the place meanwhile. @param fault of a request to it; what fails now comes up with the next one */
export async function prepareAgain(couch: Couch, log: Logger, { code }: CouchFault): Promise<void> {
  if (code === 'not_found') await prepareDuties(couch, log).catch(() => undefined)
}

/** Says once that CouchDB does not say who works, again where the answer is another, and that it does. */
export class Trouble {
  readonly #log: Logger
  /** What was told last; null where CouchDB says who works. */
  #told: string | null = null

  constructor(log: Logger) {
    this.#log = log
  }

  tell(error: CouchFault): void {
    const trouble = nameOf(error)
    if (trouble !== this.#told) this.#log.warn({ err: error }, sayWaiting(error))
    this.#told = trouble
  }

  end(): void {
    if (this.#told !== null) this.#log.info('CouchDB answers again')
    this.#told = null
  }
}

/** Faults of which one line is enough: nobody answers, for whatever reason, or the answer is the same. */
const nameOf = ({ code, status }: CouchFault): string =>
  code === 'timeout' || (code === 'unreachable' && status === null) ? 'away' : `${code} ${status}`
