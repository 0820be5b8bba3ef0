// The revocation matrix of gateways: every way of losing a document, and everything that may happen then.
import assert from 'node:assert/strict'
import { COLUMNS, MODES, Trial, WAYS, type Cells, type Column, type Mode, type Way } from './matrix.ts'
import type { Server, ServerKind } from '../../support/servers.ts'
import { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/**
 * What becomes of each way (by number), in the order of `COLUMNS`, the same in all modes. Of an unsent edit: `carried`, or what the
 * user is told of it, who does not have the document any more in either case.
 *
 * - `gone`: the user does not have it, in no revision
 * - `kept`: it was never gone
 * - `back`: the user has it again, and changes it
 * - `-`: see `LEFT_OUT`
 */
const EXPECTED: Record<number, string> = {
  1: 'gone kept back back no_longer_yours no_longer_yours',
  2: 'gone kept back back refused_by_function carried',
  3: 'gone kept back back refused_by_function carried',
  4: 'gone kept back back refused_by_function carried',
  5: 'gone kept back back refused_by_function carried',
  6: 'gone kept back back refused_by_function carried',
  7: 'gone kept back back refused_by_function carried',
  8: 'gone - back - deleted_at_master deleted_at_master',
  9: 'gone - back back no_longer_yours no_longer_yours',
  10: 'gone - back back gone gone',
  11: 'gone kept back back refused_by_function carried',
  12: 'gone kept back back no_longer_yours no_longer_yours',
  // Who still has the channel may still write it.
  13: 'gone kept back back carried carried',
  // What was granted holds until the other function has come to the granting document.
  14: 'gone kept back back refused_by_function|carried carried',
  15: 'gone - back back sync_function_failed sync_function_failed',
  16: 'gone kept back back refused_by_function carried',
  17: 'gone - back back no_longer_yours no_longer_yours',
}

const LEFT_OUT: readonly { ways: readonly number[]; column: Column; because: string }[] = [
  { ways: [8], column: 'lost, but for another channel', because: 'what is deleted is in no channel' },
  { ways: [9, 15, 17], column: 'lost, but for another channel', because: 'what fails is in no channel' },
  { ways: [10], column: 'lost, but for another channel', because: 'without an account there is no channel' },
  {
    ways: [8],
    column: 'lost, deleted, resurrected and regained',
    because: 'it is the same as regaining what was deleted',
  },
]

const UNSENT = ['lost with an unsent edit', 'lost with an unsent edit that anybody may make'] as const
const MODES_LEFT_OUT: readonly { columns: readonly Column[]; mode: Mode; because: string }[] = [
  { columns: UNSENT, mode: 'it is away meanwhile', because: 'it always is where edits are unsent' },
]

/** The embedded server, which every run has, is for a look at the hardest one; access counts on CouchDB, where all are tried. */
const ON_EMBEDDED: Mode = 'it is started again after each step'

const modesOf = (kind: ServerKind, column: Column): Mode[] =>
  kind === 'embedded'
    ? [ON_EMBEDDED]
    : MODES.filter(
        (mode) => !MODES_LEFT_OUT.some((left) => left.mode === mode && left.columns.includes(column)),
      )

const expectedOf = (number: number, column: Column): string =>
  EXPECTED[number]?.split(' ')[COLUMNS.indexOf(column)] ?? ''

/** What was found, where it is one of those that are expected; else what was expected. */
const agreed = (found: string | undefined, expected: string): string =>
  found !== undefined && expected.split('|').includes(found) ? found : expected

/** All ways in a space of their own, which stays as it is where something went wrong. */
async function tryMode(server: Server, ways: readonly Way[], column: Column, mode: Mode): Promise<Cells> {
  let cells: Cells = {}
  try {
    await new Space(server, `${mode}-${column}`).run(async (space) => {
      cells = await Trial.run(space, ways, column, mode)
    })
  } catch (error) {
    for (const { number } of ways) cells[number] ??= String(error)
  }
  return cells
}

onEachServer('the revocation matrix', ({ it, kind }) => {
  let asserted = 0

  for (const column of COLUMNS)
    for (const mode of modesOf(kind, column))
      it(`${column}: ${mode}`, async ({ server }) => {
        const ways = WAYS.filter(({ number }) => expectedOf(number, column) !== '-')
        const found = await tryMode(server, ways, column, mode)
        const named = (what: (number: number) => string | undefined): Record<string, string | undefined> =>
          Object.fromEntries(ways.map(({ number, title }) => [`${number} ${title}`, what(number)]))
        assert.deepEqual(
          named((number) => found[number]),
          named((number) => agreed(found[number], expectedOf(number, column))),
        )
        asserted += ways.length
      })

  it('has no cell that is not tested', () => {
    const all = COLUMNS.flatMap((column) =>
      WAYS.map(({ number }) => ({ column, number, expected: expectedOf(number, column) })),
    )
    const isLeftOut = (number: number, column: Column): boolean =>
      LEFT_OUT.some((left) => left.column === column && left.ways.includes(number))
    for (const { column, number, expected } of all) {
      assert.notEqual(expected, '', `${number} ${column}`)
      assert.equal(expected === '-', isLeftOut(number, column), `${number} ${column}`)
    }
    const tested = all.filter(({ expected }) => expected !== '-')
    assert.equal(
      asserted,
      tested.reduce((sum, { column }) => sum + modesOf(kind, column).length, 0),
    )
    return Promise.resolve()
  })
})
