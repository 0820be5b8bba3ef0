// JSON in and out without losing a digit: CouchDB keeps 12345678901234567890 and 1.0 as they are, JSON.parse does not.
import { parse as parseLossless, stringify as stringifyLossless } from 'lossless-json'

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

/** Parses JSON text; numbers that would change become ExactNumber. */
export function decodeJson(text: string): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text)
  return parseLossless(text, undefined, {
    onDuplicateKey: ({ newValue }) => newValue,
    parseNumber: (source) => (survives(source) ? Number(source) : new ExactNumber(source)),
  })
}

/** JSON text of a value that may hold ExactNumbers. */
export function encodeJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error !== exactNumberMet) throw error
    const text = stringifyLossless(value, undefined, undefined, [
      {
        test: (candidate) => candidate instanceof ExactNumber,
        stringify: (number) => (number as ExactNumber).source,
      },
    ])
    if (text === undefined)
      throw new TypeError('Expected a value with a JSON form, got undefined', { cause: error })
    return text
  }
}
