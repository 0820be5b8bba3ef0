// What users read in `$error`: a code and a sentence, in one form.
import assert from 'node:assert/strict'
import { isOurProblem, kindOf, problem, quote, type Problem } from '../../../src/documents/problem.ts'

describe('documents/problem', () => {
  const all: [string, Problem, RegExp][] = [
    ['invalid_share_id', problem('invalid_share_id', 'Ä'), /got "Ä"/],
    ['wrong_type', problem('wrong_type', 'x', 'todo'), /got "x" with type "todo"/],
    ['id_taken', problem('id_taken', 'abc'), /"abc"/],
    ['database_exists', problem('database_exists', 'abc'), /"abc"/],
    ['invalid_access', problem('invalid_access', 'a string'), /`access`.* got a string/],
    ['too_many_names', problem('too_many_names', '1001'), /at most 1000.* got 1001/],
    ['invalid_password', problem('invalid_password', 'a number'), /`password`.* got a number/],
    ['password_not_public', problem('password_not_public'), /public/],
    ['password_account_taken', problem('password_account_taken', 'share-a-1'), /"share-a-1"/],
    ['suspended', problem('suspended'), /admin/],
    ['ended_by_admin', problem('ended_by_admin'), /admin/],
    ['not_allowed', problem('not_allowed', 'abc'), /"abc".* may not read/],
    ['own_share', problem('own_share', 'abc'), /"abc".* your own/],
    ['password_needed', problem('password_needed'), /`password`/],
    ['wrong_password', problem('wrong_password'), /not the password/],
    ['too_many_tries', problem('too_many_tries'), /again/],
    ['invalid_on_end', problem('invalid_on_end', '"burn"'), /"keep" or "remove", got "burn"/],
    ['read_only', problem('read_only'), /read/],
    ['unrelated_object', problem('unrelated_object'), /`_id`/],
    ['unshared_attributes', problem('unshared_attributes', 'a, b'), /a, b/],
    ['no_longer_shared', problem('no_longer_shared'), /private/],
    ['not_shared_by_owner', problem('not_shared_by_owner'), /owner/],
    ['too_many_own_shares', problem('too_many_own_shares', '10'), /at most 10 shares/],
    ['too_many_objects', problem('too_many_objects', '100'), /at most 100 objects/],
    ['too_large_for_public', problem('too_large_for_public', '1000'), /at most 1000 bytes/],
    ['too_large_to_share', problem('too_large_to_share', '1000'), /at most 1000 bytes/],
    ['too_many_changes', problem('too_many_changes', '60'), /at most 60 changes/],
    ['invalid_shares', problem('invalid_shares', 'null'), /got null/],
    ['too_many_shares', problem('too_many_shares', '1001'), /at most 1000.* got 1001/],
    ['invalid_selection', problem('invalid_selection', 'a number'), /got a number/],
    ['reserved_attribute', problem('reserved_attribute', '_id'), /"_id"/],
    ['too_many_attributes', problem('too_many_attributes', '1001'), /at most 1000.* got 1001/],
    ['not_a_participant', problem('not_a_participant', 'abc'), /"abc"/],
    ['no_such_share', problem('no_such_share', 'abc'), /no share "abc" yet/],
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

  it('is of the daemon’s own, whatever it is called, where it has one of these codes', () => {
    for (const [code] of all) assert.ok(isOurProblem({ code, reason: 'x', shares: {} }))
  })

  it('tells of a share that somebody may not read as of one that is not there', () => {
    const { reason } = problem('not_allowed', 'abc')
    assert.match(reason, /There is no share "abc", or you may not read it\./)
  })

  it('holds no half of a surrogate pair, which CouchDB refuses with all that is in the request', () => {
    for (const why of ['😀'.repeat(400), `x${'😀'.repeat(400)}`, 'half \ud83d'])
      for (const code of ['copy_refused', 'refused_by_function', 'sync_function_failed'] as const) {
        const { reason } = problem(code, why)
        assert.doesNotMatch(JSON.stringify(reason), /\\ud[89a-f]/)
      }
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
