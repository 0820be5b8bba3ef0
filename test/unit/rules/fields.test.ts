// Validators for fields, by tables; shapes against what Node knows of real names.
import assert from 'node:assert/strict'
import { fields, type Validator } from 'couch-shares/rules'

describe('rules/fields', () => {
  const table: [name: string, validator: Validator, valid: unknown[], invalid: unknown[]][] = [
    ['digits', fields.digits, ['0', '0033123'], ['', '1.5', '-1', ' 1', '1\n', '١', 1, null, undefined]],
    ['number', fields.number, [0, -1.5, 1e21], ['1', NaN, Infinity, null, [], undefined]],
    ['text', fields.text, ['a', '1', ' '], ['', 1, null, [], {}, undefined]],
    ['string', fields.string, ['', 'a', '1'], [1, null, [], {}, undefined]],
    ['boolean', fields.boolean, [true, false], [0, 1, 'true', null, undefined]],
    ['array', fields.array, [[], [1]], [{}, { length: 0 }, 'a', null, undefined]],
    ['object', fields.object, [{}, { a: 1 }], [[], null, 'a', undefined]],
    [
      'timezone',
      fields.timezone,
      ['UTC', 'GMT', 'Europe/Paris', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'America/Port-au-Prince'],
      [
        ...['', 'Paris', 'GMT1', 'JAPAN', 'localtime'],
        'CET+1',
        'paris',
        'Europe/',
        '/Paris',
        'Europe/paris',
        'A/B/C/D',
        '+01:00',
        ' UTC',
        1,
        null,
        undefined,
      ],
    ],
    [
      'language',
      fields.language,
      [
        'fr',
        'EN',
        'pt-BR',
        'zh-Hant-TW',
        'es-419',
        'sl-rozaj-biske-1994',
        'de-DE-u-co-phonebk',
        'en-x-a',
        'fr_FR',
        'zh_Hant_TW',
      ],
      [
        '',
        'f',
        'en_',
        '_US',
        'en__US',
        'en-',
        '-en',
        'français',
        'i-klingon',
        'en-x',
        'fr ',
        1,
        null,
        undefined,
      ],
    ],
    [
      'domain',
      fields.domain,
      ['example.net', 'a.b.example', 'xn--bcher-kva.example', 'A-1.Example', `${'a'.repeat(63)}.example`],
      [
        ...['', 'localhost', '.example', 'example.net.', 'a..b', '-a.example', 'a-.example', 'a_b.example'],
        ...[
          '192.0.2.1',
          'bücher.example',
          `${'a'.repeat(64)}.example`,
          `${'a.'.repeat(126)}aa`,
          'a.example\n',
        ],
        ...[1, null, undefined],
      ],
    ],
    ['any', fields.any, [null, 0, undefined], []],
    [
      'any(number, digits)',
      fields.any(fields.number, fields.digits),
      [1, '1'],
      ['', 'a', null, [], undefined],
    ],
    ['any(optional(text))', fields.any(fields.optional(fields.text)), ['a', null, undefined], [1, '']],
    ['required', fields.required, [null, 0, '', false], [undefined]],
    ['optional(text)', fields.optional(fields.text), ['a', null, undefined], ['', 1, false]],
  ]
  for (const [name, validator, valid, invalid] of table)
    it(name, () => {
      for (const value of valid) assert.equal(validator(value, {}), true, JSON.stringify(value))
      for (const value of invalid) assert.equal(validator(value, {}), false, JSON.stringify(value))
    })

  it('gives the document to what is optional', () => {
    const same: Validator = (value, doc) => value === doc['b']
    assert.equal(fields.optional(same)(1, { b: 1 }), true)
    assert.equal(fields.optional(same)(1, { b: 2 }), false)
  })

  it('takes every time zone that Node knows', () => {
    const zones = Intl.supportedValuesOf('timeZone')
    assert.ok(zones.length > 300)
    assert.deepEqual(
      zones.filter((zone) => !fields.timezone(zone, {})),
      [],
    )
  })

  it('takes the names without an area that the database of time zones has', () => {
    const names =
      'CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel ' +
      'Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK Singapore Turkey ' +
      'UCT UTC Universal W-SU WET Zulu'
    assert.deepEqual(
      names.split(' ').filter((zone) => !fields.timezone(zone, {})),
      [],
    )
  })

  it('takes the languages that Node takes', () => {
    const isLocale = (tag: string): boolean => {
      try {
        return Intl.getCanonicalLocales(tag).length === 1
      } catch {
        return false
      }
    }
    const subtags = [
      'en',
      'fra',
      'Latn',
      'US',
      '419',
      '1994',
      'rozaj',
      'u',
      'co',
      'x',
      'a',
      '1',
      'toolonggg',
      '',
    ]
    for (const one of subtags)
      for (const two of subtags)
        for (const three of subtags) {
          const tag = [one, two, three].join('-')
          // Node takes no extended language ("zh-yue"), and no subtag twice, of which the shape says nothing.
          const extended = two === 'fra' && one !== 'u' && one !== 'x'
          if (!extended && new Set([one, two, three]).size === 3)
            assert.equal(fields.language(tag, {}), isLocale(tag), tag)
        }
  })
})
