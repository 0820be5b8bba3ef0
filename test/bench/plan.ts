// What planning costs the processor: an object planned and projected, against reading and writing it as JSON.
import { Bench } from 'tinybench'
import { decodeJson, encodeJson } from '../../src/documents/json.ts'
import { project, type ObjectDoc } from '../../src/documents/content.ts'
import { UPDATED_AT } from '../../src/documents/time.ts'
import { planObject } from '../../src/shares/plan/object.ts'
import type { ObjectFacts } from '../../src/shares/plan/object-facts.ts'
import { todo } from './ground.ts'
import type { BenchOptions } from './options.ts'
import { toRow, type Findings, type Pair } from './report.ts'

const doc = todo('1', { _rev: '1-0', $shares: { milk: ['name', 'done'] } }) as ObjectDoc
const text = JSON.stringify(doc)
const facts: ObjectFacts = {
  object: doc._id,
  doc,
  isMissing: false,
  rivals: [],
  base: null,
  standings: new Map([['milk', 'open']]),
  copies: new Map([['milk', null]]),
  exchanges: new Map(),
  clock: { now: 0, updatedAt: UPDATED_AT },
}

export async function benchPlan({ quick }: Pick<BenchOptions, 'quick'>): Promise<Findings> {
  const planned: Pair[] = []
  const projected: Pair[] = []
  for (let round = 0; round < (quick ? 3 : 11); round += 1) {
    const bench = new Bench({ time: 100, warmupTime: 50 })
      .add('json', () => void encodeJson(decodeJson(text)))
      .add('plan', () => void planObject(facts))
      .add('project', () => void project(doc, ['done', 'name']))
    await bench.run()
    const baseline = microseconds(bench, 'json')
    planned.push({ subject: microseconds(bench, 'plan'), baseline })
    projected.push({ subject: microseconds(bench, 'project'), baseline })
  }
  return {
    rows: [
      toRow('planObject', 'µs', 'its JSON, read and written', planned),
      toRow('project', 'µs', 'its JSON, read and written', projected),
    ],
    profiles: [],
  }
}

function microseconds(bench: Bench, name: string): number {
  const result = bench.getTask(name)?.result
  if (result?.state !== 'completed') throw new Error(`Expected the benchmark ${name} to complete`)
  return result.latency.p50 * 1000
}
