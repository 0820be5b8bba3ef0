// What there is to do for provisioned users, while they wait.
import assert from 'node:assert/strict'
import { mergeProvisioningWork, type ProvisioningWork } from '../../../src/provisioning/work.ts'

const documents = (...ids: string[]): ProvisioningWork => ({ documents: new Map([['master', new Set(ids)]]) })

describe('work of provisioned users', () => {
  it('unite what either says', () => {
    const merged = mergeProvisioningWork(documents('a', 'b'), { ...documents('b', 'c'), user: true })
    assert.deepEqual([...(merged.documents?.get('master') ?? [])], ['a', 'b', 'c'])
    assert.equal(merged.user, true)
    assert.equal(merged.all, false)
  })

  it('name no documents where all are compared', () => {
    const merged = mergeProvisioningWork(documents('a'), { all: true })
    assert.equal(merged.all, true)
    assert.equal(merged.documents?.size, 0)
  })

  it('compare all rather than name very many', () => {
    let merged: ProvisioningWork = {}
    for (let page = 0; page < 100; page += 1)
      merged = mergeProvisioningWork(
        merged,
        documents(...Array.from({ length: 200 }, (_, at) => `${page} ${at}`)),
      )
    assert.equal(merged.all, true)
    assert.equal(merged.documents?.size, 0)
  })
})
