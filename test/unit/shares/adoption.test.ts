// What a start makes of the replications of shares that are there: taken over, corrected, cancelled, or none of this daemon's.
import assert from 'node:assert/strict'
import { userDatabases } from '../../../src/documents/names.ts'
import { partitionOf, portionOf, WHOLE } from '../../../src/engine/portion.ts'
import type { Logger } from '../../../src/log.ts'
import { adoptReplications } from '../../../src/shares/adoption.ts'
import type { Deps } from '../../../src/shares/deps.ts'
import { ShareLeases } from '../../../src/shares/leases.ts'
import { claimedEntry, type ShareEntry } from '../../../src/shares/model/entry.ts'
import type { Home } from '../../../src/shares/plan/object-facts.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'
import { shareReplication, type ShareReplication } from '../../../src/shares/model/replication.ts'

const SHARE = 'garden'
const SERVER = { url: 'http://couch:5984', user: 'admin', pass: 'secret' }
const USERS = userDatabases('user/{id}')
const OUTBOX = USERS.outbox('joe')

const left = (home: Home, url = SERVER.url): ShareReplication =>
  shareReplication(SHARE, OUTBOX, { ...SERVER, url }, home)
const TO_SHARE = left('outbox')
const FROM_SHARE = left('share')

const entryOf = (more: Partial<ShareEntry> = {}): ShareEntry => ({
  ...claimedEntry(SHARE, 'joe', USERS.database('joe'), '2026-01-01T00:00:00.000Z'),
  state: 'active',
  ...more,
})

/** A start of the daemon beside the replications that another run has left. */
class Start {
  readonly replicator = new MemoryReplicator()
  readonly logged: string[] = []
  readonly leases = new ShareLeases({
    replicator: this.replicator.asReplicator(),
    users: USERS,
    server: SERVER,
    now: () => 0,
    idleTimeoutMs: 1_000,
  })

  constructor(...there: ShareReplication[]) {
    for (const replication of there) this.replicator.docs.set(replication._id, replication)
  }

  /** @param entry what the registry says of the share @param portion of the daemon */
  adopt(entry: () => Promise<ShareEntry | null>, portion = WHOLE): Promise<void> {
    return adoptReplications({
      replicator: this.replicator.asReplicator(),
      leases: this.leases,
      registry: { entry },
      users: USERS,
      portion,
      log: { info: (_: object, line: string) => void this.logged.push(line) } as unknown as Logger,
    } as unknown as Deps)
  }

  /** The sides on which copies are written of the shares that leases are held of. */
  held(): Home[] {
    return this.leases.held().map(({ home }) => home)
  }
}

describe('shares/adoption', () => {
  const CASES: {
    what: string
    there: ShareReplication[]
    entry: ShareEntry | null
    held?: Home[]
    done?: string[]
    logged?: string[]
  }[] = [
    { what: 'takes over what is as it should be', there: [TO_SHARE], entry: entryOf(), held: ['outbox'] },
    {
      what: 'takes over one whose copies are written in the share',
      there: [FROM_SHARE],
      entry: entryOf({ home: 'share' }),
      held: ['share'],
    },
    {
      what: 'corrects what is not, and holds it',
      there: [left('outbox', 'http://old:5984')],
      entry: entryOf(),
      held: ['outbox'],
      done: [`start ${TO_SHARE._id}`],
      logged: ['replication brought up to date'],
    },
    {
      what: 'cancels that of a share nobody knows',
      there: [TO_SHARE],
      entry: null,
      done: [`stop ${TO_SHARE._id}`],
      logged: ['replication without a share, cancelled'],
    },
    {
      what: 'cancels that of a share that has ended',
      there: [TO_SHARE],
      entry: entryOf({ state: 'ended' }),
      done: [`stop ${TO_SHARE._id}`],
      logged: ['replication without a share, cancelled'],
    },
    {
      what: 'cancels the other direction, and goes on holding the right one',
      there: [FROM_SHARE, TO_SHARE],
      entry: entryOf({ home: 'share' }),
      held: ['share'],
      done: [`stop ${TO_SHARE._id}`],
      logged: ['replication without a share, cancelled'],
    },
    {
      what: 'leaves that of a share that is being opened to its turn',
      there: [TO_SHARE],
      entry: entryOf({ state: 'opening' }),
    },
    {
      what: 'leaves that of a share that is being taken apart to its turn',
      there: [TO_SHARE],
      entry: entryOf({ state: 'ending' }),
    },
    {
      what: 'leaves that of another template to its daemon',
      there: [TO_SHARE],
      entry: entryOf({ database: 'people/joe' }),
    },
  ]

  for (const { what, there, entry, held = [], done = [], logged = [] } of CASES)
    it(what, async () => {
      const start = new Start(...there)
      await start.adopt(() => Promise.resolve(entry))
      assert.deepEqual(
        { held: start.held(), done: start.replicator.done, logged: start.logged },
        { held, done, logged },
      )
    })

  it('leaves as it is what a turn has stopped since it was read', async () => {
    const start = new Start(TO_SHARE)
    await start.adopt(async () => {
      await start.leases.stop(SHARE, 'joe')
      return entryOf()
    })
    assert.deepEqual([start.held(), start.replicator.docs.size], [[], 0])
  })

  it('leaves as it is what a turn has turned round since it was read', async () => {
    const start = new Start(left('outbox', 'http://old:5984'))
    await start.adopt(async () => {
      await start.leases.stop(SHARE, 'joe')
      await start.leases.use(SHARE, 'joe', 'share')
      return entryOf()
    })
    assert.deepEqual([start.held(), [...start.replicator.docs.keys()]], [['share'], [FROM_SHARE._id]])
  })

  it('does not cancel what a turn has begun since it was read', async () => {
    const start = new Start(TO_SHARE)
    await start.adopt(async () => {
      await start.leases.use(SHARE, 'joe', 'outbox')
      return entryOf({ state: 'ended' })
    })
    assert.deepEqual([start.held(), [...start.replicator.docs.keys()]], [['outbox'], [TO_SHARE._id]])
  })

  it('leaves that of an owner who is elsewhere, also of a share that nobody knows', async () => {
    const joe = partitionOf('joe', 2)
    for (const entry of [entryOf(), null]) {
      const start = new Start(TO_SHARE)
      await start.adopt(() => Promise.resolve(entry), portionOf([1 - joe], 2))
      assert.deepEqual([...start.replicator.docs.keys()], [TO_SHARE._id])
      assert.deepEqual(start.held(), [])
    }
    const start = new Start(TO_SHARE)
    await start.adopt(() => Promise.resolve(entryOf()), portionOf([joe], 2))
    assert.deepEqual(start.held(), ['outbox'])
  })
})
