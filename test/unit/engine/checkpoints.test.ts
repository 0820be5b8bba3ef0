// Checkpoints that two daemons write: neither takes from the other what it still wants to be read.
import assert from 'node:assert/strict'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { mergeCheckpoints } from '../../../src/engine/merged-checkpoint.ts'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { START, type Checkpoint } from '../../../src/engine/checkpoint.ts'

const at = (since: string, more: Partial<Checkpoint> = {}): Checkpoint => ({
  ...{ since, updateSeq: since, instance: '7', scan: null },
  ...more,
})
const scan = (since: string, ...shares: string[]): Partial<Checkpoint> => ({ scan: { since, shares } })

const CASES: Record<string, [base: Checkpoint | null, mine: Checkpoint, theirs: Checkpoint, Checkpoint]> = {
  'goes on where it was itself': [at('1'), at('3'), at('2'), at('3')],
  'goes through all for whom the other one wants that': [
    ...[at('1'), at('3'), at('2', scan('0', 'x'))],
    at('3', scan('0', 'x')),
  ] as [Checkpoint, Checkpoint, Checkpoint, Checkpoint],
  'goes through all once more for what both want': [
    at('1', scan('5', 'x')),
    at('1', scan('8', 'x')),
    at('1', scan('0', 'x', 'y')),
    at('1', scan('0', 'x', 'y')),
  ],
  'begins again where the other one began again for the same share': [
    at('1', scan('5', 'x')),
    at('1'),
    at('1', scan('0', 'x')),
    at('1', scan('0', 'x')),
  ],
  'is done where the other one is not so far': [
    at('1', scan('5', 'x')),
    at('1'),
    at('1', scan('6', 'x')),
    at('1'),
  ],
  'goes on for a share that the other one is done with': [
    at('1', scan('5', 'x')),
    at('1', scan('6', 'x')),
    at('2'),
    at('1', scan('6', 'x')),
  ],
  'reads all where the other one wants all to be read': [
    at('1'),
    at('3'),
    { ...START, instance: '7' },
    at('0', { updateSeq: null }),
  ],
  'reads all where they do not know the same database': [
    at('1', { purgeSeq: '1' }),
    at('3', { purgeSeq: '2' }),
    at('2', { instance: '8' }),
    at('0', { updateSeq: null }),
  ],
  'looks at the objects for which either waits for a share': [
    at('1', { awaiting: { a: 1 } }),
    at('3', { awaiting: { a: 1, b: 2 } }),
    at('2', { awaiting: { c: 3 } }),
    at('3', { awaiting: { a: 1, b: 2, c: 3 } }),
  ],
  'remembers what either has refused': [
    at('1'),
    at('3'),
    at('2', { overLimit: true }),
    at('3', { overLimit: true }),
  ],
  'waits for what the other one waits for': [
    at('1'),
    at('3'),
    at('2', { recreatedAt: 5 }),
    at('3', { recreatedAt: 5 }),
  ],
  'waits no longer for what has come back': [
    at('1', { goneSince: 5 }),
    at('3'),
    at('2', { goneSince: 5 }),
    at('3'),
  ],
  'knows of the purges that either has looked at': [
    at('1', { purgeSeq: '1' }),
    at('3', { purgeSeq: '1' }),
    at('2', { purgeSeq: '2' }),
    at('3', { purgeSeq: '2' }),
  ],
}

class Ground {
  readonly couch = new MemoryCouch()
  readonly database = this.couch.create(CHECKPOINTS)
  readonly daemon = (): Checkpoints => new Checkpoints(this.couch.asCouch())

  stored(name: string): unknown {
    const { _id, _rev, ...stored } = this.database.read(name) ?? { _id: '', _rev: '' }
    return stored
  }
}

describe('engine/checkpoints', () => {
  for (const [what, [base, mine, theirs, expected]] of Object.entries(CASES))
    it(what, () => assert.deepEqual(mergeCheckpoints(base, mine, theirs), expected))

  it('keep what another daemon has asked for, on the disk when the flush is done, and here', async () => {
    const ground = new Ground()
    const [one, two] = [ground.daemon(), ground.daemon()]
    one.set('user/joe', at('1'))
    await one.flush()
    await two.read(['user/joe'])
    one.set('user/joe', at('1', scan('0', 'x')))
    await one.flush()
    two.set('user/joe', at('2', scan('0', 'y')))
    await two.flush()
    const both = at('2', scan('0', 'y', 'x'))
    assert.deepEqual(ground.stored('user/joe'), both)
    assert.deepEqual((await two.read(['user/joe'])).get('user/joe'), both)
  })

  it('take nothing from what was written before by a daemon that has not read it', async () => {
    const ground = new Ground()
    const [one, two] = [ground.daemon(), ground.daemon()]
    one.set('user/joe', at('1', scan('0', 'x')))
    await one.flush()
    two.set('user/joe', at('2'))
    await two.flush()
    assert.deepEqual(ground.stored('user/joe'), at('2', scan('0', 'x')))
  })

  it('go where nobody has read them, and stay where another daemon knows of a new database', async () => {
    const ground = new Ground()
    const [one, two] = [ground.daemon(), ground.daemon()]
    one.set('user/joe', at('1'))
    await one.flush()
    two.remove('user/joe')
    await two.flush()
    assert.deepEqual(ground.stored('user/joe'), {})
    one.set('user/joe', at('5', { instance: '8' }))
    await one.flush()
    await two.read(['user/joe'])
    one.set('user/joe', at('2', { instance: '9' }))
    await one.flush()
    two.remove('user/joe')
    await two.flush()
    assert.deepEqual(ground.stored('user/joe'), at('2', { instance: '9' }))
  })
})

describe('checkpoints that come to another server', () => {
  const PLACE = 'database of checkpoints'
  let memory: MemoryCouch

  beforeEach(() => {
    memory = new MemoryCouch()
    memory.create(CHECKPOINTS)
  })

  const checkpoints = (): Checkpoints => new Checkpoints(memory.asCouch())
  const idsOf = async (): Promise<string[]> =>
    (await memory.asCouch().database(CHECKPOINTS).range({})).map(({ id }) => id)

  it('are kept where they were made', async () => {
    assert.equal(await checkpoints().forgetOfElsewhere(), 0)
    const first = checkpoints()
    first.set('user/joe', at('3'))
    await first.flush()
    assert.equal(await checkpoints().forgetOfElsewhere(), 0)
    assert.deepEqual(await checkpoints().read(['user/joe']), new Map([['user/joe', at('3')]]))
  })

  it('are kept where nobody has noted yet where they were made', async () => {
    const first = checkpoints()
    first.set('user/joe', at('3'))
    await first.flush()
    assert.equal(await checkpoints().forgetOfElsewhere(), 0)
    assert.deepEqual(await idsOf(), [PLACE, 'user/joe'])
  })

  it('are forgotten elsewhere, but for who works', async () => {
    const first = checkpoints()
    for (let number = 0; number < 1_500; number += 1) first.set(`user/${number}`, at('3'))
    await first.flush()
    const database = memory.asCouch().database(CHECKPOINTS)
    await database.put({ _id: 'daemon user/{id}', holder: null })
    await database.put({ _id: PLACE, instance: 'another' })
    assert.equal(await checkpoints().forgetOfElsewhere(), 1_500)
    assert.deepEqual(await idsOf(), ['daemon user/{id}', PLACE])
    assert.equal(await checkpoints().forgetOfElsewhere(), 0)
  })
})
