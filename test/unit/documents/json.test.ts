// JSON in and out without losing a digit.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeJsonInSlices } from '../../../src/couch/json-in-slices.ts'
import { JsonReader } from '../../../src/documents/json-reader.ts'
import { decodeJson, encodeJson, ExactNumber } from '../../../src/documents/json.ts'

const digits = (least: number, most: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most })
const integer = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.constantFrom(...'123456789'), digits(0, 25)).map((parts) => parts.join('')),
)
/** Numbers as JSON allows them, as text; not all of them are what JavaScript would write. */
const number = fc
  .record({
    sign: fc.constantFrom('', '-'),
    integer,
    fraction: fc.oneof(
      fc.constant(''),
      digits(1, 20).map((text) => `.${text}`),
      digits(1, 3).map((text) => `.${text}0`),
    ),
    exponent: fc.oneof(
      { weight: 3, arbitrary: fc.constant('') },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(1, 3))
          .map((parts) => parts.join('')),
      },
    ),
  })
  .map((parts) => parts.sign + parts.integer + parts.fraction + parts.exponent)
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ')

/** JSON text without spaces; strings often look like numbers. */
const text = fc.letrec<{ value: string; leaf: string; list: string; map: string }>((tie) => ({
  leaf: fc.oneof(
    { weight: 4, arbitrary: number },
    { weight: 1, arbitrary: fc.constantFrom('true', 'false', 'null') },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: number.map((value) => JSON.stringify(`:${value},[${value}]`)) },
  ),
  list: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
  map: fc
    .uniqueArray(
      fc.tuple(
        fc.oneof(
          fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString', 'length', '_id'),
          fc.string({ minLength: 1 }).map((key) => `k${key}`),
        ),
        tie('value'),
      ),
      { selector: ([key]) => key, maxLength: 4 },
    )
    .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
  value: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('list'), tie('map')),
}))

/** A plain decimal below a millionth: JavaScript writes it with an exponent, and its value survives. */
const isTiny = (json: string): boolean => /0\.0{6}/.test(json)

