// Brings documents of masters and of a user's database to agree: gather, plan, write, and again until nothing is left.
import { setImmediate as nextTurn } from 'node:timers/promises'
import partition from 'lodash/partition.js'
import type { Database } from '../couch/database.ts'
import type { Gather } from './gather.ts'
import { STICKY, type Problem } from '../documents/problem.ts'
import type { Clock } from '../documents/time.ts'
import { isLive, isRelated, kinshipOf } from '../documents/revisions.ts'
import type { DocumentFacts, DocumentPlan } from './plan.ts'
import { performDocuments, type Performed } from './perform.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Removals } from './removals.ts'

/** One to carry, one for each other writer who is met on the way. Who writes all the time waits for the next turn. */
const MOST_ROUNDS = 6

export interface ReconciliationDeps {
  ownWrites: OwnWrites
  removals: Removals
  now: () => number
  updatedAt: Clock['updatedAt']
  /** Called between reading what a user wrote and doing something about it; throws where the user's rights are others meanwhile. */
  confirm?: () => Promise<void>
  /** Called before what a user wrote gives way, by document: after it nobody could tell any more. */
  onRefused?: (problems: ReadonlyMap<string, Problem>) => Promise<void>
  /** What is refused is left as it is, and named in `held`: what is still to be read may grant what was missing. */
  isPatient?: boolean
}

/** What was found of one source's documents. */
export interface MasterFindings {
  /** By document, what of the user's did not reach the master; null: nothing. */
  problems: Map<string, Problem | null>
  /** Documents of which something reached the master. */
  carried: Set<string>
  /** The user has changed something. */
  isActive: boolean
  /** Something was written, on either side. */
  isWritten: boolean
  /** How many of the documents that the master has the user had before, and has now. */
  before: number
  there: number
}

/** One run over some documents; `findings` says what came of it. */
export class Reconciliation {
  readonly #deps: ReconciliationDeps
  readonly #personal: Database
  readonly #gather: Gather
  readonly findings = new Map<string, MasterFindings>()
  /** Documents that were refused, and left for later. */
  readonly held = new Set<string>()
  /** By master, the documents that were there when they were first looked at, and those that are. */
  readonly #before = new Map<string, Map<string, boolean>>()
  readonly #there = new Map<string, Map<string, boolean>>()
  /** By document, the revisions that were carried to the master. */
  readonly #sent = new Map<string, Set<string>>()

  /** @param personal the user's database */
  constructor(deps: ReconciliationDeps, personal: Database, gather: Gather) {
    this.#deps = deps
    this.#personal = personal
    this.#gather = gather
  }

  /**
   * @returns false where somebody keeps writing
   * @throws {CouchFault}
   */
  async run(ids: readonly string[]): Promise<boolean> {
    let left = ids
    for (let round = 0; round < MOST_ROUNDS && left.length > 0; round += 1) left = await this.#once(left)
    for (const [master, found] of this.findings) {
      found.before = countTrue(this.#before.get(master))
      found.there = countTrue(this.#there.get(master))
    }
    return left.length === 0
  }

  async #once(ids: readonly string[]): Promise<string[]> {
    const again = new Set<string>()
    const clock = { now: this.#deps.now(), updatedAt: this.#deps.updatedAt }
    for (const { source, facts, settled, plan: planOf } of await this.#gather(ids, clock)) {
      if (facts.length + settled.length === 0) continue
      const found = this.#findingsOf(source.name)
      for (const { id, isThere } of settled) this.#count(source.name, id, isThere, isThere)
      for (const { id } of settled) found.problems.set(id, lasting(found.problems.get(id)))
      const looked: Looked[] = []
      for (const one of facts) {
        // Each asks the functions of others, which take as long as the document makes them.
        if (looked.length > 0) await nextTurn()
        const given = this.#withSent(one)
        looked.push({ facts: given, plan: planOf(given) })
      }
      const isGranting = looked.some(({ plan: { effects } }) => effects.some(isFromUser))
      const isPatient = this.#deps.isPatient === true
      const later = new Set(
        looked.filter((one) => isRefused(one) && (isGranting || (isPatient && !takesAway(one)))),
      )
      for (const { facts: held } of later) (isGranting ? again : this.held).add(held.id)
      const now = looked.filter((one) => !later.has(one))
      const done = await this.#perform(source.database, now)
      for (const {
        facts: { id, ...leaves },
        plan,
      } of now) {
        for (const effect of plan.effects)
          if (effect.kind === 'carry' && !done.refused.has(id))
            this.#sent.set(id, (this.#sent.get(id) ?? new Set()).add(effect.leaf._rev))
        const problem = done.refused.get(id) ?? plan.problem
        found.problems.set(id, problem ?? lasting(found.problems.get(id)))
        found.isActive ||= plan.isActive
        found.isWritten ||= plan.effects.length > 0
        if (problem === null && plan.effects.some(({ kind }) => kind === 'carry' || kind === 'put-master'))
          found.carried.add(id)
        if ((plan.again || done.again.has(id)) && !done.refused.has(id)) again.add(id)
        const wasThere = hadIt(leaves)
        const isThere = done.refused.has(id) ? wasThere : isThereAfter(plan, leaves, wasThere)
        this.#count(source.name, id, wasThere, isThere)
      }
    }
    return [...again]
  }

  /** What is taken away comes first: whoever writes all the time, and is granted something by it, does not keep it by that. */
  async #perform(master: Database, looked: readonly Looked[]): Promise<Performed> {
    const pair = { master, personal: this.#personal }
    const [asked, plain] = partition(looked, mustAsk)
    const done = await performDocuments(this.#deps, pair, effectsOf(plain))
    if (asked.length === 0) return done
    await this.#deps.confirm?.()
    const refused = asked.flatMap(({ facts: { id }, plan: { problem } }): [string, Problem][] =>
      problem === null ? [] : [[id, problem]],
    )
    if (refused.length > 0) await this.#deps.onRefused?.(new Map(refused))
    const { again, refused: notTaken } = await performDocuments(this.#deps, pair, effectsOf(asked))
    return {
      again: new Set([...done.again, ...again]),
      refused: new Map([...done.refused, ...notTaken]),
    }
  }

  #withSent(facts: DocumentFacts): DocumentFacts {
    const sent = this.#sent.get(facts.id)
    return sent ? { ...facts, sent } : facts
  }

  #findingsOf(master: string): MasterFindings {
    const found = this.findings.get(master) ?? {
      ...{ problems: new Map<string, Problem | null>(), carried: new Set<string>() },
      ...{ isActive: false, isWritten: false, before: 0, there: 0 },
    }
    this.findings.set(master, found)
    return found
  }

  #count(master: string, id: string, wasThere: boolean, isThere: boolean): void {
    const [before, there] = [this.#before, this.#there].map((all) => {
      const counts = all.get(master) ?? new Map<string, boolean>()
      all.set(master, counts)
      return counts
    })
    if (!before?.has(id)) before?.set(id, wasThere)
    there?.set(id, isThere)
  }
}

