// Reads the documents of `<gateway>/$routes`. An admin may have edited them: what cannot be read of one is found out anew.
import type { StoredDoc } from '../couch/document.ts'
import { ExactNumber } from '../documents/json.ts'
import type { Problem } from '../documents/problem.ts'
import type { Rejection } from '../documents/rejected.ts'
import { isRecord, isText } from '../documents/shapes.ts'
import { parseAccountMark } from '../users/account.ts'
import { NO_REACH, type Evaluation, type GatewayUser, type Reach, type Route } from './model.ts'

type Fields = Record<string, unknown>

/**
 * The route of a document. One that is not whole is that of a document that is gone, and reached what can still be read: with the next
 * look the document is judged, and whoever had it is told.
 */
export function parseRoute(doc: StoredDoc): Route {
  if (isRoute(doc)) return doc
  const { _id, _rev, rev } = doc
  const last = [rev, doc['last']].find(isText)
  const before = isReach(doc['before']) ? doc['before'] : undefined
  return {
    ...{ _id, _rev, type: 'route', rev: null, expiry: null },
    ...readableOf(doc),
    ...(last === undefined ? {} : { last }),
    ...(before === undefined ? {} : { before }),
  }
}

/** What a gateway's index holds of a user, or null where it does not say who that is, or names a database that is none of the gateway's. */
export function parseGatewayUser(doc: Fields | null, gateway: string): GatewayUser | null {
  if (doc?.['type'] !== 'user' || !isText(doc['name'])) return null
  if (!isText(doc['database']) || !doc['database'].endsWith(`/${gateway}`)) return null
  const { state, roles, channels, documents, function: hash, account, rejected, ...rest } = doc
  const mark = parseAccountMark(account)
  const isWhole =
    (state === 'active' || state === 'leaving') &&
    [roles, channels].every((list) => isListOf(list, isText)) &&
    [isCount(documents), isText(hash), Array.isArray(rejected ?? [])].every(Boolean)
  return {
    ...(rest as unknown as GatewayUser),
    state: state === 'leaving' ? 'leaving' : 'active',
    ...{ roles: listOf(roles, isText), channels: listOf(channels, isText) },
    ...{ documents: isCount(documents) ? documents : 0, function: isText(hash) ? hash : '' },
    ...(mark === undefined ? {} : { account: mark }),
    ...(Array.isArray(rejected) ? { rejected: rejected as Rejection[] } : {}),
    // What it lacks may have been anything: all documents are compared.
    ...(isWhole ? {} : { due: true }),
  }
}

/** How far all documents are evaluated, or null where that cannot be read: then it begins anew. */
export function parseEvaluation(doc: Fields | null): Evaluation | null {
  if (doc?.['type'] !== 'evaluation' || (doc['state'] !== 'running' && doc['state'] !== 'done')) return null
  const isWhole =
    [doc['hash'], doc['instance'], doc['startedAt'], doc['after'] ?? ''].every(isText) &&
    [doc['documents'], doc['failed']].every(isCount) &&
    isListOf(doc['crossed'] ?? [], isText)
  return isWhole ? (doc as unknown as Evaluation) : null
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value)

/** A function may name a time that is read as it was written: see json.ts. */
const isNumber = (value: unknown): boolean => typeof value === 'number' || value instanceof ExactNumber

const isAccess = (value: unknown): value is Reach['access'][number] =>
  isRecord(value) && isText(value['to']) && isText(value['channel'])

const isRole = (value: unknown): value is Reach['roles'][number] =>
  isRecord(value) && isText(value['user']) && isText(value['role'])

const isProblem = (value: unknown): value is Problem => isRecord(value) && isText(value['code'])

const isListOf = (value: unknown, isOne: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isOne)

const listOf = <Item>(value: unknown, isOne: (item: unknown) => item is Item): Item[] =>
  Array.isArray(value) ? value.filter(isOne) : []

const isReach = (value: unknown): value is Reach =>
  isRecord(value) &&
  isListOf(value['channels'], isText) &&
  isListOf(value['access'], isAccess) &&
  isListOf(value['roles'], isRole)

const readableOf = ({ channels, access, roles }: Fields): Reach => ({
  ...{ channels: listOf(channels, isText), access: listOf(access, isAccess), roles: listOf(roles, isRole) },
})

const isRoute = (doc: Fields): doc is Fields & Route =>
  doc['type'] === 'route' &&
  (doc['rev'] === null || isText(doc['rev'])) &&
  (doc['expiry'] === null || isNumber(doc['expiry'])) &&
  (doc['last'] === undefined || isText(doc['last'])) &&
  (doc['problem'] === undefined || isProblem(doc['problem'])) &&
  isReach(doc['before'] ?? NO_REACH) &&
  isReach(doc)
