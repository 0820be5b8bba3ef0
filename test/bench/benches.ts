// All benchmarks by their names, in the order in which they run.
import { benchCopiedObject } from './copied-object.ts'
import { benchFanOut } from './fan-out.ts'
import { benchGateway } from './gateway.ts'
import { benchGatewayChange } from './gateway-change.ts'
import type { Ground } from './ground.ts'
import { benchHostile } from './hostile.ts'
import { benchIdle } from './idle.ts'
import { benchLatency } from './latency.ts'
import { benchManyUsers } from './many-users.ts'
import { benchMemory } from './memory.ts'
import { benchNeighbour } from './neighbour.ts'
import type { BenchOptions } from './options.ts'
import { benchPlan } from './plan.ts'
import { benchProvisioning } from './provisioning.ts'
import type { Findings } from './report.ts'
import { benchRequests } from './requests.ts'
import { benchRollout } from './rollout.ts'
import { benchThroughput } from './throughput.ts'
import { benchTwoHops } from './two-hops.ts'

/** On a server, each on a ground of its own. */
export const BENCHES: Readonly<Record<string, (ground: Ground, options: BenchOptions) => Promise<Findings>>> =
  {
    latency: benchLatency,
    'two-hops': benchTwoHops,
    throughput: benchThroughput,
    'many-users': benchManyUsers,
    'fan-out': benchFanOut,
    rollout: benchRollout,
    provisioning: benchProvisioning,
    'gateway-change': benchGatewayChange,
    idle: benchIdle,
    neighbour: benchNeighbour,
    memory: benchMemory,
    hostile: benchHostile,
    requests: benchRequests,
    'copied-object': benchCopiedObject,
  }

/** These ask no server. */
export const SERVERLESS: Readonly<Record<string, (options: BenchOptions) => Findings | Promise<Findings>>> = {
  plan: benchPlan,
  gateway: benchGateway,
}

/** Only where they are asked for: they take long, and are rather a trial than a figure. */
const HEAVY: ReadonlySet<string> = new Set(['hostile'])

export const NAMES = [...Object.keys(BENCHES), ...Object.keys(SERVERLESS)]

/** Whether a benchmark is to run. @param only names that were asked for; empty: all that are not heavy */
export const isChosen = (name: string, only: readonly string[]): boolean =>
  only.length === 0 ? !HEAVY.has(name) : only.includes(name)
