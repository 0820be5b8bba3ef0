import assert from 'node:assert/strict'
import { sayUnknownCommand, sayWhereHelp, usage } from '../../../src/commands/usage.ts'

describe('usage', () => {
  it('has all commands, on lines that a terminal takes', () => {
    const lines = usage().split('\n')
    for (const call of [
      '',
      ' health',
      ' skeleton apply [--warm] [--widen]',
      ' help [<command>]',
      ' --version',
    ])
      assert(
        lines.some((line) => line.split(/(?<=\S) {2,}/)[0] === `  couch-shares${call}`),
        call,
      )
    for (const line of lines) assert(line.length <= 126, line)
  })

  it('has of one command what it takes, and of all where there is none of that name', () => {
    assert.match(
      usage(['skeleton']),
      /^ {2}couch-shares skeleton init <folder>\n {25}write[^]*skeleton apply/,
    )
    assert.doesNotMatch(usage(['skeleton']), /health|Settings/)
    assert.match(usage(['skeleton', 'diff']), /^ {2}couch-shares skeleton diff\n[^\n]*\n$/)
    assert.match(usage(['skeleton', 'dif']), /init[^]*apply/)
    assert.equal(usage(['nonsense']), usage())
  })

  const table: [string, string | null][] = [
    ['chekc', 'check'],
    ['helth', 'health'],
    ['provison', 'provision'],
    ['--hlep', '--help'],
    ['--dance', null],
    ['rule', 'rules'],
    ['stop', null],
    ['statr', 'start'],
    ['instal', 'install'],
  ]
  for (const [word, meant] of table)
    it(`${meant === null ? 'guesses nothing' : `guesses \`${meant}\``} from \`${word}\``, () =>
      assert.equal(
        sayUnknownCommand(word),
        `Expected a command, got \`${word}\`${meant === null ? '' : `: was \`${meant}\` meant?`}`,
      ))

  it('says where help is, in a checkout as it is typed there', () => {
    assert.equal(sayWhereHelp('/opt/couch-shares/dist/main.js'), 'See `couch-shares --help`.')
    assert.equal(sayWhereHelp('/home/joe/couch-shares/src/main.ts'), 'See `npm start -- help`.')
  })
})
