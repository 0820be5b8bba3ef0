// The layout of what the daemon stores has a number, which is noted beside the registry's entries: an older one is brought up, a newer one is
// left alone.

/** The layout that this program reads and writes. It grows by one with each step of `src/daemon/upgrade.ts`. */
export const LAYOUT = 1

/** The document of the registry that says it. The registry is what a backup is taken of first, and nothing else tells whose shares are. */
export const LAYOUT_ID = 'layout'

/** Who noted a layout, and when, for people to read; `version` is what counts. */
export interface Layout {
  version: number
  /** The version of the program that noted it. */
  by: string
  /** ISO 8601. */
  at: string
}

/**
 * `none`: nobody has noted one, as on a new server, and in data of versions that did not · `unreadable`: somebody has written there by hand,
 * and what it was nobody knows.
 */
export type Noted = { kind: 'none' } | { kind: 'unreadable' } | { kind: 'noted'; layout: Layout }

/** What a document says of the layout; null: there is none. */
export function parseLayout(doc: Record<string, unknown> | null): Noted {
  if (doc === null) return { kind: 'none' }
  const { version, by, at } = doc
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0)
    return { kind: 'unreadable' }
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  return { kind: 'noted', layout: { version, by: text(by), at: text(at) } }
}

/** Whether steps are to be taken, and from where; or why this program is to leave the server alone. */
export type LayoutPlan =
  { kind: 'current' } | { kind: 'bring up'; from: number } | { kind: 'refuse'; why: string }

/**
 * What is to be done with a server of such a layout.
 * @param current the layout of this program
 */
export function planLayout(noted: Noted, current = LAYOUT): LayoutPlan {
  switch (noted.kind) {
    case 'none':
      return { kind: 'bring up', from: 0 }
    case 'unreadable':
      return {
        kind: 'refuse',
        why: `The document ${LAYOUT_ID} of the registry does not say which layout the data has: put it back from a backup.`,
      }
    case 'noted': {
      const { version, by } = noted.layout
      if (version === current) return { kind: 'current' }
      if (version < current) return { kind: 'bring up', from: version }
      const writer = by === '' ? 'A newer couch-shares' : `couch-shares ${by}`
      return {
        kind: 'refuse',
        why: `${writer} has brought the data on this server to layout ${version}, and this program knows none after ${current}: run a version that does, or put back the databases as they were before.`,
      }
    }
    default:
      return noted satisfies never
  }
}
