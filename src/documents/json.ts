// JSON in and out without losing a digit: CouchDB keeps 12345678901234567890 and 1.0 as they are, JSON.parse does not.
import { exactNumberMet, ExactNumber } from './exact-number.ts'
import { JsonReader } from './json-reader.ts'

export { ExactNumber }

/**
 * A number behind a structural character that might not survive: 16 digits or more, an exponent, a trailing zero
 * after the point, a minus zero, a decimal so small that JavaScript writes it with an exponent. It may also match inside a string; then the slow reader gives the same result.
 */
const SUSPICIOUS = /[:,[]\s*(?:-?(?:\d[\d.]{15,}|[\d.]+[eE]|\d+\.\d*0(?!\d)|0\.0{6})|-0(?=[,\]}\s]))/

/** Parses JSON text; numbers that would change become ExactNumber. However deep it is: users may nest as they like. */
export function decodeJson(text: string): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text)
  const reader = new JsonReader(text)
  reader.read(() => true)
  return reader.value
}

/** JSON text of a value that may hold ExactNumbers, however deep. */
export function encodeJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error !== exactNumberMet && !(error instanceof RangeError)) throw error
    return write(value)
  }
}

/** Writes without the stack, which deep values exhaust. */
function write(root: unknown): string {
  const written: string[] = []
  /** What is still to be written, the next last: text as it is, or a value. */
  const left: (string | { value: unknown })[] = [{ value: root }]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next === 'string') written.push(next)
    else if (next.value instanceof ExactNumber) written.push(next.value.source)
    else if (typeof next.value !== 'object' || next.value === null)
      written.push(JSON.stringify(next.value) ?? 'null')
    else for (const part of partsOf(next.value).reverse()) left.push(part)
  }
  return written.join('')
}

function partsOf(value: object): (string | { value: unknown })[] {
  if (Array.isArray(value))
    return ['[', ...value.flatMap((item, at) => [at === 0 ? '' : ',', { value: item as unknown }]), ']']
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return [
    '{',
    ...entries.flatMap(([key, item], at) => [
      `${at === 0 ? '' : ','}${JSON.stringify(key)}:`,
      { value: item as unknown },
    ]),
    '}',
  ]
}
