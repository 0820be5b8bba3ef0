// What a value of a document is, of which nothing is known yet.
import { ExactNumber } from './exact-number.ts'

/** True for a JSON object, no list. A number that JavaScript cannot hold is an object here, and none in the document. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)

/** True for a string. */
export const isText = (value: unknown): value is string => typeof value === 'string'
