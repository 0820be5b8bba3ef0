// What a plan for a database says to people, line by line; equal plans have equal lines.
import { counted } from '../documents/counted.ts'
import { markOf } from './design.ts'
import { isWidening, WIDENING } from './withheld.ts'
import { differences, type DesignChange, type SkeletonPlan } from './plan.ts'

/** `+` is put, `~` is replaced, `-` is taken out, `!` is left alone, `?` is to be asked for. */
export const linesOf = ({ designs, security }: SkeletonPlan): string[] => [
  ...designs.map(lineOf),
  ...(isWidening({ designs, security }) ? [`? left out: ${WIDENING}`] : []),
  ...(security ? [`~ _security: ${differences(security.before, security.after).join(', ')}`] : []),
]

function lineOf(change: DesignChange): string {
  switch (change.kind) {
    case 'add':
      return `+ ${change.id}`
    case 'replace': {
      const paths = differences(change.found, change.wanted)
      const what = paths.length === 0 ? 'its mark' : paths.join(', ')
      return `~ ${change.id}: ${what}${byWhom(change)}`
    }
    case 'remove':
      return `- ${change.id}${byWhom(change)}`
    case 'foreign':
      return `! ${change.id} was not written by couch-shares: left alone`
    default:
      return change satisfies never
  }
}

function byWhom({ found, isEdited }: { found: Record<string, unknown>; isEdited: boolean }): string {
  if (markOf(found) === null) return ' (was not written by couch-shares)'
  return isEdited ? ' (changed by hand)' : ''
}

/** Names that are shown of each group. */
const MOST_EXAMPLES = 5

/** Databases of one kind, counted by what differs in them. */
export class Summary {
  readonly kind: string
  total = 0
  differing = 0
  readonly #groups = new Map<string, { count: number; examples: string[] }>()

  constructor(kind: string) {
    this.kind = kind
  }

  add(db: string, plan: SkeletonPlan): void {
    this.total += 1
    const lines = linesOf(plan)
    if (lines.some((line) => !line.startsWith('!'))) this.differing += 1
    this.#tell(db, lines)
  }

  /** A database that fits, and that its policy does not get. */
  withhold(db: string, why: string): void {
    this.total += 1
    this.#tell(db, [`! left as it is: ${why}`])
  }

  #tell(db: string, lines: readonly string[]): void {
    for (const line of lines) {
      const group = this.#groups.get(line) ?? { count: 0, examples: [] }
      group.count += 1
      // Whom to ask about is to be known of each.
      if (group.examples.length < MOST_EXAMPLES || line.startsWith('?')) group.examples.push(db)
      this.#groups.set(line, group)
    }
  }

  get text(): string {
    const groups = [...this.#groups].map(([line, { count, examples }]) => {
      const more = count > examples.length ? ` and ${count - examples.length} more` : ''
      return `  ${line}\n      ${count} of ${this.total}: ${examples.join(', ')}${more}\n`
    })
    return `${this.kind}: ${counted(this.total, 'database')}, ${this.differing} ${this.differing === 1 ? 'differs' : 'differ'}\n${groups.join('')}`
  }
}
