// Long JSON is parsed a slice at a time: nobody's documents hold up others.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { JsonReader } from '../documents/json-reader.ts'

/** So long nothing else happens. */
const SLICE_MS = 10

/** As `decodeJson`, in slices between which others have their turn. @throws {SyntaxError} where it is no JSON */
export async function decodeJsonInSlices(text: string): Promise<unknown> {
  const reader = new JsonReader(text)
  for (;;) {
    const end = performance.now() + SLICE_MS
    if (reader.read(() => performance.now() < end)) return reader.value
    await nextTurn()
  }
}
