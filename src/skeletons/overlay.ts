// The folder of SKELETON over the shipped one: it adds and replaces, but for what the daemon itself works with.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../log.ts'
import { isFixedKind, type FixedKind } from './kinds.ts'
import { entriesOf, readSkeleton, SkeletonError, type SkeletonOfKind } from './folder.ts'

/** The folder that is shipped; it lies beside `src/` and beside `dist/`. */
export const SHIPPED_SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))

/**
 * The design documents without which the daemon does not work: it asks these views and functions, and what guards shares is
 * no matter of taste. `share_filters` is for clients alone, and is anybody's to replace.
 */
const OWN_DESIGNS: Readonly<Record<FixedKind, readonly string[]>> = {
  user: [],
  outbox: [],
  share: ['_design/write_access'],
  registry: ['_design/shares'],
  users: [],
  replicator: ['_design/shares'],
  'gateway-routes': ['_design/routes'],
}

const SECURITY = '_security.json'

/** Is what lies at this place of a kind always the shipped one? Nobody but the daemon says who enters databases of these kinds. */
const isOwn = (kind: string, place: string): boolean =>
  isFixedKind(kind) && (place === SECURITY ? kind !== 'user' : OWN_DESIGNS[kind].includes(place))

/** Where the folder and what is shipped both have something, and not the same. */
export interface Difference {
  /** Of the kind, the design document, or the file in the folder. */
  path: string
  /** Those that are in one of the two only, or say something else there; in `path`. Empty where `path` is the file. */
  files: string[]
  /** False: what is shipped counts, and the file does nothing. */
  isUsed: boolean
}

export interface Overlaid {
  skeleton: Map<string, SkeletonOfKind>
  /** For whoever has the folder: it has no effect there, or what is shipped has none. */
  differences: Difference[]
}

/**
 * Reads the shipped skeleton with a folder over it. Kinds with a meaning of their own get the folder's design documents
 * beside the shipped ones, and in place of those of the same name; a policy, and a kind of a master, is the folder's whole.
 * What the daemon itself works with is not read there.
 * @param folder null: what is shipped alone
 * @param policies those of the other kinds that are read
 * @throws {SkeletonError} that names the file: see `readSkeleton`; an empty folder
 */
export async function readOverlaid(folder: string | null, policies: readonly string[]): Promise<Overlaid> {
  if (folder === null) return { skeleton: await readSkeleton(SHIPPED_SKELETON, policies), differences: [] }
  if ((await entriesOf(folder)).length === 0)
    throw new SkeletonError(
      folder,
      'expected something in it, like gateway/ or the folder of a policy, the folder is empty; `couch-shares skeleton init <folder>` writes a start',
    )
  const added = await readSkeleton(folder, policies, isOwn)
  const shipped = await readSkeleton(
    SHIPPED_SKELETON,
    policies.filter((kind) => !added.has(kind)),
  )
  return { skeleton: merged(shipped, added), differences: await differencesOf(folder, [...added.keys()]) }
}

function merged(
  shipped: ReadonlyMap<string, SkeletonOfKind>,
  added: ReadonlyMap<string, SkeletonOfKind>,
): Map<string, SkeletonOfKind> {
  const fixed = [...shipped.keys()].filter(isFixedKind)
  const others = [...shipped.keys(), ...added.keys()].filter((kind) => !isFixedKind(kind)).sort()
  return new Map(
    [...fixed, ...others].map((kind): [string, SkeletonOfKind] => {
      const [one, other] = [shipped.get(kind) ?? NOTHING, added.get(kind) ?? NOTHING]
      if (!isFixedKind(kind)) return [kind, added.has(kind) ? other : one]
      const designs = new Map(
        [...one.designDocuments, ...other.designDocuments].map((document) => [document._id, document]),
      )
      const designDocuments = [...designs.keys()].sort().map((id) => designs.get(id)!)
      return [kind, { security: one.security, designDocuments }]
    }),
  )
}

const NOTHING: SkeletonOfKind = { security: null, designDocuments: [] }

/** @param kinds that are read of the folder; one that no database has is nobody's concern */
async function differencesOf(folder: string, kinds: readonly string[]): Promise<Difference[]> {
  const found: Difference[] = []
  for (const kind of kinds) {
    const there = await filesOf(join(folder, kind))
    const shipped = await filesOf(join(SHIPPED_SKELETON, kind)).catch(() => new Map<string, Buffer>())
    for (const unit of unitsOf(kind, there)) {
      const differing = [...new Set([...there.keys(), ...shipped.keys()])]
        .filter((file) => isIn(unit, file) && !isSame(there.get(file), shipped.get(file)))
        .sort()
      const isShipped = [...shipped.keys()].some((file) => isIn(unit, file))
      if (isOwn(kind, unit))
        for (const file of differing.filter((one) => there.has(one)))
          found.push({ path: join(folder, kind, file), files: [], isUsed: false })
      else if (isShipped && differing.length > 0)
        found.push({
          path: join(folder, kind, unit),
          files: differing.map((file) => file.slice(unit === '' ? 0 : unit.length + 1)),
          isUsed: true,
        })
    }
  }
  return found
}

/** What is replaced as a whole: all of a kind, or each design document of it and its `_security.json`. */
function unitsOf(kind: string, files: ReadonlyMap<string, unknown>): string[] {
  if (!isFixedKind(kind)) return ['']
  return [...new Set([...files.keys()].map((file) => file.split('/').slice(0, 2).join('/')))]
}

const isIn = (unit: string, file: string): boolean =>
  unit === '' || file === unit || file.startsWith(`${unit}/`)

const isSame = (one: Buffer | undefined, other: Buffer | undefined): boolean =>
  one !== undefined && other !== undefined && one.equals(other)

/** All files in a folder, by their paths in it with `/` between. */
async function filesOf(folder: string, before = ''): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const { name, path, isFolder } of await entriesOf(folder))
    if (!isFolder) files.set(before + name, await readFile(path))
    else for (const [file, content] of await filesOf(path, `${before}${name}/`)) files.set(file, content)
  return files
}

/** A difference in a sentence. */
export const differenceText = ({ path, files, isUsed }: Difference): string =>
  isUsed
    ? `${path} takes the place of the shipped one, and is not as that is in ${files.join(', ')}: updates of couch-shares do not reach it`
    : `${path} is not used: it is the daemon's own, and the shipped one counts`

/** Says of each difference what becomes of it; what does nothing is a warning. */
export function logDifferences(differences: readonly Difference[], log: Logger): void {
  for (const difference of differences)
    log[difference.isUsed ? 'info' : 'warn']({ path: difference.path }, differenceText(difference))
}
