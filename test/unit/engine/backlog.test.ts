// What waits until nobody whom it concerns has anything left to do.
import assert from 'node:assert/strict'
import { Backlog } from '../../../src/engine/backlog.ts'

const nobody = (): boolean => false
const busy =
  (...names: string[]) =>
  (name: string): boolean =>
    names.includes(name)

describe('engine/backlog', () => {
  const open = (): Backlog<string> => new Backlog((one, later) => `${one} ${later}`)

  it('has nothing next where there is nothing, and where somebody is busy', () => {
    const backlog = open()
    assert.deepEqual([backlog.isEmpty, backlog.next(nobody), backlog.latest], [true, null, null])
    backlog.add('1', new Set(['a', 'b']))
    assert.equal(backlog.isEmpty, false)
    assert.equal(backlog.next(busy('b')), null)
    assert.equal(backlog.next(busy('c')), '1')
  })

  it('gathers what comes later, which waits for all of its own', () => {
    const backlog = open()
    backlog.add('1', new Set(['a']))
    backlog.add('2', new Set(['b']))
    backlog.add('3', new Set(['c']))
    assert.deepEqual([backlog.later, backlog.latest], ['2 3', '2 3'])
    assert.equal(backlog.next(busy('b')), '1')
    backlog.shift()
    assert.equal(backlog.next(busy('b')), null)
    assert.equal(backlog.next(busy('a')), '2 3')
    backlog.shift()
    assert.equal(backlog.isEmpty, true)
  })
})
