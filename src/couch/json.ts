// JSON in and out without losing a digit: CouchDB keeps 12345678901234567890 and 1.0 as they are, JSON.parse does not.

/** A number that JavaScript cannot hold; it keeps its source text and is written back unchanged. */
export class ExactNumber {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
  toJSON(): never {
    throw exactNumberMet
  }
}

/** Thrown out of JSON.stringify at the first ExactNumber, so that the slow writer runs only where it is needed. */
const exactNumberMet = new Error('an ExactNumber needs encodeJson')

/**
 * A number behind a structural character that might not survive: 16 digits or more, an exponent, a trailing zero
 * after the point, a minus zero, a decimal so small that JavaScript writes it with an exponent. It may also match inside a string; then the slow reader gives the same result.
 */
const SUSPICIOUS = /[:,[]\s*(?:-?(?:\d[\d.]{15,}|[\d.]+[eE]|\d+\.\d*0(?!\d)|0\.0{6})|-0(?=[,\]}\s]))/
/** True where JavaScript's number prints as the same text, so that nothing is lost by using it. */
const survives = (source: string): boolean => String(Number(source)) === source

/** Where a string or a number begins. */
const TOKEN = /["\d-]/g
/** A number as JSON allows it. */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y

/** Parses JSON text; numbers that would change become ExactNumber. However deep it is: users may nest as they like. */
export function decodeJson(text: string): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text)
  // JSON.parse needs no stack, and knows no exact numbers: they go through it as strings, and all strings are marked.
  const root = [JSON.parse(mark(text)) as unknown]
  const left: (unknown[] | Record<string, unknown>)[] = [root]
  for (let there = left.pop(); there !== undefined; there = left.pop()) unmark(there, left)
  return root[0]
}

/** No pattern takes a whole string: with as many escapes as users like, that exhausts the stack. */
function mark(text: string): string {
  const parts: string[] = []
  let at = 0
  for (TOKEN.lastIndex = 0; TOKEN.test(text); TOKEN.lastIndex = at) {
    const start = TOKEN.lastIndex - 1
    parts.push(text.slice(at, start))
    if (text[start] === '"') {
      at = endOfString(text, start)
      parts.push('"s', text.slice(start + 1, at))
      continue
    }
    NUMBER.lastIndex = start
    const number = NUMBER.exec(text)?.[0]
    at = start + (number?.length ?? 1)
    parts.push(number === undefined || survives(number) ? text.slice(start, at) : `"n${number}"`)
  }
  parts.push(text.slice(at))
  return parts.join('')
}

/** Behind the quote that no backslash escapes. */
function endOfString(text: string, start: number): number {
  for (let end = start; ;) {
    const quote = text.indexOf('"', end + 1)
    if (quote === -1) return text.length
    let before = quote
    while (text[before - 1] === '\\') before -= 1
    if ((quote - before) % 2 === 0) return quote + 1
    end = quote
  }
}

/** Takes the marks off the items of an array or object, in place; those that have items themselves are left to be done. */
function unmark(
  there: unknown[] | Record<string, unknown>,
  left: (unknown[] | Record<string, unknown>)[],
): void {
  const unmarked = (item: unknown): unknown => {
    if (typeof item === 'object' && item !== null) left.push(item as Record<string, unknown>)
    if (typeof item !== 'string') return item
    return item.startsWith('s') ? item.slice(1) : new ExactNumber(item.slice(1))
  }
  if (Array.isArray(there)) return void there.forEach((item, at) => void (there[at] = unmarked(item)))
  const entries = Object.entries(there)
  for (const [key] of entries) delete there[key]
  for (const [key, item] of entries)
    // Not by assignment: `__proto__` is a key like any other.
    Object.defineProperty(there, key.slice(1), {
      value: unmarked(item),
      ...{ configurable: true, enumerable: true, writable: true },
    })
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
