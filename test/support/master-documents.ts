// Documents and roles that come close to each other, for the skeletons of masters: few parts, put together at random.
import fc from 'fast-check'

/** Also what a collation takes for the same, what a regular expression or a JavaScript object takes for something else. */
const DOMAINS = [
  ...['a.example', 'A.example', 'axexample', 'b', '', 'a.example\n', 'a.example\u200d', 'é', 'e\u0301'],
  ...['__proto__', 'constructor', `it's "q"`, '🦄', '.*', 'b\u0000', '\\b', 'c@a.example'],
]
const NUMBERS = ['1', '2', '', '1\n', '1\u200d', 'x@y', 'ü', '_', '$', '.', '(']

const domain = fc.constantFrom(...DOMAINS)
const number = fc.constantFrom(...NUMBERS)
const type = fc.constantFrom(
  'number:',
  'endpoint:',
  'cdr:',
  'number_domain:',
  'Number:',
  '',
  '_',
  '$',
  '\nnumber:',
)
const text = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(type, number, domain).map(([of, who, where]) => `${of}${who}@${where}`) },
  { weight: 2, arbitrary: fc.tuple(type, number).map(([of, who]) => of + who) },
  { weight: 3, arbitrary: domain.map((where) => `number_domain:${where}`) },
)

/** Something that is no text, where one is expected. */
const odd = fc.constantFrom<unknown[]>(null, 5, true, false, [], ['b'], {}, { b: 'b' })
const said = fc.oneof({ weight: 4, arbitrary: domain }, { weight: 1, arbitrary: odd })

export const roles: fc.Arbitrary<string[]> = fc.array(text, { maxLength: 6 })

/** CouchDB has no documents without an `_id`, and takes none of users that begin with `_`. */
const id = text.filter((one) => one !== '' && !one.startsWith('_'))

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 })

/** Documents of the master `provisioning`. */
export const provisioned = fc
  .record({
    _id: id,
    number_domain: optional(said),
    user_access: optional(fc.constantFrom<unknown[]>(false, true, null, 'false', 0, {})),
    _deleted: optional(fc.constant(true)),
  })
  .map(withoutGaps)

/** Documents of the master `cdrs`. */
export const records = fc
  .record({
    _id: fc.oneof(
      { weight: 4, arbitrary: fc.nat(9_999).map((at) => `cdr:${at}`) },
      { weight: 1, arbitrary: id },
    ),
    number: optional(
      fc.oneof(
        number,
        fc.tuple(number, domain).map(([who, where]) => `${who}@${where}`),
        odd,
      ),
    ),
    number_domain: optional(said),
    domain: optional(said),
    _deleted: optional(fc.constant(true)),
  })
  .map(withoutGaps)

/** As JSON: an attribute that is undefined is not there. */
function withoutGaps(doc: { _id: string; [attribute: string]: unknown }): { _id: string } {
  return JSON.parse(JSON.stringify(doc)) as { _id: string }
}
