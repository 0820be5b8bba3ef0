// The three-way merge by attribute (docs/design.md, Both directions): a participant's object, the copy in the share, and what
// both last had in common.
import omit from 'lodash/omit.js'
import { attachmentDigest, digestsOf, digestOfEither, isDigestOf, type Digests } from './digests.ts'
import { canonicalJson, digestOf } from './digest.ts'
import { holdsOnlySignature, type AttachmentStub, type Content } from './content.ts'
import { own } from './own.ts'
import { timeOf, type Clock } from './time.ts'

export interface Side extends Content {
  /** When its author last wrote it, as it says itself, in milliseconds; null where it does not say. */
  time: number | null
}

export interface MergeOptions {
  /** What both sides last had. Of what is not in it nothing is known: what only one side has is new there. */
  agreed: (Digests & { kept?: Record<string, string> }) | null
  /** Whether what is new here goes into the share. */
  maySend: boolean
  /** What other shares show of the same object, as digests by name: nobody here has written that. */
  elsewhere?: readonly Digests[]
}

/** What both sides hold; `kept` is a reader's own, which only that side holds. */
export type Common = Digests & { kept: Record<string, string> }

export interface Merged {
  /** What each side should hold. */
  local: Content
  home: Content
  /** The next base: when both sides hold that, when only home does, and where both are left as they were found. */
  agreed: Common
  sent: Common
  found: Common
}

/** A content with the time that it says. */
export const sideOf = (content: Content, clock: Clock): Side => ({
  ...{ attributes: content.attributes, attachments: content.attachments },
  time: timeOf(content.attributes, clock),
})

/** Merges what of both sides is shared; what is not is not handed in. */
export function merge(local: Side, home: Side, { agreed, maySend, elsewhere = [] }: MergeOptions): Merged {
  const isLater = local.time !== null && home.time !== null ? local.time - home.time : 0
  const known = withTime(local, home, agreed)
  const attributes = mergeParts(local.attributes, home.attributes, known.attributes, {
    ...{ maySend, isLater, kept: known.kept, elsewhere: elsewhere.map((one) => one.attributes) },
    nameOf: digestOf,
    textOf: canonicalJson,
    isAlike: () => false,
    keepsName: true,
  })
  const attachments = mergeParts<AttachmentStub>(
    local.attachments,
    home.attachments,
    agreed?.attachments ?? {},
    {
      ...{ maySend, isLater, kept: keptAttachments(agreed?.kept) },
      elsewhere: elsewhere.map((one) => one.attachments),
      nameOf: attachmentDigest,
      textOf: attachmentDigest,
      isAlike,
      keepsName: false,
    },
  )
  const common = (which: 'agreed' | 'sent' | 'found'): Common => ({
    attributes: attributes[which],
    attachments: attachments[which],
    kept: { ...attributes.kept, ...asKeptAttachments(attachments.kept) },
  })
  return {
    local: { attributes: attributes.local, attachments: attachments.local },
    home: { attributes: attributes.home, attachments: attachments.home },
    agreed: common('agreed'),
    sent: common('sent'),
    found: common('found'),
  }
}

/**
 * Who wrote goes with when that was: where both sides have another `updatedAt`, `updatedBy` is in conflict like it, even
 * where it says on one side what it said before; and a reader's own counts as kept only together with its time.
 */
function withTime(
  { attributes: local }: Side,
  { attributes: home }: Side,
  agreed: MergeOptions['agreed'],
): { attributes: Record<string, string>; kept: Record<string, string> } {
  const { attributes = {}, kept = {} } = agreed ?? {}
  const isNew = (side: Record<string, unknown>, known: Record<string, string>, when: string): boolean =>
    Object.hasOwn(side, when) && !isDigestOf(own(known, when), digestOf(side[when]))
  const isAuthorOpen = ({ when }: Signature): boolean =>
    isNew(local, attributes, when) && isNew(home, attributes, when)
  const isAuthorOwn = ({ when }: Signature): boolean =>
    isNew(local, kept, when) && isNew(local, attributes, when)
  const authors = (isIt: (signature: Signature) => boolean): string[] =>
    SIGNATURES.filter(isIt).map(({ by }) => by)
  return { attributes: omit(attributes, authors(isAuthorOpen)), kept: omit(kept, authors(isAuthorOwn)) }
}

interface PartOptions<Value> {
  maySend: boolean
  isLater: number
  kept: Record<string, string>
  elsewhere: readonly Record<string, string>[]
  nameOf: (value: Value) => string
  textOf: (value: Value) => string
  /** True for values that may be the same although their digests differ. */
  isAlike: (one: Value | undefined, other: Value | undefined) => boolean
  /** A value that is carried over has the same digest there. */
  keepsName: boolean
}

interface Parts<Value> {
  local: Record<string, Value>
  home: Record<string, Value>
  agreed: Record<string, string>
  sent: Record<string, string>
  found: Record<string, string>
  kept: Record<string, string>
}

/** What becomes of one name: what each side is to hold, and what both have in common then. */
interface Part<Value> {
  local: Value | undefined
  home: Value | undefined
  agreed: string | undefined
  sent: string | undefined
  found: string | undefined
  kept?: string
}

