// The outbox document that remembers where an object has copies, and how much of it they show or showed.
import { baseId } from './names.ts'
import type { Selection } from './object.ts'

export interface Base {
  _id: string
  _rev?: string
  /** By share id, the widest selection whose content may still be readable in the share. */
  shares: Record<string, Selection>
}

/** The document of a base. */
export const baseDoc = (object: string, shares: Record<string, Selection>): Base => ({
  _id: baseId(object),
  shares,
})

/** A base read from an outbox; anything else in its place counts as none. */
export function parseBase(doc: Record<string, unknown> | null): Base | null {
  if (doc === null || typeof doc['shares'] !== 'object' || doc['shares'] === null) return null
  return doc as unknown as Base
}
