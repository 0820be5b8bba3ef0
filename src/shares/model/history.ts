// What an object, and each of its copies, held at revisions that were seen: digests outlive the bodies of old revisions,
// which CouchDB compacts away, and which the daemon's own purges remove.
import { digestsOf, type Digests } from '../../documents/digests.ts'
import { digestOf } from '../../documents/digest.ts'
import { contentOf, type Content, type ObjectDoc } from '../../documents/content.ts'
import { isRecord } from '../../documents/shapes.ts'

/** What a document held, by digests; `shares` are what an object said in `$shares`. */
export interface Held extends Digests {
  shares: Record<string, string>
}

/** What a document held at one revision; `rev` is null for the one that is about to be written. */
export interface Seen extends Held {
  rev: string | null
}

/** By share id what its copy held, under `OBJECT` what the object itself did; the newest first. */
export type Histories = Readonly<Record<string, readonly Seen[]>>

/** No share can be called so. */
export const OBJECT = ''

/** How many revisions are remembered of each, and how many bytes of JSON of all: the oldest go first. */
export const MOST_SEEN = 100
/** Of the JSON of all that is remembered of one object. */
export const MOST_BYTES = 64 * 1024

/** What a document holds, by digests, and what it wishes to share. */
export const heldBy = (doc: ObjectDoc): Held => ({
  ...digestsOf(contentOf(doc)),
  shares: wishesOf(doc['$shares']),
})

/** The same, with the revision that holds it. */
export const seenAs = (doc: ObjectDoc): Seen => ({ rev: doc._rev, ...heldBy(doc) })

/** A content that is about to be written as a copy. */
export const madeOf = (content: Content): Seen => ({ rev: null, ...digestsOf(content), shares: {} })

/** Digests of what `$shares` says, by share; of anything that is no object under the name that no share has. */
export function wishesOf(shares: unknown): Record<string, string> {
  if (shares === undefined) return {}
  if (typeof shares !== 'object' || shares === null || Array.isArray(shares)) return { '': digestOf(shares) }
  return Object.fromEntries(Object.entries(shares).map(([id, wish]) => [id, digestOf(wish)]))
}

/** With what was seen now, the newest last. What is known already stays where it is. */
export function withSeen(history: readonly Seen[] = [], ...seen: readonly Seen[]): readonly Seen[] {
  return seen.reduce(
    (known, one) =>
      one.rev !== null && known.some(({ rev }) => rev === one.rev)
        ? known
        : [one, ...known].slice(0, MOST_SEEN),
    history,
  )
}

/** What the newest of these revisions held that is known. @param line the newest first */
export function newestKnown(history: readonly Seen[] = [], line: readonly string[]): Held | null {
  const byRev = new Map(history.map((one) => [one.rev, one]))
  for (const rev of line) {
    const held = byRev.get(rev)
    if (held) return held
  }
  return null
}

/** As a base stores it: each revision as what differs from the next newer one; null stands for nothing. */
type Difference = { rev: string } & Partial<Record<keyof Held, Record<string, string | null>>>
export type StoredHistories = Record<string, Difference[]>

const KINDS = ['attributes', 'attachments', 'shares'] as const satisfies (keyof Held)[]
const NOTHING: Held = { attributes: {}, attachments: {}, shares: {} }

/** As much of it as a base has room for. Revisions that are not written yet are none. */
export function encodeHistories(histories: Histories): StoredHistories {
  const encoded = Object.entries(histories).map(([place, history]) => ({
    place,
    entries: differences(history),
  }))
  let bytes = encoded.reduce((sum, { entries }) => sum + sizeOf(entries), 0)
  while (bytes > MOST_BYTES) {
    const largest = encoded.reduce((one, other) =>
      sizeOf(other.entries) > sizeOf(one.entries) ? other : one,
    )
    bytes -= largest.entries.pop()?.size ?? 0
  }
  return Object.fromEntries(
    encoded.flatMap(({ place, entries }) =>
      entries.length === 0 ? [] : [[place, entries.map(({ difference }) => difference)]],
    ),
  )
}

interface Sized {
  difference: Difference
  size: number
}

const sizeOf = (entries: readonly Sized[]): number => entries.reduce((sum, { size }) => sum + size, 0)

function differences(history: readonly Seen[]): Sized[] {
  let newer: Held = NOTHING
  return history.flatMap(({ rev, ...held }) => {
    if (rev === null) return []
    const parts = KINDS.flatMap((kind) => {
      const part = difference(newer[kind], held[kind])
      return Object.keys(part).length === 0 ? [] : [[kind, part] as const]
    })
    newer = held
    const found: Difference = { rev, ...Object.fromEntries(parts) }
    return [{ difference: found, size: Buffer.byteLength(JSON.stringify(found)) }]
  })
}

function difference(
  newer: Record<string, string>,
  older: Record<string, string>,
): Record<string, string | null> {
  const names = new Set([...Object.keys(newer), ...Object.keys(older)])
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const [here, there] = [newer, older].map((one) => (Object.hasOwn(one, name) ? one[name] : undefined))
      return here === there ? [] : [[name, there ?? null] as const]
    }),
  )
}

/** Reads what a base stores; what is no history, up to there. */
export function decodeHistories(stored: unknown): Histories {
  if (!isRecord(stored)) return {}
  return Object.fromEntries(
    Object.entries(stored).flatMap(([place, entries]) =>
      Array.isArray(entries) ? [[place, decodeHistory(entries)] as const] : [],
    ),
  )
}

function decodeHistory(entries: readonly unknown[]): Seen[] {
  const history: Seen[] = []
  let newer: Held = NOTHING
  for (const entry of entries) {
    if (!isDifference(entry)) break
    newer = {
      attributes: applied(newer.attributes, entry.attributes),
      attachments: applied(newer.attachments, entry.attachments),
      shares: applied(newer.shares, entry.shares),
    }
    history.push({ rev: entry.rev, ...newer })
  }
  return history
}

const applied = (
  newer: Record<string, string>,
  changed: Record<string, string | null> = {},
): Record<string, string> =>
  Object.fromEntries(
    [
      ...Object.entries(newer).filter(([name]) => !Object.hasOwn(changed, name)),
      ...Object.entries(changed),
    ].filter((entry): entry is [string, string] => entry[1] !== null),
  )

const isDifference = (value: unknown): value is Difference =>
  isRecord(value) &&
  typeof value['rev'] === 'string' &&
  KINDS.every((kind) => value[kind] === undefined || isRecord(value[kind]))
