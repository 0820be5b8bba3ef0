// What shells complete: each script is run in its shell, where that is installed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { UsageError } from '../../../src/commands/command.ts'
import { completion, nextOf } from '../../../src/commands/completion.ts'
import { EXIT } from '../../../src/commands/exit-codes.ts'

/** What is typed, and what may come at its end. */
const TYPED: [string[], string[]][] = [
  [['sk'], ['skeleton']],
  [
    ['skeleton', ''],
    ['apply', 'diff', 'init'],
  ],
  [
    ['skeleton', 'apply', '--w'],
    ['--warm', '--widen'],
  ],
  [['status', 's'], ['share']],
  [['status', 'share', 'trip', '--j'], ['--json']],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
  [['nonsense', ''], []],
]

const scriptFor = (shell: string): string => {
  let script = ''
  assert.equal(completion([shell], { print: (text) => void (script += text) }), EXIT.ok)
  return script
}

/** How a shell is asked what it would complete. */
const ASK: Record<string, (script: string, words: readonly string[]) => string> = {
  bash: (script, words) => `${script}
COMP_WORDS=(couch-shares ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
_couch_shares; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (script, words) => `compdef() { :; }; compadd() { shift; print -l -- $@; }; _files() { :; }
${script}
words=(couch-shares ${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length + 1}
_couch_shares`,
  fish: (script, words) => `${script}
complete -C 'couch-shares ${words.join(' ')}'`,
}

describe('couch-shares completion', () => {
  for (const [shell, ask] of Object.entries(ASK))
    for (const [words, expected] of TYPED)
      it(`has ${shell} complete \`${words.join(' ')}\``, function () {
        const { stdout, error } = spawnSync(shell, ['-c', ask(scriptFor(shell), words)], { encoding: 'utf8' })
        if (error) this.skip()
        const begun = words.at(-1) ?? ''
        const said = stdout.split(/\s+/).filter((word) => word !== '' && word.startsWith(begun))
        assert.deepEqual([...new Set(said)].sort(), expected)
      })

  it('knows what comes after each word of a call, names left out', () => {
    const next = nextOf(['', 'a b <id> [--json]', 'a c', 'd | e', '--version'])
    assert.deepEqual(
      [...next],
      [
        ['', ['a', 'd', 'e', '--version']],
        ['a', ['b', 'c']],
        ['a b', ['--json']],
      ],
    )
  })

  for (const args of [[], ['powershell'], ['bash', 'zsh'], ['constructor']])
    it(`does not take ${JSON.stringify(args)}`, () => assert.throws(() => completion(args), UsageError))
})
