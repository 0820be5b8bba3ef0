// Which word of a context counts steps is told by how it goes down; a wrong one would be written over.
import assert from 'node:assert/strict'
import { findStepCounter, STEPS_BETWEEN_QUESTIONS } from '../../../../src/gateways/function/step-counter.ts'

/** Gives the words of one look after the other. */
function looking(words: readonly (readonly [number, number, number])[]): (steps: number) => Int32Array {
  let look = 0
  return () => {
    const at = look
    look += 1
    return Int32Array.from(words, (word) => word[at] ?? 0)
  }
}

const COUNTER = [9_990, 8_985, 7_980] as const
const SAME = [7, 7, 7] as const

describe('findStepCounter', () => {
  it('runs a loop of one step, and two that are as long as each other', () => {
    const asked: number[] = []
    const look = looking([COUNTER])
    findStepCounter((steps) => {
      asked.push(steps)
      return look(steps)
    })
    assert.deepEqual(asked, [1, 1_000, 1_000])
  })

  const found: [what: string, words: (readonly [number, number, number])[], at: number][] = [
    ['among words that stay as they are', [SAME, SAME, COUNTER, SAME], 2],
    ['in the first word', [COUNTER, SAME], 0],
    ['beside one that goes up', [[0, 1_005, 2_010], COUNTER], 1],
    ['beside one that goes down less than by a step each', [[9_990, 9_000, 8_010], COUNTER], 1],
    ['beside one that goes down differently each time', [[9_990, 8_985, 7_000], COUNTER], 1],
    [
      'beside one that is more than a counter ever is',
      [[STEPS_BETWEEN_QUESTIONS + 1, 8_996, 7_991], COUNTER],
      1,
    ],
    ['where it has just begun anew', [SAME, [STEPS_BETWEEN_QUESTIONS, 8_995, 7_990]], 1],
  ]
  for (const [what, words, at] of found)
    it(`finds it ${what}`, () => {
      assert.equal(findStepCounter(looking(words)), at)
    })

  const missing: [what: string, words: (readonly [number, number, number])[]][] = [
    ['there is none', [SAME, SAME]],
    ['it began anew in between', [[500, 9_495, 8_490]]],
    ['there are two', [COUNTER, COUNTER]],
    ['there are no words', []],
  ]
  for (const [what, words] of missing)
    it(`gives up where ${what}`, () => {
      assert.throws(() => findStepCounter(looking(words)), /how QuickJS counts its steps/)
    })
})
