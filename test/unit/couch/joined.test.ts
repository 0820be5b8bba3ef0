// Who asks while others ask is asked for together with them.
import assert from 'node:assert/strict'
import { CouchFault, isFault } from '../../../src/couch/fault.ts'
import { Joined } from '../../../src/couch/joined.ts'

/** Doubles numbers, each request when it is told to, and notes which were asked together. */
function doubling() {
  const requests: number[][] = []
  const answers: (() => void)[] = []
  const joined = new Joined<number, number>((numbers) => {
    requests.push(numbers)
    return new Promise((resolve) => answers.push(() => resolve(numbers.map((number) => number * 2))))
  })
  /** The request that is under way is answered, when it is. */
  const answer = async (): Promise<void> => {
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve))
    answers.shift()?.()
  }
  return { requests, answer, ask: (number: number) => joined.ask(number) }
}

describe('couch/joined', () => {
  it('asks together what is asked at the same moment, and what comes while that is under way', async () => {
    const { requests, answer, ask } = doubling()
    const first = Promise.all([ask(1), ask(2)])
    await answer()
    const second = Promise.all([ask(3), ask(3)])
    assert.deepEqual(await first, [2, 4])
    await answer()
    assert.deepEqual(await second, [6, 6])
    assert.deepEqual(requests, [
      [1, 2],
      [3, 3],
    ])
  })

  it('gives nobody an answer to a request that began before the question', async () => {
    const { requests, answer, ask } = doubling()
    const early = ask(1)
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const late = ask(1)
    await answer()
    assert.equal(await early, 2)
    assert.deepEqual(requests, [[1]])
    await answer()
    assert.equal(await late, 2)
    assert.deepEqual(requests, [[1], [1]])
  })

  it('has whoever waits step aside', async () => {
    let aside = 0
    const joined = new Joined<number, number>(
      (numbers) => {
        assert.equal(aside, 2)
        return Promise.resolve(numbers)
      },
      async (wait) => {
        aside += 1
        return wait().finally(() => (aside -= 1))
      },
    )
    assert.deepEqual(await Promise.all([joined.ask(1), joined.ask(2)]), [1, 2])
    assert.equal(aside, 0)
  })

  const refusing = (fault: CouchFault) => {
    const asked: number[][] = []
    const joined = new Joined<number, number>((numbers) => {
      asked.push(numbers)
      return numbers.includes(2) ? Promise.reject(fault) : Promise.resolve(numbers)
    })
    const ask = async (): Promise<unknown[]> =>
      (await Promise.allSettled([1, 2, 3].map((one) => joined.ask(one)))).map((one) =>
        one.status === 'fulfilled' ? one.value : isFault(one.reason, fault.code),
      )
    return { asked, ask }
  }

  it('tells of what is wrong with one question to nobody but whoever asked it', async () => {
    const { asked, ask } = refusing(new CouchFault('bad_request', 'x', 'no id'))
    assert.deepEqual(await ask(), [1, true, 3])
    assert.deepEqual(asked, [[1, 2, 3], [1], [2], [3]])
  })

  it('tells all of a server that is away, asks it once, and asks again whoever comes later', async () => {
    const { asked, ask } = refusing(new CouchFault('unreachable', 'x', 'refused'))
    assert.deepEqual(await ask(), [true, true, true])
    assert.deepEqual(await ask(), [true, true, true])
    assert.deepEqual(asked, [
      [1, 2, 3],
      [1, 2, 3],
    ])
  })
})
