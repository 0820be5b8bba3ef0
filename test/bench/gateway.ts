// What a sync function costs the processor: in its sandbox, against the same function in plain node:vm.
import { createContext, runInContext } from 'node:vm'
import { BATCH_DOCUMENTS, routeEach } from '../../src/gateways/function/route.ts'
import { judgeText } from '../../src/gateways/function/judge.ts'
import { SyncFunction, type Call, type Judgement } from '../../src/gateways/function/sync-function.ts'
import type { BenchOptions } from './options.ts'
import { toRow, type Findings, type Pair, type Row } from './report.ts'

/** As long as one for six types of documents is. */
const SOURCE = `function (doc, oldDoc) {
  var given = doc._deleted ? oldDoc : doc
  if (typeof given.type !== 'string') throw({ forbidden: 'no type' })
  if (given.type !== 'company' && typeof given.company_id !== 'string') throw({ forbidden: 'no company_id' })
  if (oldDoc && oldDoc.type !== given.type) throw({ forbidden: 'another type' })
  var company = given.type === 'company' ? given._id : given.company_id
  function need(action) { requireRole(company + '.' + given.type + '.' + action) }
  need(!oldDoc ? 'creating' : doc._deleted ? 'deleting' : 'updating')
  function dayOf(date) {
    var parts = /^(\\d{4})-(\\d\\d)-(\\d\\d)T/.exec(date)
    if (!parts) throw({ forbidden: 'no date' })
    return parts[1] + parts[2] + parts[3]
  }
  switch (given.type) {
    case 'company':
      channel('company:' + company)
      break
    case 'user':
      channel('user:' + given.sync_user)
      access(given.sync_user, ['user:' + given.sync_user, 'company:' + company, 'mission_status_type:' + company])
      for (var i = 0; i < (given.roles || []).length; i += 1) role(given.sync_user, 'role:' + company + '.' + given.roles[i])
      break
    case 'user_current_location':
    case 'user_track':
      requireUser(given.sync_user)
      channel(given.type + ':' + given.sync_user)
      break
    case 'mission':
      channel('mission:' + given.sync_user + ':' + dayOf(given.date))
      access(given.sync_user, 'mission:' + given.sync_user + ':' + dayOf(given.date))
      break
    case 'mission_status_type':
      channel('mission_status_type:' + company)
      break
    default:
      throw({ forbidden: 'unknown type ' + given.type })
  }
}`

const SIZES = { '0.5 KB': 500, '3 KB': 3_000 }

function callOf(bytes: number): Call {
  const window = { start: '2017-08-23T08:00:00.000Z', end: '2017-08-23T12:00:00.000Z', lat: 44.85479 }
  const doc = {
    _id: 'mission_fff3e0a2-d250-416e-badb-ded0252da4bd',
    type: 'mission',
    company_id: 'company_1',
    sync_user: 'driver_1',
    date: '2017-08-23T18:43:56.150Z',
    address: { city: 'Bordeaux', country: 'France', street: '9 Rue André Darbon' },
    time_windows: [] as object[],
  }
  while (JSON.stringify(doc).length < bytes) doc.time_windows.push(window)
  const roles = ['x', 'y', 'company_1.mission.creating']
  return {
    doc,
    oldDoc: null,
    writer: { name: 'driver_1', roles, channels: [], isAdmin: false },
    now: 1_503_513_836_150,
  }
}

/** The same text and the same JSON, and no sandbox. */
function plain(): (call: Call) => unknown {
  const text = `(function (judge) { return function (text) { var call = JSON.parse(text); return JSON.stringify(judge(call.doc, call.oldDoc, call.writer)) } })(${judgeText(SOURCE)}())`
  const ask = runInContext(text, createContext({})) as (text: string) => string
  return (call) => JSON.parse(ask(JSON.stringify(call))) as unknown
}

/** Processor time, for the machine may have other things to do. @returns microseconds a document */
function costOf(run: () => number, ms: number): number {
  run()
  const before = process.cpuUsage()
  const end = performance.now() + ms
  let documents = 0
  while (performance.now() < end) documents += run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / documents
}

export async function benchGateway({ quick }: Pick<BenchOptions, 'quick'>): Promise<Findings> {
  const sync = await SyncFunction.compile(SOURCE)
  const baseline = plain()
  const rows: Row[] = []
  for (const [size, bytes] of Object.entries(SIZES)) {
    const call = callOf(bytes)
    const docs = new Array<object>(BATCH_DOCUMENTS).fill(call.doc)
    assertAccepted(sync.evaluate(call))
    const single: Pair[] = []
    const batched: Pair[] = []
    for (let round = 0; round < (quick ? 1 : 11); round += 1) {
      const plainly = costOf(() => (docs.forEach(() => baseline(call)), docs.length), 100)
      single.push({ subject: costOf(() => (sync.evaluate(call), 1), 200), baseline: plainly })
      const route = (): number => routeEach(sync, docs, call.now).length
      batched.push({ subject: costOf(route, 200), baseline: plainly })
    }
    const against = 'the same in node:vm, no limits'
    rows.push(toRow(`sync function, ${size}, one by one`, 'µs', against, single))
    rows.push(toRow(`router, ${size}, ${BATCH_DOCUMENTS} at a time`, 'µs', against, batched))
  }
  sync.dispose()
  return { rows, profiles: [] }
}

function assertAccepted(verdict: Judgement): void {
  if (verdict.kind !== 'accepted') throw new Error(`Expected the document to pass, got ${verdict.reason}`)
}
