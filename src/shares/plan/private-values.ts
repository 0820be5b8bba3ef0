// What a participant had in an object beside what its owner showed: it stays private when the owner shows more later.
import { seenOf, type Agreed } from '../model/base.ts'
import { digestsOf, isDigestOf, type Digests } from '../../documents/digests.ts'
import {
  contentOf,
  isSignature,
  pickFrom,
  shows,
  type Consent,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import { keptName } from '../../documents/merge.ts'

export interface PrivateOptions {
  doc: ObjectDoc
  /** What of it goes into the share, as both its owner and this participant have it. */
  scope: Selection
  consent: Consent | undefined
  agreed: Agreed
  /** What other shares of the same owner's show or have of it: that is the owner's, whoever wrote it. */
  elsewhere: readonly Digests[]
}

/**
 * By the names of a base's `kept`, the digests of what its author neither listed nor wrote after the owner was seen to
 * show it (docs/design.md, Both directions, 9).
 */
export function privateValues(options: PrivateOptions): Record<string, string> {
  const { doc, agreed } = options
  const here = digestsOf(contentOf(doc))
  const kinds = ['attributes', 'attachments'] as const
  return Object.fromEntries(
    kinds.flatMap((kind) =>
      Object.entries(here[kind]).flatMap(([name, digest]): [string, string][] => {
        const isMarked = own(agreed.own, keptName(kind, name)) === digest
        const isPrivate = isMarked || isNewlyShown(options, kind, name, digest)
        return isPrivate && !isListed(options.consent, kind, name) ? [[keptName(kind, name), digest]] : []
      }),
    ),
  )
}

/** True for what the owner did not show yet when this participant's lane last looked, and what nobody else has. */
function isNewlyShown(
  { scope, agreed, elsewhere }: PrivateOptions,
  kind: keyof Content,
  name: string,
  digest: string,
): boolean {
  const listed = listedAs(kind, name)
  if (!shows(scope, listed) || shows(seenOf(agreed), listed)) return false
  return ![agreed, ...elsewhere].some((known) => isDigestOf(own(known[kind], name), digest))
}

/** An author's own list is consent, whatever the owner showed when it was written. */
const isListed = (consent: Consent | undefined, kind: keyof Content, name: string): boolean =>
  consent?.kind === 'share' && consent.selection !== true && consent.selection.includes(listedAs(kind, name))

const listedAs = (kind: keyof Content, name: string): string =>
  kind === 'attributes' ? name : '_attachments'

/**
 * Private values that only say when and by whom the object was written, where the copy says it, too: the copy's is
 * taken, as if nothing had been written here.
 */
export const outdatedSignatures = (
  values: Readonly<Record<string, string>>,
  doc: ObjectDoc,
  there: Content,
): string[] =>
  Object.keys(values).filter((name) => isSignature(name, doc[name]) && Object.hasOwn(there.attributes, name))

/** Those of the marks of private values whose attributes and attachments the object does not have. */
export function absentIn(
  doc: ObjectDoc,
  marks: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const here = digestsOf(contentOf(doc))
  const names = (['attributes', 'attachments'] as const).flatMap((kind) =>
    Object.keys(here[kind]).map((name) => keptName(kind, name)),
  )
  return pickFrom(marks, (name) => !names.includes(name))
}