/** A document as it was found, and what is to be done about it. */
interface Looked {
  facts: DocumentFacts
  plan: DocumentPlan
}

const effectsOf = (looked: readonly Looked[]): DocumentPlan['effects'] =>
  looked.flatMap(({ plan: { effects } }) => effects)

/**
 * True where something is to be done that a user's writing and rights have to do with, be it to carry it or to take it back.
 * What has just been carried may have granted its author just what shows it.
 */
const mustAsk = ({ plan: { effects, isActive }, facts: { sent } }: Looked): boolean =>
  effects.length > 0 &&
  (isActive ||
    effects.some(isFromUser) ||
    (sent !== undefined && effects.some(({ kind }) => kind === 'remove')))

/**
 * Refused by what the user had before. While something of the same user goes to the master, which may grant what was missing, it is
 * looked at after it.
 */
const isRefused = ({ facts: { isJudged }, plan: { problem, effects } }: Looked): boolean =>
  isJudged === true && problem !== null && effects.length > 0

/** What the user may not read waits for nothing: else who writes all the time keeps it. */
const takesAway = ({ plan: { effects } }: Looked): boolean => effects.some(({ kind }) => kind === 'remove')

const isFromUser = (effect: DocumentPlan['effects'][number]): boolean =>
  effect.kind === 'carry' || (effect.kind === 'put-master' && effect.from === 'personal')

/** What was refused once and for all is told, also when nothing is left to see of it. */
const lasting = (found: Problem | null | undefined): Problem | null =>
  found && STICKY.has(found.code) ? found : null

/** Adds what was found of documents, some of which may have been looked at before in the same turn. */
export function addProblems(
  problems: Map<string, Problem | null>,
  { problems: found, carried }: Pick<MasterFindings, 'problems' | 'carried'>,
): void {
  for (const [id, one] of found) problems.set(id, one ?? (carried.has(id) ? null : lasting(problems.get(id))))
}

const countTrue = (found: ReadonlyMap<string, boolean> = new Map()): number =>
  [...found.values()].filter(Boolean).length

type Leaves = Pick<DocumentFacts, 'master' | 'personal'>

/** Whether the user had the master's document, also where that is deleted now; not one that is only called the same. */
const hadIt = ({ master, personal }: Leaves): boolean =>
  personal
    .filter(isLive)
    .some((leaf) =>
      master.some((one) => isRelated(leaf, one) && (isLive(one) || kinshipOf(leaf, one) !== 'ahead')),
    )

/** Whether the user has the document when the plan was carried out. */
function isThereAfter({ effects }: DocumentPlan, { personal }: Leaves, wasThere: boolean): boolean {
  const live = new Set(personal.filter(isLive).map(({ _rev }) => _rev))
  return effects.reduce((isThere, effect) => {
    switch (effect.kind) {
      case 'bring':
        live.add(effect.leaf._rev)
        return isLive(effect.leaf)
      case 'carry':
        return isLive(effect.leaf)
      case 'put-personal':
        live.add('')
        return true
      case 'remove':
        return false
      case 'drop':
        if (effect.at === 'personal') live.delete(effect.leaf._rev)
        return isThere && live.size > 0
      default:
        return isThere
    }
  }, wasThere)
}
