// Documents of a master in many domains, who may have them, and what users need where nothing but plain requests is done.
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Doc } from '../../src/couch/document.ts'
import { MasterPolicy } from '../../src/provisioning/master-policy.ts'
import type { MasterFilter } from '../../src/provisioning/replication.ts'
import { marked, type DesignDocument } from '../../src/skeletons/design.ts'
import { readSkeleton } from '../../src/skeletons/folder.ts'
import { inParallel, todo, type Ground } from './ground.ts'

const SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))
const KIND = 'provisioning'

export const DOMAINS = 100
const FEWEST = 10
const MORE = 21

export interface Skeleton {
  access: MasterPolicy
  master: readonly DesignDocument[]
  personal: readonly DesignDocument[]
}

/** The documents of a domain: 10 to 30. */
export const documentsOf = (domain: number, count = FEWEST + ((domain * 7) % MORE)): Doc[] =>
  Array.from({ length: count }, (_, at) => {
    const id = `${at % 3 === 0 ? 'endpoint' : 'number'}:${at}@d${domain}.example`
    return { ...todo(String(at)), _id: id, type: 'number' }
  })

/** So many that ten users share each. */
export const domainsFor = (users: number): number => Math.min(DOMAINS, Math.ceil(users / 10))

export const roleOf = (domain: number): string => `number_domain:d${domain}.example`

export async function readProvisioningSkeleton(): Promise<Skeleton> {
  const skeleton = await readSkeleton(SKELETON, [KIND, `${KIND}-user`])
  const designsOf = (kind: string): DesignDocument[] =>
    (skeleton.get(kind)?.designDocuments ?? []).map((design) => marked(design))
  const [master, personal] = [designsOf(KIND), designsOf(`${KIND}-user`)]
  return { access: MasterPolicy.of(KIND, master, personal), master, personal }
}

/** What nobody can do without: a database, its design documents, who may enter, the documents. */
export async function provisionPlainly(
  ground: Ground,
  names: readonly string[],
  { personal }: Skeleton,
): Promise<void> {
  await inParallel(names, async (name) => {
    const database = ground.couch.database(name)
    await database.create(1)
    await database.bulk([...personal])
    await database.putSecurity({
      admins: { names: [], roles: ['_admin'] },
      members: { names: [name], roles: [`user_database:${name}`, 'update:user_db:'] },
    })
    const [, domain = '0'] = /\/(\d+)-/.exec(name) ?? []
    await database.bulk(documentsOf(Number(domain)))
  })
}

/** Names of databases that are as the daemon's are, in everything but that they are under the benchmark's prefix. */
export const plainNames = (ground: Ground, count: number): string[] =>
  Array.from({ length: count }, (_, at) => ground.plain(`${at % domainsFor(count)}-${randomUUID()}`).name)

/** What a replication is told for it to go by a filter. */
export const howOf = (filter: MasterFilter): object =>
  filter.kind === 'selector'
    ? { selector: filter.selector }
    : { filter: filter.filter, query_params: { roles: JSON.stringify(filter.roles), name: filter.name } }
