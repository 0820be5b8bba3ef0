// What the databases of each kind are to have: the databases `skeleton/<kind>`, as they are now.
import type { Couch } from '../couch/client.ts'
import type { StoredDoc } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import type { Logger } from '../log.ts'
import { isGuard, marked } from '../model/design.ts'
import { digestOf } from '../model/digest.ts'
import { KEPT_KINDS } from '../model/kinds.ts'
import { SKELETON_PREFIX } from '../model/names.ts'
import { ADMIN_ONLY } from '../model/security.ts'
import type { Security, Wanted } from '../plan/skeleton.ts'

/**
 * The document of a `skeleton/<kind>` whose attribute `security` is the `_security` of the kind's databases; that of
 * `skeleton/<kind>` itself is the admins' alone, and `_local` documents are for any member to write.
 */
export const SECURITY_DOCUMENT = 'security'

/** Without this, everybody whom a share's `_security` lets in may write there. */
const SHARE_GUARD = '_design/write_access'

export interface SkeletonsOptions {
  couch: Couch
  log: Logger
  /** The kinds that DATABASES puts on databases. */
  policies: readonly string[]
}

export class Skeletons {
  readonly #options: SkeletonsOptions
  readonly #wanted = new Map<string, Wanted>()

  constructor(options: SkeletonsOptions) {
    this.#options = options
  }

  /** All kinds that databases are brought up to date with. */
  get kinds(): readonly string[] {
    return [...KEPT_KINDS, ...this.#options.policies]
  }

  /** What the databases of a kind are to have; null where that could not be read yet. */
  of(kind: string): Wanted | null {
    return this.#wanted.get(kind) ?? null
  }

  /** Equal where databases of the kind are to have the same. */
  hash(kind: string): string {
    const wanted = this.of(kind)
    return wanted === null
      ? ''
      : digestOf({ ...wanted, designs: wanted.designs.map(({ couch_shares }) => couch_shares.hash) })
  }

  /** Reads all of `skeleton/<kind>`. A kind that cannot be used stays as it was, and the log says so. @throws {CouchFault} */
  async load(): Promise<void> {
    for (const kind of this.kinds) {
      const docs = await this.#read(kind)
      if (docs === null) continue
      const wanted = wantedOf(kind, docs)
      if (typeof wanted === 'string')
        this.#options.log.error({ db: SKELETON_PREFIX + kind }, `skeleton cannot be used: ${wanted}`)
      else this.#wanted.set(kind, wanted)
    }
  }

  async #read(kind: string): Promise<StoredDoc[] | null> {
    const database = this.#options.couch.database(SKELETON_PREFIX + kind)
    try {
      return await readSkeletonDatabase(database)
    } catch (error) {
      if (!isFault(error, 'not_found')) throw error
      this.#options.log.error({ db: database.name }, 'skeleton is gone; the next start makes it anew')
      return null
    }
  }
}

/** The documents of a `skeleton/<kind>` that count. @throws {CouchFault} */
export async function readSkeletonDatabase(database: ReturnType<Couch['database']>): Promise<StoredDoc[]> {
  const designs = await database.range({ startKey: '_design/', endKey: '_design0', includeDocs: true })
  const [security] = await database.fetch([SECURITY_DOCUMENT])
  return [...designs, ...(security ? [security] : [])].flatMap(({ doc }) => doc ?? [])
}

/** What the documents of `skeleton/<kind>` ask for, or why they cannot be used. */
export function wantedOf(
  kind: string,
  docs: readonly { _id: string; [attribute: string]: unknown }[],
): Wanted | string {
  const designs = docs.filter(({ _id }) => _id.startsWith('_design/')).map(marked)
  if (kind === 'share' && !designs.some((design) => design._id === SHARE_GUARD && isGuard(design)))
    return `it has no ${SHARE_GUARD} with a validate_doc_update`
  const isStrict = kind === 'share'
  // That of an outbox is not to be opened, that of a share comes of its `access`, that of a user database is its maker's.
  if (KEPT_KINDS.includes(kind))
    return { designs, security: kind === 'outbox' ? { ...ADMIN_ONLY } : null, isStrict }
  const document = docs.find(({ _id }) => _id === SECURITY_DOCUMENT)
  const security = document?.['security'] ?? null
  if (typeof security !== 'object' || Array.isArray(security))
    return `expected \`security\` of the document ${SECURITY_DOCUMENT} to be an object`
  return { designs, security: security as Security | null, isStrict }
}
