// One request that finds nobody is no outage; a server that answers nobody is, and is told about once.
import assert from 'node:assert/strict'
import { Outage } from '../../../src/couch/outage.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import { createLogger } from '../../../src/log.ts'

const AWAY = new CouchFault('unreachable', 'GET /', 'nobody there')

/** An outage of a server that is away, or not, and what came of it. */
function trial({ isAway }: { isAway: boolean }) {
  const seen: string[] = []
  const server = { isAway }
  let ended = (): void => undefined
  const end = new Promise<void>((resolve) => (ended = resolve))
  const ask = (): Promise<void> => (server.isAway ? Promise.reject(AWAY) : Promise.resolve())
  const outage = new Outage({
    signal: new AbortController().signal,
    // While somebody waits, the server comes back.
    sleep: () => {
      server.isAway = false
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
  return { outage, seen, end }
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
})
