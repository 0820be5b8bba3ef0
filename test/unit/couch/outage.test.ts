// One request that finds nobody is no outage; a server that answers nobody is, and is told about once.
import assert from 'node:assert/strict'
import { Outage, sayAway } from '../../../src/couch/outage.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import { createLogger } from '../../../src/log.ts'

const AWAY = new CouchFault('unreachable', 'GET /', 'nobody there')

const LOCKED = new CouchFault('locked_out', 'GET /', 'temporarily locked')

/** An outage of a server that is away, or not, and what came of it. */
function trial({ isAway, faults = [AWAY] }: { isAway: boolean; faults?: unknown[] }) {
  const seen: string[] = []
  const reasons: (string | null)[] = []
  const server = { isAway }
  const left = [...faults]
  let ended = (): void => undefined
  const end = new Promise<void>((resolve) => (ended = resolve))
  const ask = async (): Promise<void> => {
    const fault = left.shift()
    if (server.isAway) throw fault
    await Promise.resolve()
  }
  const outage = new Outage({
    signal: new AbortController().signal,
    // While somebody waits, the server comes back.
    sleep: () => {
      reasons.push(outage.reason)
      server.isAway = left.length > 0
      return Promise.resolve()
    },
    log: createLogger({
      level: 'error',
      pretty: false,
      destination: { write: () => void seen.push('logged') },
    }),
    probe: () => {
      seen.push('probed')
      return ask()
    },
    ask,
    onBegin: () => seen.push('begun'),
    onEnd: () => {
      seen.push('ended')
      ended()
    },
  })
  return { outage, seen, reasons, end }
}

describe('couch/outage', () => {
  it('is none where the server answers others', async () => {
    const { outage, seen } = trial({ isAway: false })
    assert.equal(await outage.suspect(), false)
    assert.equal(outage.isOngoing, false)
    assert.deepEqual(seen, ['probed'])
  })

  it('begins once for all who suspect it, and ends with the first answer', async () => {
    const { outage, seen, end } = trial({ isAway: true })
    const suspected = await Promise.all([outage.suspect(), outage.suspect()])
    assert.deepEqual(suspected, [true, true])
    await end
    assert.equal(outage.isOngoing, false)
    assert.deepEqual(seen, ['probed', 'logged', 'begun', 'ended'])
  })

  it('is of writes alone where the server answers, and ends when it takes some', async () => {
    const full = new CouchFault('no_room', 'shares/checkpoints', 'too full', 507)
    const fails = new CouchFault('server_error', 'POST /shares', 'why', 500)
    const { outage, reasons, end } = trial({ isAway: true, faults: [full, fails] })
    assert.equal(await outage.suspect('writes'), true)
    await end
    assert.match(reasons[0] ?? '', /disk is full/)
    assert.match(reasons[1] ?? '', /takes no writes/)
  })

  it('says why it goes on, by what was asked last', async () => {
    const cannotBeUsed = new Error('no admin')
    const { outage, reasons, end } = trial({ isAway: true, faults: [LOCKED, AWAY, cannotBeUsed] })
    await outage.suspect()
    await end
    assert.deepEqual(reasons, [LOCKED, AWAY, cannotBeUsed].map(sayAway))
    assert.equal(new Set(reasons).size, 3)
    assert.equal(outage.reason, null)
  })
})
