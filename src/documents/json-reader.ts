// Reads JSON in one pass, without the stack, and in as many parts as whoever reads it likes: users may write what is deep or
// long, and nobody else is to wait for it.
import { ExactNumber } from './exact-number.ts'

/** A number as JSON allows it. */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y
const SPACE = /[ \t\n\r]*/y

const LITERALS = { t: true, f: false, n: null } as const

/** Steps between two questions whether to go on. */
const STEPS = 1024

/** V8 copies a shorter part of a text, and makes a longer one hold the whole text in memory. */
const COPIED = 12

/** So many different numbers are remembered: a text of the same ones holds each of them once. */
const MOST_NUMBERS = 1000

type Items = unknown[] | Record<string, unknown>

/** Numbers that JavaScript would write in another way become ExactNumber. */
export class JsonReader {
  /** What was read, once all is. */
  value: unknown
  readonly #text: string
  #at = 0
  /** What comes next: a value, a key, or what stands behind a value. */
  #expects: 'value' | 'key' | 'more' = 'value'
  /** The arrays and objects that are open, the outermost first; and the key of each under which the next value goes. */
  readonly #open: Items[] = []
  readonly #keys: string[] = []
  readonly #numbers = new Map<string, number | ExactNumber>()

  constructor(text: string) {
    this.#text = text
  }

  /**
   * Reads on, as long as `mayGoOn`, which is asked now and then.
   * @returns true when all is read
   * @throws {SyntaxError} where it is no JSON
   */
  read(mayGoOn: () => boolean): boolean {
    for (let steps = 1; ; steps += 1) {
      if (steps % STEPS === 0 && !mayGoOn()) return false
      this.#skipSpace()
      if (this.#expects === 'value') this.#readValue()
      else if (this.#expects === 'key') this.#readKey()
      else if (this.#open.length > 0) this.#readMore()
      else if (this.#at === this.#text.length) return true
      else this.#fail()
    }
  }

  #readValue(): void {
    const first = this.#text[this.#at]
    if (first === '{' || first === '[') return this.#begin(first === '[' ? [] : {}, first === '[' ? ']' : '}')
    if (first === '"') return this.#place(this.#readString())
    if (first === 't' || first === 'f' || first === 'n') {
      const literal = LITERALS[first]
      if (!this.#text.startsWith(String(literal), this.#at)) this.#fail()
      this.#at += String(literal).length
      return this.#place(literal)
    }
    NUMBER.lastIndex = this.#at
    const [source] = NUMBER.exec(this.#text) ?? this.#fail()
    this.#at += source.length
    this.#place(this.#numberOf(source))
  }

  #begin(items: Items, end: string): void {
    this.#at += 1
    this.#skipSpace()
    this.#place(items)
    if (this.#text[this.#at] === end) this.#at += 1
    else {
      this.#open.push(items)
      this.#keys.push('')
      this.#expects = Array.isArray(items) ? 'value' : 'key'
    }
  }

  #readKey(): void {
    if (this.#text[this.#at] !== '"') this.#fail()
    this.#keys[this.#keys.length - 1] = this.#readString()
    this.#skipSpace()
    if (this.#text[this.#at] !== ':') this.#fail()
    this.#at += 1
    this.#expects = 'value'
  }

  /** A comma, or the end of what is open. */
  #readMore(): void {
    const isArray = Array.isArray(this.#open.at(-1))
    const next = this.#text[this.#at]
    this.#at += 1
    if (next === ',') this.#expects = isArray ? 'value' : 'key'
    else if (next === (isArray ? ']' : '}')) {
      this.#open.pop()
      this.#keys.pop()
    } else this.#fail()
  }

  #place(value: unknown): void {
    this.#expects = 'more'
    const items = this.#open.at(-1)
    if (items === undefined) this.value = value
    else if (Array.isArray(items)) items.push(value)
    else {
      const key = this.#keys.at(-1) ?? ''
      // Not by assignment: it is a key like any other.
      if (key === '__proto__')
        Object.defineProperty(items, key, { value, configurable: true, enumerable: true, writable: true })
      else items[key] = value
    }
  }

  #readString(): string {
    const start = this.#at
    this.#at = endOfString(this.#text, start)
    const quoted = this.#text.slice(start, this.#at)
    return quoted.length <= COPIED && isPlain(quoted) ? quoted.slice(1, -1) : (JSON.parse(quoted) as string)
  }

  #numberOf(source: string): number | ExactNumber {
    const known = this.#numbers.get(source)
    if (known !== undefined) return known
    const text = source.length <= COPIED ? source : (JSON.parse(`"${source}"`) as string)
    const number = survives(text) ? Number(text) : new ExactNumber(text)
    if (this.#numbers.size < MOST_NUMBERS) this.#numbers.set(text, number)
    return number
  }

  #skipSpace(): void {
    // Most often there is none.
    if (this.#text.charCodeAt(this.#at) > 0x20) return
    SPACE.lastIndex = this.#at
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0
  }

  /** Says where it is, and not what stands there: that is a user's. */
  #fail(): never {
    throw new SyntaxError(`no JSON at position ${this.#at}`)
  }
}

/** True where JavaScript's number prints as the same text, so that nothing is lost by using it. */
const survives = (source: string): boolean => String(Number(source)) === source

/** Behind the quote that no backslash escapes. No pattern: as many escapes as users like exhaust the stack. */
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

/** True for a string in quotes that says what it is: nothing in it is escaped, or has to be. */
function isPlain(quoted: string): boolean {
  for (let at = 1; at < quoted.length - 1; at += 1) {
    const unit = quoted.charCodeAt(at)
    if (unit < 0x20 || unit === 0x5c) return false
  }
  return quoted.length > 1 && quoted.endsWith('"')
}
