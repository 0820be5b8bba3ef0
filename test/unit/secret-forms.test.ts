// The search for secrets finds each form that it says, and nothing where there is nothing: else what passes by it would prove nothing.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { findSecrets, type Secret } from '../support/secret-forms.ts'

const PASS = 'köstlich1a/of:the@admin#"2?~'
const SECRET: Secret = { name: 'pass', text: PASS, user: 'admin' }

const bytes = Buffer.from(PASS)
const FORMS: readonly [what: string, text: string, form: string][] = [
  ['as it is', `Expected ${PASS} here`, 'plain'],
  ['in a JSON text', JSON.stringify({ pass: PASS }), 'in JSON'],
  ['in JSON without other letters', JSON.stringify(PASS).replace('ö', '\\u00F6'), 'in JSON, in ASCII'],
  ['in JSON inside JSON', JSON.stringify(JSON.stringify({ a: PASS })), 'in JSON that is a text in JSON'],
  ['in a URL', `http://admin:${encodeURIComponent(PASS)}@host`, 'in a URL'],
  ['in a URL in small letters', encodeURIComponent(PASS).toLowerCase(), 'in a URL'],
  ['in a URL in a URL', encodeURIComponent(encodeURIComponent(PASS)), 'in a URL, twice'],
  ['in a form', new URLSearchParams({ pass: PASS }).toString(), 'in a form'],
  ['by percent signs', bytes.toString('hex').replaceAll(/../g, '%$&'), 'in a URL, each byte'],
  ['as hex', bytes.toString('hex'), 'as hex'],
  ['as hex in capitals', bytes.toString('hex').toUpperCase(), 'as hex'],
  ['as Node.js shows bytes', inspect(bytes), 'as bytes in hex'],
  ['as bytes in JSON', JSON.stringify(bytes), 'as bytes'],
  ['as Erlang shows bytes', `<<${[...bytes].join(',')}>>`, 'as bytes'],
  ['as base64', bytes.toString('base64'), 'as base64'],
  ['as base64 for URLs', bytes.toString('base64url'), 'as base64'],
  ['as base64 of a login', Buffer.from(`admin:${PASS}`).toString('base64'), 'as base64 of user:pass'],
  ['of what is cut at a #', 'got köstlich1a', 'a piece of it'],
]

const formsIn = (text: string): string[] => findSecrets(text, [SECRET])

describe('the search for secrets', () => {
  for (const [what, text, form] of FORMS)
    it(`finds one ${what}`, () => {
      const found = formsIn(text)
      assert(found.includes(`pass, ${form}`), `Expected \`${form}\`, got ${found.join('; ')}`)
    })

  it('finds one in base64 wherever it begins, and whatever follows', () => {
    for (const before of ['', 'a', 'ab', 'abc', 'user:'])
      for (const after of ['', 'x', 'xy', 'xyz'])
        for (const form of ['base64', 'base64url'] as const) {
          const text = Buffer.from(before + PASS + after).toString(form)
          assert(formsIn(text).includes('pass, as base64'), `${before}…${after} as ${form}: ${text}`)
        }
  })

  it('finds nothing where there is nothing', () => {
    for (const text of [
      '',
      'admin',
      'köstlich',
      '/of:the@admin',
      Buffer.from('admin:admin').toString('base64'),
    ])
      assert.deepEqual(formsIn(text), [])
  })

  it('tells of each secret, and takes a text without special letters once', () => {
    const plain = { name: 'plain', text: 'marker1234' }
    assert.deepEqual(findSecrets(`marker1234 ${PASS}`, [plain]), ['plain, plain'])
    const found = findSecrets(`marker1234 ${PASS}`, [plain, SECRET])
    assert(found.includes('plain, plain') && found.includes('pass, plain'))
  })
})