describe('documents/json', () => {
  it('gives back every number as it was, wherever it stands', () => {
    fc.assert(
      fc.property(fc.array(text.value, { maxLength: 4 }), (values) => {
        const json = `{"docs":[${values.join(',')}]}`
        fc.pre(!isTiny(json))
        assert.equal(encodeJson(decodeJson(json)), json)
      }),
      { numRuns: 3000 },
    )
  })

  it('reads a text in slices as at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text.value, { maxLength: 4 }), async (values) => {
        const json = `[${[...values, '1.0'].join(', ')}]`
        assert.deepEqual(await decodeJsonInSlices(json), decodeJson(json))
        const reader = new JsonReader(`[${Array(1_000).fill(json).join(',')}]`)
        let slices = 1
        while (!reader.read(() => false)) slices += 1
        assert(slices > 1)
        assert.equal((reader.value as unknown[]).length, 1_000)
        assert.deepEqual((reader.value as unknown[]).at(-1), decodeJson(json))
      }),
      { numRuns: 50 },
    )
  })

  it('takes for JSON what JavaScript does', () => {
    const piece = fc.constantFrom(...'{}[]",:.-+0e\\ut\n\u0001'.split(''), '')
    fc.assert(
      fc.property(text.value, fc.nat(), piece, fc.nat(3), (value, place, inserted, taken) => {
        const at = place % (value.length + 1)
        const json = value.slice(0, at) + inserted + value.slice(at + taken)
        const takes = (parse: () => unknown): boolean => {
          try {
            parse()
            return true
          } catch (error) {
            assert(error instanceof SyntaxError)
            return false
          }
        }
        const reader = new JsonReader(json)
        assert.equal(
          takes(() => reader.read(() => true)),
          takes(() => JSON.parse(json)),
          json,
        )
      }),
      { numRuns: 5000 },
    )
  })

  it('holds many numbers that are the same once', () => {
    const [one, other] = decodeJson('[1.0,1.0]') as unknown[]
    assert.equal(one, other)
  })

  it('gives back numbers between spaces', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(space, number, space)), (numbers) => {
        const json = `[${numbers.map((parts) => parts.join('')).join(',')}]`
        fc.pre(!isTiny(json))
        assert.equal(encodeJson(decodeJson(json)), `[${numbers.map(([, one]) => one).join(',')}]`)
      }),
    )
  })

  // Otherwise a document equals its copy or not, depending on the rest of the page that it was read with.
  const sameBesideOthers = (one: string): void => {
    const [alone] = decodeJson(`[${one}]`) as unknown[]
    const [beside] = decodeJson(`[${one},12345678901234567890,1.0]`) as unknown[]
    assert.deepEqual(alone, beside)
  }

  it('reads a number in the same way whatever stands beside it', () => {
    fc.assert(
      fc.property(
        number.filter((one) => !isTiny(one)),
        sameBesideOthers,
      ),
      { numRuns: 3000 },
    )
  })

  for (const tiny of ['0.0000001', '-0.00000012', '0.000000001'])
    it(`reads ${tiny} in the same way whatever stands beside it`, () => sameBesideOthers(tiny))

  const kept = [
    '12345678901234567890',
    '-12345678901234567890',
    '9007199254740993',
    '1.0',
    '1.10',
    '-0',
    '-0.0',
    '0.0',
    '1e2',
    '1E+2',
    '1.5e300',
    '1e400',
    '0.1000000000000000055511151231257827',
    '123456789.123456789',
    '100000000000000000000',
    '1000000000000000000000',
  ]
  for (const source of kept)
    for (const frame of ['[#]', '{"a":#}', '{"a":[1,{"b":#}]}', '[[#]]', '[0,#,0]'])
      it(`keeps ${source} in ${frame}`, () => {
        const json = frame.replace('#', source)
        assert.equal(encodeJson(decodeJson(json)), json)
      })

  for (const source of ['0', '1', '-1', '1.5', '-0.5', '123456789012345', '0.1', '1000'])
    it(`reads ${source} as a number`, () =>
      assert.deepEqual(decodeJson(`{"a":${source}}`), { a: Number(source) }))

  it('does not take text for numbers', () => {
    const json = '{"a":"x:12345678901234567890,1.0","b":["-0","1e5"],"1.0":"[1.0]"}'
    assert.deepEqual(decodeJson(json), JSON.parse(json))
    assert.equal(encodeJson(decodeJson(json)), json)
  })

  it('reads text of any kind like JSON.parse, on either way', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (one, value) => {
        const json = JSON.stringify({ one, value })
        fc.pre(!json.includes('e-') && !json.includes('e+') && !json.includes('-0'))
        const slow = decodeJson(`[${json},1.0]`) as unknown[]
        assert.deepEqual(JSON.stringify(slow[0]), json)
      }),
    )
  })

  const escaped = '"\\u00e4\\ud83d\\ude00\\ud800\\/\\b\\f\\n\\r\\t\\"\\\\"'
  it('reads escapes like JSON.parse', () =>
    assert.deepEqual((decodeJson(`[${escaped},1.0]`) as unknown[])[0], JSON.parse(escaped)))

  for (const json of [
    '{"__proto__":{"polluted":1}}',
    '{"__proto__":{"polluted":1},"n":1.0}',
    '{"a":{"__proto__":{"polluted":1.0}}}',
  ])
    it(`keeps __proto__ a key like others: ${json}`, () => {
      const value = decodeJson(json) as Record<string, unknown>
      assert.equal(value['polluted'], undefined)
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
      assert.equal(Object.getPrototypeOf(value), Object.prototype)
      assert.equal(encodeJson(value), json)
    })

  for (const json of [
    '{"a":{"isLosslessNumber":true,"value":"1"},"n":1.0}',
    '{"a":{"source":"1"},"n":1.0}',
    '{"a":{"toJSON":"x"},"n":1.0}',
    '{"a":{"toJSON":null,"constructor":1,"valueOf":2},"n":1.0}',
  ])
    it(`takes nothing that a user writes for a number: ${json}`, () =>
      assert.equal(encodeJson(decodeJson(json)), json))

  it('takes the last of two equal keys, as JSON.parse does, whatever stands beside them', () => {
    assert.deepEqual(decodeJson('{"a":1,"a":2}'), { a: 2 })
    const { a } = decodeJson('{"a":1,"a":2,"n":1.0}') as { a: unknown }
    assert.equal(a, 2)
  })

  for (const json of ['', '{', '[1.0', '[1.0]]', '[01.0]', '[1.0,]', '{"a":1.0,}', "['1.0',1.0]", '[.50]'])
    it(`refuses ${JSON.stringify(json)}`, () => assert.throws(() => decodeJson(json), SyntaxError))

  it('writes undefined attributes away, on either way', () => {
    assert.equal(encodeJson({ a: undefined, b: 1 }), '{"b":1}')
    assert.equal(encodeJson({ a: undefined, b: new ExactNumber('1.0') }), '{"b":1.0}')
  })

  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const)
    for (const item of ['1', '1.0', '"s"'])
      it(`keeps ${item} in a hundred thousand ${open}`, () => {
        const json = `{"n":1.0,"deep":${open.repeat(100_000)}${item}${close.repeat(100_000)}}`
        assert.ok(encodeJson(decodeJson(json)) === json)
      })

  for (const one of ['x', '\\n', '\\\\', '\\"'])
    it(`keeps a string of four million ${one}`, () => {
      const json = `{"n":1.0,"s":"${one.repeat(4_000_000)}"}`
      assert.ok(encodeJson(decodeJson(json)) === json)
    })

  it('throws what JSON.stringify throws', () => {
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    assert.throws(() => encodeJson(loop), TypeError)
  })
})
