// Attaches what is large as clients do, and tells what of it is stored where.
import assert from 'node:assert/strict'
import type { Database } from '../../src/couch/database.ts'
import { orNull } from '../../src/couch/fault.ts'
import { basic } from './visitor.ts'

export interface Piece {
  name: string
  type: string
  bytes: Buffer
  /** The bytes are those of gzip, and said to be. */
  isPacked?: boolean
}

/** By name the digest, the type, and how it is encoded. */
export type Stored = Record<string, string[]>

/** Puts attachments one after the other by their own URLs, as clients do that have much to attach. */
export async function attach(
  { url, user, pass }: { url: string; user: string; pass: string },
  database: Database,
  id: string,
  pieces: readonly Piece[],
): Promise<void> {
  for (const { name, type, bytes, isPacked } of pieces) {
    const doc = await database.get(id)
    const path = [database.name, id, name].map(encodeURIComponent).join('/')
    const answer = await fetch(`${url}/${path}?rev=${doc?._rev ?? ''}`, {
      method: 'PUT',
      headers: {
        authorization: basic(user, pass),
        'content-type': type,
        ...(isPacked ? { 'content-encoding': 'gzip' } : {}),
      },
      body: new Uint8Array(bytes),
    })
    assert.ok(answer.ok, await answer.text())
  }
}

/** What is stored of a document's attachments. */
export async function storedIn(database: Database, id: string): Promise<Stored> {
  const leaves = (await orNull(database.leaves([{ id }], { encodings: true }))) ?? []
  const live = leaves.find(({ _deleted }) => !_deleted)
  return Object.fromEntries(
    Object.entries(live?._attachments ?? {}).map(
      ([name, { digest = '', content_type = '', encoding = '' }]) => [name, [digest, content_type, encoding]],
    ),
  )
}
