// An object and its `$shares`: what its author consents to, and the projection of it that a share gets to see.
import { isShareId } from './names.ts'
import { kindOf, MOST_ATTRIBUTES, MOST_SHARES, problem, type Problem } from './problem.ts'
import { isSameJson } from './same-json.ts'

/** The daemon's own attributes: never copied, in any direction. */
export const DAEMON_ATTRIBUTES: ReadonlySet<string> = new Set(['$shares', '$state', '$error', '$rejected'])

/** What of an object is shared: all attributes, or those of a sorted list. */
export type Selection = true | readonly string[]

/** What an author says about one share of an object. */
export type Consent =
  { kind: 'share'; selection: Selection } | { kind: 'unshare' } | { kind: 'invalid'; problem: Problem }

/** All that an author says about sharing an object. */
export type Consents =
  | { kind: 'none' }
  | { kind: 'invalid'; problem: Problem }
  | { kind: 'keys'; keys: ReadonlyMap<string, Consent> }

/** As much of a document as planning looks at. */
export interface ObjectDoc {
  _id: string
  _rev: string
  _attachments?: Record<string, AttachmentStub>
  [attribute: string]: unknown
}

export interface AttachmentStub {
  content_type?: string
  digest?: string
  length?: number
}

/** What a copy holds: the shared attributes, and which attachments. */
export interface Content {
  attributes: Record<string, unknown>
  attachments: Record<string, AttachmentStub>
}

/** True for attributes that never leave the document they stand in. */
export const isReserved = (attribute: string): boolean =>
  attribute.startsWith('_') || DAEMON_ATTRIBUTES.has(attribute)

/** Reads `$shares`. Each key stands alone: a bad one leaves the others as they are (docs/design.md, An object's life). */
export function parseConsents(value: unknown): Consents {
  if (value === undefined) return { kind: 'none' }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { kind: 'invalid', problem: problem('invalid_shares', kindOf(value)) }
  const entries = Object.entries(value)
  if (entries.length > MOST_SHARES)
    return { kind: 'invalid', problem: problem('too_many_shares', String(entries.length)) }
  return { kind: 'keys', keys: new Map(entries.map(([id, wish]) => [id, parseConsent(id, wish)])) }
}

/** The ids under which something is said, also where that is wrong. */
export const idsIn = (consents: Consents): string[] =>
  consents.kind === 'keys' ? [...consents.keys.keys()] : []

function parseConsent(id: string, wish: unknown): Consent {
  if (wish === false) return { kind: 'unshare' }
  if (!isShareId(id)) return { kind: 'invalid', problem: problem('invalid_share_id', id) }
  if (wish === true) return { kind: 'share', selection: true }
  if (!Array.isArray(wish)) return { kind: 'invalid', problem: problem('invalid_selection', kindOf(wish)) }
  return parseNames(wish)
}

function parseNames(names: unknown[]): Consent {
  if (names.length > MOST_ATTRIBUTES)
    return { kind: 'invalid', problem: problem('too_many_attributes', String(names.length)) }
  const selection = new Set<string>()
  for (const name of names) {
    if (typeof name !== 'string')
      return { kind: 'invalid', problem: problem('invalid_selection', `a list with ${kindOf(name)} in it`) }
    if (isReserved(name) && name !== '_attachments')
      return { kind: 'invalid', problem: problem('reserved_attribute', name) }
    selection.add(name)
  }
  return { kind: 'share', selection: [...selection].sort() }
}

/** True where everything that `old` shows is also shown by `selection`: nothing is taken back. */
export function covers(selection: Selection, old: Selection): boolean {
  if (selection === true) return true
  return old !== true && old.every((name) => selection.includes(name))
}

/** What both selections show. */
export function intersect(one: Selection, other: Selection): Selection {
  if (one === true) return other
  return other === true ? one : one.filter((name) => other.includes(name))
}

/** What either selection shows. */
export function unite(one: Selection, other: Selection): Selection {
  if (one === true || other === true) return true
  return [...new Set([...one, ...other])].sort()
}

/** True for an attribute that a selection shows. */
export const shows = (selection: Selection, name: string): boolean =>
  selection === true || selection.includes(name)

/** What a selection may name of a content, or of its digests: attributes, and `_attachments` if there are any. */
export const namesOf = ({
  attributes,
  attachments,
}: {
  attributes: object
  attachments: object
}): string[] => [...Object.keys(attributes), ...(Object.keys(attachments).length > 0 ? ['_attachments'] : [])]

/** What a copy holds as it stands in a share. */
export const contentOf = (copy: ObjectDoc): Content => project(copy, true)

