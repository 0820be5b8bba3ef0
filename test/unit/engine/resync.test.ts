// How databases stand beside their checkpoints, and what CouchDB is asked for that.
import assert from 'node:assert/strict'
import type { DatabaseInfo } from '../../../src/couch/document.ts'
import { START, type Checkpoint } from '../../../src/engine/checkpoint.ts'
import { compare, isMoved, resync } from '../../../src/engine/resync.ts'
import { infoOf, READ } from '../../support/resynced.ts'

const info = (more: Partial<DatabaseInfo> = {}): DatabaseInfo => infoOf('db', more)

const checkpoint = (more: Partial<Checkpoint> = {}): Checkpoint => ({ ...READ, ...more })

const CASES: {
  what: string
  info: DatabaseInfo | undefined
  checkpoint: Checkpoint | undefined
  kind: 'same' | 'changed' | 'renewed' | 'gone'
}[] = [
  { what: 'nothing there, nothing known', info: undefined, checkpoint: undefined, kind: 'gone' },
  { what: 'one that was read, and is not there', info: undefined, checkpoint: checkpoint(), kind: 'gone' },
  { what: 'one of which nothing is known', info: info(), checkpoint: undefined, kind: 'changed' },
  { what: 'one that was read to its end', info: info(), checkpoint: checkpoint(), kind: 'same' },
  {
    what: 'one written to since',
    info: info({ update_seq: '8-a' }),
    checkpoint: checkpoint(),
    kind: 'changed',
  },
  {
    what: 'one whose sequence went back, as after a restored backup',
    info: info({ update_seq: 6 }),
    checkpoint: checkpoint({ since: 7 }),
    kind: 'renewed',
  },
  {
    what: 'one whose sequences are of another server',
    info: info({ update_seq: 7 }),
    checkpoint: checkpoint({ updateSeq: '7' }),
    kind: 'changed',
  },
  {
    what: 'one that was not read to its end',
    info: info(),
    checkpoint: checkpoint({ updateSeq: null }),
    kind: 'changed',
  },
  {
    what: 'another one in its place',
    info: info({ instance_start_time: '1700000001', update_seq: '1-a' }),
    checkpoint: checkpoint(),
    kind: 'renewed',
  },
  {
    what: 'another one in its place that was written to as often',
    info: info({ instance_start_time: '1700000001' }),
    checkpoint: checkpoint(),
    kind: 'renewed',
  },
  {
    what: 'one that was seen by name, and is as it was then',
    info: info(),
    checkpoint: checkpoint({ instance: null }),
    kind: 'same',
  },
  {
    what: 'one that was seen by name, and written to since',
    info: info({ update_seq: '8-a' }),
    checkpoint: checkpoint({ instance: null }),
    kind: 'changed',
  },
  {
    what: 'one of which only a wish is noted',
    info: info(),
    checkpoint: { ...START, scan: { since: '0', shares: ['milk'] } },
    kind: 'changed',
  },
  {
    what: 'one that was purged from: that is for those who follow purges',
    info: info({ purge_seq: '2-a' }),
    checkpoint: checkpoint({ purgeSeq: '1-a' }),
    kind: 'same',
  },
]

describe('engine/resync', () => {
  for (const { what, kind, ...given } of CASES)
    it(`takes for ${kind} ${what}`, () => {
      const found = compare('db', given.info, given.checkpoint)
      assert.deepEqual(found, { name: 'db', kind, ...given })
      assert.equal(isMoved(found), kind === 'changed' || kind === 'renewed')
    })

  /** A server with these databases, and checkpoints of all of the other ones. */
  function server(databases: readonly string[], known: readonly string[]) {
    const asked: string[][] = []
    return {
      asked,
      deps: {
        couch: {
          dbsInfo: (names: string[]) => {
            asked.push(names)
            return Promise.resolve(
              new Map(names.filter((name) => databases.includes(name)).map((name) => [name, info()])),
            )
          },
        },
        checkpoints: {
          read: (names: string[]) =>
            Promise.resolve(
              new Map(names.filter((name) => known.includes(name)).map((name) => [name, checkpoint()])),
            ),
        },
      },
    }
  }

  it('says of each name how it stands, in one request', async () => {
    const { deps, asked } = server(['a', 'b'], ['a', 'c'])
    const found = await resync(deps, ['a', 'b', 'c', 'd'])
    assert.deepEqual(
      [...found].map(([name, { kind }]) => [name, kind]),
      [
        ['a', 'same'],
        ['b', 'changed'],
        ['c', 'gone'],
        ['d', 'gone'],
      ],
    )
    assert.deepEqual(asked, [['a', 'b', 'c', 'd']])
  })

  it('does not ask about those that are known not to be there, but says what is known of them', async () => {
    const { deps, asked } = server(['a', 'b'], ['b'])
    const found = await resync(deps, ['a', 'b'], new Set(['b']))
    assert.deepEqual(asked, [['a']])
    assert.deepEqual(found.get('b'), { name: 'b', kind: 'gone', info: undefined, checkpoint: checkpoint() })
  })

  it('takes none for one that went back that is read while the server is asked', async () => {
    let read = 6
    const found = await resync(
      {
        couch: {
          dbsInfo: (names) => {
            const infos = new Map(names.map((name) => [name, info({ update_seq: 6 })]))
            read = 7
            return Promise.resolve(infos)
          },
        },
        checkpoints: {
          read: (names) => Promise.resolve(new Map(names.map((name) => [name, checkpoint({ since: read })]))),
        },
      },
      ['a'],
    )
    assert.equal(found.get('a')?.kind, 'changed')
  })

  it('takes a name of which it was not asked for none', () => {
    assert.equal(isMoved(undefined), false)
  })
})
