// `couch-shares completion <shell>`: a script by which a shell completes commands and options, made of what `--help` lists.
import { UsageError } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { standardOutput, type Output } from './output.ts'
import { CALLS } from './usage.ts'

const PROGRAM = 'couch-shares'
/** A function of a shell; names of these have no dash everywhere. */
const FUNCTION = '_couch_shares'

/** By the words that are there already, with a space between them, what may come next. */
type Next = ReadonlyMap<string, readonly string[]>

/** @throws {UsageError} for another shell */
export function completion(
  args: readonly string[],
  { print }: Pick<Output, 'print'> = standardOutput(),
): ExitCode {
  const [shell = '', ...more] = args
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
  if (script === undefined || more.length > 0)
    throw new UsageError(`Expected \`${PROGRAM} completion bash\`, \`… zsh\` or \`… fish\``)
  print(script(nextOf(CALLS)))
  return EXIT.ok
}

/** @param calls as `--help` lists them: words, those with ` | ` between them in one place, then what stands for something, and options */
export function nextOf(calls: readonly string[]): Next {
  const next = new Map<string, Set<string>>()
  const add = (before: readonly string[], word: string): void => {
    const key = before.join(' ')
    next.set(key, (next.get(key) ?? new Set()).add(word))
  }
  for (const call of calls) {
    const tokens = call
      .replaceAll(' | ', '|')
      .split(' ')
      .filter((token) => token !== '')
    const named = tokens.findIndex((token) => !/^[a-z|-]+$/.test(token) || token.startsWith('--'))
    const words = named < 0 ? tokens : tokens.slice(0, named)
    for (const [at, word] of words.entries()) for (const one of word.split('|')) add(words.slice(0, at), one)
    for (const [option] of call.matchAll(/--[a-z]+/g)) add(words, option)
  }
  return new Map([...next].map(([before, words]) => [before, [...words]]))
}

const SCRIPTS: Readonly<Record<string, (next: Next) => string>> = {
  bash: (next) =>
    [
      `${FUNCTION}() {`,
      '  local words=""',
      '  case "${COMP_WORDS[*]:1:COMP_CWORD-1}" in',
      ...casesOf(next, (words) => `words="${words.join(' ')}"`),
      '  esac',
      '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
      '}',
      `complete -o default -F ${FUNCTION} ${PROGRAM}`,
      '',
    ].join('\n'),
  zsh: (next) =>
    [
      `#compdef ${PROGRAM}`,
      `${FUNCTION}() {`,
      '  case "${(j: :)words[2,CURRENT-1]}" in',
      ...casesOf(next, (words) => `compadd -- ${words.join(' ')}`),
      '    *) _files ;;',
      '  esac',
      '}',
      `compdef ${FUNCTION} ${PROGRAM}`,
      '',
    ].join('\n'),
  fish: (next) =>
    [
      `function ${FUNCTION}`,
      '  set -l words (commandline -opc)',
      '  set -e words[1]',
      '  test "$words" = "$argv[1]"; and return',
      '  test -n "$argv[2]"; and string match -q -- "$argv[1] *" "$words"',
      'end',
      `complete -c ${PROGRAM} -f`,
      ...[...next].map(([before, words]) => {
        const after = hasNamesBefore(before, words) ? ' names' : ''
        return `complete -c ${PROGRAM} -n '${FUNCTION} "${before}"${after}' -a '${words.join(' ')}'`
      }),
      '',
    ].join('\n'),
}

/** What comes after a command’s own words may be a name, after which its options may come. */
const hasNamesBefore = (before: string, words: readonly string[]): boolean =>
  before !== '' && words.every((word) => word.startsWith('--'))

/** Those with most words come first. */
function casesOf(next: Next, say: (words: readonly string[]) => string): string[] {
  const byLength = [...next].toSorted(([one], [other]) => other.length - one.length)
  return byLength.map(([before, words]) => {
    const pattern = hasNamesBefore(before, words) ? `"${before}"|"${before} "*` : `"${before}"`
    return `    ${pattern}) ${say(words)} ;;`
  })
}