function mergeParts<Value>(
  local: Record<string, Value>,
  home: Record<string, Value>,
  agreed: Record<string, string>,
  options: PartOptions<Value>,
): Parts<Value> {
  const names = [...new Set([...Object.keys(local), ...Object.keys(home), ...Object.keys(agreed)])]
  const parts = names.map(
    (name) => [name, mergePart(name, own(local, name), own(home, name), own(agreed, name), options)] as const,
  )
  return {
    local: pick(parts, ({ local: value }) => value),
    home: pick(parts, ({ home: value }) => value),
    agreed: pick(parts, ({ agreed: digest }) => digest),
    sent: pick(parts, ({ sent }) => sent),
    found: pick(parts, ({ found }) => found),
    kept: pick(parts, ({ kept }) => kept),
  }
}

const pick = <Value, Item>(
  parts: readonly (readonly [string, Part<Value>])[],
  from: (part: Part<Value>) => Item | undefined,
): Record<string, Item> =>
  Object.fromEntries(
    parts.flatMap(([name, part]) => {
      const item = from(part)
      return item === undefined ? [] : [[name, item] as const]
    }),
  )

function mergePart<Value>(
  name: string,
  left: Value | undefined,
  right: Value | undefined,
  before: string | undefined,
  { maySend, isLater, kept, elsewhere, nameOf, textOf, isAlike, keepsName }: PartOptions<Value>,
): Part<Value> {
  const [leftName, rightName] = [left, right].map((value) =>
    value === undefined ? undefined : nameOf(value),
  )
  const withBase = (common: string | undefined): Part<Value> => ({
    ...{ local: left, home: right, agreed: common, sent: common, found: common },
  })
  const asTheyAre = withBase(before)
  if (leftName === rightName) return withBase(leftName)
  const isOwn = !isDigestOf(before, leftName)
  const isTheirs = !isDigestOf(before, rightName)
  if (!isOwn && !isTheirs) return asTheyAre
  const takesLocal =
    isOwn &&
    (!isTheirs ||
      (!isAlike(left, right) && (isLater > 0 || (isLater === 0 && isLarger(left, right, textOf)))))
  if (isOwn && (!maySend || own(kept, name) === (leftName ?? ''))) {
    if (isTheirs && isAlike(left, right)) return withBase(digestOfEither(leftName, rightName))
    if (!elsewhere.some((shown) => leftName !== undefined && isDigestOf(own(shown, name), leftName)))
      return { ...asTheyAre, kept: leftName ?? '' }
    return takesLocal ? asTheyAre : { ...asTheyAre, local: right, agreed: keepsName ? rightName : before }
  }
  const [taken, takenName] = takesLocal ? [left, leftName] : [right, rightName]
  const isSure = keepsName || maySend || taken === undefined
  return {
    ...{ local: taken, home: taken, found: before },
    agreed: isSure ? takenName : before,
    sent: takesLocal ? takenName : before,
  }
}

/**
 * True where something that a side's author wrote, and that was not known yet, is not in the result. Who wrote, and when,
 * may give way without a loss.
 */
export function givesWay(side: Content, result: Content, agreed: Digests | null): boolean {
  const [here, there] = [digestsOf(side), digestsOf(result)]
  const isLost = (kind: keyof Digests, name: string): boolean =>
    !isDigestOf(own(there[kind], name), here[kind][name]) &&
    !isDigestOf(agreed ? own(agreed[kind], name) : undefined, here[kind][name])
  return (
    Object.entries(side.attributes).some(
      ([name, value]) => !isSignature(name) && !holdsOnlySignature(value) && isLost('attributes', name),
    ) || Object.keys(side.attachments).some((name) => isLost('attachments', name))
  )
}

/** Attributes that say of the last change when it was made, and by whom. */
interface Signature {
  when: string
  by: string
}

const SIGNATURES: readonly Signature[] = [
  { when: 'updatedAt', by: 'updatedBy' },
  { when: 'updated_at', by: 'updated_by' },
]

const isSignature = (name: string): boolean => SIGNATURES.some(({ when, by }) => name === when || name === by)

/**
 * An attachment that a client compressed has another digest once it was carried. Home's is taken where it may be so, so
 * that both come to have the same; a reader, who cannot give theirs back, has both digests in the base. Alike is not equal:
 * what was not taken is kept as a loser.
 */
export const isAlike = (one: AttachmentStub | undefined, other: AttachmentStub | undefined): boolean =>
  one !== undefined && one.length === other?.length && one.content_type === other?.content_type

/** Without times to tell, the larger canonical JSON; what is not there is the smallest. */
const isLarger = <Value>(
  one: Value | undefined,
  other: Value | undefined,
  textOf: (value: Value) => string,
): boolean => one !== undefined && (other === undefined || textOf(one) > textOf(other))

/** Kept attachments stand among the kept attributes under a name that no attribute can have: `_attachments/…`. */
const ATTACHMENT = '_attachments/'

/** The name under which a kept attribute or attachment stands. */
export const keptName = (kind: keyof Content, name: string): string =>
  kind === 'attributes' ? name : ATTACHMENT + name

const asKeptAttachments = (kept: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(kept).map(([name, digest]) => [ATTACHMENT + name, digest]))
const keptAttachments = (kept: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(kept).flatMap(([name, digest]) =>
      name.startsWith(ATTACHMENT) ? [[name.slice(ATTACHMENT.length), digest]] : [],
    ),
  )
