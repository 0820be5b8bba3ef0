// Names that servers give in their own ways - revisions, sequences, digests - as names by which answers can be compared.
import { isDeepStrictEqual } from 'node:util'
import { generationOf } from '../../../src/documents/revisions.ts'

const REVISION = /^(\d+)-([0-9a-f]{32})$/

/** Of one server, for one sequence of requests. */
export class Names {
  readonly #ofRevision = new Map<string, string>()
  readonly #revisionOf = new Map<string, string>()
  readonly #values = new Map<string, unknown[]>()

  /** A revision that the server made: the first time that it is seen it gets a name, by its generation and a number. */
  learn(rev: string): string {
    const known = this.#ofRevision.get(rev)
    if (known !== undefined) return known
    const name = `${generationOf(rev)}-made${this.#ofRevision.size}`
    this.#ofRevision.set(rev, name)
    this.#revisionOf.set(name, rev)
    return name
  }

  /** What the server calls it; a name that no server gave is its own. */
  real(name: string): string {
    return this.#revisionOf.get(name) ?? name
  }

  isMade(name: string): boolean {
    return this.#revisionOf.has(name)
  }

  nameOf(rev: string): string {
    return this.#ofRevision.get(rev) ?? rev
  }

  /** A value that means nothing but that it is the same as before, or not: its number among those of that kind. */
  number(kind: string, value: unknown): string {
    const values = this.#values.get(kind) ?? []
    this.#values.set(kind, values)
    const at = values.findIndex((one) => isDeepStrictEqual(one, value))
    return `${kind}${at < 0 ? values.push(value) - 1 : at}`
  }

  /** Those of that kind begin anew. */
  forget(kind: string): void {
    this.#values.delete(kind)
  }

  /** An answer in which all revisions and digests have their names. */
  rename(value: unknown): unknown {
    if (typeof value === 'string') return REVISION.test(value) ? this.nameOf(value) : value
    if (Array.isArray(value)) return value.map((one) => this.rename(one))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
        if (one === undefined) return []
        if (name === '_revisions') return [[name, this.#history(one as { start: number; ids: string[] })]]
        if (name === 'digest') return [[name, this.number('digest', one)]]
        return [[name, this.rename(one)]]
      }),
    )
  }

  #history({ start, ids }: { start: number; ids: string[] }): string[] {
    return ids.map((hash, age) => this.nameOf(`${start - age}-${hash}`))
  }
}
