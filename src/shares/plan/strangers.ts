// Two objects of one `_id` in one database: a user made one offline before the shared one had arrived. Leaves without a
// common root are no conflict of one object: the user's own stays as it is, and the one from the share goes out of its way.
import { nothingAgreed, type Agreed } from '../model/base.ts'
import type { Digests } from '../../documents/digests.ts'
import { decodeHistories, OBJECT } from '../model/history.ts'
import { contentOf, idsIn, parseConsents, type ObjectDoc } from '../../documents/content.ts'
import { givesWay } from '../../documents/merge.ts'
import type { ObjectEffect, ObjectFacts } from './object-facts.ts'

interface Leaf {
  doc: ObjectDoc
  line: readonly string[]
}

/**
 * Takes what was made from copies away from beside an object of the user's own; the base says first that they are two.
 * Reports and the rest are planned when the user's own is alone.
 * @returns null where all leaves are of one object, as far as that is known
 */
export function planStrangers({
  object,
  doc,
  line,
  rivals,
  base,
  exchanges,
}: ObjectFacts): ObjectEffect[] | null {
  if (doc === null || base === null || line === undefined) return null
  const agreed = Object.entries(base.agreed).filter(([share]) => exchanges.has(share))
  if (agreed.some(([, { state, mine }]) => mine && (state === 'both' || state === 'coming'))) return null
  const received = agreed.filter(([, { state }]) => state === 'both' || state === 'coming')
  const leaves = [{ doc, line }, ...rivals.map(({ leaf, line: own = [] }) => ({ doc: leaf, line: own }))]
  const families = familiesOf(leaves)
  if (families === null || families.length < 2) return null
  const known = new Set((decodeHistories(base.history)[OBJECT] ?? []).map(({ rev }) => rev))
  const isKnown = (family: Leaf[]): boolean => family.some((one) => one.line.some((rev) => known.has(rev)))
  // A base of an earlier version remembers no revisions: what was made from a copy says so.
  const names = new Set(received.map(([share]) => share))
  const isSuch = families.some(isKnown)
    ? isKnown
    : (family: Leaf[]) => family.some((one) => names.size > 0 && consents(one, names))
  const [made, ...others] = families.filter(isSuch)
  if (!made || others.length > 0) return null

  const next = {
    ...base.agreed,
    ...Object.fromEntries(received.map(([share]) => [share, nothingAgreed('unrelated', false)])),
  }
  const agreedOn = received.map(([, one]) => one)
  return [
    ...(received.length === 0
      ? []
      : [
          {
            ...({ kind: 'put-base', stage: 'before', object, shares: base.shares, agreed: next } as const),
            // While the base says which of them was made, a second look finds it, too.
            ...{ rev: base._rev ?? null, seen: decodeHistories(base.history) },
          },
        ]),
    ...made.map(({ doc: leaf }) => ({
      ...({ kind: 'drop-leaf', object, rev: leaf._rev } as const),
      // What its user changed in it, and what was not sent, stays readable.
      content: isUnsent(leaf, agreedOn) ? contentOf(leaf) : null,
    })),
  ]
}

/** The leaves by their roots; null where a history does not reach back to its root. */
function familiesOf(leaves: readonly Leaf[]): Leaf[][] | null {
  const families = new Map<string, Leaf[]>()
  for (const leaf of leaves) {
    const root = leaf.line.at(-1)
    if (!root?.startsWith('1-')) return null
    families.set(root, [...(families.get(root) ?? []), leaf])
  }
  return [...families.values()]
}

const consents = ({ doc }: Leaf, shares: ReadonlySet<string>): boolean =>
  idsIn(parseConsents(doc['$shares'])).some((share) => shares.has(share))

function isUnsent(leaf: ObjectDoc, agreed: readonly Agreed[]): boolean {
  const known: Digests = {
    attributes: Object.assign({}, ...agreed.map(({ attributes }) => attributes)) as Digests['attributes'],
    attachments: Object.assign({}, ...agreed.map(({ attachments }) => attachments)) as Digests['attachments'],
  }
  return givesWay(contentOf(leaf), { attributes: {}, attachments: {} }, known)
}
