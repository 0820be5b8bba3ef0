// Writing without reading, where two databases in a row had the same design documents.
import assert from 'node:assert/strict'
import { marked } from '../../../src/skeletons/design.ts'
import type { FoundDesign, Wanted } from '../../../src/skeletons/plan.ts'
import { ExpectedRevisions } from '../../../src/skeletons/expected-revisions.ts'

const guard = (version: number) => marked({ _id: '_design/guard', validate_doc_update: String(version) })
const wanted: Wanted = { designs: [guard(2)], security: null, isStrict: false }
const found = (rev = '1-a', ...more: FoundDesign[]) => ({
  designs: [{ ...guard(1), _rev: rev }, ...more],
  security: null,
})

function after(...all: ReturnType<typeof found>[]): ExpectedRevisions {
  const expected = new ExpectedRevisions()
  for (const one of all) expected.learn(one)
  return expected
}

describe('skeletons/expected-revisions', () => {
  it('knows nothing at first, nor after one database', () => {
    assert.equal(after().plan(wanted, null), null)
    assert.equal(after(found()).plan(wanted, null), null)
  })

  it('expects of a third what the last two had', () => {
    const plan = after(found(), found()).plan(wanted, null)
    assert.deepEqual(
      plan?.designs.map((change) => change.kind === 'replace' && [change.id, change.found._rev]),
      [['_design/guard', '1-a']],
    )
  })

  it('expects nothing where the last two differ, or it was wrong', () => {
    assert.equal(after(found(), found('2-b')).plan(wanted, null), null)
    const expected = after(found(), found())
    expected.forget()
    assert.equal(expected.plan(wanted, null), null)
    expected.learn(found())
    assert.notEqual(expected.plan(wanted, null), null)
  })

  it('leaves to a reader what is removed, what is foreign, and _security that differs', () => {
    const foreign = { _id: '_design/guard', _rev: '1-a' }
    const old = { ...marked({ _id: '_design/old' }), _rev: '1-a' }
    assert.equal(
      after({ designs: [foreign], security: null }, { designs: [foreign], security: null }).plan(
        wanted,
        null,
      ),
      null,
    )
    assert.equal(after(found('1-a', old), found('1-a', old)).plan(wanted, null), null)
    const secured = { ...wanted, security: { members: { names: ['joe'], roles: [] } } }
    const expected = after(found(), found())
    assert.notEqual(expected.plan(secured, secured.security), null)
    assert.equal(expected.plan(secured, { members: { names: [], roles: [] } }), null)
  })
})
