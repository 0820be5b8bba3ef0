// Whether what users did, what they saw and what is left at the end go together.
import { isDeepStrictEqual } from 'node:util'
import type { Exclusion, Sighting, Witness, Write } from './witness.ts'

type Attributes = Readonly<Record<string, unknown>>

/** What is there when nothing moves any more. */
export interface Left {
  owner: string
  /** By user: every value in any revision that can be read in their own database, deleted ones too. */
  readable: ReadonlyMap<string, ReadonlySet<string>>
  /** By user and object what their own object says of the attributes that the owner shows. */
  objects: ReadonlyMap<string, ReadonlyMap<string, Attributes>>
  /** The same of the share's copies. */
  copies: ReadonlyMap<string, Attributes>
  /** Who takes part: whose objects are to be as the copies. */
  participants: readonly string[]
  /** Who may not write: what they wrote stays theirs. */
  readers: ReadonlySet<string>
}

/** What is wrong, in words; nothing where all is right. */
export function faultsOf(witness: Witness, left: Left): string[] {
  return [
    ...leaks(witness),
    ...losses(witness, left),
    ...returns(witness, left),
    ...differences(left, witness),
  ]
}

/** Nobody reads what is not theirs at that moment. */
function leaks({ writes, sightings, exclusions }: Witness): string[] {
  return sightings.flatMap((seen) => {
    const write = writes.get(seen.value)
    if (write === undefined) return `${seen.by} read ${seen.value}, which nobody wrote`
    if (write.by === seen.by) return []
    if (!write.isGiven) return `${seen.by} read ${seen.value}, which ${write.by} never gave`
    return exclusions
      .filter((one) => one.who === seen.by && isOf(one, seen, write))
      .map(() => `${seen.by} read ${seen.value} (${seen.place}) while kept out`)
  })
}

/** What was read in the share, or written by somebody else, while somebody was kept out of it. */
const isOf = ({ from, to }: Exclusion, { place, askedAt }: Sighting, { begunAt }: Write): boolean =>
  from <= askedAt && askedAt < to && (place === 'share' || (from <= begunAt && begunAt < to))

/** What was acknowledged is in the result, in a revision that gave way, or superseded by somebody who had read it. */
function losses({ writes, sightings }: Witness, { readable, owner }: Left): string[] {
  // Also what was not acknowledged, and has landed all the same.
  const landed = new Set([
    ...[...readable.values()].flatMap((values) => [...values]),
    ...sightings.map(({ value }) => value),
    ...[...writes.values()].flatMap(({ value, over, ackedAt }) => [
      ...(ackedAt === null ? [] : [value]),
      ...(over === null ? [] : [over]),
    ]),
  ])
  const superseded = new Set(
    [...writes.values()].flatMap(({ over, value }) => (over !== null && landed.has(value) ? over : [])),
  )
  const isKept = ({ value, by }: Write): boolean =>
    readable.get(by)?.has(value) === true || readable.get(owner)?.has(value) === true || superseded.has(value)
  return [...writes.values()]
    .filter((write) => write.ackedAt !== null && !isKept(write))
    .map(({ by, value, object, attribute }) => `${value} of ${by} is lost (${object}, ${attribute})`)
}

/** What somebody overwrote who had read it, and may write, is not what the owner has in the end. */
function returns({ writes }: Witness, { objects, owner, readers }: Left): string[] {
  const superseded = new Map(
    [...writes.values()].flatMap(({ over, by, value, ackedAt, isGiven }) =>
      over !== null && ackedAt !== null && isGiven && !readers.has(by) ? [[over, value] as const] : [],
    ),
  )
  return [...(objects.get(owner) ?? [])].flatMap(([object, attributes]) =>
    Object.values(attributes)
      .filter((value) => superseded.has(String(value)))
      .map((value) => `${String(value)} is back in ${object}, over ${superseded.get(String(value))}`),
  )
}

/** Whoever takes part has what the share has, and the share what its owner gives. */
export function differences(
  { objects, copies, participants, owner, readers }: Left,
  { writes }: Witness,
): string[] {
  return [owner, ...participants].flatMap((user) => {
    const own = objects.get(user) ?? new Map<string, Attributes>()
    const ids = new Set([...own.keys(), ...copies.keys()])
    return [...ids].flatMap((id) => {
      const [here, there] = [own.get(id), copies.get(id)]
      // What a reader has changed stays as it is, and is theirs.
      const isTheirs = (value: unknown): boolean => writes.get(String(value))?.by === user
      if (readers.has(user) && Object.values(here ?? {}).some(isTheirs)) return []
      return isDeepStrictEqual(here, there)
        ? []
        : `${id} of ${user} is ${JSON.stringify(here)}, and in the share ${JSON.stringify(there)}`
    })
  })
}
