// How processes divide partitions, by what each of them sees: alone, when another one comes, and when one goes.
import assert from 'node:assert/strict'
import { planDivision } from '../../../src/engine/plan-division.ts'

/** Lets processes look one after the other, until nobody has anything to do. @returns what each of them has */
function settle(
  holders: (string | null)[],
  live: readonly string[],
): { held: Map<string, number[]>; moves: number } {
  const held = new Map(
    live.map((one) => [one, holders.flatMap((holder, number) => (holder === one ? [number] : []))]),
  )
  let moves = 0
  for (let rounds = 0; ; rounds += 1) {
    assert(rounds < 10, 'Expected a division within 10 rounds')
    const before = moves
    for (const me of live) {
      const mine = held.get(me) ?? []
      const { take, giveUp } = planDivision({ me, mine, holders, live })
      for (const number of giveUp) holders[number] = null
      for (const number of take) {
        assert.equal(holders[number], null, 'nobody takes what somebody has')
        holders[number] = me
      }
      held.set(me, [...mine.filter((number) => !giveUp.includes(number)), ...take])
      moves += take.length + giveUp.length
    }
    if (moves === before) return { held, moves }
  }
}

const sizes = (held: Map<string, number[]>): number[] => [...held.values()].map(({ length }) => length).sort()

const none = (count: number): null[] => Array.from({ length: count }, () => null)

describe('engine/plan-division', () => {
  it('gives everybody as many as everybody else, or one more', () => {
    for (const count of [1, 2, 3, 4, 12, 13])
      for (const live of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd', 'e']]) {
        const { held } = settle(none(count), live)
        const [least = 0, most = 0] = [sizes(held)[0], sizes(held).at(-1)]
        assert(most - least <= 1, `${count} among ${live.length}: ${sizes(held).join(' ')}`)
        assert.equal([...held.values()].flat().length, count)
      }
  })

  it('moves no more than has to be moved when another process comes', () => {
    const holders = ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b'].concat('a', 'a', 'b', 'b')
    const { held, moves } = settle(holders, ['a', 'b', '0'])
    assert.deepEqual(sizes(held), [4, 4, 4])
    assert.equal(moves, 8, 'four are given up, and taken')
  })

  it('lets somebody who has none have one, where others have more than one', () => {
    const { held, moves } = settle(['a', 'a', 'b', 'b'], ['a', 'b', '0'])
    assert.deepEqual(sizes(held), [1, 1, 2])
    assert.equal(moves, 2)
  })

  it('takes what a silent process had, and nothing of those who are there', () => {
    const { held } = settle(['a', 'b', null, 'a', 'b', null], ['a', 'b'])
    assert.deepEqual(
      [...held.values()].map((own) => [...own].sort()),
      [
        [0, 2, 3],
        [1, 4, 5],
      ],
    )
  })

  it('waits for what somebody has of whom nothing else is seen', () => {
    const facts = { me: 'a', mine: [0], holders: ['a', 'x', null, null], live: ['a'] }
    assert.deepEqual(planDivision(facts), { take: [2], giveUp: [] })
  })

  it('gives up first what was taken last', () => {
    const facts = { me: 'a', mine: [2, 0, 3, 1], holders: ['a', 'a', 'a', 'a'], live: ['a', 'b'] }
    assert.deepEqual(planDivision(facts), { take: [], giveUp: [3, 1] })
  })
})