/** What a document says, and has attached: all but CouchDB's own bookkeeping. */
export const wholeContentOf = (doc: ObjectDoc): Content => ({
  attributes: pickFrom(doc as Record<string, unknown>, (name) => !name.startsWith('_')),
  attachments: { ...doc._attachments },
})

/**
 * Attributes that only say when and by whom an object was written. They are carried like any other, but alone they are
 * nothing that somebody would miss.
 */
const SIGNATURE: ReadonlySet<string> = new Set(
  ['created', 'updated', 'deleted'].flatMap((what) => [
    ...[`${what}At`, `${what}By`],
    ...[`${what}_at`, `${what}_by`],
  ]),
)

/** True for such an attribute, and for one that holds nothing but such, as Hoodie's clients write `hoodie`. */
export const isSignature = (name: string, value: unknown): boolean =>
  SIGNATURE.has(name) || holdsOnlySignature(value)

/** True for a value that holds nothing but such attributes. */
export const holdsOnlySignature = (value: unknown): boolean => isRecordOf(value, (key) => SIGNATURE.has(key))

const isRecordOf = (value: unknown, isIt: (key: string) => boolean): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length > 0 &&
  Object.keys(value).every(isIt)

/**
 * The most attributes and attachments of an object that is merged with others. Each is compared with what it was, in every
 * share and again with every edit: a document that CouchDB takes may have so many that nobody else would get a turn.
 */
export const MOST_MERGED = 10_000

/** True for an object that nobody else can change. */
export const isTooWide = (doc: ObjectDoc): boolean =>
  Object.keys(doc).length > MOST_MERGED || Object.keys(doc._attachments ?? {}).length > MOST_MERGED

/** The content of an object's copy under a selection: exactly the selected attributes that exist, never a reserved one. */
export function project(doc: ObjectDoc, selection: Selection): Content {
  return {
    attributes: Object.fromEntries(
      Object.entries(doc).filter(([name]) => !isReserved(name) && shows(selection, name)),
    ),
    attachments: shows(selection, '_attachments') ? { ...doc._attachments } : {},
  }
}

/** The part of a content whose names are chosen. */
export const pickContent = (
  { attributes, attachments }: Content,
  isChosen: (kind: keyof Content, name: string) => boolean,
): Content => ({
  attributes: pickFrom(attributes, (name) => isChosen('attributes', name)),
  attachments: pickFrom(attachments, (name) => isChosen('attachments', name)),
})

/** The chosen names of a record, with their values. */
export const pickFrom = <Value>(
  record: Record<string, Value>,
  isChosen: (name: string) => boolean,
): Record<string, Value> => Object.fromEntries(Object.entries(record).filter(([name]) => isChosen(name)))

/** The object with the chosen part of its content replaced; all else stays as it is. */
export function withContent(
  doc: ObjectDoc,
  { attributes, attachments }: Content,
  isChosen: (kind: keyof Content, name: string) => boolean,
): ObjectDoc {
  const isLeft = (name: string): boolean =>
    isReserved(name) || Object.hasOwn(attributes, name) || !isChosen('attributes', name)
  return withAttachments({ ...pickFrom(doc, isLeft), ...attributes } as ObjectDoc, {
    ...pickFrom(doc._attachments ?? {}, (name) => !isChosen('attachments', name)),
    ...attachments,
  })
}

/** The object with exactly these attachments. */
export function withAttachments(doc: ObjectDoc, attachments: Content['attachments']): ObjectDoc {
  const { _attachments, ...rest } = doc
  return Object.keys(attachments).length === 0 ? rest : { ...rest, _attachments: attachments }
}

/** The object without that id in its `$shares`; an empty `$shares` goes, too. Where there is none, the same object. */
export function withoutShare(doc: ObjectDoc, share: string, consent?: Consent): ObjectDoc {
  const shares = doc['$shares']
  if (consent?.kind === 'invalid' || typeof shares !== 'object' || shares === null || Array.isArray(shares))
    return doc
  if (!Object.hasOwn(shares, share)) return doc
  const { $shares: _, ...rest } = doc
  const left = pickFrom(shares as Record<string, unknown>, (id) => id !== share)
  return Object.keys(left).length === 0 ? rest : { ...rest, $shares: left }
}

/** True where a copy as it stands holds that content; attachments are the same where digest and type are. */
export function holds(copy: ObjectDoc, { attributes, attachments }: Content): boolean {
  const there = Object.fromEntries(Object.entries(copy).filter(([name]) => !name.startsWith('_')))
  return isSameJson(there, attributes) && isSameJson(essence(copy._attachments ?? {}), essence(attachments))
}

const essence = (attachments: Record<string, AttachmentStub>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(attachments).map(([name, { digest, content_type }]) => [name, { digest, content_type }]),
  )
