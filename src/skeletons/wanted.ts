// What the databases of each kind are to have: the databases `skeleton/<kind>`, as they are now.
import { isDeepStrictEqual } from 'node:util'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { StoredDoc } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import type { Logger } from '../log.ts'
import { type DesignDocument, findDesignTwice, isGuard, marked } from './design.ts'
import { digestOf } from '../documents/digest.ts'
import { KEPT_KINDS, PERSONAL_KIND } from './kinds.ts'
import { SKELETON_PREFIX } from '../documents/names.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import type { Security, Wanted } from './plan.ts'

/**
 * The document of a `skeleton/<kind>` whose attribute `security` is the `_security` of the kind's databases; that of
 * `skeleton/<kind>` itself is the admins' alone, and `_local` documents are for any member to write.
 */
export const SECURITY_DOCUMENT = 'security'

/** Without this, everybody whom a share's `_security` lets in may write there. */
const SHARE_GUARD = '_design/write_access'

/** True where no validation function may refuse an admin's document: that of shares is always the shipped one, and lets admins pass. */
export const letsAdminsPass = ({ designs }: Pick<Wanted, 'designs'>): boolean =>
  designs.every((design) => !isGuard(design) || design._id === SHARE_GUARD)

export interface SkeletonsOptions {
  couch: Couch
  log: Logger
  /** The kinds of masters, and those that DATABASES puts on databases. */
  policies: readonly string[]
  /** The kinds `<kind>-user` of masters; where there are none, there are no personal databases either. */
  userKinds?: readonly string[]
  /**
   * Called after a `load()` in which the design documents or the security of kinds changed, with these kinds: `-user` kinds
   * and `personal` are among them. The first `load()` changes all that are there.
   */
  onChanged?: (kinds: ReadonlySet<string>) => void
}

/** The skeletons of all kinds, read from the server. */
export class Skeletons {
  readonly #options: SkeletonsOptions
  readonly #wanted = new Map<string, Wanted>()

  constructor(options: SkeletonsOptions) {
    this.#options = options
  }

  /** All kinds that databases are brought up to date with: with `personal` where there are masters, without `-user` kinds. */
  get kinds(): readonly string[] {
    return [...KEPT_KINDS, ...this.#options.policies, ...(this.#userKinds.length > 0 ? [PERSONAL_KIND] : [])]
  }

  /** What the databases of a kind are to have; null where that could not be read yet. */
  of(kind: string): Wanted | null {
    return this.#wanted.get(kind) ?? null
  }

  /**
   * The design documents of a kind, also of a `-user` kind by itself, as they were loaded last; null where that could not be
   * read yet. A `-user` kind that has no `skeleton/<kind>-user` has none.
   */
  designsOf(kind: string): readonly DesignDocument[] | null {
    return this.of(kind)?.designs ?? null
  }

  get #userKinds(): readonly string[] {
    return this.#options.userKinds ?? []
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
    const changed = new Set<string>()
    for (const kind of KEPT_KINDS) {
      const docs = await this.#read(kind, readDesigns)
      if (docs !== null) this.#take(kind, wantedOf(kind, docs), changed)
    }
    for (const kind of this.#options.policies) {
      const docs = await this.#read(kind, readSkeletonDatabase)
      if (docs !== null) this.#take(kind, wantedOf(kind, docs), changed)
    }
    for (const kind of this.#userKinds) {
      const docs = await this.#read(kind, readDesigns)
      if (docs !== null) this.#take(kind, wantedOfUserKind(docs), changed)
    }
    if (this.#userKinds.length > 0) this.#take(PERSONAL_KIND, this.#personal(), changed)
    if (changed.size > 0) this.#options.onChanged?.(changed)
  }

  #take(kind: string, wanted: Wanted | string, changed: Set<string>): void {
    if (typeof wanted === 'string') {
      const where = kind === PERSONAL_KIND ? { kind } : { db: SKELETON_PREFIX + kind }
      return this.#options.log.error(where, `skeleton cannot be used: ${wanted}`)
    }
    if (isDeepStrictEqual(this.of(kind), wanted)) return
    this.#wanted.set(kind, wanted)
    changed.add(kind)
  }

  #personal(): Wanted | string {
    return personalWanted(this.#userKinds.map((kind) => [kind, this.designsOf(kind) ?? []]))
  }

  /** @param read of policies alone, what is beside the design documents counts */
  async #read(kind: string, read: typeof readDesigns): Promise<StoredDoc[] | null> {
    const database = this.#options.couch.database(SKELETON_PREFIX + kind)
    try {
      return await read(database)
    } catch (error) {
      if (!isFault(error, 'not_found')) throw error
      // Not every master has one, and nobody is to lose a validation function because one is dropped.
      if (this.#userKinds.includes(kind) && (this.designsOf(kind) ?? []).length === 0) return []
      this.#options.log.error({ db: database.name }, 'skeleton is gone; the next start makes it anew')
      return null
    }
  }
}

/** The documents of a `skeleton/<kind>` that count. @throws {CouchFault} */
export async function readSkeletonDatabase(database: Database): Promise<StoredDoc[]> {
  const designs = await readDesigns(database)
  const [security] = await database.fetch([SECURITY_DOCUMENT])
  return [...designs, ...(security?.doc ? [security.doc] : [])]
}

async function readDesigns(database: Database): Promise<StoredDoc[]> {
  const rows = await database.range({ startKey: '_design/', endKey: '_design0', includeDocs: true })
  return rows.flatMap(({ doc }) => doc ?? [])
}

/** What a `skeleton/<kind>-user` adds to what personal databases are to have. */
export const wantedOfUserKind = (docs: readonly { _id: string; [attribute: string]: unknown }[]): Wanted => ({
  designs: docs.filter(({ _id }) => _id.startsWith('_design/')).map(marked),
  // Each personal database has its own: that of its user.
  security: null,
  // Without it, a user whom `_security` lets in may write whatever is checked before it goes into a master.
  isStrict: true,
})

/**
 * What personal databases are to have: the design documents of all `-user` kinds together, or why these cannot be used.
 * @param userKinds in the order of the masters
 */
export function personalWanted(
  userKinds: readonly (readonly [kind: string, designs: readonly DesignDocument[]])[],
): Wanted | string {
  const twice = findDesignTwice(userKinds)
  if (twice !== null) return `${twice.kinds.join(' and ')} both have ${twice.id}`
  return { designs: userKinds.flatMap(([, designs]) => designs), security: null, isStrict: true }
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
