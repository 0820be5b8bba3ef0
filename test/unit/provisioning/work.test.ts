// What lanes of provisioned users remember while they wait.
import assert from 'node:assert/strict'
import { mergePersonHints, type PersonHint } from '../../../src/provisioning/work.ts'

const documents = (...ids: string[]): PersonHint => ({ documents: new Map([['master', new Set(ids)]]) })

describe('hints of provisioned users', () => {
  it('unite what either says', () => {
    const merged = mergePersonHints(documents('a', 'b'), { ...documents('b', 'c'), user: true })
    assert.deepEqual([...(merged.documents?.get('master') ?? [])], ['a', 'b', 'c'])
    assert.equal(merged.user, true)
    assert.equal(merged.all, false)
  })

  it('name no documents where all are compared', () => {
    const merged = mergePersonHints(documents('a'), { all: true })
    assert.equal(merged.all, true)
    assert.equal(merged.documents?.size, 0)
  })

  it('compare all rather than name very many', () => {
    let merged: PersonHint = {}
    for (let page = 0; page < 100; page += 1)
      merged = mergePersonHints(merged, documents(...Array.from({ length: 200 }, (_, at) => `${page} ${at}`)))
    assert.equal(merged.all, true)
    assert.equal(merged.documents?.size, 0)
  })
})
