// Selectors as CouchDB evaluates them, as far as skeletons use them. PouchDB's library does not: it loses conditions where `$and`
// and `$or` are nested. test/couch/provisioning/skeleton.test.ts holds CouchDB itself against the same skeletons.
import assert from 'node:assert/strict'

type Json = Record<string, unknown>

/** https://docs.couchdb.org/en/stable/api/database/find.html#selector-syntax */
export const selects = (selector: object, doc: object): boolean => holds(selector as Json, doc as Json, false)

function holds(selector: Json, doc: Json, isNegated: boolean): boolean {
  const each = Object.entries(selector).map(([key, value]) => holdsOne(key, value, doc, isNegated))
  return isNegated ? each.includes(true) : !each.includes(false)
}

function holdsOne(key: string, value: unknown, doc: Json, isNegated: boolean): boolean {
  if (key === '$not') return holds(value as Json, doc, !isNegated)
  if (key === '$and' || key === '$or') {
    const each = (value as Json[]).map((one) => holds(one, doc, isNegated))
    assert(each.length > 0, 'Expected no empty list, which CouchDB takes for a yes')
    return (key === '$and') === isNegated ? each.includes(true) : !each.includes(false)
  }
  assert(!key.startsWith('$'), `Expected an operator that is known here, got ${key}`)
  const isThere = Object.hasOwn(doc, key)
  const each = Object.entries(value as Json).map(([operator, operand]) => {
    if (operator === '$exists') return (operand === isThere) !== isNegated
    // Whatever is asked of what is not there, its contrary too.
    return isThere && meets(key, doc[key], operator, operand) !== isNegated
  })
  return isNegated ? each.includes(true) : !each.includes(false)
}

function meets(field: string, value: unknown, operator: string, operand: unknown): boolean {
  const collated = (one: unknown) => (field === '_id' ? one : collationOf(one))
  switch (operator) {
    case '$ne':
      return collated(value) !== collated(operand)
    case '$in':
      return (operand as unknown[]).some((one) =>
        (Array.isArray(value) ? value : [value]).some((item) => collated(item) === collated(one)),
      )
    case '$regex':
      return typeof value === 'string' && new RegExp(operand as string).test(value)
    case '$type':
      return typeof value === operand
    default:
      throw new Error(`Expected an operator that is known here, got ${operator}`)
  }
}

/** Equal for texts that a collation takes for the same, as far as tests have such. */
const collationOf = (value: unknown): unknown =>
  typeof value === 'string' ? value.normalize('NFC').replace(/[\0\u200d]/g, '') : value
