// Upgrades: what an earlier version has stored is brought to the layout of this one, step by step, before anything else reads it.
import type { Couch } from '../couch/client.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import { REGISTRY } from '../documents/names.ts'
import { LAYOUT, LAYOUT_ID, parseLayout, planLayout, type Layout } from '../engine/layout.ts'
import type { Logger } from '../log.ts'
import { InstallError } from '../skeletons/install.ts'
import { VERSION } from '../version.ts'

/**
 * One step, from the layout before `to`. It may be taken again, from its beginning or from anywhere in it: a process may be killed in it, and
 * several processes may take it at once. On a server where there is nothing to bring up it does nothing.
 */
export interface Step {
  to: number
  /** For the log: what it does. */
  title: string
  bringUp: (couch: Couch) => Promise<void>
}

/** All steps, in order. Layout 1 is what versions before it have written, and only its number is new. */
export const STEPS: readonly Step[] = []

export interface UpgradeOptions {
  couch: Couch
  log: Logger
  /** Milliseconds since the epoch, for people to read. */
  now: () => number
  steps?: readonly Step[]
  /** The layout of this program. */
  current?: number
}

/**
 * Puts in place what this version needs, unless a newer one has been here, and then takes the steps that are missing. Each is noted when it
 * is done: where that is cut off, the next start goes on with the step that it was in. On a server that has this layout, that is one request
 * beside those of `put`.
 * @param put after it the registry is there
 * @throws {InstallError} `newer_layout`: it has, this one would read its data wrongly, and nothing was put in place
 * @throws {CouchFault} and what `put` throws
 */
export async function putAndBringUp(put: () => Promise<void>, options: UpgradeOptions): Promise<void> {
  const { couch, log, steps = STEPS, current = LAYOUT } = options
  const from = await layoutNow(couch, current)
  await put()
  if (from === current) return
  for (const step of steps) {
    if (step.to <= from || step.to > current) continue
    log.info({ layout: step.to }, `bringing the data up: ${step.title}`)
    await step.bringUp(couch)
    await note(step.to, options)
  }
  await note(current, options)
}

/**
 * The layout of what is on a server; 0 where nobody has noted one, or there is no registry.
 * @param current the layout of this program
 * @throws {InstallError} `newer_layout`
 * @throws {CouchFault}
 */
export async function layoutNow(couch: Pick<Couch, 'database'>, current = LAYOUT): Promise<number> {
  const there = await orNull(couch.database(REGISTRY).get(LAYOUT_ID))
  const plan = planLayout(parseLayout(there), current)
  if (plan.kind === 'refuse') throw new InstallError('newer_layout', plan.why)
  return plan.kind === 'current' ? current : plan.from
}

/** Never notes less than what is noted: another process may be further. */
async function note(version: number, { couch, now }: UpgradeOptions): Promise<void> {
  const registry = couch.database(REGISTRY)
  for (;;) {
    const there = await registry.get(LAYOUT_ID)
    const noted = parseLayout(there)
    if (noted.kind === 'noted' && noted.layout.version >= version) return
    const layout: Layout = { version, by: VERSION, at: new Date(now()).toISOString() }
    const doc = { _id: LAYOUT_ID, type: 'layout', ...layout }
    const written = await registry.put(there === null ? doc : { ...doc, _rev: there._rev })
    if (written.ok) return
    if (written.error !== 'conflict') throw new CouchFault('forbidden', REGISTRY, written.reason)
  }
}
