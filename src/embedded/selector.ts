// Selectors as CouchDB takes them: PouchDB's lose conditions beside $and, and take what has not the attribute for unequal.
// https://docs.couchdb.org/en/stable/api/database/find.html#selector-syntax
import { badRequest } from './faults.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'

/** What stands at a path: nothing, or nothing can, because there is no object or list on the way. */
const MISSING = Symbol('missing')
const NOWHERE = Symbol('nowhere')

/** In the order of CouchDB's collation. */
const TYPES = ['null', 'boolean', 'number', 'string', 'array', 'object']
const TEXT = new Intl.Collator('und')

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value

interface Operator {
  takes: (argument: unknown) => boolean
  holds: (value: unknown, argument: never) => boolean
}

const operator = <Argument>(
  takes: (argument: unknown) => boolean,
  holds: (value: unknown, argument: Argument) => boolean,
): Operator => ({ takes, holds })

const isAnything = (): boolean => true
const isText = (argument: unknown): boolean => typeof argument === 'string'
const isWhole = (argument: unknown): boolean => Number.isInteger(argument)
const isPattern = (argument: unknown): boolean => {
  try {
    return typeof argument === 'string' && patternOf(argument) instanceof RegExp
  } catch {
    return false
  }
}

/** CouchDB takes characters with a backslash before them that need none. */
function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, 'u')
  } catch {
    return new RegExp(text)
  }
}

const compared = (fits: (order: number) => boolean): Operator =>
  operator(isAnything, (value, argument) => fits(compare(value, argument)))

const isIn = (value: unknown, list: unknown[]): boolean =>
  list.some((one) => (Array.isArray(value) ? value : [value]).some((item) => compare(item, one) === 0))

const hasAll = (value: unknown, list: unknown[]): boolean =>
  Array.isArray(value) &&
  list.length > 0 &&
  (list.every((one) => value.some((item) => compare(item, one) === 0)) ||
    (list.length === 1 && compare(value, list[0]) === 0))

const OPERATORS: Record<string, Operator> = {
  $eq: compared((order) => order === 0),
  $ne: compared((order) => order !== 0),
  $lt: compared((order) => order < 0),
  $lte: compared((order) => order <= 0),
  $gt: compared((order) => order > 0),
  $gte: compared((order) => order >= 0),
  $in: operator(Array.isArray, isIn),
  $nin: operator(Array.isArray, (value, list: unknown[]) => !isIn(value, list)),
  $all: operator(Array.isArray, hasAll),
  $exists: operator(
    (argument) => typeof argument === 'boolean',
    (_, argument: boolean) => argument,
  ),
  $type: operator(isText, (value, type: string) => typeOf(value) === type),
  $size: operator(isWhole, (value, size: number) => Array.isArray(value) && value.length === size),
  $mod: operator(
    (argument) =>
      Array.isArray(argument) && argument.length === 2 && argument.every(isWhole) && argument[0] !== 0,
    (value, [divisor, rest]: [number, number]) => isWhole(value) && (value as number) % divisor === rest,
  ),
  $regex: operator(
    isPattern,
    (value, pattern: string) => typeof value === 'string' && patternOf(pattern).test(value),
  ),
  $beginsWith: operator(
    isText,
    (value, start: string) => typeof value === 'string' && value.startsWith(start),
  ),
  $elemMatch: operator(
    isJson,
    (value, condition: Json) => Array.isArray(value) && value.some((item) => isEach(condition, item)),
  ),
  $allMatch: operator(
    isJson,
    (value, condition: Json) =>
      Array.isArray(value) && value.length > 0 && value.every((item) => isEach(condition, item)),
  ),
  $keyMapMatch: operator(
    isJson,
    (value, condition: Json) => isJson(value) && Object.keys(value).some((key) => isEach(condition, key)),
  ),
}

/** Operators whose arguments are conditions themselves. */
const OF_ITEMS = ['$elemMatch', '$allMatch', '$keyMapMatch']
const OF_MANY = ['$and', '$or', '$nor']

