// How long a replication of a part of a master takes by either kind of filter: what decides which of the two the leases use.
import { filterOf } from '../../src/provisioning/filter.ts'
import type { MasterFilter } from '../../src/provisioning/replication.ts'
import { clock, type Ground } from './ground.ts'
import { documentsOf, DOMAINS, howOf, roleOf, type Skeleton } from './domains.ts'
import { toRow, type Pair, type Row } from './report.ts'

/** By the function of the skeleton, against its selector. */
export async function compareFilters(
  ground: Ground,
  { access, master }: Skeleton,
  { documents, filterRounds }: { documents: number; filterRounds: number },
): Promise<Row> {
  ground.say(`provisioning: ${documents} documents by function and by selector`)
  const source = ground.plain('filtered')
  await source.create()
  await source.bulk([...master])
  const each = documents / DOMAINS
  for (let domain = 0; domain < DOMAINS; domain += 1) await ground.putAll(source, documentsOf(domain, each))
  const name = 'joe'
  const roles = [roleOf(7)]
  const selector = filterOf(access, { name, roles })
  if (selector.kind !== 'selector') throw new Error('Expected the skeleton to have a selector')
  const byFunction: MasterFilter = { kind: 'function', filter: `${access.design}/from`, roles, name }
  let runs = 0
  const run = async (filter: MasterFilter): Promise<number> => {
    const target = ground.plain(`filtered-${(runs += 1)}`)
    await target.create(1)
    const took = await clock(() => ground.replicateOnce(source, target, howOf(filter)))
    const { doc_count: count = 0 } = (await target.info()) ?? {}
    if (count !== each) throw new Error(`Expected ${each} documents, got ${count}`)
    await target.drop()
    return took
  }
  const pairs: Pair[] = []
  await run(byFunction)
  await run(selector)
  for (let round = 0; round < filterRounds; round += 1) {
    const first = round % 2 === 1 ? await run(selector) : null
    const subject = await run(byFunction)
    pairs.push({ subject, baseline: first ?? (await run(selector)) })
  }
  const many = documents.toLocaleString('en')
  return toRow(`a master of ${many} replicated by its function`, 'ms', 'the same by its selector', pairs)
}
