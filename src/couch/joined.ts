// Questions of several that are one request: each gets the answer that it would have had alone.
import { setImmediate as nextRound } from 'node:timers/promises'
import type { Aside } from './client.ts'
import { isFault } from './fault.ts'

interface Asked<Question, Answer> {
  question: Question
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/**
 * One request at a time: whoever asks while it is under way waits for the next one, which takes all who have come by then. So whoever
 * is alone waits for nobody, the more there is to ask the more is asked together, and an answer is never older than its question.
 */
export class Joined<Question, Answer> {
  readonly #together: (questions: Question[]) => Promise<Answer[]>
  readonly #aside: Aside
  #asked: Asked<Question, Answer>[] = []
  #isUnderWay = false

  /**
   * @param together gives the answers in the order of the questions, of which there is at least one
   * @param aside what is done around the waiting: others may come to the same question meanwhile
   */
  constructor(together: (questions: Question[]) => Promise<Answer[]>, aside: Aside = (wait) => wait()) {
    this.#together = together
    this.#aside = aside
  }

  ask(question: Question): Promise<Answer> {
    return this.#aside(
      () =>
        new Promise((resolve, reject) => {
          this.#asked.push({ question, resolve, reject })
          void this.#go()
        }),
    )
  }

  async #go(): Promise<void> {
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    while (this.#asked.length > 0) {
      // Of those who ask at the same moment, not all have asked yet.
      await nextRound()
      const asked = this.#asked
      this.#asked = []
      await this.#answer(asked)
    }
    this.#isUnderWay = false
  }

  async #answer(asked: readonly Asked<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.#together(asked.map(({ question }) => question))
      for (const [at, { resolve }] of asked.entries()) resolve(answers[at] as Answer)
    } catch (error) {
      // What is wrong with one question is the others' neither.
      if (asked.length > 1 && isFault(error) && !error.retryable)
        await Promise.all(asked.map((one) => this.#answer([one])))
      else for (const { reject } of asked) reject(error)
    }
  }
}