/** @throws {CouchFault} where CouchDB would refuse the selector */
export function checkSelector(selector: Json): void {
  for (const [key, argument] of Object.entries(selector)) {
    if (OF_MANY.includes(key)) {
      if (!Array.isArray(argument)) throw badArgument(key, argument)
      for (const one of argument) if (isJson(one)) checkSelector(one)
    } else if (key === '$not') {
      if (!isJson(argument) || Object.keys(argument).length === 0) throw badArgument(key, argument)
      checkSelector(argument)
    } else if (key.startsWith('$')) {
      const known = Object.hasOwn(OPERATORS, key) ? OPERATORS[key] : undefined
      if (known === undefined) throw badRequest(`Invalid operator: ${key}`)
      if (!known.takes(argument)) throw badArgument(key, argument)
      if (OF_ITEMS.includes(key)) checkSelector(argument as Json)
    } else if (isJson(argument)) checkSelector(argument)
  }
}

/** Does it have a pattern, which may take as long as it likes, or what looks like one? */
export const hasPattern = (selector: unknown): boolean =>
  Array.isArray(selector)
    ? selector.some(hasPattern)
    : isJson(selector) &&
      Object.entries(selector).some(([key, argument]) => key === '$regex' || hasPattern(argument))

/** Does a selector, which was checked, take this document? One with a pattern is asked under a time limit. */
export const selects = (selector: Json, doc: Json): boolean =>
  Object.keys(selector).length === 0 || isMet(selector, doc, false)

/** Of an item of a list: no condition takes none. */
const isEach = (condition: Json, item: unknown): boolean =>
  Object.keys(condition).length > 0 && isMet(condition, item, false)

/**
 * Negation goes down to the single conditions, as in CouchDB: there, a document without the attribute meets neither a
 * condition nor its contrary.
 */
function isMet(condition: unknown, value: unknown, isNegated: boolean): boolean {
  if (!isJson(condition) || Object.keys(condition).length === 0)
    return isOperatorMet('$eq', condition, value, isNegated)
  const entries = Object.entries(condition)
  const isEntryMet = ([key, argument]: [string, unknown]): boolean => {
    if (key === '$not') return isMet(argument, value, !isNegated)
    if (OF_MANY.includes(key)) return isCombinationMet(key, argument as unknown[], value, isNegated)
    if (key.startsWith('$')) return isOperatorMet(key, argument, value, isNegated)
    return isMet(argument, at(value, pathOf(key)), isNegated)
  }
  return isNegated ? entries.some(isEntryMet) : entries.every(isEntryMet)
}

function isCombinationMet(key: string, all: unknown[], value: unknown, isNegated: boolean): boolean {
  // As in CouchDB, whichever it is.
  if (all.length === 0) return true
  const isInner = key === '$nor' ? !isNegated : isNegated
  const isOneMet = (one: unknown): boolean => isMet(one, value, isInner)
  const isOneEnough = key === '$or' ? !isNegated : isNegated
  return isOneEnough ? all.some(isOneMet) : all.every(isOneMet)
}

function isOperatorMet(key: string, argument: unknown, value: unknown, isNegated: boolean): boolean {
  if (value === NOWHERE) return false
  if (value === MISSING) return key === '$exists' && argument === isNegated
  return OPERATORS[key]?.holds(value, argument as never) !== isNegated
}

/** Dots part the names of a path, but those with a backslash before them. */
const pathOf = (key: string): string[] =>
  key.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.').replaceAll('\\$', '$'))

function at(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path
  if (name === undefined || value === MISSING || value === NOWHERE) return value
  if (Array.isArray(value))
    return /^\d+$/.test(name) && name in value ? at(value[Number(name)], rest) : NOWHERE
  if (!isJson(value)) return NOWHERE
  return Object.hasOwn(value, name) ? at(value[name], rest) : MISSING
}

/** https://docs.couchdb.org/en/stable/ddocs/views/collation.html */
function compare(one: unknown, other: unknown): number {
  const type = typeOf(one)
  if (type !== typeOf(other)) return TYPES.indexOf(type) - TYPES.indexOf(typeOf(other))
  if (type === 'null') return 0
  if (type === 'array') return compareLists(one as unknown[], other as unknown[])
  if (type === 'object') return compareLists(sorted(one as Json), sorted(other as Json))
  if (type === 'string') return TEXT.compare(one as string, other as string)
  return Number(one) - Number(other)
}

/** The order of attributes is nobody's intention: unlike CouchDB, it makes no difference here. */
const sorted = (object: Json): unknown[] =>
  Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1))

function compareLists(one: unknown[], other: unknown[]): number {
  for (const [index, item] of one.slice(0, other.length).entries()) {
    const order = compare(item, other[index])
    if (order !== 0) return order
  }
  return one.length - other.length
}

const badArgument = (key: string, argument: unknown): Error =>
  badRequest(`Bad argument for operator ${key}: ${JSON.stringify(argument)}`)
