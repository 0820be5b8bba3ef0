// Which daemons a process has for the partitions that it takes, gives up and loses.
import assert from 'node:assert/strict'
import { Terms, type Term } from '../../../src/daemon/terms.ts'

/** A process whose daemons do nothing; `begun` and `ended` list the partitions of each. */
class Ground {
  held: number[] = []
  readonly begun: string[] = []
  readonly ended: string[] = []
  readonly lost = new Set<number>()
  readonly terms = new Terms<Term>({
    held: () => this.held,
    begin: (numbers) => this.#begin(numbers),
    most: 2,
  })

  #begin(numbers: readonly number[]): Term {
    this.begun.push(numbers.join(' '))
    return {
      numbers,
      lost: () => numbers.filter((number) => this.lost.has(number)),
      stop: () => Promise.resolve(void this.ended.push(numbers.join(' '))),
    }
  }
}

describe('daemon/terms', () => {
  it('has one daemon for what was taken together, and another one for what came later', async () => {
    const ground = new Ground()
    ground.held = [2, 0]
    await ground.terms.begin()
    await ground.terms.begin()
    ground.held = [2, 0, 1]
    await ground.terms.begin()
    assert.deepEqual(ground.begun, ['0 2', '1'])
    assert.deepEqual(ground.ended, [])
    assert.deepEqual(ground.terms.numbers, [0, 1, 2])
  })

  it('goes on with what is left where one of them is given up', async () => {
    const ground = new Ground()
    ground.held = [0, 1, 2]
    await ground.terms.begin()
    await ground.terms.end([1])
    assert.deepEqual([ground.ended, ground.terms.numbers], [['0 1 2'], []])
    ground.held = [0, 2]
    await ground.terms.begin()
    assert.deepEqual(ground.begun, ['0 1 2', '0 2'])
  })

  it('begins anew with one that was lost, also where the process has it again', async () => {
    const ground = new Ground()
    ground.held = [0, 1]
    await ground.terms.begin()
    ground.lost.add(1)
    assert.deepEqual(ground.terms.lost, [1])
    await ground.terms.end(ground.terms.lost)
    ground.lost.clear()
    await ground.terms.begin()
    assert.deepEqual([ground.ended, ground.begun], [['0 1'], ['0 1', '0 1']])
    assert.deepEqual(ground.terms.lost, [])
  })

  it('has no more daemons than so many, however often partitions change hands', async () => {
    const ground = new Ground()
    for (const held of [
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
    ]) {
      ground.held = held
      await ground.terms.begin()
    }
    assert.deepEqual([ground.ended, ground.begun], [['2'], ['0 1', '2', '2 3']])
  })
})
