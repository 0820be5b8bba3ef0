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
  const shares = doc?.['shares']
  if (typeof shares !== 'object' || shares === null || Array.isArray(shares)) return null
  return Object.values(shares).every(isSelection) ? (doc as unknown as Base) : null
}

const isSelection = (value: unknown): value is Selection =>
  value === true || (Array.isArray(value) && value.every((name) => typeof name === 'string'))
