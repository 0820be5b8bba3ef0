// Any JSON that CouchDB takes, as text: with what JavaScript, URLs, and people who read it, stumble over.
import fc from 'fast-check'
import { MOST_LEVELS } from '../../src/documents/complexity.ts'

/** Names that every object of JavaScript has, or that mean something to whoever reads them. */
const TAKEN = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'toJSON', 'then'],
  ...['length', 'name', 'get', '__defineGetter__', 'isPrototypeOf'],
]

const ODD = [
  ...[
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\r\n',
    '.',
    '..',
    '../..',
    '/',
    '//',
    'a/b',
    'a%2Fb',
    '%2F',
    '%00',
    '%',
  ],
  ...[
    '?',
    '#',
    '&',
    '=',
    '+',
    '?rev=1-a',
    '#x',
    'a b',
    '"',
    "'",
    '\\',
    '\\ud800',
    '`',
    ',',
    ':',
    ';',
    '{}',
    '[]',
  ],
  ...['\u202egnp.exe', '\u200b', '\ufeff', '\uffff', '\u2028', 'e\u0301\u0301\u0301', 'é', 'ÅÅ', 'İ', 'ß'],
  ...['😀', '👨‍👩‍👧‍👦', '🇦🇶', '\u{10ffff}', '$', '$$', '_', '$shares', '$state', '_id', '_rev', '_attachments'],
  ...['null', 'undefined', 'NaN', 'true', '0', '-0', '1e999', '<script>', 'NULL', 'ſhare'],
]

/** Cut in the middle of an emoji by whoever cuts at an even number, and at an odd one. */
const LONG = ['😀'.repeat(300), `x${'😀'.repeat(300)}`, 'n'.repeat(600), '/'.repeat(200), 'ä'.repeat(2_000)]

const letters = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !/[\ud800-\udfff]/.test(text))
const graphemes = fc.string({ unit: 'grapheme', maxLength: 8 })

/** A text that CouchDB takes: no half of a surrogate pair. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TAKEN) },
  { weight: 6, arbitrary: fc.constantFrom(...ODD) },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
  { weight: 2, arbitrary: letters },
  { weight: 1, arbitrary: graphemes },
)

const number = fc.constantFrom(
  ...['0', '-0', '1.0', '1e5', '1E+300', '-1e-300', '9007199254740993', '123456789012345678901234567890'],
  ...['0.1000', '1.7976931348623157e308', '5e-324', '-9223372036854775809', '4294967296', '1000', '-1'],
)

const DEEP = [20, 200, MOST_LEVELS - 3, MOST_LEVELS + 5, 3_000]

const deep = fc
  .tuple(fc.constantFrom(...DEEP), fc.constantFrom('[]', '{}'))
  .map(([levels, kind]) =>
    kind === '[]'
      ? '['.repeat(levels) + ']'.repeat(levels)
      : '{"__proto__":'.repeat(levels) + '1.0' + '}'.repeat(levels),
  )

const wide = fc.constantFrom(
  `[${Array.from({ length: 2_000 }, () => '1.0').join()}]`,
  `{${Array.from({ length: 1_100 }, (_, n) => `"n${n}":true`).join()}}`,
)

/** The text of an object with these members, in their order. */
export const objectText = (members: Iterable<readonly [name: string, text: string]>): string =>
  `{${[...new Map(members)].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`

/** The JSON text of any value. */
export const hostileJson: fc.Arbitrary<string> = fc.letrec<{
  value: string
  some: string
  list: string
  object: string
}>((tie) => ({
  some: fc.oneof(
    { weight: 4, arbitrary: hostileText.map((text) => JSON.stringify(text)) },
    { weight: 3, arbitrary: number },
    { weight: 2, arbitrary: fc.constantFrom('true', 'false', 'null', '[]', '{}') },
  ),
  list: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join()}]`),
  object: fc.array(fc.tuple(hostileText, tie('value')), { maxLength: 4 }).map(objectText),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: tie('some') },
    { weight: 2, arbitrary: tie('list') },
    { weight: 2, arbitrary: tie('object') },
  ),
})).value

/** The same, or one that is very deep or wide. */
export const anyJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 20, arbitrary: hostileJson },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: wide },
)
