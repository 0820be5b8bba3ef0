// Finds the word in which QuickJS counts the steps until it asks whether to go on: nothing that it exports says where that is.

/** After so many steps QuickJS asks whether to go on. https://github.com/bellard/quickjs/blob/master/quickjs.c JS_INTERRUPT_COUNTER_INIT */
export const STEPS_BETWEEN_QUESTIONS = 10_000

/** Steps of a loop that is run twice. */
const STEPS = 1_000

/**
 * The word of a context that goes down with each step, alike each time.
 * @param wordsAfter runs a loop of so many steps, and gives the words as they are then
 * @returns its index
 * @throws {Error} where there is no such word, or more than one
 */
export function findStepCounter(wordsAfter: (steps: number) => Int32Array): number {
  const first = wordsAfter(1)
  const second = wordsAfter(STEPS)
  const third = wordsAfter(STEPS)
  const found = [...first.keys()].filter((at) => {
    const [before = 0, between = 0, after = 0] = [first[at], second[at], third[at]]
    return (
      before <= STEPS_BETWEEN_QUESTIONS && before - between >= STEPS && before - between === between - after
    )
  })
  const [at] = found
  if (at === undefined || found.length > 1) throw new Error('Expected to find how QuickJS counts its steps')
  return at
}
