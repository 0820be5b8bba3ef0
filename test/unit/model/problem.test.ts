// What users read in `$error`: a code and a sentence, in one form.
import assert from 'node:assert/strict'
import { isOurProblem, kindOf, problem, quote, type Problem } from '../../../src/model/problem.ts'

describe('model/problem', () => {
  const all: [string, Problem, RegExp][] = [
    ['invalid_share_id', problem('invalid_share_id', 'Ä'), /got "Ä"/],
    ['wrong_type', problem('wrong_type', 'x', 'todo'), /got "x" with type "todo"/],
    ['id_taken', problem('id_taken', 'abc'), /"abc"/],
    ['database_exists', problem('database_exists', 'abc'), /"abc"/],
    ['unsupported_access', problem('unsupported_access'), /`access`/],
    ['invalid_shares', problem('invalid_shares', 'null'), /got null/],
    ['too_many_shares', problem('too_many_shares', '1001'), /at most 1000.* got 1001/],
    ['invalid_selection', problem('invalid_selection', 'a number'), /got a number/],
    ['reserved_attribute', problem('reserved_attribute', '_id'), /"_id"/],
    ['too_many_attributes', problem('too_many_attributes', '1001'), /at most 1000.* got 1001/],
    ['not_a_participant', problem('not_a_participant', 'abc'), /"abc"/],
    ['too_large', problem('too_large'), /larger/],
    ['failed', problem('failed'), /log/],
  ]
  for (const [code, found, words] of all)
    it(`${code} has a code and a whole sentence`, () => {
      assert.deepEqual(Object.keys(found).sort(), ['code', 'reason'])
      assert.equal(found.code, code)
      assert.match(found.reason, words)
      assert.match(found.reason, /^[A-Z].*[.;]$/)
      assert.ok(isOurProblem(found))
    })

  it('cuts what users wrote, and keeps it inside its quotes', () => {
    assert.ok(problem('invalid_share_id', 'x'.repeat(100_000)).reason.length < 500)
    assert.equal(quote('a"b\n'), '"a\\"b\\n"')
  })

  it('calls JSON values by their names', () => {
    const values = [null, [], {}, 'x', 1, true, undefined]
    assert.deepEqual(values.map(kindOf), [
      'null',
      'an array',
      'an object',
      'a string',
      'a number',
      'a boolean',
      'nothing',
    ])
  })

  const foreign = [
    undefined,
    null,
    'invalid_shares',
    1,
    [],
    {},
    { code: 1 },
    { code: 'E_MINE' },
    { reason: 'x' },
  ]
  for (const value of [...foreign, { code: 'toString' }, { code: 'constructor' }, { code: '__proto__' }])
    it(`takes ${JSON.stringify(value)} for somebody else's`, () => assert.ok(!isOurProblem(value)))
})
